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
        return not self._off(day)

    def is_school_time(self, local: datetime) -> bool:
        """Say whether *local*, a time in the school's zone, lies in school hours; both ends of a span do."""
        at, day = local.time(), local.isoweekday()
        hours = any(day in span.days and span.start <= at <= span.end for span in self.hours)
        return hours and self.is_school_day(local.date())

    def why(self, local: datetime) -> str:
        """Return in words by which entry *local* lies in school hours, or does not."""
        day, at = local.date(), local.time()
        off = self._off(day)
        if off:
            return f"no school: {off}"
        spans = [span for span in self.hours if local.isoweekday() in span.days]
        if not spans:
            return "no school hours on that day of the week"
        inside = next((span for span in spans if span.start <= at <= span.end), None)
        shown = " and ".join(f"{span.start:%H:%M} to {span.end:%H:%M}" for span in ([inside] if inside else spans))
        term = next((term for term in self.terms if term.start <= day <= term.end), None)
        of_term = f", term of {_days(term)}" if term else ", no term dates given" if not self.terms else ""
        beyond = ", a day that the terms do not reach" if self.terms and not term else ""
        return f"{'in' if inside else 'outside'} school hours ({shown}){of_term}{beyond}"

    def _off(self, day: date) -> str:
        """Return why *day* is no school day; empty where it is one."""
        if day in self.inset_days:
            return "a training day (inset_days)"
        if day in bank_holidays(self.bank_holidays):
            return "a bank holiday"
        for name, ranges in (("half-term", self.half_terms), ("closed", self.closures)):
            if found := next((one for one in ranges if one.start <= day <= one.end), None):
                return f"{name}, {_days(found)}"
        return "" if _within(day, self.terms) or not self.knows(day) else "holidays, outside all terms"

    def is_term(self, day: date) -> bool:
        """Say whether *day* lies in a term and in no half-term."""
        return _within(day, self.terms) and not _within(day, self.half_terms)

    def knows(self, day: date) -> bool:
        """Say whether the terms say anything about *day*; false too where no terms are given."""
        if not self.terms:
            return False
        first, last = min(term.start for term in self.terms), max(term.end for term in self.terms)
        return first - min(BEYOND, first - date.min) <= day <= last + min(BEYOND, date.max - last)


def _days(span: DateRange) -> str:
    first, last = f"{span.start:%-d %b %Y}", f"{span.end:%-d %b %Y}"
    return first if first == last else f"{first} to {last}"


def _within(day: date, ranges: Iterable[DateRange]) -> bool:
    return any(one.start <= day <= one.end for one in ranges)


class _BankHolidays(RootModel[dict[str, dict[int, tuple[date, ...]]]]):
    """The data file: days by year by country."""


@cache
def bank_holidays(where: str) -> frozenset[date]:
    """Return the bank holidays of *where* (a key of ``bank_holidays.yaml``); empty for ``none``."""
    years = validate(read(_BANK_HOLIDAYS), _BankHolidays).root.get(where, {})
    return frozenset(day for days in years.values() for day in days)
