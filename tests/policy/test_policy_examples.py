"""A rule's own examples are run, and one that does not do as it says is a mistake at its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from filterwatch import policy
from filterwatch.events import CATEGORY_BIT, DECODED_SCHEMA, GROUP
from filterwatch.policy.examples import events_of
from filterwatch.policy.explain import Lack
from filterwatch.policy.rule import Example

RULE = """\
id: gambling
title: Gambling
level: medium
category: gambling
policy: {text: Gambling sites, section: Unsuitable activities}
outcome: breach
"""
BETTING = frozenset({"bet.test"})


def enrich(events: pl.DataFrame) -> pl.DataFrame:
    """A small school: one gambling site, London time, school from half past eight."""
    local = pl.col("started").dt.convert_time_zone("Europe/London")
    listed = pl.when(pl.col("host").is_in(list(BETTING))).then(CATEGORY_BIT["gambling"]).otherwise(0)
    return events.with_columns(
        started=pl.col("time") - pl.duration(milliseconds=pl.col("duration_ms").fill_null(0))
    ).with_columns(
        local_time=local.dt.time(), weekday=local.dt.weekday(), category_bits=listed.cast(pl.UInt64),
        counted=pl.lit(value=False), group=pl.lit("unknown").cast(GROUP),
    )  # fmt: skip


def check(directory: Path, body: str) -> list[str]:
    (directory / "gambling.yaml").write_text(RULE + body)
    rules, mistakes = policy.check_rules(directory, enrich)
    assert rules
    return [str(mistake).replace(f"{directory}/", "") for mistake in mistakes]


def test_examples_that_do_as_they_say_are_no_mistakes(tmp_path):
    assert not check(tmp_path, """\
who: {groups: [pupils]}
match: {categories: [gambling]}
examples:
  holds: [{group: pupils, host: bet.test}, {group: pupils, host: fine.test, categories: [gambling]}]
  does_not_hold: [{group: staff, host: bet.test}, {group: pupils, host: bet.test, categories: [games]}]
""")  # fmt: skip


def test_an_example_that_does_not_hold_says_why_at_its_line(tmp_path):
    assert check(tmp_path, """\
who: {groups: [pupils]}
when: {windows: [{from: "08:30", to: "15:30"}]}
match: {any: [{categories: [gambling]}, {host: [odds.test]}]}
examples:
  holds:
    - {host: bet.test}
    - {group: pupils, host: bat.test}
    - {group: pupils, host: bet.test, at: "2026-11-23 15:30:01"}
  does_not_hold: [{group: pupils, host: fine.test}]
""") == [
        ("gambling.yaml:12:7: example does not hold: who: needs: the person is one of pupils; "
        "change the example or the rule"),
        ("gambling.yaml:13:7: example does not hold: match: needs one of: host is on the gambling list; "
        "host is on the rule's own list; change the example or the rule"),
        ("gambling.yaml:14:7: example does not hold: when: needs: within 08:30 to 15:30; "
        "change the example or the rule"),
    ]  # fmt: skip


def test_an_example_that_holds_and_should_not_says_by_what(tmp_path):
    assert check(tmp_path, """\
match: {categories: [gambling]}
examples:
  holds: [{host: bet.test}]
  does_not_hold:
    - host: bet.test
""") == [
        "gambling.yaml:11:7: example holds: host is on the gambling list; change the example or the rule"
    ]  # fmt: skip


def test_a_rule_that_counts_holds_once_the_example_happened_often_enough(tmp_path):
    assert check(tmp_path, """\
match: {host: a.test}
count: {at_least: 3, within: 10m, by: person}
examples:
  holds: [{host: a.test, times: 3}, {host: a.test, times: 2}]
  does_not_hold: [{host: a.test, times: 2}, {host: a.test}]
""") == [
        ("gambling.yaml:10:37: example does not hold: not often enough for the rule's count (times); "
        "change the example or the rule")
    ]  # fmt: skip


def test_a_rule_that_is_switched_off_is_checked_all_the_same(tmp_path):
    assert len(check(tmp_path, """\
enabled: false
match: {host: a.test}
examples:
  holds: [{host: b.test}]
  does_not_hold: [{host: b.test}]
