"""One Parquet file of sealed events: how it is written and read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote

import polars as pl

from filterwatch.archive import disk
from filterwatch.archive.manifest import Segment
from filterwatch.events import EVENT_SCHEMA, complete
from filterwatch.journal.batches import LOCAL_TIME, STORED_SCHEMA

LEVEL = 3
"""zstd level: 6 is 5 % smaller and takes a quarter longer.  Source: docs/decisions/0062-segments.md."""

ORDER = ("source", "client_ip", "stream", "line_offset")
"""Order within a file: a device's events stand together, which makes it a fifth smaller than order of time.  The last
two make it total, so that the same events give the same file."""

DAY = pl.coalesce("local_date", pl.col("time").dt.date())
"""The day an event is kept under; one without any time goes under the day it was journalled."""


def fingerprint(schema: Mapping[str, object]) -> str:
    """Return twelve hex digits that tell one set of columns and types from another."""
    return hashlib.sha256(repr([(name, str(dtype)) for name, dtype in schema.items()]).encode()).hexdigest()[:12]


COLUMNS = fingerprint(STORED_SCHEMA)


def folder(site: str, day: date) -> str:
    """Return where the events of a site and day lie below the archive's directory; as Hive and Spark write it."""
    return f"site={quote(site, safe='')}/date={day.isoformat()}"


def write(directory: Path, path: str, site: str, day: date, events: pl.DataFrame, numbers: tuple[int, int]) -> Segment:
    """Write *events* to *path* below *directory*, durably, and return what the manifest says of it."""
    target = directory / path
    disk.make_folder(target.parent)
    frame = complete(events, STORED_SCHEMA).select(STORED_SCHEMA.names()).sort(ORDER)
    frame.write_parquet(
        disk.unfinished(target), compression="zstd", compression_level=LEVEL, statistics=True, row_group_size=len(frame)
    )
    digest = disk.sha256(disk.unfinished(target))
    size = disk.unfinished(target).stat().st_size
    disk.finish(target)
    first, last = frame.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)
    return Segment(path, site, day.isoformat(), *numbers, len(frame), size, digest, _iso(first), _iso(last), COLUMNS)


def read(directory: Path, segments: Sequence[Segment]) -> pl.LazyFrame:
    """Return the events of *segments*, complete.

    Files with other columns than today's (an older filterwatch wrote them) are brought to today's: missing columns are
    null, lists of words may have grown.
    """
    today = [str(directory / one.path) for one in segments if one.columns == COLUMNS]
    older: dict[str, list[str]] = {}
    for one in segments:
        if one.columns != COLUMNS:
            older.setdefault(one.columns, []).append(str(directory / one.path))
    frames = [_scan(paths) for paths in (today, *older.values()) if paths]
    whole = [complete_lazily(frame) if number or not today else frame for number, frame in enumerate(frames)]
    if not whole:
        return pl.LazyFrame(schema=EVENT_SCHEMA)
    return pl.concat(whole).with_columns(LOCAL_TIME).select(EVENT_SCHEMA.names())


def _scan(paths: list[str]) -> pl.LazyFrame:
    return pl.scan_parquet(paths, hive_partitioning=False, glob=False, try_parse_hive_dates=False)


def complete_lazily(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return *frame* with the stored columns in their order and types; absent ones are null."""
    have = frame.collect_schema()
    return frame.select(
        (pl.col(name) if have[name] == dtype else pl.col(name).cast(dtype))
        if name in have
        else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in STORED_SCHEMA.items()
    )


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(UTC).isoformat()
