"""Moving events from the journal into the archive, exactly once.

1. Finish or undo what a killed predecessor began.
2. Take the oldest batches; leave out events that the manifest says are sealed already (a restored journal brings them
   again): within a stream offsets only grow, so "sealed through offset N" says all.
3. Name the files that are about to be made in ``_unfinished.json``.
4. Write each file under a temporary name, force it to the disk, rename it, force the folder to the disk.
5. Add one line to the manifest: from here the events are sealed.
6. Drop the batches from the journal.

A kill between any two steps is made good by step 1 or 2 of the next run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from filterwatch.archive import disk, segments
from filterwatch.archive.errors import explained
from filterwatch.archive.manifest import Line, Manifest, Segment
from filterwatch.archive.settings import Settings
from filterwatch.journal import Journal, Stored, gather

INTENT = "_unfinished.json"


def seal(journal: Journal, directory: Path, *, now: datetime, settings: Settings | None = None) -> list[Segment]:
    """Move events that are old enough, or fill a file, from *journal* to the archive; return the new files.

    May run beside commits and readers; other changes of the archive wait for it.  After a failure or a kill at any
    point the next call goes on.

    Args:
        journal: The open writer.
        directory: The archive; made where there is none.
        now: UTC.
        settings: When, and how large files become.

    Raises:
        ArchiveError: The disk is full or fails; nothing is lost.
        ArchiveDamaged: The manifest was altered; the journal keeps the events.
    """
    settings = settings or Settings()
    journal.merge()
    made: list[Segment] = []
    with explained(directory), disk.locked(directory):
        manifest = settled(directory)
        while batches := _due(journal, now, settings):
            made += _seal(journal, manifest, batches, now)
        manifest.roll(now)
    return made


def settled(directory: Path) -> Manifest:
    """Return the manifest once what a killed predecessor began is finished or undone; the lock must be held."""
    manifest = Manifest.read(directory)
    manifest.settle()
    intent = directory / INTENT
    if intent.exists():
        for path in json.loads(intent.read_bytes()):
            disk.remove(disk.unfinished(directory / path))
            if path not in manifest.live:
                disk.remove(directory / path)
        disk.remove(intent)
    return manifest


def announce(directory: Path, paths: Sequence[str]) -> None:
    """Say which files are about to be made, so that they can be removed should it not come to it."""
    disk.write(directory / INTENT, json.dumps(paths).encode())


def _due(journal: Journal, now: datetime, settings: Settings) -> list[Stored]:
    """Return the oldest batches when they fill a file or are old enough."""
    with Journal.open(journal.path, writer=False) as reader:
        batches = reader.batches(rows=settings.segment_events)
    rows = sum(one.packed.rows for one in batches)
    if not batches or (rows < settings.segment_events and now - batches[0].committed < settings.seal_after):
        return []
    return batches


def _seal(journal: Journal, manifest: Manifest, batches: Sequence[Stored], now: datetime) -> list[Segment]:
    numbers = batches[0].number, batches[-1].number
    events = unsealed(gather(batches), manifest)
    made: list[Segment] = []
    if len(events):
        keys = pl.col("site").fill_null(""), segments.DAY.fill_null(batches[0].committed.date()).alias("day")
        parts = sorted(events.select(keys).unique().rows())
        name = f"{numbers[0]:019}-{numbers[1]:019}.parquet"
        announce(manifest.directory, [f"{segments.folder(site, day)}/{name}" for site, day in parts])
        for site, day in parts:
            path = f"{segments.folder(site, day)}/{name}"
            part = events if len(parts) == 1 else events.filter(keys[0] == site, keys[1] == day)  # a filter copies
            made.append(segments.write(manifest.directory, path, site, day, part, numbers))
        through = events.group_by("source", "stream").agg(pl.col("line_offset").max() + 1)
        reached = {(source, stream): offset for source, stream, offset in through.iter_rows()}
        why = _why(journal, manifest)
        manifest.append(Line(manifest.lines + 1, now, "seal", why, added=tuple(made), through=reached))
        disk.remove(manifest.directory / INTENT)
    journal.drop(numbers[1], manifest.head)
    return made


def _why(journal: Journal, manifest: Manifest) -> str:
    """Return what is remarkable about this line: evidence that lines before it were lost is not to be lost as well."""
    known = journal.archive_head()
    if known is None or manifest.knows(known):
        return ""
    return f"the journal remembers line {known}, which is gone: the archive was set back"


def unsealed(events: pl.DataFrame, manifest: Manifest) -> pl.DataFrame:
    """Return those of *events* that the manifest does not say are sealed."""
    first = events.group_by("source", "stream").agg(pl.col("line_offset").min())
    if all(offset >= manifest.through.get((source, stream), 0) for source, stream, offset in first.iter_rows()):
        return events  # as always but after a restore; joining would cost a copy
    keys = [(source, stream, offset) for (source, stream), offset in manifest.through.items()]
    schema = {"source": pl.String, "stream": pl.String, "_through": pl.Int64}
    through = pl.DataFrame(keys, schema=schema, orient="row")
    joined = events.join(through, on=["source", "stream"], how="left", maintain_order="left")
    return joined.filter(pl.col("line_offset") >= pl.col("_through").fill_null(0)).drop("_through")
