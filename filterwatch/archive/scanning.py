"""Reading events back: sealed and not yet sealed as one frame."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from filterwatch.archive import disk, segments
from filterwatch.archive.errors import ArchiveDamaged, explained
from filterwatch.archive.manifest import Manifest, Segment
from filterwatch.archive.sealing import unsealed
from filterwatch.journal import Reader, gather


def scan(
    directory: Path,
    journal: Reader | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    check: bool = False,
) -> pl.LazyFrame:
    """Return events, sealed and not, each exactly once, with all columns of EVENT_SCHEMA; in no order.

    It may be called while events are sealed and files compacted, and collected up to the archive's ``grace`` later.

    Args:
        directory: The archive.
        journal: The journal; without it only sealed events are seen.
        start: First local date, included; files of days before it are not opened.
        end: Last local date, included.
        check: Compare every file with its SHA-256 before it is read: for what is signed or sent out.

    Raises:
        ArchiveDamaged: The manifest was altered or cut, or with *check* a file.
    """
    # The journal first: what it has dropped by then, the manifest that is read next has.  The other way round, events
    # sealed in between would be in neither.
    since = datetime.combine(start, time.min, UTC) - timedelta(days=1) if start else None
    batches = journal.batches(first=since) if journal else []
    head = journal.archive_head() if journal else None
    with explained(directory):
        manifest = Manifest.read(directory)
        if head is not None and not manifest.knows(head):
            raise ArchiveDamaged(f"{directory}: manifest: its end is missing; put back a copy or let ingest seal again")
        wanted = _between(manifest, start, end)
        if check:
            _check(directory, wanted)
        sealed = segments.read(directory, wanted)
    if not batches:
        return sealed
    fresh = unsealed(gather(batches), manifest)
    if start is not None:
        fresh = fresh.filter(segments.DAY.ge(start).fill_null(value=True))
    if end is not None:
        fresh = fresh.filter(segments.DAY.le(end).fill_null(value=True))
    return pl.concat([sealed, fresh.lazy()]) if wanted else fresh.lazy()


def days(directory: Path, journal: Reader | None = None, *, start: date, end: date) -> list[date]:
    """Return the local dates from *start* to *end*, both included, that may hold events, sealed or not; ascending.

    Raises:
        ArchiveDamaged: The manifest was altered or cut.
    """
    # The journal first, as in scan.
    journalled = journal.hours(start, end)["date"].to_list() if journal else []
    with explained(directory):
        sealed = [one.day for one in _between(Manifest.read(directory), start, end)]
    return sorted({*journalled, *sealed})


def files(directory: Path, *, start: date | None = None, end: date | None = None) -> list[Path]:
    """Return the Parquet files that count, for engines that read files themselves (Spark): sealed events only.

    Never read ``*.parquet`` by a pattern: files that a larger one has replaced still lie there for a while.
    """
    with explained(directory):
        return [directory / one.path for one in _between(Manifest.read(directory), start, end)]


def _between(manifest: Manifest, start: date | None, end: date | None) -> list[Segment]:
    low, high = start or date.min, end or date.max
    return [one for part in manifest.partitions().values() for one in part if low <= one.day <= high]


def _check(directory: Path, wanted: list[Segment]) -> None:
    bad = [one.path for one in wanted if disk.sha256(directory / one.path) != one.sha256]
    if bad:
        raise ArchiveDamaged(f"{directory}: altered since they were sealed: {', '.join(bad)}; put back a copy")
