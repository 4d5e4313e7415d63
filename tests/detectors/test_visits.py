"""One visit is one story: its first at once, its last with the count, nothing hidden; accident or persistence."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch import detections
from filterwatch.detectors import occasions, visits
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
    known = EVENT_SCHEMA | {"embedded": pl.Boolean(), "led": pl.Boolean()}
    schema = {name: known[name] for name in known if any(name in row for row in rows)}
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
    idle = [detector(pl.DataFrame(), detections.none(), TEN + timedelta(seconds=at + n)) for n in (0, 200)]
    return pl.concat(idle).to_dicts()


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
    assert last["reason"] == "listed; 29 more in the same visit, within 3 s"
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


def idle(detector: Visits, at: float) -> list[dict]:
    return detector(pl.DataFrame(), detections.none(), TEN + timedelta(seconds=at)).to_dicts()


def test_a_silent_source_ends_its_visits_by_our_clock_though_others_go_on():
    detector = Visits({})
    told(detector, many(0, 1, 2))
    other = frame([event(100, 9, source="dns")])

    assert detector(other, detections.none(), TEN + timedelta(seconds=100)).is_empty()
    assert shown(detector(other, detections.none(), TEN + timedelta(seconds=183)).to_dicts()) == [(2, 2)]


def test_a_log_that_comes_late_is_no_silence():
    detector, rows = Visits({}), many(0, 30, 60)
    hours = timedelta(hours=2)

    first = detector(frame(rows[:1]), found(rows[:1]), TEN + hours)
    assert idle(detector, 7201) == []
    assert detector(frame(rows[1:]), found(rows[1:]), TEN + hours + timedelta(seconds=2)).is_empty()
    assert shown([*first.to_dicts(), *idle(detector, 7400)]) == [(0, 1), (2, 2)]


def test_a_visit_goes_on_when_its_log_is_read_again_after_a_long_stop():
    detector, rows, noon = Visits({}), many(0, 30, 60, 90), TEN + timedelta(hours=2)
    told(detector, rows[:2])
    state, detector = detector.state(), Visits({})
    detector.restore(state)

    assert detector(frame([event(50, 9, source="dns")]), detections.none(), noon).is_empty()
    assert detector(frame(rows[2:]), found(rows[2:]), noon).is_empty()
    assert shown(idle(detector, 7400)) == [(3, 3)]


def test_a_clock_that_was_years_ahead_hides_nothing_that_comes_after():
    rows = [event(5 * 365 * DAY, 0), *many(0, 1, 2), *many(DAY, DAY + 1, HOUR + 2 * DAY)]
    for number, row in enumerate(rows):
        row["line_offset"] = number

    out = everything(rows)

    assert [word(row) for row in out if row["count"] == 1 and row["line_offset"] in {0, 1, 4, 6}] == [
        "accident?", "accident?", "repeat", "persistent",
    ]  # fmt: skip
    assert (3, 2) in shown(out)
    assert sum(row["count"] for row in out) == len(rows)


def test_what_is_held_outlives_an_upgrade_that_changes_detections(monkeypatch):
    detector = Visits({})
    told(detector, many(0, 1))
    today = detector.state()
    names = [name for name in visits._NAMES if name != "matched"]
    monkeypatch.setattr(visits, "_NAMES", names)
    older = Visits({})
    older.restore(today)
    state = older.state()
    monkeypatch.undo()

    newer = Visits({})
    newer.restore(state)

    assert shown(over(newer)) == [(1, 1)]


HOUR = 3600
WORDS = [
    ("once", [0], ["accident?"]),
    ("a page is one occasion", [0, 1, 2], ["accident?", ""]),
    ("the next day", [0, DAY], ["accident?", "repeat"]),
    ("thrice", [0, HOUR, DAY], ["accident?", "repeat", "persistent"]),
    ("the fourth too", [0, HOUR, DAY, 2 * DAY], ["accident?", "repeat", "persistent", "persistent"]),
    ("a fortnight later it is forgotten", [0, 14 * DAY], ["accident?", "accident?"]),
    ("what goes on is one occasion, and no accident", [0, 700, 1400], ["accident?", "goes on", "goes on"]),
]


def word(row: dict) -> str:
    return next((word for word in ("accident?", "goes on", "repeat", "persistent") if f"; {word}" in row["reason"]), "")


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


@pytest.mark.parametrize("times", [(0, 3, 6, 9, 12), (0, 1, 20, 40, 60, 80)], ids=["F5 in anger", "with patience"])
def test_trying_again_after_a_block_is_persistence(times):
    first, last = everything(many(*times, action="blocked"))

    assert word(first) == "accident?"
    assert last["reason"].endswith("persistent: asked for 5 times")
    assert last["level"] == "high"


@pytest.mark.parametrize(
    "times", [(0, 1, 1.5, 2, 2.5), (0, 1, 6, 36, 96)], ids=["connections", "Chrome's reloads of a page that failed"]
)
def test_a_browser_that_asks_again_by_itself_is_not(times):
    assert [word(row) for row in everything(many(*times, action="blocked"))] == ["accident?", ""]


def test_what_another_page_loaded_is_nobodys_occasion():
    adverts = many(*(n * DAY for n in range(4)), embedded=True)

    told = everything([*adverts, event(5 * DAY, 9)])

    assert [row["reason"] for row in told[:4]] == ["listed; accident? another page or a program loaded it"] * 4
    assert [row["level"] for row in told[:4]] == ["medium"] * 4
    assert told[4]["reason"] == "listed; accident? the first time in 7 days"


@pytest.mark.parametrize("category", ["suicide", "csam"])
def test_what_another_page_loaded_is_told_so_of_welfare_too(category):
    [row] = everything(many(0, embedded=True, says={"outcome": "welfare", "category": category}))

    assert (row["reason"], row["level"]) == ("listed; accident? another page or a program loaded it", "high")


@pytest.mark.parametrize("outcome", ["breach", "advisory", "welfare"])
def test_a_search_that_another_sites_page_led_to_is_told_so(outcome):
    says = {"rule": "searches", "outcome": outcome}
    typed, led = event(900, 1, search_terms="x", says=says), event(0, 0, search_terms="x", led=True, says=says)

    assert [row["reason"] for row in everything([led, typed])] == [
        "listed; accident? another site's page led to this search", "listed",
    ]  # fmt: skip
    assert {row["level"] for row in everything([led])} == {"high"}


def test_a_visit_is_never_held_behind_what_a_page_loaded():
    rows = [*many(0, 1, embedded=True), event(60, 7), event(100, 8)]

    told = everything(rows)

    assert shown(told) == [(0, 1), (7, 1), (1, 1), (8, 1)]
    assert [row["level"] for row in told] == ["medium", "medium", "medium", "high"]


def test_tunnels_that_close_one_after_another_are_one_glance():
    rows = many(60, 90, 180)
    for row in rows:
        row["started"] = TEN + timedelta(seconds=row["line_offset"])

    first, last = everything(rows)

    assert last["reason"] == "listed; 2 more in the same visit, within 2 s"
    assert [first["level"], last["level"]] == ["medium", "medium"]


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
        st.sampled_from([False, False, True]),
    ),
    min_size=1,
    max_size=30,
)


def history(made: list[tuple]) -> list[dict]:
    rows, at = [], 0
    for number, (step, person, domain, action, rule, embedded) in enumerate(made):
        at += step
        place = {"person": person, "domain": domain, "host": domain, "action": action, "embedded": embedded}
        rows.append(event(at, number, says={"rule": rule}, **place))
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
    monkeypatch.setattr(occasions, "MOST_PEOPLE", 3)
    rows = [event(0, 0), event(1, 1), *(event(2 + n, 2 + n, person=f"p{n}") for n in range(9))]

    out = everything(rows)

    assert sum(row["count"] for row in out) == len(rows)
    assert (1, 1) in shown(out)


def test_forged_addresses_make_nobody_forget_what_somebody_known_did(monkeypatch):
    monkeypatch.setattr(occasions, "MOST_PEOPLE", 3)
    memory, hour = occasions.Occasions(), 3_600_000_000
    for n in range(3):
        said = memory.visit(("adult", "squid", "person:amy"), "adult", n * hour)
        for forged in range(9):
            memory.visit(("adult", "squid", f"client_ip:10.9.{n}.{forged}"), "adult", n * hour)

    assert said.word == occasions.PERSISTENT
    assert memory.forgotten == 24


def test_the_state_is_the_same_bytes_while_nothing_happens():
    detector = Visits({})
    told(detector, many(0, 1))
    before = detector.state()
    detector(frame([event(3, 5, person="bob")]), detections.none(), TEN)

    assert detector.state() is before


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "1 s"), (0.4, "1 s"), (2.9, "3 s"), (119, "119 s"), (120, "2 min"), (596, "10 min"), (7201, "3 hours")],
)
def test_lengths_are_told_in_words(seconds, told):
    assert occasions.length(int(seconds * 1_000_000)) == told