""")) == 1  # fmt: skip


def test_rules_with_mistakes_are_not_run(tmp_path):
    (tmp_path / "gambling.yaml").write_text(RULE)

    rules, mistakes = policy.check_rules(tmp_path, enrich)

    assert rules is None
    assert len(mistakes) == 2


EXAMPLES = [
    ("a page", {"host": "a.test"}, {"kind": "http", "host": "a.test", "action": "allowed"}),
    ("a URL gives its host", {"url": "http://A.test:8080/x"}, {"kind": "http", "host": "a.test"}),
    ("a DNS name", {"query": "a.test"}, {"kind": "dns", "query": "a.test", "host": None}),
    ("a connection", {"dest_port": 1194, "protocol": "udp"}, {"kind": "flow", "dest_port": 1194}),
    ("a control event", {"control_event": "filter_stopped"}, {"kind": "control"}),
    ("a search", {"search": "x"}, {"kind": "http"}),
    ("a kind of its own", {"kind": "auth"}, {"kind": "auth"}),
    ("winter time", {"at": "2026-11-23 10:15"}, {"time": datetime(2026, 11, 23, 10, 15, tzinfo=UTC)}),
    ("summer time", {"at": "2026-06-23 10:15:30"}, {"time": datetime(2026, 6, 23, 9, 15, 30, tzinfo=UTC)}),
    ("a request is logged at its end", {"at": "2026-11-23 10:15", "duration": "90s"},
     {"time": datetime(2026, 11, 23, 10, 16, 30, tzinfo=UTC), "duration_ms": 90_000}),
    ("sizes", {"bytes_out": "10MB", "bytes_in": 5}, {"bytes_out": 10_000_000, "bytes_in": 5}),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "event"), [case[1:] for case in EXAMPLES], ids=[case[0] for case in EXAMPLES])
def test_an_example_becomes_an_event_as_a_decoder_gives_it(facts, event):
    frame = events_of([Example.model_validate(facts)], ZoneInfo("Europe/London"))

    assert frame.schema == DECODED_SCHEMA
    assert {name: frame[name].item() for name in event} == event


def test_explain_tells_every_condition_of_every_rule(make_rules, events):
    rules = make_rules({
        "games": "who: {groups: [pupils]}\nmatch: {any: [{host: b.test}, {categories: [games, video]}]}",
        "quiet": "when: {during: school_hours}\nmatch: {all: [{host: a.test}], none: [{action: blocked}]}",
    })  # fmt: skip

    games, quiet = rules.explain(events({"host": "a.test", "categories": ["games"], "group": "pupils"}))

    assert games.held
    assert games.reason == "host is on the games list"
    assert [(part.says, part.held) for part in games.match.parts] == [
        ("host is on the rule's own list", False), ("host is on the games list", True),
    ]  # fmt: skip
    assert not quiet.held
    assert quiet.missing == ("when: needs: in school hours",)
    assert quiet.lacks == (Lack("in school hours", False, ("in_school_hours",), ("when", "during")),)
    assert [(part.says, part.held) for part in quiet.match.parts] == [
        ("host is on the rule's own list", True), ("none of", True),
    ]  # fmt: skip


def test_explain_says_when_an_event_is_not_judged(one_rule, events):
    [verdict] = one_rule("host: a.test").explain(events({"host": "a.test", "counted": False}))

    assert not verdict.held
    assert verdict.missing == ("another line counts this request, or the proxy asked for a password first",)
    assert verdict.lacks == (Lack("another line counts it", True, ("counted",), ()),)


NEAR = """
match:
  any:
    - {host: a.test, url: {contains: [safe=off]}}
    - {host: b.test, url: {contains: [adult=on]}}
  none:
    - {action: blocked}
    - {host: [help.a.test]}
"""


@pytest.mark.parametrize(
    ("event", "lacks"),
    [
        ({"host": "a.test"}, [("URL holds a text of the rule", False, ("match", "any", 0, "url"))]),
        (
            {"host": "c.test", "url": "http://c.test/?safe=off"},
            [("host is on the rule's own list", False, ("match", "any", 0, "host"))],
        ),
        ({"host": "c.test"}, []),
        (
            {"host": "a.test", "url": "http://a.test/?safe=off", "action": "blocked"},
            [("the filter's verdict is blocked", True, ("match", "none", 0, "action"))],
        ),
        ({"host": "a.test", "action": "blocked"}, []),
        (
            {"host": "help.a.test", "url": "http://a.test/?safe=off", "action": "blocked"},
            [("the filter's verdict is blocked and host is on the rule's own list", True, ("match", "none"))],
        ),
    ],
    ids=["one condition", "of the choice that is begun", "nothing known", "an exception", "two", "two exceptions"],
)
def test_a_rule_lacks_one_condition_of_which_it_is_said_where_it_stands(make_rules, events, event, lacks):
    [verdict] = make_rules({"safe": NEAR}).explain(events(event))

    assert [(lack.says, lack.excepts, lack.place) for lack in verdict.lacks] == lacks
