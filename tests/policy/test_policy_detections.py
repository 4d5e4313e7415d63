"""What a detection says: the rule, the reason, the matched text, and nothing that may not travel."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from filterwatch.events import DETECTION_SCHEMA


def only(frame: pl.DataFrame) -> dict[str, object]:
    assert len(frame) == 1
    return frame.row(0, named=True)


def test_a_detection_carries_the_rule_the_person_and_the_place_of_the_line(one_rule, events):
    rules = one_rule("categories: [gambling]")
    frame = events({
        "host": "www.bet365.com", "categories": ["gambling"], "person": "y6.ann", "group": "pupils",
        "user": "ann", "client_ip": "10.0.0.7", "action": "blocked", "identity": "authenticated", "line_offset": 512,
        "line_length": 99, "in_school_hours": True, "started": datetime(2026, 11, 23, 10, 14, 58, tzinfo=UTC),
        "kind": "http",
    })  # fmt: skip

    judged = rules.evaluate(frame)

    assert judged.hits.schema == judged.detections.schema == DETECTION_SCHEMA
    found = only(judged.detections)
    assert len(found.pop("id")) == 32
    assert found.pop("rule_version") == rules.loaded[0].version
    assert found == {
        "time": datetime(2026, 11, 23, 10, 14, 58, tzinfo=UTC), "rule": "gambling", "level": "medium",
        "category": "gambling", "kind": None, "outcome": "breach", "person": "y6.ann", "user": "ann",
        "group": "pupils", "device": None, "identity": "authenticated", "client_ip": "10.0.0.7",
        "host": "www.bet365.com", "action": "blocked", "reason": "host is on the gambling list",
        "matched": "www.bet365.com", "count": 1, "site": "st-pauls", "source": "squid", "stream": "s1",
        "line_offset": 512, "line_length": 99, "in_school_hours": True,
    }  # fmt: skip


REASONS = [
    (
        "categories: [games, gambling]",
        {"categories": ["gambling"], "query": "a.test"},
        "host is on the gambling list",
        "a.test",
    ),
    (
        "categories: [games, gambling]",
        {"categories": ["gambling", "games"], "host": "a.test"},
        "host is on the games and gambling list",
        "a.test",
    ),
    (
        "any: [{host: b.test}, {search_terms: {words: [bet]}}]",
        {"host": "a.test", "search_terms": "How to Bet"},
        "search term holds words of the rule",
        "How to Bet",
    ),
    (
        "all: [{host: a.test}, {url: {contains: [x]}}]",
        {"host": "a.test", "url": "http://a.test/x"},
        "host is on the rule's own list and URL holds a text of the rule",
        "a.test",
    ),
    (
        "filter_category: ['Gambl*', Betting]",
        {"filter_category": "gambling"},
        "the filter's category is like 'Gambl*' or 'Betting'",
        "gambling",
    ),
    (
        "action: blocked\nkind: dns\nquery_type: TXT",
        {"action": "blocked", "kind": "dns", "query_type": "TXT"},
        "the filter's verdict is blocked and the event is of kind dns and DNS type is like 'TXT'",
        "TXT",
    ),
    ("dest_port: [1194, '6881-6999']", {"dest_port": 6900}, "destination port is one of 1194, 6881-6999", "6900"),
    ("dest_ip: 10.0.0.0/8", {"dest_ip": "10.1.2.3"}, "destination address is in a network of the rule", "10.1.2.3"),
    ("bytes_out: {at_least: 10MB}", {"bytes_out": 10**8}, "upload of at least 10,000,000 bytes", None),
    ("duration: {at_least: 5m}", {"duration_ms": 10**6}, "lasted at least 0:05:00", None),
    ("none: [{host: b.test}]", {"host": "a.test"}, "none of the rule's exceptions holds", None),
    (
        "when: {during: school_hours}\nmatch: {host: a.test}",
        {"host": "a.test", "in_school_hours": True},
        "host is on the rule's own list, in school hours",
        "a.test",
    ),
]


@pytest.mark.parametrize(("body", "event", "reason", "matched"), REASONS)
def test_the_reason_names_the_condition_that_held_and_matched_is_its_text(
    one_rule, events, body, event, reason, matched
):
    found = only(one_rule(body).evaluate(events(event)).detections)

    assert (found["reason"], found["matched"]) == (reason, matched)


def test_a_reason_never_holds_text_of_the_event_or_a_host_of_the_rule(one_rule, events):
    secret = "zq-secret"
    rules = one_rule(f"""
        any:
          - host: [{secret}.test]
          - host: {{regex: "^{secret}", exact: [{secret}.test]}}
          - url: {{contains: [{secret}], regex: "{secret}"}}
          - search_terms: {{words: [{secret}]}}
          - user: "{secret}"
          - user_agent: {{contains: [{secret}]}}
        """)
    facts = ({"host": f"{secret}.test"}, {"url": f"http://{secret}"}, {"search_terms": secret}, {"user": secret},
             {"user_agent": secret})  # fmt: skip

    judged = rules.evaluate(events(*facts))

    assert len(judged.detections) == len(facts)
    assert not any(secret in reason for reason in judged.detections["reason"])
    assert all(secret in matched for matched in judged.detections["matched"])


def test_rows_of_one_batch_keep_their_own_reasons(make_rules, events):
    rules = make_rules({
        "first": "match: {any: [{host: a.test}, {categories: [games]}]}",
        "second": "match: {categories: [games, video]}",
    })  # fmt: skip
    frame = events(
        {"host": "b.test", "categories": ["video"]}, {"host": "a.test", "categories": ["games"]},
        {"host": "c.test", "categories": ["games", "video"]}, {"host": "d.test"}, {"host": "x.a.test"},
    )  # fmt: skip

    judged = rules.evaluate(frame)

    assert judged.detections.select("line_offset", "rule", "reason").rows() == [
        (0, "second", "host is on the video list"),
        (1, "first", "host is on the rule's own list"),
        (1, "second", "host is on the games list"),
        (2, "first", "host is on the games list"),
        (2, "second", "host is on the games and video list"),
        (4, "first", "host is on the rule's own list"),
    ]


def test_the_kind_of_bypass_is_the_rules_own_or_that_of_the_list(make_rules, events):
    rules = make_rules({
        "own": "category: bypass\nkind: tor\nmatch: {host: a.test}",
        "listed": "category: bypass\nmatch: {categories: [bypass]}",
    })  # fmt: skip
    frame = events({"host": "a.test"}, {"host": "b.test", "categories": ["bypass", "bypass.doh"]})

    assert rules.evaluate(frame).detections.select("rule", "kind").rows() == [("own", "tor"), ("listed", "doh")]


def test_a_control_event_is_the_kind_of_its_detection(one_rule, events):
    frame = events({"kind": "control", "control_event": "config_changed"})

    assert only(one_rule("control_event: [config_changed]").evaluate(frame).detections)["kind"] == "config_changed"


def test_a_rule_that_counts_gives_hits_and_no_detections(one_rule, events):
    rules = one_rule("match: {host: a.test}\ncount: {at_least: 3, within: 10m, by: person}")

    judged = rules.evaluate(events({"host": "a.test"}, {"host": "b.test"}, {"host": "a.test"}))

    assert len(judged.detections) == 0
    assert judged.hits["line_offset"].to_list() == [0, 2]
    count = rules.counts["gambling"]
    assert (count.at_least, count.within.total_seconds(), count.by) == (3, 600, "person")


def test_a_rule_that_is_switched_off_is_kept_and_judges_nothing(one_rule, events):
    rules = one_rule("match: {host: a.test}\nenabled: false\ncount: {at_least: 3, within: 10m, by: person}")

    assert [rule.id for rule in rules.rules] == ["gambling"]
    assert not rules.counts
    judged = rules.evaluate(events({"host": "a.test"}))
    assert len(judged.detections) + len(judged.hits) == 0


def test_the_same_line_gives_the_same_id_and_another_rule_another(make_rules, events):
    rules = make_rules({"a": "match: {host: a.test}", "b": "match: {host: a.test}"})
    frame = events({"host": "a.test"})

    first, again = rules.evaluate(frame).detections["id"], rules.evaluate(frame).detections["id"]

    assert first.to_list() == again.to_list()
    assert first.n_unique() == 2


@pytest.mark.parametrize("match", ["host: [b.test]", "host: {exact: [a.b.test]}", "host: {regex: '^a[.]b[.]test$'}"])
def test_a_host_is_judged_in_its_one_form_and_told_as_it_was_logged(one_rule, events, match):
    frame = events({"host": "a.%62.test", "group": "pupils"}, {"host": "a.%63.test", "group": "pupils"})
    frame = frame.with_columns(pl.Series("host_form", ["a.b.test", "a.c.test"]))
    found = only(one_rule(match).evaluate(frame).detections)
    assert found["host"] == found["matched"] == "a.%62.test"
