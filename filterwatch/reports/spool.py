"""Events of log files on their way into a report: on disk, so that a log may be larger than the memory."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from datetime import date
from pathlib import Path

import polars as pl

from filterwatch.events import EVENT_SCHEMA, complete
from filterwatch.reports import bandwidth, bypass, usage

COLUMNS = tuple(name for name in EVENT_SCHEMA if name in {*bandwidth.COLUMNS, *bypass.COLUMNS, *usage.COLUMNS})
"""The event columns that reports read; there are three times as many."""

SCHEMA = pl.Schema({name: EVENT_SCHEMA[name] for name in COLUMNS})


class Spool:
    """Takes events batch by batch and gives them back as one lazy frame.

    They lie in a folder that only this user can read, and that goes when the spool goes.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="filterwatch-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._count = 0
        self.days: tuple[date, date] | None = None
        """First and last local date seen."""

    def add(self, events: pl.DataFrame) -> None:
        """Take a batch of enriched events."""
        if not len(events):
            return
        narrow = complete(events.select(name for name in COLUMNS if name in events.columns), SCHEMA)
        narrow.write_parquet(self._folder / f"{self._count}.parquet", compression="lz4", statistics=False)
        self._count += 1
        days = narrow["local_date"]
        first, last = days.min(), days.max()
        if isinstance(first, date) and isinstance(last, date):
            before = self.days or (first, last)
            self.days = min(before[0], first), max(before[1], last)

    def events(self) -> pl.LazyFrame:
        """Return all that was taken; to be read while the spool lives."""
        if not self._count:
            return pl.LazyFrame(schema=SCHEMA)
        paths = [self._folder / f"{number}.parquet" for number in range(self._count)]
        return pl.scan_parquet(paths)
