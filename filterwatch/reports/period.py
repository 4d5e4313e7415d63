"""Which days a report is about: local dates, both ends included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from filterwatch.errors import FilterwatchError

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Period:
    """Days in the school's zone.

    Attributes:
        first: The first day.
        last: The last day, included.
        zone: The school's zone.
    """

    first: date
    last: date
    zone: ZoneInfo

    def __post_init__(self) -> None:
        """Refuse days in the wrong order."""
        if self.last < self.first:
            raise FilterwatchError(f"--to {self.last} is before --from {self.first}; turn them round")

    @property
    def start(self) -> datetime:
        """The first moment, UTC."""
        return datetime.combine(self.first, time(), self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it, UTC."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone).astimezone(UTC)

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def is_week(self) -> bool:
        """Whether it is one whole week, Monday to Sunday."""
        return self.first.weekday() == 0 and self.days == 7

    def minutes(self) -> tuple[int, int]:
        """Return the first minute and the first after it, since 1970 UTC."""
        return int(self.start.timestamp()) // MINUTE, int(self.end.timestamp()) // MINUTE

    def microseconds(self) -> tuple[int, int]:
        """Return the first microsecond and the first after it, since 1970 UTC."""
        first, after = self.minutes()
        return first * MINUTE * 1_000_000, after * MINUTE * 1_000_000

    def before(self) -> Period:
        """Return the period of the same length that ends where this one begins."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1), self.zone)

    def __str__(self) -> str:
        """Return it for people: ``Monday 16 to Sunday 22 November 2026``."""
        if self.first == self.last:
            return _day(self.first, year=True, month=True)
        year = self.first.year != self.last.year
        month = year or self.first.month != self.last.month
        return f"{_day(self.first, year=year, month=month)} to {_day(self.last, year=True, month=True)}"


def week_before(today: date, zone: ZoneInfo) -> Period:
    """Return the last whole week, Monday to Sunday, before *today*."""
    monday = today - timedelta(days=today.weekday() + 7)
    return Period(monday, monday + timedelta(days=6), zone)


def _day(day: date, *, year: bool, month: bool) -> str:
    words = [f"{day:%A}", str(day.day)]
    words += [f"{day:%B}"] * month + [str(day.year)] * year
    return " ".join(words)
