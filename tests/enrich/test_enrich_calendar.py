"""School days and school hours are what the school's calendar says."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.config.document import parse, validate
from filterwatch.enrich import Calendar, bank_holidays
from filterwatch.errors import ConfigurationError

YEAR = Calendar.model_validate(
    {
        "terms": [{"from": "2026-09-01", "to": "2026-12-18"}, {"from": "2027-01-04", "to": "2027-03-25"}],
        "half_terms": [{"from": "2026-10-26", "to": "2026-10-30"}],
        "closures": [{"from": "2026-11-19", "to": "2026-11-19"}],
        "inset_days": ["2026-09-01"],
    }
)


def easter(year):
    """Gauss's rule in Butcher's form, for the Gregorian calendar."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    x = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * x) // 451
    month, day = divmod(h + x - 7 * m + 114, 31)
    return date(year, month, day + 1)


def first_monday(year, month):
    day = date(year, month, 1)
    return day + timedelta(days=-day.weekday() % 7)


def last_monday(year, month):
    day = date(year, month, 31)
    return day - timedelta(days=day.weekday())


def statutory(year):
    """The Banking and Financial Dealings Act 1971, with substitutes for days at the weekend."""
    days = {easter(year) - timedelta(days=2), easter(year) + timedelta(days=1)}
    days |= {first_monday(year, 5), last_monday(year, 5), last_monday(year, 8)}
    for fixed in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        day = fixed
        while day.weekday() > 4 or day in days:
            day += timedelta(days=1)
        days.add(day)
    return days


@pytest.mark.parametrize("year", [2024, 2025, 2026, 2027, 2028])
def test_the_bank_holidays_are_those_of_the_act(year):
    assert {day for day in bank_holidays("england-and-wales") if day.year == year} == statutory(year)


@pytest.mark.parametrize(
    ("day", "school"),
    [
        ("2026-09-01", False),  # INSET
        ("2026-09-02", True),
        ("2026-10-23", True),
        ("2026-10-26", False),  # first day of half-term
        ("2026-10-30", False),  # last day of half-term
        ("2026-11-02", True),
        ("2026-11-19", False),  # closed
        ("2026-12-18", True),  # last day of term
        ("2026-12-21", False),
        ("2027-01-01", False),  # New Year
        ("2027-01-04", True),
        ("2027-03-25", True),
        ("2027-03-26", False),  # Good Friday and holidays
        ("2026-08-10", False),  # the summer before
    ],
)
def test_terms_half_terms_closures_and_inset_days_decide(day, school):
    assert YEAR.is_school_day(date.fromisoformat(day)) is school


@pytest.mark.parametrize(
    ("local", "why"),
    [
        ("2026-09-01 10:00", "no school: a training day (inset_days)"),
        ("2026-10-26 10:00", "no school: half-term, 26 Oct 2026 to 30 Oct 2026"),
        ("2026-11-19 10:00", "no school: closed, 19 Nov 2026"),
        ("2026-12-21 10:00", "no school: holidays, outside all terms"),
        ("2027-01-01 10:00", "no school: a bank holiday"),
        ("2026-11-21 10:00", "no school hours on that day of the week"),
        ("2026-11-23 10:00", "in school hours (08:30 to 15:30), term of 1 Sep 2026 to 18 Dec 2026"),
        ("2026-11-23 15:31", "outside school hours (08:30 to 15:30), term of 1 Sep 2026 to 18 Dec 2026"),
        ("2026-06-15 10:00", "in school hours (08:30 to 15:30), a day that the terms do not reach"),
    ],
)
def test_the_entry_of_the_calendar_that_decides_is_named(local, why):
    assert YEAR.why(datetime.fromisoformat(local)) == why


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))  # noqa: DTZ001 - local by definition
def test_what_is_said_of_school_hours_is_what_counts(local):
    assert YEAR.why(local).startswith("in school hours") is YEAR.is_school_time(local)


def test_far_from_any_known_term_the_hours_alone_decide():
    assert not YEAR.is_school_day(date(2027, 5, 20))
    assert YEAR.is_school_day(date(2027, 5, 21))
    assert not YEAR.knows(date(2027, 5, 21))
    assert YEAR.is_school_day(date(2026, 6, 15))


def test_without_terms_every_day_is_a_school_day_but_for_bank_holidays():
    assert Calendar().is_school_day(date(2026, 11, 23))
    assert not Calendar().is_school_day(date(2026, 12, 28))
    assert Calendar(bank_holidays="none").is_school_day(date(2026, 12, 28))
    assert not Calendar().knows(date(2026, 11, 23))


def test_a_term_at_the_edge_of_time_is_no_error():
    edge = Calendar.model_validate({"terms": [{"from": "0001-01-01", "to": "9999-12-31"}]})
    assert edge.is_school_day(date.min)
    assert edge.is_school_day(date(9999, 12, 31))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hours: [{from: 8:30, to: 15:30}]", "write the time as"),
        ("terms: [{from: 2026-12-18, to: 2026-09-01}]", "is before 'from'"),
        (
            "terms: [{from: 2026-09-01, to: 2026-12-18}, {from: 2026-12-01, to: 2027-02-01}]",
            "the terms from 2026-09-01 and from 2026-12-01 overlap; end the first earlier",
        ),
        ("inset_days: [2026-13-01]", "inset_days.0"),
        ("bank_holidays: scotland", "england-and-wales"),
        ("half_term: []", "did you mean 'half_terms'"),
    ],
)
def test_a_mistake_in_the_calendar_is_told_with_its_place(text, message):
    with pytest.raises(ConfigurationError, match=r"c\.yaml:1:\d+: ") as told:
        validate(parse(text, "c.yaml"), Calendar)
    assert message in str(told.value)
