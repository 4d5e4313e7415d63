"""Reading the rows of Pi-hole FTL's database on, by their number: nothing lost, nothing twice.

FTL writes to it while we read: it is opened read-only for each look, and let go of at once.  A row may still change
while its question is answered, so rows are taken when they have been still for a moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

from filterwatch.clock import Clock
from filterwatch.lines import Checkpoint, Gap, LineBatch

ROW_BYTES: Final = 256
"""About what a row takes as a line; from it follows how many rows a batch may have."""

_COLUMNS = (
    "id", "timestamp", "type", "status", "domain", "client", "forward", "additional_info", "reply_type", "reply_time",
    "list_id",
)  # fmt: skip
_BUSY_SECONDS = 2.0
_FUTURE = timedelta(minutes=1)
"""A row from further ahead was written by a wrong clock: waiting for it to settle would stop everything behind it."""

SETTLE: Final = timedelta(seconds=5)
"""How old a row is when its question surely has its answer; FTL itself writes only some seconds later."""


class DatabaseSource:
    """Follows the queries of one database.

    The daemon calls :meth:`read` as it does for files, and journals each batch with its checkpoint before it asks for
    the next.  A line is one row as JSON; its offset is the row's ``id``.

    Args:
        name: Name of the source.
        database: The file.
        checkpoints: All stored checkpoints of this source; none means its very first start.
        clock: Time of day.
        settle: How old a row must be.
        at_end: At the very first start, leave out what is there.

    Attributes:
        name: Name of the source.
    """

    def __init__(
        self,
        name: str,
        database: Path,
        checkpoints: Sequence[Checkpoint],
        clock: Clock,
        *,
        settle: timedelta = SETTLE,
        at_end: bool = False,
    ) -> None:
        self.name: Final = name
        self._path = database
        self._clock = clock
        self._settle = settle
        last = max(checkpoints, key=lambda one: int(one.data.get("generation", 0)), default=None)
        self._generation = int(last.data.get("generation", 0)) if last else 0
        self._next = last.offset if last else 0
        self._anchor = last.data.get("anchor") if last else None
        self._at_end = at_end and last is None
        self._newest = self._next
        self.problem: str | None = None
        """What keeps the source from being read, for the technician; null while all is well."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Nothing is cut from rows."""
        return {}

    def lag(self) -> int:
        """Return about how many bytes are written and not yet handed out."""
        return max(0, self._newest - self._next) * ROW_BYTES

    def directories(self) -> list[str]:
        """Return the directory of the database, for :class:`~filterwatch.sources.hints.Hints`."""
        return [str(self._path.parent)]

    def forget(self) -> list[str]:
        """Return streams whose checkpoints may be deleted: none, the last one is needed."""
        return []

    def close(self) -> None:
        """Let go of the file; nothing is held."""

    def read(self, limit_bytes: int = 4 * 2**20) -> LineBatch | None:
        """Return the next rows, oldest first; null when there is nothing new now."""
        try:
            with closing(self._open()) as database:
                batch = self._read(database, max(1, limit_bytes // ROW_BYTES))
        except (sqlite3.Error, OSError) as error:
            self.problem = f"{self._path}: cannot read the database: {error}; check the path and that we may read it"
            return None
        self.problem = None
        return batch

    def _open(self) -> sqlite3.Connection:
        self._path.stat()
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        database = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        database.execute("BEGIN")  # one view of the file for all that is asked
        return database

    def _read(self, database: sqlite3.Connection, most: int) -> LineBatch | None:
        first, newest = database.execute("SELECT min(id), max(id) FROM queries").fetchone()
        gaps: tuple[Gap, ...] = ()
        if self._is_another(database, newest):
            gaps = (self._gap(None, "the database was replaced by another: what it held unread is gone"),)
            self._generation, self._next, self._anchor = self._generation + 1, 0, None
        elif first is not None and 0 < self._next < first:
            gaps = (self._gap(first, "rows were deleted from the database before they were read"),)
            self._next = first
        self._newest = (newest or 0) + 1
        if self._at_end:
            self._at_end, self._next = False, self._newest
            return self._batch([], (), ())
        rows = self._rows(database, most)
        if not rows and not gaps:
            return None
        self._anchor = rows[-1]["timestamp"] if rows else self._anchor
        return self._batch([json.dumps(row) for row in rows], tuple(int(str(row["id"])) for row in rows), gaps)

    def _is_another(self, database: sqlite3.Connection, newest: int | None) -> bool:
        """Return whether this is not the database that was read before: it ends earlier, or our last row differs."""
        if newest is None or not self._next:
            return False
        if newest < self._next - 1:
            return True
        row = database.execute("SELECT timestamp FROM queries WHERE id = ?", (self._next - 1,)).fetchone()
        return row is not None and self._anchor is not None and row[0] != self._anchor

    def _rows(self, database: sqlite3.Connection, most: int) -> list[dict[str, object]]:
        """Return the next rows up to the first that may still change."""
        have = {name for _, name, *_ in database.execute("PRAGMA table_info(queries)")}
        names = [name for name in _COLUMNS if name in have]
        now = self._clock.now()
        young, ahead = (now - self._settle).timestamp(), (now + _FUTURE).timestamp()
        # The names are ours: a column is asked for only where it stands in _COLUMNS.
        query = f"SELECT {', '.join(names)} FROM queries WHERE id >= ? ORDER BY id LIMIT ?"  # noqa: S608
        found: list[dict[str, object]] = []
        for values in database.execute(query, (self._next, most)):
            row = {name: _plain(value) for name, value in zip(names, values, strict=True)}
            stamp = row["timestamp"]
            if isinstance(stamp, int | float) and young < stamp <= ahead:
                break
            found.append(row)
        return found

    def _batch(self, lines: list[str], offsets: tuple[int, ...], gaps: tuple[Gap, ...]) -> LineBatch:
        first = offsets[0] if offsets else self._next
        self._next = offsets[-1] + 1 if offsets else self._next
        place = {"generation": self._generation, "anchor": self._anchor}
        return LineBatch(
            source=self.name,
            stream=self._stream,
            data="".join(f"{line}\n" for line in lines).encode(),
            first_offset=first,
            last_offset=self._next,
            path=str(self._path),
            read_at=self._clock.now(),
            checkpoint=Checkpoint(self.name, self._stream, self._next, place),
            gaps=gaps,
            offsets=offsets,
        )

    @property
    def _stream(self) -> str:
        return f"rows:{self._generation}"

    def _gap(self, upto: int | None, why: str) -> Gap:
        return Gap(self.name, self._stream, self._next, upto, self._clock.now(), f"{self._path}: {why}", certain=False)


def _plain(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
