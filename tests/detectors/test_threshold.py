"""Rules that count: one detection when the count is complete, whatever the order, the batches and the restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch import detections
from filterwatch.detections import Count
from filterwatch.detectors import threshold
from filterwatch.detectors.threshold import Threshold

TEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
THREE = Count(3, timedelta(minutes=10), "person")


def hits(*rows: dict) -> pl.DataFrame:
    """Hits of the rule "adult-burst"; `at` in seconds after ten."""
    base = {
        "rule": "adult-burst", "rule_version": "v", "level": "high", "category": "adult", "outcome": "breach",
        "reason": "host is on the adult list", "site": "st-pauls", "source": "squid", "stream": "s1", "person": "ann",
        "group": "pupils",
    }  # fmt: skip
    full = [{**base, "line_offset": n, **row, "time": TEN + timedelta(seconds=row["at"])} for n, row in enumerate(rows)]
    return detections.make(pl.DataFrame(full, infer_schema_length=None)) if full else detections.none()


def found(detector: Threshold, frame: pl.DataFrame, events: pl.DataFrame | None = None) -> list[int]:
    return detector(pl.DataFrame() if events is None else events, frame, TEN + timedelta(days=1))[
        "line_offset"
    ].to_list()


def counting(**values: object) -> Threshold:
    count = {"at_least": 3, "within": timedelta(minutes=10), "by": "person"} | values
    return Threshold({"adult-burst": Count(**count)})


CASES = [
    ("the third hit completes it", [0, 60, 120], [2]),
    ("two are too few", [0, 60], []),
    ("both ends belong to the span", [0, 300, 600], [2]),
    ("a second more is too long", [0, 300, 601], []),
    ("a sliding window, not fixed ones", [0, 500, 700, 800], [3]),
    ("what goes on is silent for a span", [0, 1, 2, 3, 4, 5, 6, 7, 602], [2]),
    ("and is told again after it", [0, 1, 2, *range(100, 700, 100), 603, 604, 605], [2, 11]),
    ("counting starts from nothing after it", [0, 1, 2, 603, 604], [2]),
    ("all in one moment", [5, 5, 5], [2]),
    ("backwards", [120, 60, 0], [2]),
    ("a late one completes what came before", [0, 700, 1400, 600, 650], [4]),
    ("late ones count among themselves", [0, 36_000, 1, 36_001, 2], [4]),
    ("a late one inside a told story is silent", [1000, 1001, 1002, 900, 901, 902], [2]),
    ("later than a tunnel lives they are forgotten", [0, 1, 60_000, 2], []),
    ("a clock far ahead makes nobody late", [0, 1, 9_000_000, 2], [3]),
]


@pytest.mark.parametrize(("times", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_count_is_complete_when_enough_hits_lie_in_one_span(times, told):
    assert found(counting(), hits(*({"at": at} for at in times))) == told


@pytest.mark.parametrize(("times", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_it_makes_no_difference_how_hits_are_cut_into_batches(times, told):
    detector = counting()
    rows = [{"at": at, "line_offset": n} for n, at in enumerate(times)]

    assert [n for row in rows for n in found(detector, hits(row))] == told


def test_the_detection_is_the_completing_hit_with_the_count(frame):
    [row] = counting()(frame(), hits({"at": 0}, {"at": 1}, {"at": 2, "host": "a.test"}), TEN).to_dicts()

    assert row["count"] == 3
    assert row["reason"] == "3 times within 10 minutes: host is on the adult list"
    assert row["time"] == TEN + timedelta(seconds=2)
    assert row["host"] == "a.test"
    assert row["id"] == hits({"at": 2, "line_offset": 2})["id"].item()


KEYS = [
    ("person", {"person": "ann"}, {"person": "bob"}),
    ("person", {"person": None, "device": "d1"}, {"person": None, "device": "d2"}),
    ("person", {"person": None, "client_ip": "10.0.0.1"}, {"person": None, "client_ip": "10.0.0.2"}),
    ("device", {"device": "d1"}, {"device": "d2"}),
    ("client_ip", {"client_ip": "10.0.0.1"}, {"client_ip": "10.0.0.2"}),
    ("site", {"site": "st-pauls"}, {"site": "st-annes"}),
    ("domain", {"host": "a.test"}, {"host": "b.test"}),
    ("person and domain", {"host": "a.test"}, {"host": "b.test"}),
    ("person and domain", {"person": "amy"}, {"person": "ben"}),
]


@pytest.mark.parametrize(("by", "one", "other"), KEYS)
def test_hits_count_together_when_they_share_what_the_rule_counts_by(by, one, other):
    detector = counting(by=by)

    assert found(detector, hits(*({"at": n} | (one if n % 2 else other) for n in range(5)))) == [4]


def test_hits_of_one_registrable_domain_count_together(frame):
    hosts = ["a.x.test", "b.x.test", "c.x.test"]
    events = frame(*({"domain": "x.test", "host": host, "line_offset": n} for n, host in enumerate(hosts)))

    assert found(counting(by="domain"), hits(*({"at": 0, "host": host} for host in hosts)), events) == [2]


def test_people_of_whom_nothing_is_known_count_together_rather_than_not_at_all():
    assert found(counting(), hits(*({"at": n, "person": None} for n in range(3)))) == [2]


def test_a_visit_that_two_sources_log_is_one_visit():
    rows = [{"at": n // 2, "source": ("squid", "dns")[n % 2]} for n in range(5)]

    assert found(counting(), hits(*rows)) == [4]


def test_rules_count_by_themselves_and_unknown_rules_not_at_all():
    detector = Threshold({"adult-burst": THREE, "other": THREE})

    rows = [{"at": 0, "rule": rule} for rule in ("adult-burst", "other", "gone", "gone", "gone", "other")]

    assert found(detector, hits(*rows)) == []


def test_silence_finds_nothing():
    assert len(counting()(pl.DataFrame(), detections.none(), TEN)) == 0


def test_the_state_stays_the_same_bytes_while_nothing_is_hit():
    detector = counting()
    found(detector, hits({"at": 0}))

    first = detector.state()
    detector(pl.DataFrame(), detections.none(), TEN)

    assert detector.state() is first


def test_the_state_is_bounded(monkeypatch):
    monkeypatch.setattr(threshold, "MOST_KEYS", 100)
    detector = counting()

    found(detector, hits(*({"at": 0, "person": f"p{n}"} for n in range(300)), {"at": 1, "person": "p299"}))

    assert len(detector.state()) < 100 * 70
    assert found(detector, hits({"at": 2, "person": "p299"})) == [0]


def test_forged_addresses_push_out_nobody_who_is_known_by_name(monkeypatch):
    monkeypatch.setattr(threshold, "MOST_KEYS", 100)
    detector = counting()
    forged = [{"at": 1, "person": None, "client_ip": f"10.9.{n % 200}.{n // 200}"} for n in range(1000)]

    assert found(detector, hits({"at": 0}, *forged, {"at": 2}, {"at": 3})) == [1002]
    assert detector.forgotten == 950


def test_hits_of_one_key_that_never_complete_its_count_are_bounded(monkeypatch):
    monkeypatch.setattr(threshold, "MOST_TIMES", 10)
    detector = counting(within=timedelta(seconds=10))

    found(detector, hits(*({"at": 100 * n} for n in range(300))))

    assert len(detector.state()) < 400
    assert found(detector, hits({"at": 29_901}, {"at": 29_902})) == [1]


def test_what_can_no_longer_matter_leaves_the_state():
    detector = counting()
    found(detector, hits({"at": 0}, {"at": 90_000, "person": "bob"}))

    assert b"ann" not in detector.state()
    assert b"bob" in detector.state()


def test_a_restored_state_forgets_rules_that_no_longer_count():
    detector = counting()
    found(detector, hits({"at": 0}))
    other = Threshold({"other": THREE})

    other.restore(detector.state())

    assert found(other, hits({"at": 1})) == []
    assert b"adult-burst" not in other.state()


times = st.integers(0, 40) | st.integers(0, 2000) | st.integers(0, 200_000)
rows_ = st.fixed_dictionaries(
    {"at": times, "person": st.sampled_from(["ann", "bob", None]), "source": st.sampled_from(["squid", "dns"])}
)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(rows_, max_size=40), cuts=st.sets(st.integers(0, 40), max_size=5), at_least=st.integers(1, 4))
def test_a_restart_anywhere_gives_the_same_detections(rows, cuts, at_least):
    rows = [row | {"line_offset": n} for n, row in enumerate(rows)]
    whole = found(counting(at_least=at_least), hits(*rows))

    told, detector = [], counting(at_least=at_least)
    edges = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    for start, end in pairwise(edges):
        told += found(detector, hits(*rows[start:end]))
        state, detector = detector.state(), counting(at_least=at_least)
        detector.restore(state)
        assert detector.state() == state

    assert told == whole


@settings(max_examples=150, deadline=None)
@given(at=st.lists(st.integers(0, 3000), max_size=40), at_least=st.integers(1, 4))
def test_the_count_is_what_a_plain_reader_of_ordered_times_finds(at, at_least):
    kept, told, expected = [], None, []
    for row, time in enumerate(sorted(at)):
        if told is not None and time - told <= 600:
            continue
        kept = [earlier for earlier in kept if time - earlier <= 600] + [time]
        if len(kept) >= at_least:
            expected.append(row)
            kept, told = [], time

    assert found(counting(at_least=at_least), hits(*({"at": time} for time in sorted(at)))) == expected


APART = [
    ("a page is one hit", [0, 1, 2, 3, 4], []),
    ("three pages are three", [0, 1, 20, 21, 40], [4]),
    ("exactly so far apart counts", [0, 10, 20], [2]),
    ("what goes on counts again and again", [0, 9, 18, 27, 36], [4]),
    ("in any order", [20, 0, 15, 5, 10], [4]),
]


@pytest.mark.parametrize(("times", "told"), [case[1:] for case in APART], ids=[case[0] for case in APART])
def test_hits_that_are_not_far_enough_apart_count_once(times, told):
    assert found(counting(apart=timedelta(seconds=10)), hits(*({"at": at} for at in times))) == told
