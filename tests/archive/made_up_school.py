"""A made-up school: a journal, an archive, events of several days and streams, and what ought to be found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch import archive
from filterwatch.events import GROUP
from filterwatch.journal import Commit, Counts, Journal
from filterwatch.lines import Checkpoint

NOON = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
TODAY = NOON.date()
LONDON = ZoneInfo("Europe/London")


class School:
    """A journal and an archive over one folder, and what ought to be in them.

    Attributes:
        written: ``(source, stream, line_offset)`` to local date, of every event ever journalled.
    """

    def __init__(self, folder, clock, **settings):
        self.folder = folder
        self.clock = clock
        self.directory = folder / "archive"
        self.settings = archive.Settings(**settings)
        self.written = {}
        self.journal = self.open()

    def open(self):
        return Journal.open(self.folder / "journal.db", writer=True, clock=self.clock)

    def write(self, count, *, source="squid", stream="s1", day=TODAY, site="st-pauls"):
        """Journal *count* events of one stream and local day behind those it has; return the commit."""
        known = [one.offset for one in self.journal.checkpoints(source) if one.stream == stream]
        first = known[0] if known else 0
        offsets = range(first, first + count * 10, 10)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        times = [noon + timedelta(milliseconds=offset) for offset in offsets]
        events = pl.DataFrame(
            {
                "time": times, "started": times, "site": [site] * count, "group": ["pupils"] * count,
                "client_ip": [f"10.0.0.{offset % 7}" for offset in offsets], "local_date": [day] * count,
                "local_minute": [720 + offset // 60_000 for offset in offsets], "line_offset": list(offsets),
                "line_length": [9] * count,
            },
            schema_overrides={"group": GROUP, "local_minute": pl.Int16, "line_length": pl.Int32},
        )  # fmt: skip
        events = events.with_columns(pl.col("time", "started").dt.cast_time_unit("us"))
        end = Checkpoint(source, stream, first + count * 10)
        made = Commit(self.clock.now(), end, first, events, counts=Counts(count, count))
        self.journal.commit(made)
        self.written |= {(source, stream, offset): day for offset in offsets}
        return made

    def seal(self, **settings):
        settings = self.settings.model_copy(update={"seal_after": timedelta(0)} | settings)
        return archive.seal(self.journal, self.directory, now=self.clock.now(), settings=settings)

    def compact(self, before=date(2030, 1, 1)):
        return archive.compact(self.directory, now=self.clock.now(), before=before, settings=self.settings)

    def purge(self, before, **more):
        gone = archive.purge(self.directory, now=self.clock.now(), before=before, why="90 days are over", **more)
        for key, day in list(self.written.items()):
            if any(one.day == day for one in gone):
                del self.written[key]
        return gone

    def scan(self, **between):
        return archive.scan(self.directory, self.journal, **between).collect()

    def assert_whole(self):
        """Every event is there once, whichever way one looks, and verify agrees."""
        found = self.scan().select("source", "stream", "line_offset").rows()
        assert sorted(self.written) == sorted(found)
        assert [] == archive.verify(self.directory, self.journal.archive_head())

    def parquet(self):
        return sorted(str(path.relative_to(self.directory)) for path in self.directory.rglob("*.parquet*"))
