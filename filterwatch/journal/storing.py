"""The statements of one commit; the caller opens and ends the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date, datetime

import polars as pl

from filterwatch.events import DETECTION_SCHEMA, complete
from filterwatch.journal.batches import Packed
from filterwatch.journal.commit import Commit
from filterwatch.journal.database import crc, microseconds
from filterwatch.journal.errors import AlreadyJournalled
from filterwatch.lines import Checkpoint, Gap

QUARANTINED_A_BATCH = 1000
"""Lines kept of one batch: a source in the wrong format must not cost more than one in the right one."""

QUARANTINED_BYTES = 4096
"""Bytes kept of an undecodable line; its length is kept whole."""

_COLUMNS = [*DETECTION_SCHEMA.names(), "raw", "crc"]
_NAMES, _VALUES = ", ".join(f'"{name}"' for name in _COLUMNS), ", ".join("?" * len(_COLUMNS))
_INSERT_DETECTION = f"insert into detection ({_NAMES}) values ({_VALUES})"  # noqa: S608 - names of our own columns


def check(commit: Commit) -> None:
    """Refuse what only a mistake in the program can bring.

    Raises:
        ValueError: Events that nothing could tell apart after a restart.
    """
    if not len(commit.events):
        return
    if commit.checkpoint is None or commit.first_offset is None:
        raise ValueError("events without a checkpoint and the offset they begin at")
    offsets = commit.events["line_offset"]
    earliest = offsets.min()
    if offsets.null_count() or not isinstance(earliest, int) or earliest < commit.first_offset:
        raise ValueError(f"events of {commit.checkpoint.source} lie before their batch or nowhere")


def named(commit: Commit) -> pl.DataFrame:
    """Return the events with their source and stream: what they are told apart by, so it is not left to chance."""
    at = commit.checkpoint
    if at is None:
        return commit.events
    return commit.events.with_columns(pl.lit(at.source).alias("source"), pl.lit(at.stream).alias("stream"))


def checkpoint(db: sqlite3.Connection, new: Checkpoint, first_offset: int | None) -> None:
    """Move a stream on.

    Raises:
        AlreadyJournalled: *first_offset* (without lines: the checkpoint itself) lies before where the stream stands.
    """
    known = db.execute(
        "select position from checkpoint where source = ? and stream = ?", [new.source, new.stream]
    ).fetchone()
    start = new.offset if first_offset is None else first_offset
    if new.offset < start or (known is not None and start < known[0]):
        stands = known[0] if known else 0
        raise AlreadyJournalled(
            f"journal: source {new.source}: lines {start} to {new.offset} of stream {new.stream} are journalled "
            f"up to {stands} already; nothing was changed"
        )
    data = json.dumps(new.data, sort_keys=True)
    row = new.source, new.stream, new.offset, data
    db.execute("insert or replace into checkpoint values (?, ?, ?, ?, ?)", [*row, crc(*row)])


def batch(db: sqlite3.Connection, packed: Packed, times: tuple[int | None, int | None], committed: int) -> int:
    """Store events and return the batch's number."""
    row = committed, packed.rows, *times, packed.codec, packed.constants
    done = db.execute(
        "insert into batch (committed, rows, first_time, last_time, codec, constants, crc, events)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        [*row, crc(*row, data=packed.data), packed.data],
    )
    return done.lastrowid or 0


def detections(db: sqlite3.Connection, rows: pl.DataFrame) -> None:
    """Store *rows* in their order."""
    frame = complete(rows, DETECTION_SCHEMA)
    if "raw" not in frame.columns:
        frame = frame.with_columns(raw=pl.lit(None, dtype=pl.Binary))
    plain = frame.select(*DETECTION_SCHEMA.names(), "raw").with_columns(
        pl.col(pl.Datetime).cast(pl.Int64), pl.col(pl.Enum).cast(pl.String), pl.col(pl.Boolean).cast(pl.Int64)
    )
    db.executemany(_INSERT_DETECTION, ((*row, crc(*row[:-1])) for row in plain.iter_rows()))


def quarantine(db: sqlite3.Connection, at: Checkpoint, rows: pl.DataFrame, noticed: datetime, keep: int) -> None:
    """Store the newest of *rows*; the source's older lines make room beyond *keep*."""
    newest = rows.tail(QUARANTINED_A_BATCH).select("line_offset", "line_length", "why", "raw")
    db.executemany(
        "insert into quarantine (source, stream, line_offset, line_length, why, raw, noticed)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        [
            (at.source, at.stream, offset, length, why, raw[:QUARANTINED_BYTES], microseconds(noticed))
            for offset, length, why, raw in newest.iter_rows()
        ],
    )
    db.execute(
        "delete from quarantine where source = ?1 and position <= (select position from quarantine where source = ?1"
        " order by position desc limit 1 offset ?2)",
        [at.source, keep],
    )


def gaps(db: sqlite3.Connection, found: Iterable[Gap]) -> None:
    """Store *found*."""
    db.executemany(
        "insert into gap (source, stream, first_offset, last_offset, noticed, why, certain)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        [
            (gap.source, gap.stream, gap.first_offset, gap.last_offset, microseconds(gap.noticed), gap.why, gap.certain)
            for gap in found
        ],
    )


def state(db: sqlite3.Connection, changed: Mapping[str, bytes]) -> None:
    """Store what parts remember."""
    db.executemany(
        "insert or replace into state values (?, ?, ?)",
        [(name, value, crc(name, data=value)) for name, value in changed.items()],
    )


def times(events: pl.DataFrame) -> tuple[int | None, int | None]:
    """Return the earliest and latest event time in microseconds; null where no event has one."""
    if "time" not in events.columns or not len(events):
        return None, None
    first, last = events.select(
        pl.col("time").min().cast(pl.Int64).alias("first"), pl.col("time").max().cast(pl.Int64).alias("last")
    ).row(0)
    return first, last


def totals(db: sqlite3.Connection, commit: Commit, span: tuple[int | None, int | None]) -> None:
    """Add a batch's counts to its source's, and its events to their local hours."""
    if commit.checkpoint is None or not commit.counts.lines:
        return
    source, counts = commit.checkpoint.source, commit.counts
    db.execute(
        """insert into total values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (source) do update set
        lines = lines + excluded.lines, events = events + excluded.events, rejected = rejected + excluded.rejected,
        skipped = skipped + excluded.skipped,
        first_time = min(coalesce(first_time, excluded.first_time), coalesce(excluded.first_time, first_time)),
        last_time = max(coalesce(last_time, excluded.last_time), coalesce(excluded.last_time, last_time)),
        last_spoke = max(last_spoke, excluded.last_spoke)""",
        [source, counts.lines, counts.events, counts.rejected, counts.skipped, *span, microseconds(commit.read_at)],
    )
    db.executemany(
        "insert into hour values (?, ?, ?, ?)"
        " on conflict (source, date, hour) do update set events = events + excluded.events",
        [(source, day.isoformat(), hour, events) for day, hour, events in _hours(commit.events)],
    )


def _hours(events: pl.DataFrame) -> Iterable[tuple[date, int, int]]:
    if not {"local_date", "local_minute"} <= set(events.columns) or not len(events):
        return []
    hours = events.select("local_date", hour=pl.col("local_minute") // 60).drop_nulls()
    return hours.group_by("local_date", "hour").len().iter_rows()
