"""Values that appear in configuration and rules, each refusing what people get wrong."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Part(BaseModel):
    """Base of every part's settings: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _clock_time(value: object) -> time:
    """Refuse anything but HH:MM text: YAML and pydantic both read numbers as times."""
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", value):
        raise ValueError('write the time as "HH:MM" in quotes, e.g. "08:30"')
    return time.fromisoformat(value)


ClockTime = Annotated[time, BeforeValidator(_clock_time)]
"""A local time of day, ``"08:30"``."""

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = 100 * 365 * 86_400


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError("write a duration with its unit (ms, s, m, h, d, w), e.g. 10m")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > _LONGEST:
        raise ValueError("longer than 100 years; shorten it")
    return timedelta(seconds=seconds)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A span of time with its unit: ``30s``, ``10m``, ``2h``, ``7d``."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _days(value: object) -> frozenset[int]:
    if isinstance(value, frozenset):
        return value
    words = value if isinstance(value, list) else str(value).split(",")
    days: set[int] = set()
    for word in words:
        first, _, last = str(word).strip().lower().partition("-")
        try:
            start = _DAYS.index(first)
            end = _DAYS.index(last) if last else start
        except ValueError:
            raise ValueError("write days as mon-fri, or a list of mon, tue, wed, thu, fri, sat, sun") from None
        days |= {day % 7 + 1 for day in range(start, end + 1 if end >= start else end + 8)}
    return frozenset(days)


Days = Annotated[frozenset[int], BeforeValidator(_days)]
"""Days of the week, 1 = Monday: ``mon-fri``, ``sat,sun``, ``[mon, wed]``."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
"""A name for machines: lower-case letters, digits, ``_``, ``-``, ``.``."""


class TimeSpan(Part):
    """A part of certain days, both ends included (to the second; a request at 15:30:00 is inside 08:30-15:30)."""

    days: Days = frozenset(range(1, 6))
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> TimeSpan:
        if self.end <= self.start:
            raise ValueError(f"'to' {self.end:%H:%M} is not after 'from' {self.start:%H:%M}; split a span at midnight")
        return self


class DateRange(Part):
    """Days from one date to another, both included."""

    start: date = Field(alias="from")
    end: date = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> DateRange:
        if self.end < self.start:
            raise ValueError(f"'to' {self.end} is before 'from' {self.start}")
        return self
