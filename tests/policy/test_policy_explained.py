"""Explaining is judging: of the rules that ship, explain and evaluate say the same of any event."""

from __future__ import annotations

import random
from datetime import time
from pathlib import Path

import polars as pl
import pytest

from filterwatch import policy
from filterwatch.events import ACTIONS, CATEGORY_WORDS, GROUPS, IDENTITIES

RULES = Path(__file__).parents[2] / "rules"
EVENTS = 300
VALUES = {
    "host": ["www.google.com", "www.bing.com", "duckduckgo.com", "203.0.113.7", "mail.google.com", "example.org"],
    "url": ["http://example.org/", "https://www.google.com/search?q=x&safe=off", "http://example.org/browse.php?u=a"],
    "search_terms": ["how to buy weed", "suicide prevention", "sussex weather", "vpn for school", "hate my life"],
    "kind": ["http", "http", "http", "dns", "flow"],
    "action": list(ACTIONS),
    "group": list(GROUPS),
    "identity": list(IDENTITIES),
    "device_class": ["phone", "individual", "projector"],
    "year": ["5", "6"],
    "dest_port": [53, 443, 853, 1194, 6881],
    "filter_category": ["Gambling", "pornography", "proxy", "social_networks"],
    "mime_type": ["video/mp4", "application/x-bittorrent", "text/html"],
    "in_school_hours": [True, False],
    "in_term": [True, False],
    "embedded": [True, False],
    "local_time": [time(7), time(12, 30), time(23, 30)],
    "weekday": [1, 6],
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped():
    return policy.load(RULES)


@pytest.fixture(scope="module")
def facts():
    choose = random.Random(20261122)

    def one() -> dict[str, object]:
        fact = {name: choose.choice(values) for name, values in VALUES.items() if choose.random() < 0.5}
        words = choose.sample(CATEGORY_WORDS, choose.choice((0, 1, 1, 2)))
        parents = [word.partition(".")[0] for word in words if "." in word]
        return fact | ({"categories": sorted({*words, *parents})} if words else {})

    return [one() for _ in range(EVENTS)]


def held(rules: policy.RuleSet, events: pl.DataFrame) -> set[tuple[int, str]]:
    judged = rules.evaluate(events)
    return set(pl.concat([judged.detections, judged.hits]).select("line_offset", "rule").iter_rows())


def frame(event_frame, *facts: dict[str, object]) -> pl.DataFrame:
    inner = {"embedded": pl.Series([fact.get("embedded") for fact in facts], dtype=pl.Boolean)}
    bare = [{name: value for name, value in fact.items() if name != "embedded"} for fact in facts]
    return event_frame(*({"in_term": None} | fact for fact in bare)).with_columns(**inner)


def test_what_explain_says_holds_is_what_a_batch_finds(shipped, facts, event_frame):
    events = frame(event_frame, *facts)
    found = held(shipped, events)
    said = {
        (row, one.rule.id) for row in range(len(events)) for one in shipped.explain(events[row : row + 1]) if one.held
    }
    assert said == found
    assert len(found) > EVENTS / 4


def test_what_a_rule_is_said_to_lack_makes_it_hold(shipped, facts, event_frame):
    documents = {one.rule.id: one.document.data for one in shipped.loaded}
    changed, expected = [], []
    for fact in facts:
        for verdict in shipped.explain(frame(event_frame, fact)):
            for lack in verdict.lacks:
                value = put_right(documents[verdict.rule.id], lack, fact)
                if value is not None:
                    changed.append(fact | value)
                    expected.append((len(changed) - 1, verdict.rule.id))
    assert set(expected) <= held(shipped, frame(event_frame, *changed))
    assert len(expected) > EVENTS / 4
    assert len({rule for _, rule in expected}) > 20


def put_right(rule: object, lack: policy.Lack, fact: dict[str, object]) -> dict[str, object] | None:
    """The value that the rule's file wants of a column, for conditions that one value settles."""
    if lack.excepts or not lack.place:
        return {"embedded": False} if lack.reads == ("embedded",) else None
    wanted = rule
    for key in lack.place:
        wanted = wanted if isinstance(wanted, dict) and isinstance(key, int) else wanted[key]
    first = wanted[0] if isinstance(wanted, list) else wanted
    match lack.reads:
        case ("group",) | ("action",) | ("identity",) | ("kind",) | ("device_class",):
            return {lack.reads[0]: first}
        case ("in_school_hours",):
            return {"in_school_hours": wanted == "school_hours"}
        case ("categories",):
            return {"categories": sorted({*fact.get("categories", []), first, first.partition(".")[0]})}
        case _:
            return None
