"""Times are the school's: from UTC, by the start of a request, exact at both ends of a window."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.enrich import Calendar
from filterwatch.enrich.when import FIRST, LAST, When
from filterwatch.events import EVENT_SCHEMA, TIME

LONDON = ZoneInfo("Europe/London")
WHEN = When(LONDON, Calendar())
ADDED = ("started", "local_date", "local_minute", "local_time", "weekday", "in_school_hours")


def at(*times, when=WHEN, **columns):
    times = [datetime.fromisoformat(one).astimezone(UTC) if one else None for one in times]
    return when.add(pl.DataFrame({"time": pl.Series(times, dtype=TIME), **columns}))


def test_the_columns_have_the_types_of_the_contract():
    out = at("2026-11-23T10:00:00Z", duration_ms=[5])
    assert {name: out.schema[name] for name in ADDED} == {name: EVENT_SCHEMA[name] for name in ADDED}


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-11-23T08:29:59.999999", False),
        ("2026-11-23T08:30:00", True),
        ("2026-11-23T15:30:00", True),
        ("2026-11-23T15:30:00.000001", False),
        ("2026-11-22T10:00:00", False),  # Sunday
        ("2026-12-25T10:00:00", False),
    ],
)
def test_both_end_points_belong_to_school_hours_and_nothing_beyond(moment, inside):
    assert at(moment + "+00:00")["in_school_hours"].to_list() == [inside]
    assert Calendar().is_school_time(datetime.fromisoformat(moment).replace(tzinfo=LONDON)) is inside


def test_school_hours_follow_the_clock_on_the_wall_in_summer():
    assert at("2026-07-01T07:30:00Z", "2026-07-01T14:30:01Z")["in_school_hours"].to_list() == [True, False]


def test_the_hour_that_comes_twice_is_told_apart_by_its_utc_time():
    out = at("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")
    assert out["local_time"].to_list() == [time(1, 30), time(1, 30)]
    assert out["local_minute"].to_list() == [90, 90]
    assert out["started"].is_sorted()


def test_the_hour_that_is_missing_is_stepped_over():
    out = at("2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z")
    assert out["local_time"].to_list() == [time(0, 59, 59), time(2, 0)]


def test_local_midnight_belongs_to_the_new_day_and_year():
    out = at("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", "2026-06-30T23:00:00Z")
    assert out["local_date"].to_list() == [date(2026, 12, 31), date(2027, 1, 1), date(2026, 7, 1)]
    assert out["weekday"].to_list() == [4, 5, 3]
    assert out["local_minute"].to_list() == [1439, 0, 0]


def test_a_request_counts_at_its_start_not_at_the_end_that_is_logged():
    out = at("2026-11-23T15:31:00Z", "2026-11-23T15:31:00Z", duration_ms=[60_000, 59_999])
    assert out["in_school_hours"].to_list() == [True, False]


def test_a_source_that_logs_the_start_keeps_its_time():
    when = When(LONDON, Calendar(), ["ats"])
    out = at(*["2026-11-23T15:31:00Z"] * 3, when=when, duration_ms=[60_000] * 3, source=["ats", "squid", None])
    assert (out["time"] - out["started"]).dt.total_seconds().to_list() == [0, 60, 60]


def test_absurd_durations_move_nothing():
    out = at(*["2026-11-23T12:00:00Z"] * 3, duration_ms=[-5, 2**62, None])
    assert (out["time"] - out["started"]).to_list() == [timedelta(0), timedelta(days=30), timedelta(0)]


def test_an_event_without_a_time_has_no_local_time():
    out = at(None, "2026-11-23T12:00:00Z")
    assert out.select(ADDED).row(0) == (None,) * 6
    assert out["in_school_hours"][1]


def test_a_zone_where_the_day_is_another_is_used():
    out = at("2026-11-23T12:00:00Z", when=When(ZoneInfo("Pacific/Auckland"), Calendar()))
    assert out["local_date"].to_list() == [date(2026, 11, 24)]


def test_half_term_is_not_school():
    when = When(LONDON, Calendar.model_validate({"half_terms": [{"from": "2026-10-26", "to": "2026-10-30"}]}))
    assert at("2026-10-26T10:00:00Z", "2026-11-02T10:00:00Z", when=when)["in_school_hours"].to_list() == [False, True]


def test_several_spans_of_hours_each_have_their_days():
    calendar = Calendar.model_validate(
        {
            "hours": [
                {"days": "mon-thu", "from": "08:30", "to": "12:00"},
                {"days": "mon-thu", "from": "13:00", "to": "15:30"},
                {"days": "fri", "from": "08:30", "to": "13:00"},
            ]
        }
    )
    times = [f"2026-11-{day}T{hour}:30:00Z" for day in (26, 27) for hour in (11, 12, 14)]
    inside = at(*times, when=When(LONDON, calendar))["in_school_hours"].to_list()
    assert inside == [True, False, True, True, True, False]


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=20), st.integers(-(2**63), 2**63 - 1))
def test_no_clock_however_broken_raises(times, duration):
    frame = pl.DataFrame({"time": pl.Series(times, dtype=pl.Int64).cast(TIME), "duration_ms": [duration] * len(times)})
    assert len(WHEN.add(frame)) == len(times)


@given(
    st.lists(st.integers(0, 4 * 10**15), min_size=1, max_size=5),
    st.sampled_from(["Europe/London", "Africa/Casablanca", "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_local_times_are_those_of_the_time_zone_database(times, zone):
    utc = [FIRST + timedelta(microseconds=one) for one in times]
    out = When(ZoneInfo(zone), Calendar()).add(pl.DataFrame({"time": pl.Series(utc, dtype=TIME)}))
    local = [one.astimezone(ZoneInfo(zone)) for one in utc]
    assert out["local_date"].to_list() == [one.date() for one in local]
    assert out["local_time"].to_list() == [one.time() for one in local]
    assert out["weekday"].to_list() == [one.isoweekday() for one in local]


def test_a_time_outside_any_calendar_has_no_local_time():
    out = at((FIRST - timedelta(seconds=1)).isoformat(), LAST.isoformat())
    assert out["local_date"].to_list() == [None, date(2200, 1, 1)]
