"""A source that falls silent in school hours is told once, and told again when it speaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch import detections
from filterwatch.detectors.liveness import Liveness, Settings
from filterwatch.events import complete

TEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def school(at: datetime) -> bool:
    """A school of Monday to Friday, half past eight to half past three."""
    return at.weekday() < 5 and (8, 30) <= (at.hour, at.minute) and at.time() <= datetime(2026, 1, 1, 15, 30).time()  # noqa: DTZ001


def minute(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def said(*sources: str, kind: str = "http", **more: object) -> pl.DataFrame:
    rows = [
        {"source": s, "kind": kind, "site": "st-pauls", "stream": "s1", "line_offset": 7, "time": TEN, **more}
        for s in sources
    ]
    return complete(pl.DataFrame(rows)) if rows else pl.DataFrame()


class Day:
    """Calls a detector every half minute; sources speak at every call between some minutes."""

    def __init__(self, **values: object) -> None:
        live = values.pop("unwatched_after", timedelta(minutes=2))
        self.detector = Liveness(Settings(**values), school, unwatched_after=live)
        self.told: list[tuple] = []

    def run(self, start: float, end: float, *sources: str, **more: object) -> Day:
        for half in range(round(start * 2), round(end * 2)):
            self.call(half / 2, said(*sources, **more))
        return self

    def call(self, at: float, events: pl.DataFrame) -> pl.DataFrame:
        frame = self.detector(events, detections.none(), minute(at))
        self.told += [(at, row["rule"], row["matched"], row["level"]) for row in frame.iter_rows(named=True)]
        return frame


def test_a_source_that_falls_silent_while_another_speaks_is_told_once():
    day = Day().run(0, 10, "squid", "dns").run(10, 60, "dns")

    assert day.told == [(20, "source_silent", "squid", "high")]
    assert day.detector.silent == ("squid",)


def test_it_is_told_when_the_source_speaks_again():
    day = Day().run(0, 10, "squid", "dns").run(10, 60, "dns").run(60, 90, "squid", "dns")

    assert day.told == [(20, "source_silent", "squid", "high"), (60, "source_speaks", "squid", "informational")]
    assert day.detector.silent == ()


def test_each_silence_is_told():
    day = Day()
    for start in (0, 40, 80):
        day.run(start, start + 10, "squid", "dns").run(start + 10, start + 40, "dns")

    assert [rule for _, rule, *_ in day.told] == ["source_silent", "source_speaks"] * 2 + ["source_silent"]


def test_when_nobody_speaks_the_network_may_be_down():
    day = Day().run(0, 10, "squid", "dns").run(10, 60)

    assert day.told == [(20, "source_silent", "squid", "medium"), (20, "source_silent", "dns", "medium")]


def test_a_single_source_is_watched_too():
    assert Day().run(0, 1, "squid").run(1, 20).told == [(11, "source_silent", "squid", "medium")]


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ((5, 8), False),  # at night
        ((5, 8.5), False),  # the first minute of school
        ((5, 8.5 + 9 / 60), False),  # not long enough into the day
        ((5, 8.5 + 12 / 60), True),
        ((9, 9.1), False),
        ((15.25, 15.5), True),
        ((15.4, 20), False),  # silent only since shortly before the end of school
    ],
)
def test_only_school_hours_count(hours, told):
    day = Day()
    start, end = ((hour - 10) * 60 for hour in hours)

    day.run(start - 1, start, "squid", "dns").run(start, end + 0.5, "dns")

    assert bool(day.told) is told


def test_a_log_of_changes_or_logins_may_be_quiet():
    day = Day().run(0, 1, "audit", kind="control").run(0, 1, "radius", kind="auth").run(1, 60, "dns")

    assert day.told == []


def test_sources_can_be_given_their_own_time_or_none():
    day = Day(silent_after="5m", sources={"flows": "20m", "guest": "never"})

    day.run(0, 1, "squid", "flows", "guest", "dns").run(1, 60, "dns")

    assert day.told == [(6, "source_silent", "squid", "high"), (21, "source_silent", "flows", "high")]


def test_what_was_not_watched_is_no_silence():
    day = Day().run(0, 1, "squid", "dns")

    day.run(180, 189, "dns")  # the daemon slept for three hours

    assert day.told == []
    day.run(189, 195, "dns")
    assert day.told == [(190.5, "source_silent", "squid", "high")]


def test_nor_is_the_time_between_a_stop_and_a_start_of_the_daemon():
    day = Day().run(0, 1, "squid", "dns")
    other = Day()
    other.detector.restore(day.detector.state())

    other.run(180, 189, "dns")

    assert other.told == []


def test_in_a_replay_time_jumps():
    day = Day(unwatched_after=None).run(0, 1, "squid", "dns")

    day.call(15, said("dns"))

    assert day.told == [(15, "source_silent", "squid", "high")]


def test_a_detection_says_since_when_and_that_it_is_unexplained():
    day = Day().run(0, 10, "squid", "dns").run(10, 19.5, "dns")

    day.call(19.5, said("dns"))
    [row] = day.call(20, said("dns")).to_dicts()

    assert row["time"] == minute(9.5)
    assert row["reason"] == (
        "a source said nothing for 10 minutes of school hours, while other sources spoke: an unexplained gap"
    )
    assert (row["source"], row["site"], row["outcome"], row["category"]) == ("squid", "st-pauls", "technical", None)
    assert len(row["id"]) == 32
    [back] = day.call(75, said("squid")).to_dicts()
    assert back["reason"] == "a source speaks again after 66 minutes of silence"
    assert (back["line_offset"], back["stream"]) == (7, "s1")


def test_two_silences_have_two_ids():
    day, ids = Day(), []
    for at in (0, 30):
        day.run(at, at + 1, "squid", "dns")
        ids += [one for half in range(28) for one in day.call(at + 1 + half / 2, said("dns"))["id"]]

    assert len(set(ids)) == 2


def test_empty_and_foreign_frames_are_taken():
    detector = Liveness(Settings(), school)

    assert len(detector(pl.DataFrame(), detections.none(), TEN)) == 0
    assert len(detector(pl.DataFrame({"host": ["a.test"]}), detections.none(), TEN)) == 0
    assert len(detector(said("squid").with_columns(source=pl.lit(None, pl.String)), detections.none(), TEN)) == 0


@settings(max_examples=100, deadline=None)
@given(
    spoken=st.lists(st.sets(st.sampled_from(["squid", "dns", "flows"])), max_size=60),
    cuts=st.sets(st.integers(0, 60), max_size=4),
)
def test_a_restart_without_a_pause_anywhere_tells_the_same(spoken, cuts):
    def told(restarts: set[int]) -> list[str]:
        detector, ids = Liveness(Settings(silent_after="5m"), school), []
        for at, sources in enumerate(spoken):
            if at in restarts:
                state, detector = detector.state(), Liveness(Settings(silent_after="5m"), school)
                detector.restore(state)
                assert detector.state() == state
            ids += detector(said(*sorted(sources)), detections.none(), minute(at))["id"].to_list()
        return ids

    assert told(cuts) == told(set())
