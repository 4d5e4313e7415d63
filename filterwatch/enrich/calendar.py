"""The school's calendar: which days are school days, and which hours of them are school hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field, RootModel, model_validator

from filterwatch.config import DateRange, Part, TimeSpan, read, validate

BEYOND = timedelta(weeks=8)
"""How far before the first and behind the last term that the calendar names days are holidays: longer than a summer.
Further out the calendar is out of date, and the hours alone decide, so that time rules never fall silent by
themselves (decision 0031)."""

_BANK_HOLIDAYS = Path(__file__).with_name("bank_holidays.yaml")


class Calendar(Part):
    """When school is: hours of the day, terms, and days off."""

    hours: tuple[TimeSpan, ...] = Field(
        default=(TimeSpan.model_validate({"days": "mon-fri", "from": "08:30", "to": "15:30"}),),
        description="School hours, one entry for each group of days; both ends belong to them.",
    )
    terms: tuple[DateRange, ...] = Field(
        default=(),
        description="First and last day of each term; without terms every day that has hours is a school day.",
    )
    half_terms: tuple[DateRange, ...] = Field(default=(), description="Holidays inside a term.")
    closures: tuple[DateRange, ...] = Field(default=(), description="Other days on which the school is shut.")
    inset_days: tuple[date, ...] = Field(
        default=(), description="Training days: staff are in, pupils are not; not school days."
    )
    bank_holidays: Literal["england-and-wales", "none"] = Field(
        default="england-and-wales", description="Public holidays that are no school days."
    )

    @model_validator(mode="after")
    def _terms_apart(self) -> Calendar:
        terms = sorted(self.terms, key=lambda term: term.start)
        for earlier, later in pairwise(terms):
            if later.start <= earlier.end:
                raise ValueError(
                    f"the terms from {earlier.start} and from {later.start} overlap; end the first earlier"
                )
        return self

    def is_school_day(self, day: date) -> bool:
        """Say whether pupils are in school on *day*; the day of the week is a matter of the hours."""
        if day in self.inset_days or day in bank_holidays(self.bank_holidays):
            return False
        if _within(day, self.half_terms) or _within(day, self.closures):
            return False
        return _within(day, self.terms) or not self.knows(day)

    def is_school_time(self, local: datetime) -> bool:
        """Say whether *local*, a time in the school's zone, lies in school hours; both ends of a span do."""
        at, day = local.time(), local.isoweekday()
        hours = any(day in span.days and span.start <= at <= span.end for span in self.hours)
        return hours and self.is_school_day(local.date())

    def is_term(self, day: date) -> bool:
        """Say whether *day* lies in a term and in no half-term."""
        return _within(day, self.terms) and not _within(day, self.half_terms)

    def knows(self, day: date) -> bool:
        """Say whether the terms say anything about *day*; false too where no terms are given."""
        if not self.terms:
            return False
        first, last = min(term.start for term in self.terms), max(term.end for term in self.terms)
        return first - min(BEYOND, first - date.min) <= day <= last + min(BEYOND, date.max - last)


def _within(day: date, ranges: Iterable[DateRange]) -> bool:
    return any(one.start <= day <= one.end for one in ranges)


class _BankHolidays(RootModel[dict[str, dict[int, tuple[date, ...]]]]):
    """The data file: days by year by country."""


@cache
def bank_holidays(where: str) -> frozenset[date]:
    """Return the bank holidays of *where* (a key of ``bank_holidays.yaml``); empty for ``none``."""
    years = validate(read(_BANK_HOLIDAYS), _BankHolidays).root.get(where, {})
    return frozenset(day for days in years.values() for day in days)
