"""One visit is one story: its first at once, its last with the count, nothing hidden; accident or persistence."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch import detections
from filterwatch.detectors import visits
from filterwatch.detectors.visits import Visits
from filterwatch.events import EVENT_SCHEMA, complete

TEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = 86_400


def event(at: float, number: int, **more: object) -> dict:
    base = {
        "site": "st-pauls", "source": "squid", "stream": "s1", "kind": "http", "action": "allowed", "person": "ann",
        "device": "d1", "group": "pupils", "host": "www.casino.test", "domain": "casino.test", "counted": True,
    }  # fmt: skip
    return base | {"time": TEN + timedelta(seconds=at), "line_offset": number} | more


def frame(rows: list[dict]) -> pl.DataFrame:
    schema = {name: EVENT_SCHEMA[name] for name in EVENT_SCHEMA if any(name in row for row in rows)}
    return complete(pl.DataFrame(rows, schema=schema))


def found(rows: list[dict]) -> pl.DataFrame:
    """Each event held for one rule, or for the one it names."""
    if not rows:
        return detections.none()
    rule = {"rule_version": "v", "level": "high", "category": "gambling", "outcome": "breach", "reason": "listed"}
    said = [{"rule": "gambling", **rule} | row.get("says", {}) for row in rows]
    return detections.make(frame(rows).hstack(pl.DataFrame(said)))


def told(detector: Visits, rows: list[dict]) -> list[dict]:
    events = frame(rows) if rows else pl.DataFrame()
    return detector(events, found(rows), rows[-1]["time"] if rows else TEN).to_dicts()


def over(detector: Visits, at: float = 30 * DAY) -> list[dict]:
    """What is told when nothing arrives any more."""
    return detector(pl.DataFrame(), detections.none(), TEN + timedelta(seconds=at)).to_dicts()


def everything(rows: list[dict], cuts: list[int] | None = None, *, restarts: bool = False) -> list[dict]:
    """What is told of *rows* cut into batches at *cuts*, with a restart between them."""
    detector, out, start = Visits({"gambling": "medium"}), [], 0
    for end in [*sorted(set(cuts or [])), len(rows)]:
        if rows[start:end]:
            out += told(detector, rows[start:end])
        if restarts:
            state, detector = detector.state(), Visits({"gambling": "medium"})
            detector.restore(state)
        start = end
    return out + over(detector)


def many(*times: float, **more: object) -> list[dict]:
    return [event(at, number, **more) for number, at in enumerate(times)]


def shown(rows: list[dict]) -> list[tuple[int, int]]:
    return [(row["line_offset"], row["count"]) for row in rows]


def test_a_burst_of_a_page_is_told_once_and_its_count_when_it_is_over():
    detector = Visits({})
    rows = many(*(n / 10 for n in range(30)))

    assert shown(told(detector, rows)) == [(0, 1)]
    [last] = over(detector)
    assert (last["line_offset"], last["count"]) == (29, 29)
    assert last["time"] == rows[-1]["time"]
    assert last["reason"] == "listed; 29 more in the same visit, within 2 s"
    assert over(detector) == []


def test_a_visit_of_one_request_is_one_detection():
    assert shown(everything(many(0))) == [(0, 1)]


CASES = [
    ("another visit after the gap", [0, 60, 181], [(0, 1), (1, 1), (2, 1)]),
    ("both ends of the gap belong to it", [0, 120], [(0, 1), (1, 1)]),
    ("what goes on is told again after ten minutes", [*range(0, 1200, 60)], [(0, 1), (10, 10), (11, 1), (19, 8)]),
    ("a line that waited long is told by itself", [0, 1, -300], [(0, 1), (2, 1), (1, 1)]),
]


@pytest.mark.parametrize(("times", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_visit_ends(times, expected):
    assert sorted(shown(everything(many(*times)))) == sorted(expected)


OTHERS = {
    "person": {"person": "bob"},
    "device of a person nobody knows": {"person": None, "device": "d2"},
    "site": {"domain": "bets.test", "host": "bets.test"},
    "verdict": {"action": "blocked"},
    "search": {"search_terms": "free bets"},
    "source": {"source": "dns"},
    "rule": {"says": {"rule": "betting"}},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_one_is_never_held_behind_the_first(other):
    rows = [event(0, 0), event(1, 1, **other), event(2, 2)]

    assert (1, 1) in shown(told(Visits({}), rows))


NEVER = {
    "a control event": {"kind": "control"},
    "nobody known": {"person": None, "device": None},
    "illegal images": {"says": {"category": "csam"}},
}


@pytest.mark.parametrize("never", NEVER.values(), ids=NEVER)
def test_some_are_never_held(never):
    assert shown(told(Visits({}), many(0, 1, 2, **never))) == [(0, 1), (1, 1), (2, 1)]


def test_hosts_of_one_site_are_one_visit_and_addresses_each_their_own():
    rows = [event(n, n, host=f"cdn{n}.casino.test") for n in range(3)]
    far = [event(n, n, host=None, domain=None, dest_ip=f"192.0.2.{n}", kind="flow") for n in range(3)]

    assert shown(told(Visits({}), rows)) == [(0, 1)]
    assert len(told(Visits({}), far)) == 3


def test_a_visit_is_over_when_the_log_goes_on_without_it():
    detector = Visits({})
    told(detector, many(0, 1))
    later = event(400, 9)

    quiet = detector(frame([later]), detections.none(), later["time"])

    assert shown(quiet.to_dicts()) == [(1, 1)]


HOUR = 3600
WORDS = [
    ("once", [0], ["accident?"]),
    ("a page is one occasion", [0, 1, 2], ["accident?", ""]),
    ("the next day", [0, DAY], ["accident?", "repeat"]),
    ("thrice", [0, HOUR, DAY], ["accident?", "repeat", "persistent"]),
    ("the fourth too", [0, HOUR, DAY, 2 * DAY], ["accident?", "repeat", "persistent", "persistent"]),
    ("a fortnight later it is forgotten", [0, 14 * DAY], ["accident?", "accident?"]),
    ("what goes on is one occasion", [0, 700, 1400], ["accident?", "accident?", "accident?"]),
]


def word(row: dict) -> str:
    return next((word for word in ("accident?", "repeat", "persistent") if f"; {word}" in row["reason"]), "")


@pytest.mark.parametrize(("times", "words"), [case[1:] for case in WORDS], ids=[case[0] for case in WORDS])
def test_an_accident_is_told_from_persistence(times, words):
    assert [word(row) for row in everything(many(*times))] == words


def test_persistence_on_another_site_counts_too():
    rows = [event(n * HOUR, n, domain=f"casino{n}.test", host=f"casino{n}.test") for n in range(3)]

    assert [word(row) for row in everything(rows)] == ["accident?", "repeat", "persistent"]


def test_two_sites_of_one_page_are_one_occasion():
    rows = [event(0, 0), event(1, 1, domain="cdn.test", host="cdn.test")]

    assert [word(row) for row in everything(rows)] == ["accident?", "accident?"]


def test_a_search_and_then_a_click_is_no_accident():
    search = event(0, 0, host="www.google.test", domain="google.test", search_terms="free bets",
                   says={"rule": "gambling-searches"})  # fmt: skip

    assert [word(row) for row in everything([search, event(60, 1)])] == ["", "persistent"]
    assert [word(row) for row in everything([search, event(900, 1)])] == ["", "accident?"]


def test_trying_again_after_a_block_is_persistence():
    first, last = everything(many(0, 1, 15, 40, action="blocked"))

    assert word(first) == "accident?"
    assert last["reason"].endswith("persistent: tried 3 times")
    assert last["level"] == "high"


def test_a_browser_that_asks_again_by_itself_is_not():
    assert [word(row) for row in everything(many(0, 1, 2, 3, action="blocked"))] == ["accident?", ""]


@pytest.mark.parametrize("says", [{"outcome": "welfare"}, {"outcome": "technical"}, {"level": "informational"}])
def test_words_are_for_breaches_that_somebody_is_told(says):
    assert [word(row) for row in everything(many(0, DAY, says=says))] == ["", ""]


def test_the_level_of_what_may_be_an_accident_is_the_rules_lower_one():
    assert [row["level"] for row in everything(many(0))] == ["medium"]
    assert [row["level"] for row in everything(many(0, 1))] == ["medium", "medium"]
    assert [row["level"] for row in everything(many(0, 45))] == ["medium", "high"], "they stayed"
    assert [row["level"] for row in everything(many(0, DAY))] == ["medium", "high"], "they came back"


def test_a_lowered_level_is_for_rules_that_ask_for_it():
    assert [row["level"] for row in told(Visits({"other": "low"}), many(0))] == ["high"]


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 5, 30, 115, 125, 400, 2000, 90_000]),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["casino.test", "bets.test"]),
        st.sampled_from(["allowed", "blocked"]),
        st.sampled_from(["gambling", "betting"]),
    ),
    min_size=1,
    max_size=30,
)


def history(made: list[tuple]) -> list[dict]:
    rows, at = [], 0
    for number, (step, person, domain, action, rule) in enumerate(made):
        at += step
        rows.append(event(at, number, person=person, domain=domain, host=domain, action=action, says={"rule": rule}))
    return rows


def comparable(rows: list[dict]) -> list[tuple]:
    return sorted((row["line_offset"], row["count"], row["reason"], row["level"], row["id"]) for row in rows)


@given(made=steps, cuts=st.lists(st.integers(1, 29), max_size=6), restarts=st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_cutting_and_any_restart_tells_the_same(made, cuts, restarts):
    rows = history(made)

    cut = everything(rows, [cut for cut in cuts if cut < len(rows)], restarts=restarts)

    assert comparable(cut) == comparable(everything(rows))


@given(made=steps, order=st.randoms(use_true_random=False), shuffled=st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost_and_nothing_counts_twice(made, order, shuffled):
    rows = history(made)
    if shuffled:
        order.shuffle(rows)
    single = found(rows)

    out = everything(rows, list(range(0, len(rows), 4))[1:])

    def counts(rows: list[dict]) -> Counter:
        total: Counter = Counter()
        for row in rows:
            total[row["rule"], row["person"], row["host"], row["action"]] += row["count"]
        return total

    assert counts(out) == counts(single.to_dicts())
    assert len({row["id"] for row in out}) == len(out)


@given(made=steps)
@settings(max_examples=100, deadline=None)
def test_the_first_of_a_rule_for_a_person_is_told_in_the_batch_it_comes_in(made):
    rows = history(made)
    detector, seen = Visits({}), set()
    for row in rows:
        out = told(detector, [row])
        who = (row["says"]["rule"], row["person"])
        if who not in seen:
            assert row["line_offset"] in [one["line_offset"] for one in out]
        seen.add(who)


def test_memory_is_bounded_and_what_is_forgotten_is_told(monkeypatch):
    monkeypatch.setattr(visits, "MOST_VISITS", 3)
    monkeypatch.setattr(visits, "MOST_PEOPLE", 3)
    rows = [event(0, 0), event(1, 1), *(event(2 + n, 2 + n, person=f"p{n}") for n in range(9))]

    out = everything(rows)

    assert sum(row["count"] for row in out) == len(rows)
    assert (1, 1) in shown(out)


def test_the_state_is_the_same_bytes_while_nothing_happens():
    detector = Visits({})
    told(detector, many(0, 1))
    before = detector.state()
    detector(frame([event(3, 5, person="bob")]), detections.none(), TEN)

    assert detector.state() is before
