"""The filter goes off, comes back, is restarted or changed: one detection each, however many lines tell of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch import detections
from filterwatch.detectors.filter_off import FilterOff, Interval, Settings
from filterwatch.events import complete

TEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
STOP, START, DISABLE, ENABLE = "filter_stopped", "filter_started", "filter_disabled", "filter_enabled"


def lines(*rows: tuple) -> pl.DataFrame:
    """Control events: seconds after ten, what happened, and more facts."""
    events = [
        {
            "time": TEN + timedelta(seconds=at), "kind": "control", "control_event": event, "control_service": "squid",
            "site": "st-pauls", "source": "journal", "stream": "s1", "line_offset": int(at * 10) + 100_000,
            "line_length": 80, "in_school_hours": True,
        } | (more[0] if more else {})
        for at, event, *more in rows
    ]  # fmt: skip
    return complete(pl.DataFrame(events, infer_schema_length=None)) if events else pl.DataFrame()


def run(rows: list[tuple], until: float = 0, detector: FilterOff | None = None) -> list[tuple]:
    """Feed each line when it is written, then wait; return (seconds, rule, kind, level) of what was told."""
    detector = detector or FilterOff()
    told = [detector(lines(row), detections.none(), TEN + timedelta(seconds=row[0])) for row in rows]
    told.append(detector(pl.DataFrame(), detections.none(), TEN + timedelta(seconds=until)))
    return [
        ((row["time"] - TEN).total_seconds(), row["rule"], row["kind"], row["level"])
        for frame in told
        for row in frame.iter_rows(named=True)
    ]


OFF, RESTORED, RESTARTED = "filter_off", "filter_restored", "filter_restarted"
CASES = [
    ("a stop is told once its grace is over", [(0, STOP)], 60, [(0, OFF, STOP, "high")]),
    ("and not before", [(0, STOP)], 59, []),
    ("a start within the grace is a restart", [(0, STOP), (45, START)], 600, [(45, RESTARTED, START, "informational")]),
    ("the lines of one stop are one", [(0, STOP), (3, STOP), (31, STOP)], 600, [(0, OFF, STOP, "high")]),
    (
        "the grace runs from the last line of a stop: squid takes half a minute to stop",
        [(0, STOP), (31, STOP), (75, START), (76, START)], 600, [(75, RESTARTED, START, "informational")],
    ),
    (
        "on again later is told with the start",
        [(0, STOP), (300, START), (301, START)], 900,
        [(0, OFF, STOP, "high"), (300, RESTORED, START, "informational")],
    ),
    ("what is disabled waits for nothing", [(0, DISABLE)], 0, [(0, OFF, DISABLE, "critical")]),
    (
        "filters repeat that they are disabled",
        [(0, DISABLE), (600, DISABLE), (1200, ENABLE), (1201, ENABLE)], 9999,
        [(0, OFF, DISABLE, "critical"), (1200, RESTORED, ENABLE, "informational")],
    ),
    ("stopped, then disabled", [(0, STOP), (2, DISABLE)], 2, [(0, OFF, DISABLE, "critical")]),
    ("disabled, then stopped", [(0, DISABLE), (2, STOP)], 999, [(0, OFF, DISABLE, "critical")]),
    (
        "a stop long after a stop: the start between them was not logged",
        [(0, STOP), (1000, STOP)], 2000, [(0, OFF, STOP, "high"), (1000, OFF, STOP, "high")],
    ),
    (
        "a start without a stop",
        [(0, START), (1, START), (500, START)], 999,
        [(0, RESTARTED, START, "informational"), (500, RESTARTED, START, "informational")],
    ),
    ("enabled and never disabled", [(0, ENABLE)], 999, []),
    (
        "a stop that another source tells of after the start",
        [(0, STOP), (31, START), (30, STOP), (31, STOP)], 999, [(31, RESTARTED, START, "informational")],
    ),
    (
        "a start that another source tells of after the next stop",
        [(0, START), (500, STOP), (1, START)], 999, [(0, RESTARTED, START, "informational"), (500, OFF, STOP, "high")],
    ),
    (
        "stop and start in one second and the start told first",
        [(0, START), (0, STOP), (0, START), (0, STOP)], 999, [(0, RESTARTED, START, "informational")],
    ),
    (
        "a stop in the second of a start",
        [(0, START), (0, STOP)], 999, [(0, RESTARTED, START, "informational"), (0, OFF, STOP, "high")],
    ),
    ("a change", [(0, "config_changed"), (60, "config_changed")], 999, [(0, OFF, "config_changed", "medium")]),
    (
        "a change later is another",
        [(0, "config_changed"), (121, "config_changed")], 999,
        [(0, OFF, "config_changed", "medium"), (121, OFF, "config_changed", "medium")],
    ),
    (
        "an exemption added and removed",
        [(0, "exemption_added"), (5, "exemption_removed")], 999,
        [(0, OFF, "exemption_added", "medium"), (5, RESTORED, "exemption_removed", "informational")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "until", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_lines_tell_of_the_filter(rows, until, told):
    assert run(rows, until) == told


BACKLOG = [case for case in CASES if case[2] >= 60]


@pytest.mark.parametrize(("rows", "until", "told"), [case[1:] for case in BACKLOG], ids=[case[0] for case in BACKLOG])
def test_a_backlog_read_in_one_batch_tells_the_same(rows, until, told):
    detector, now = FilterOff(), TEN + timedelta(days=1)
    frames = [detector(lines(*rows), detections.none(), now)]
    frames.append(detector(pl.DataFrame(), detections.none(), now + timedelta(seconds=60)))

    rules = [(row["rule"], row["kind"]) for frame in frames for row in frame.iter_rows(named=True)]

    assert until
    assert sorted(rules) == sorted((rule, kind) for _, rule, kind, _ in told)


def test_a_detection_names_the_service_and_who_it_was(frame):
    detector = FilterOff()
    rows = lines((0, STOP, {"source": "cache.log"}), (1, STOP, {"user": "alice", "person": "alice"}), (2, STOP))
    detector(rows, detections.none(), TEN)

    [row] = detector(frame(), detections.none(), TEN + timedelta(seconds=60)).to_dicts()

    assert row["matched"] == "squid"
    assert (row["user"], row["person"], row["source"], row["line_offset"]) == ("alice", "alice", "cache.log", 100_000)
    assert (row["count"], row["outcome"], row["category"]) == (3, "technical", None)
    assert row["reason"] == "a filter stopped and did not start again within 60 seconds"
    assert row["in_school_hours"] is True
    assert len(row["rule_version"]) == 12


def test_the_end_says_how_long_it_was_off():
    detector = FilterOff()
    detector(lines((0, DISABLE)), detections.none(), TEN)

    [row] = detector(lines((720, ENABLE)), detections.none(), TEN).to_dicts()

    assert row["reason"] == "a filter is on again after 12 minutes"
    assert row["time"] == TEN + timedelta(minutes=12)


def test_services_and_sites_are_kept_apart():
    other = {"control_service": "dnsmasq"}
    elsewhere = {"site": "st-annes"}

    assert run([(0, STOP), (1, START, other), (2, START, elsewhere)], 61) == [
        (1, RESTARTED, START, "informational"), (2, RESTARTED, START, "informational"), (0, OFF, STOP, "high"),
    ]  # fmt: skip


def test_of_an_unnamed_service_the_source_stands_for_it():
    [row] = FilterOff()(lines((0, DISABLE, {"control_service": None})), detections.none(), TEN).to_dicts()

    assert row["matched"] == "journal"


def test_what_is_off_can_be_asked():
    detector = FilterOff()
    detector(lines((0, DISABLE), (5, STOP, {"control_service": "dnsmasq"})), detections.none(), TEN)
    detector(lines((9, ENABLE)), detections.none(), TEN)

    assert detector.off == (Interval("st-pauls", "dnsmasq", STOP, TEN + timedelta(seconds=5)),)


def test_other_events_are_none_of_its_business(frame):
    assert len(FilterOff()(frame({"at": 1}, {"at": 2}), detections.none(), TEN)) == 0
    assert len(FilterOff()(pl.DataFrame({"host": ["a.test"]}), detections.none(), TEN)) == 0


def test_the_grace_is_a_setting():
    patient = FilterOff(Settings(grace="5m"))

    assert run([(0, STOP), (290, START)], 999, patient) == [(290, RESTARTED, START, "informational")]


def test_every_detection_has_its_own_id():
    detector, now = FilterOff(), TEN + timedelta(days=1)
    rows = lines((0, STOP), (200, START), (400, DISABLE), (600, ENABLE), (800, "config_changed"), (1000, START))

    told = detector(rows, detections.none(), now)

    assert len(told) == 6
    assert told["id"].n_unique() == 6


events_ = st.sampled_from([STOP, START, DISABLE, ENABLE, "config_changed", "exemption_added", "exemption_removed"])
rows_ = st.tuples(
    st.integers(0, 400), events_, st.fixed_dictionaries({"control_service": st.sampled_from(["squid", None])})
)


def stories(rows: list[tuple], cuts: set[int], *, restart: bool) -> list[str]:
    """Ids of what is told when rows come in pieces, with or without a restart between them."""
    detector, told, clock = FilterOff(), [], TEN
    for start, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]):
        clock += timedelta(seconds=25)
        numbered = [
            (at, event, more | {"line_offset": start + n}) for n, (at, event, more) in enumerate(rows[start:end])
        ]
        told += detector(lines(*numbered), detections.none(), clock)["id"].to_list()
        if restart:
            state, detector = detector.state(), FilterOff()
            detector.restore(state)
            assert detector.state() == state
    return told + detector(pl.DataFrame(), detections.none(), clock + timedelta(hours=1))["id"].to_list()


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(rows_, max_size=12), cuts=st.sets(st.integers(0, 12), max_size=5))
def test_a_restart_anywhere_tells_the_same(rows, cuts):
    assert stories(rows, cuts, restart=True) == stories(rows, cuts, restart=False)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(rows_, max_size=12))
def test_nothing_stays_off_untold(rows):
    detector = FilterOff()
    told = detector(lines(*rows), detections.none(), TEN)
    told = pl.concat([told, detector(pl.DataFrame(), detections.none(), TEN + timedelta(hours=1))])

    offs = told.filter(pl.col("kind").is_in([STOP, DISABLE])).select("matched", "time").rows()
    assert {(one.service, one.since) for one in detector.off} <= set(offs)
    assert told["id"].n_unique() == len(told) or len({row[0] for row in rows}) < len(rows)
