"""When: the start of a request, and what the school's clock and calendar say about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.enrich.calendar import Calendar
from filterwatch.enrich.columns import column
from filterwatch.events import TIME

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Local columns are null for times outside: only a broken clock writes them, and calendars end somewhere."""

LONGEST_REQUEST = timedelta(days=30)
"""A longer duration is taken for this: no tunnel lives longer, and absurd numbers must not move the start."""

_STEADY = timedelta(days=14)
"""No zone changes its offset twice within it (Morocco's pair at Ramadan is a month apart; TZ database 2026)."""


class When:
    """Adds the time columns.

    Args:
        zone: The school's zone.
        calendar: Its calendar.
        logged_at_start: Sources whose ``time`` is the start of a request already.
    """

    def __init__(self, zone: ZoneInfo, calendar: Calendar, logged_at_start: Collection[str] = ()) -> None:
        self._zone = zone
        self._calendar = calendar
        self._logged_at_start = sorted(logged_at_start)

    def add(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return *events* with ``started``, ``local_date``, ``local_minute``, ``local_time``, ``weekday`` and
        ``in_school_hours``.

        Windows are judged by the start: squid and e2guardian log the end (DC6 of the policies' open points).
        """  # noqa: D205 - the columns are the promise
        events = events.with_columns(self._started(events))
        clock = pl.col("_local")
        return (
            events.with_columns(self._local(events["started"]).alias("_local"))
            .with_columns(
                local_date=clock.dt.date(),
                local_minute=clock.dt.hour().cast(pl.Int16) * 60 + clock.dt.minute(),
                local_time=clock.dt.time(),
                weekday=clock.dt.weekday(),
            )
            .drop("_local")
            .pipe(self._in_school_hours)
        )

    def _started(self, events: pl.DataFrame) -> pl.Expr:
        time = column(events, "time")
        if "duration_ms" not in events.columns:
            return time.alias("started")
        longest = int(LONGEST_REQUEST.total_seconds() * 1000)
        lasted = pl.col("duration_ms").cast(pl.Int64).fill_null(0).clip(0, longest)
        if self._logged_at_start:
            ended = ~column(events, "source").is_in(self._logged_at_start).fill_null(value=False)
            lasted = pl.when(ended).then(lasted).otherwise(0)
        return (time.to_physical() - lasted * 1000).cast(TIME).alias("started")

    def _local(self, started: pl.Series) -> pl.Series:
        """Return local times without a zone, computed from UTC, so that no hour is ambiguous or missing."""
        sane = started.set(~started.is_between(FIRST, LAST), None)
        first, last = sane.min(), sane.max()
        if isinstance(first, datetime) and isinstance(last, datetime) and last - first < _STEADY:
            offset = first.astimezone(self._zone).utcoffset()
            if offset is not None and offset == last.astimezone(self._zone).utcoffset():
                return sane.dt.replace_time_zone(None) + offset
        return sane.dt.convert_time_zone(self._zone.key).dt.replace_time_zone(None)

    def _in_school_hours(self, events: pl.DataFrame) -> pl.DataFrame:
        days = [day for day in events["local_date"].unique().to_list() if isinstance(day, date)]
        school_days = [day for day in days if self._calendar.is_school_day(day)]
        at = pl.col("local_time")
        hours = [
            pl.col("weekday").is_in(sorted(span.days)) & at.is_between(span.start, span.end)
            for span in self._calendar.hours
        ]
        inside = reduce(or_, hours, pl.lit(False)) & pl.col("local_date").is_in(school_days)
        known = at.is_not_null()
        return events.with_columns(pl.when(known).then(inside).alias("in_school_hours"), *self._in_term(days))

    def _in_term(self, days: Collection[date]) -> Iterator[pl.Expr]:
        """Give rules ``in_term``; null where the calendar says nothing, no column where it has no terms."""
        if not self._calendar.terms:
            return
        known = [day for day in days if self._calendar.knows(day)]
        term = [day for day in known if self._calendar.is_term(day)]
        at = pl.col("local_date")
        yield pl.when(at.is_in(known)).then(at.is_in(term)).alias("in_term")
