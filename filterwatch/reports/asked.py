"""What somebody asks of a report; the composition root turns it into material."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from filterwatch.reports.catalogue import Report
from filterwatch.reports.period import Period, week_before


@dataclass(frozen=True, slots=True)
class Asked:
    """One report, as it was asked for.

    Attributes:
        report: Which.
        first: First day; null for the report's usual period.
        last: Last day, included; null likewise.
        config: The configuration; null for the usual place, with files for none.
        files: Logs to read instead of the archive.
        log_format: Their format; null to find it out.
        with_names: Whether people and devices are named; else they have pseudonyms.
        seen: Called with the bytes of log read since the last call.
    """

    report: Report
    first: date | None = None
    last: date | None = None
    config: Path | None = None
    files: Sequence[Path] = ()
    log_format: str | None = None
    with_names: bool = False
    seen: Callable[[int], None] = lambda _bytes: None

    def period(self, zone: ZoneInfo, today: date, logged: tuple[date, date] | None = None) -> Period:
        """Return which days it is about.

        Unless the days are given: with files the days that were logged, for weekly reports the last whole week that
        has one of them; without files the last whole week, or the last seven days.

        Args:
            zone: The school's.
            today: Local date.
            logged: First and last local date of the files; null without files.

        Raises:
            FilterwatchError: The days are in the wrong order.
        """
        if self.report.is_weekly and not (self.first or self.last):
            return self._week(zone, today, logged)
        first, last = logged or (today - timedelta(days=6), today)
        return Period(self.first or min(first, self.last or first), self.last or max(last, self.first or last), zone)

    @staticmethod
    def _week(zone: ZoneInfo, today: date, logged: tuple[date, date] | None) -> Period:
        after = logged[1] + timedelta(days=7) if logged else today
        return week_before(after, zone)
