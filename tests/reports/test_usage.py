from datetime import date, time
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from filterwatch.reports.period import Period
from filterwatch.reports.usage import CATEGORY_USE, DAYS, PEOPLE, usage

DAY = Period(date(2026, 11, 17), date(2026, 11, 17), ZoneInfo("Europe/London"))


@pytest.fixture
def day(frame):
    """Rows with the local columns that enrich adds."""

    def make(*rows: dict) -> pl.DataFrame:
        local = pl.col("started")  # London is at UTC in November
        return frame(*rows).with_columns(
            local_date=local.dt.date(),
            local_minute=(local.dt.hour().cast(pl.Int16) * 60 + local.dt.minute()),
            in_school_hours=local.dt.time().is_between(time(8, 30), time(15, 30)),
        )

    return make


def test_days_count_requests_blocks_and_those_of_nobody_known(day):
    events = day({}, {"action": "blocked"}, {"identity": "address"}, {"person": None}, {"kind": "flow"})
    assert usage(events, DAY).days.rows() == [(date(2026, 11, 17), 4, 1, 2)]


def test_lines_that_do_not_count_and_requests_for_a_password_are_no_requests(day):
    events = day({"counted": False}, {"action": "auth_required"}, {"action": None})
    assert usage(events, DAY).days["requests"].to_list() == [1]


def test_a_request_counts_on_the_day_it_began(day):
    events = day({"at": 14 * 3600 + 60, "lasted": 600}, {"at": 14 * 3600 + 60})
    assert usage(events, DAY).days["requests"].to_list() == [1]


def test_what_is_listed_and_let_through_shows_gaps_in_the_filter(day):
    games, both = {"categories": ["games"]}, {"categories": ["bypass", "bypass.vpn", "games"]}
    events = day(games, games, games | {"action": "blocked"}, both, games | {"group": "staff", "at": 6 * 3600})
    assert usage(events, DAY).categories.rows() == [
        ("bypass", "pupils", 1, 0, 1),
        ("games", "pupils", 3, 1, 4),
        ("games", "staff", 1, 0, 0),
    ]


def test_an_active_minute_has_three_requests(day):
    busy = [{"at": 60 * minute + n} for minute in range(10) for n in range(3)]
    quiet = [{"person": "ben", "at": 60 * minute} for minute in range(60)]
    late = [{"at": 12 * 3600 + n} for n in range(3)]
    people = usage(day(*busy, *quiet, *late), DAY).people
    assert people.rows() == [("amy", True, "pupils", 1, 11.0, 11, 1)]


def test_youtube_minutes_of_staff_in_school_hours_are_added_up_over_people(day):
    clip = {"group": "staff", "domain": "googlevideo.com"}
    rows = [clip | {"at": n * 20, "person": who} for n in range(6) for who in ("mr b", "ms c")]
    other = [clip | {"group": "pupils"}, clip | {"at": 8 * 3600}, clip | {"action": "blocked", "at": 600}]
    pictures = [{"group": "staff", "person": "mr d", "domain": "ytimg.com", "at": n * 5} for n in range(20)]
    assert usage(day(*rows, *other, *pictures), DAY).staff_youtube_minutes == 4


def test_shares_are_of_requests_in_school_hours_by_group(day):
    events = day({}, {}, {"group": "staff"}, {"group": None}, {"at": 8 * 3600})
    assert usage(events, DAY).school_requests == {"pupils": 2, "staff": 1, "unknown": 1}


def test_frames_are_as_declared_also_when_empty(frame, day):
    for found in (usage(frame(), DAY), usage(day({"categories": ["games"]}, {}, {}), DAY)):
        assert (found.days.schema, found.categories.schema, found.people.schema) == (DAYS, CATEGORY_USE, PEOPLE)
