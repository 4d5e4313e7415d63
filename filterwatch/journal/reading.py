"""What any process may read from the journal, without holding its writer up."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import polars as pl

from filterwatch.errors import AS_FILTERWATCH
from filterwatch.events import DETECTION_SCHEMA, TIME, DataType
from filterwatch.journal.batches import Packed, Stored
from filterwatch.journal.database import connect, crc, microseconds, moment
from filterwatch.journal.errors import JournalDamaged, JournalError, explained
from filterwatch.lines import Checkpoint

_QUARANTINE: dict[str, DataType] = {
    "position": pl.Int64,
    "source": pl.String,
    "stream": pl.String,
    "line_offset": pl.Int64,
    "line_length": pl.Int32,
    "why": pl.String,
    "raw": pl.Binary,
    "noticed": TIME,
}
QUARANTINE_SCHEMA = pl.Schema(_QUARANTINE)
"""One row per undecodable line that is still kept."""

_GAP: dict[str, DataType] = {
    "position": pl.Int64,
    "source": pl.String,
    "stream": pl.String,
    "first_offset": pl.Int64,
    "last_offset": pl.Int64,
    "noticed": TIME,
    "why": pl.String,
    "certain": pl.Boolean,
}
GAP_SCHEMA = pl.Schema(_GAP)
"""One row per :class:`filterwatch.lines.Gap`."""

_TOTALS: dict[str, DataType] = {
    "source": pl.String,
    "lines": pl.Int64,
    "events": pl.Int64,
    "rejected": pl.Int64,
    "skipped": pl.Int64,
    "first_time": TIME,
    "last_time": TIME,
    "last_spoke": TIME,
}
TOTALS_SCHEMA = pl.Schema(_TOTALS)
"""One row per source: counts since the journal was made, earliest and latest event time, when lines last came."""

_HOURS: dict[str, DataType] = {"source": pl.String, "date": pl.Date, "hour": pl.Int8, "events": pl.Int64}
HOURS_SCHEMA = pl.Schema(_HOURS)
"""One row per source, local date and local hour (0 to 23) in which it had events."""

_POSITIONED_DETECTION: dict[str, DataType] = {**DETECTION_SCHEMA, "position": pl.Int64}
_COLUMNS = ", ".join(f'"{name}"' for name in DETECTION_SCHEMA.names())


class Reader:
    """A journal that is only read.  Safe for several threads; each answer is of whole batches.

    Args:
        path: The file.
        db: An open connection, which is closed with this.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db
        self._lock = threading.RLock()
        self._file = _identity(path)

    @classmethod
    def at(cls, path: Path) -> Reader:
        """Open the journal at *path* for reading.

        Raises:
            JournalError: There is none yet, or it may not be read.
        """
        try:
            if not path.exists():
                raise JournalError(f"{path}: journal: does not exist yet; start ingest first")
        except PermissionError:
            raise JournalError(f"{path}: journal: may not be read by this account; {AS_FILTERWATCH}") from None
        with explained(path):
            return cls(path, connect(path, writer=False))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def checkpoints(self, source: str) -> list[Checkpoint]:
        """Return how far each stream of *source* is journalled."""
        rows = self._rows(
            "select source, stream, position, data from checkpoint where source = ? order by stream", source
        )
        return [Checkpoint(source, stream, offset, json.loads(data)) for source, stream, offset, data in rows]

    def state(self) -> dict[str, bytes]:
        """Return what each part remembered with the last batch."""
        return dict(self._rows("select name, value from state"))

    def detections(self, after: int = 0, limit: int = 1000) -> pl.DataFrame:
        """Return up to *limit* detections behind position *after*, in order.

        Columns: DETECTION_SCHEMA and ``position`` (Int64, grows, has gaps): keep the last and ask for what comes after.
        After a damaged journal was restored, detections come again with the same ``id`` and a new position.
        """
        query = f"select {_COLUMNS}, position from detection where position > ? order by position limit ?"  # noqa: S608
        return _frame(self._rows(query, after, limit), _POSITIONED_DETECTION)

    def find_detections(self, begin: str) -> pl.DataFrame:
        """Return the detections whose ids begin with *begin*, each once, at most two; columns: DETECTION_SCHEMA."""
        query = (
            f"select {_COLUMNS} from detection where position in "  # noqa: S608
            "(select max(position) from detection where id >= ? and id < ? group by id limit 2)"
        )
        return _frame(self._rows(query, begin, f"{begin}g"), DETECTION_SCHEMA)

    def raw_lines(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Return the line behind each detection of *ids* that is still kept, credentials cut."""
        found: dict[str, bytes] = {}
        for one in ids:
            found.update(self._rows("select id, raw from detection where id = ? and raw is not null", one))
        return found

    def batches(self, *, first: datetime | None = None, rows: int | None = None) -> list[Stored]:
        """Return the batches that are not yet dropped, oldest first, still packed: one consistent view.

        Args:
            first: Leave out batches whose events are all before this event time.
            rows: Stop once there are so many events.

        Raises:
            JournalDamaged: A batch is not what was written.
        """
        found: list[Stored] = []
        with self._lock, explained(self.path):
            cursor = self._current().execute(
                "select * from batch where last_time is null or last_time >= ? order by id",
                [microseconds(first) if first else -(2**62)],
            )
            for number, *row, stored, data in cursor:
                if crc(*row, data=data) != stored:
                    raise JournalDamaged(
                        f"{self.path}: journal: batch {number} is damaged; restart ingest: it restores"
                    )
                committed, count, start, end, codec, constants = row
                packed = Packed(count, codec, constants, data)
                found.append(Stored(number, _known(committed), moment(start), moment(end), packed))
                rows = None if rows is None else rows - count
                if rows is not None and rows <= 0:
                    break
            cursor.close()
        return found

    def waiting(self) -> tuple[int, int, datetime | None]:
        """Return how many batches and events are not yet dropped, and when the oldest was journalled (UTC)."""
        ((batches, events, oldest),) = self._rows("select count(*), coalesce(sum(rows), 0), min(committed) from batch")
        return batches, events, moment(oldest)

    def quarantine(self, after: int = 0, limit: int = 1000) -> pl.DataFrame:
        """Return undecodable lines behind position *after*, in order; columns: QUARANTINE_SCHEMA."""
        query = "select * from quarantine where position > ? order by position limit ?"
        return _frame(self._rows(query, after, limit), QUARANTINE_SCHEMA)

    def gaps(self, after: int = 0, limit: int = 1000) -> pl.DataFrame:
        """Return gaps behind position *after*, in order; columns: GAP_SCHEMA."""
        return _frame(
            self._rows("select * from gap where position > ? order by position limit ?", after, limit), GAP_SCHEMA
        )

    def totals(self) -> pl.DataFrame:
        """Return the counts of each source; columns: TOTALS_SCHEMA."""
        return _frame(self._rows("select * from total order by source"), TOTALS_SCHEMA)

    def hours(self, first: date, last: date) -> pl.DataFrame:
        """Return events per source and local hour from *first* to *last*, both included; columns: HOURS_SCHEMA."""
        query = "select * from hour where date between ? and ? order by source, date, hour"
        rows = [(source, date.fromisoformat(day), hour, events) for source, day, hour, events in self._rows(
            query, first.isoformat(), last.isoformat()
        )]  # fmt: skip
        return pl.DataFrame(rows, schema=HOURS_SCHEMA, orient="row")

    def sources_last_spoke(self) -> dict[str, datetime]:
        """Return when lines of each source were last read, UTC."""
        return {source: _known(at) for source, at in self._rows("select source, last_spoke from total")}

    def copy_into(self, target: sqlite3.Connection) -> None:
        """Copy the whole file as it is at this moment; commits go on meanwhile."""
        with self._lock, explained(self.path):
            self._current().backup(target)

    def archive_head(self) -> str | None:
        """Return the hash of the archive's newest manifest line when batches were last dropped: verify's anchor."""
        found = self._rows("select value from meta where name = 'archive_head'")
        return str(found[0][0]) if found else None

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock, explained(self.path):
            return self._current().execute(query, values).fetchall()

    def _current(self) -> sqlite3.Connection:
        """Return a connection to the file that lies at the path now: a restored one takes a damaged one's place."""
        found = _identity(self.path)
        if found not in (self._file, None):
            self._db.close()
            self._db, self._file = connect(self.path, writer=False), found
        return self._db


def _frame(rows: list[Any], schema: Mapping[str, DataType]) -> pl.DataFrame:
    """Return SQLite's rows in *schema*: times are stored as microseconds, words as text, booleans as 0 and 1."""
    plain = {name: _stored_as(dtype) for name, dtype in schema.items()}
    return pl.DataFrame(rows, schema=plain, orient="row").cast(pl.Schema(schema))


def _stored_as(dtype: DataType) -> DataType:
    if isinstance(dtype, pl.Enum):
        return pl.String()
    return pl.Int64() if dtype in (TIME, pl.Boolean) else dtype


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _known(value: int) -> datetime:
    found = moment(value)
    assert found is not None  # noqa: S101 - the column is not null
    return found
