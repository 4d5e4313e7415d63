"""When: the start of a request, and what the school's clock and calendar say about it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.enrich.calendar import Calendar
from filterwatch.enrich.columns import beside
from filterwatch.events import TIME, column

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
        started = events.with_columns(self._started(events))["started"]
        local = self._local(started)
        clock = pl.col("_local")
        made = local.to_frame("_local").select(
            local_date=clock.dt.date(),
            local_minute=clock.dt.hour().cast(pl.Int16) * 60 + clock.dt.minute(),
            local_time=clock.dt.time(),
            weekday=clock.dt.weekday(),
        )
        said = made.with_columns(**self._by_calendar(_days(local)))
        return beside(events, [started, *said])

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

    def _by_calendar(self, days: Collection[date]) -> dict[str, pl.Expr]:
        """Return ``in_school_hours``, and ``in_term`` for rules: null where the calendar says nothing of the day.

        Without terms ``in_term`` is left out.
        """
        day, at = pl.col("local_date"), pl.col("local_time")
        hours = [
            pl.col("weekday").is_in(sorted(span.days)) & at.is_between(span.start, span.end)
            for span in self._calendar.hours
        ]
        school_days = [one for one in days if self._calendar.is_school_day(one)]
        inside = reduce(or_, hours, pl.lit(False)) & day.is_in(school_days)
        columns: dict[str, pl.Expr] = {"in_school_hours": pl.when(at.is_not_null()).then(inside)}
        if self._calendar.terms:
            known = [one for one in days if self._calendar.knows(one)]
            term = [one for one in known if self._calendar.is_term(one)]
            columns["in_term"] = pl.when(day.is_in(known)).then(day.is_in(term))
        return columns


def _days(local: pl.Series) -> list[date]:
    """Return the days of *local* times, and those between them."""
    first, last = local.min(), local.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return []
    if last - first >= _STEADY:
        return local.dt.date().unique().drop_nulls().to_list()
    return [first.date() + timedelta(days=n) for n in range((last.date() - first.date()).days + 1)]
