"""Every condition that a rule may make: what it holds for and what it does not hold for."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from filterwatch.config import read
from filterwatch.events import CATEGORY_BIT

PACK = {
    "harm": """
        terms: ["kill myself", suicide, {term: razor, weight: 1}]
        benign: ["suicide prevention", "suicide squad"]
        """,
    "drugs": "at_least: 3\nterms: [{term: weed, weight: 1}, {term: dealer, weight: 2}, cannabis]\n",
}

CASES = read(Path(__file__).with_name("conditions.yaml")).data
IDS = [case["says"] for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_condition_holds_for_what_it_says_and_for_nothing_else(one_rule, holds, case):
    rules = one_rule(case["match"], **PACK)

    assert holds(rules, **case["holds"])
    assert not holds(rules, **case["does_not_hold"])


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_holds_alone_holds_in_a_batch_of_others(one_rule, events, case):
    others = [case["does_not_hold"]] * 40
    frame = events(*others, case["holds"], *others, {})

    held = set(one_rule(case["match"], **PACK).evaluate(frame).detections["line_offset"])

    assert held - {81} == {40}
    assert held == {40} or "none" in case["match"]


WHO = [
    ("groups", "who: {groups: [pupils, staff]}", {"group": "staff"}, {"group": "guests"}),
    ("nobody known is unknown", "who: {groups: [unknown]}", {}, {"group": "pupils"}),
    ("an excepted group", "who: {except: {groups: [staff]}}", {"group": "pupils"}, {"group": "staff"}),
    ("an excepted person", "who: {except: {people: [Ms.Patel]}}", {"person": "mr.jones"}, {"person": "ms.patel"}),
    ("an excepted device", "who: {except: {devices: [aa:bb]}}", {"device": "aa:cc"}, {"device": "aa:bb"}),
    ("an excepted device class", "who: {except: {device_classes: [projector]}}", {}, {"device_class": "projector"}),
    ("device classes", "who: {devices: [individual]}", {"device_class": "individual"}, {"device_class": "projector"}),
    ("year groups", "who: {years: [5, 6]}", {"year": "5"}, {"year": "4"}),
    ("how surely known", "who: {identity: [authenticated]}", {"identity": "authenticated"}, {"identity": "address"}),
    (
        "all keys",
        "who: {groups: [pupils], years: 5}",
        {"group": "pupils", "year": "5"},
        {"group": "staff", "year": "5"},
    ),
]


@pytest.mark.parametrize(("who", "event", "other"), [case[1:] for case in WHO], ids=[case[0] for case in WHO])
def test_a_rule_holds_only_for_whom_it_is_for(one_rule, holds, who, event, other):
    rules = one_rule(f"{who}\nmatch: {{host: a.test}}")

    assert holds(rules, host="a.test", **event)
    assert not holds(rules, host="a.test", **other)


def test_what_another_line_counts_is_not_judged(one_rule, holds):
    rules = one_rule("host: a.test")

    assert holds(rules, host="a.test", counted=None)
    assert not holds(rules, host="a.test", counted=False)


def test_what_the_proxy_asked_a_password_for_first_is_not_judged(one_rule, holds):
    rules = one_rule("host: a.test")

    assert holds(rules, host="a.test", action=None)
    assert not holds(rules, host="a.test", action="auth_required")


def test_what_is_not_judged_is_not_judged_by_late_tests_either(one_rule, events):
    rules = one_rule("none: [{device_class: [phone]}, {url: {contains: [x]}}]")
    fact = {"device_class": "individual", "url": "http://a.test/"}

    judged = rules.evaluate(events(fact, fact | {"counted": False}, fact | {"action": "auth_required"}))

    assert judged.detections["line_offset"].to_list() == [0]


def test_category_bits_are_taken_ready_made(one_rule, events):
    frame = events({"host": "a.test"}, {"host": "b.test"}).drop("categories")
    frame = frame.with_columns(category_bits=pl.Series([0, CATEGORY_BIT["gambling"]], dtype=pl.UInt64))

    judged = one_rule("categories: [gambling]").evaluate(frame)

    assert judged.detections["host"].to_list() == ["b.test"]


def test_an_incomplete_frame_is_judged_by_what_it_has(one_rule):
    rules = one_rule("any: [{host: a.test}, {url: {contains: [x]}}, {dest_port: 1}, {search_terms: {words: y}}]")

    assert len(rules.evaluate(pl.DataFrame({"host": ["a.test", "b.test"]})).detections) == 1
    assert len(rules.evaluate(pl.DataFrame()).detections) == 0
    assert len(rules.evaluate(pl.DataFrame({"user": ["ann"]})).detections) == 0


def test_the_same_words_in_different_conditions_are_different_tests(make_rules, events):
    rules = make_rules({
        "below": "match: {host: [a.test]}", "exact": "match: {host: {exact: [a.test]}}",
        "pattern": "match: {host: {regex: a.test}}", "agent": "match: {user_agent: {contains: [a.test]}}",
        "url": "match: {url: {contains: [a.test]}}", "path": "match: {url: {path_prefix: [/a.test]}}",
        "words": "match: {search_terms: {words: [a.test]}}", "search": "match: {search_terms: {regex: a.test}}",
        "glob": "match: {device_class: [a.test]}", "who": "who: {devices: [a.test]}\nmatch: {kind: dns}",
    })  # fmt: skip
    facts = {"host": "x.a.test"}, {"host": "a.test"}, {"user_agent": "a.test"}, {"search_terms": "a.test"}

    judged = rules.evaluate(events(*facts, {"url": "http://a.test/"}, {"device_class": "A.TEST"}))

    assert judged.detections.select("line_offset", "rule").rows() == [
        (0, "below"), (0, "pattern"), (1, "below"), (1, "exact"), (1, "pattern"), (2, "agent"), (3, "search"),
        (3, "words"), (4, "url"), (5, "glob"),
    ]  # fmt: skip


def test_more_tests_than_bits_of_a_word_are_all_made(make_rules, events):
    rules = make_rules(
        {f"r{n}": f"match: {{host: [h{n}.test]}}" for n in range(70)}
        | {f"p{n}": f"match: {{dest_port: {n + 1}}}" for n in range(70)}
    )

    judged = rules.evaluate(events(*[{"host": f"h{n}.test", "dest_port": n + 1} for n in range(70)]))

    found = {(row["line_offset"], row["rule"]) for row in judged.detections.iter_rows(named=True)}
    assert found == {(n, f"{kind}{n}") for n in range(70) for kind in "rp"}
