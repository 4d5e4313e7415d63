"""The one writer of the journal."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal, overload

from filterwatch.clock import Clock, SystemClock
from filterwatch.journal import recovery, storing
from filterwatch.journal.batches import ROWS_FOR_PARQUET, Stored, gather, pack
from filterwatch.journal.commit import Commit
from filterwatch.journal.database import advance, connect, microseconds, migrate
from filterwatch.journal.errors import JournalError, explained
from filterwatch.journal.locking import WriterLock
from filterwatch.journal.reading import Reader
from filterwatch.journal.settings import Settings

_SYSTEM = SystemClock()
_DEFAULTS = Settings()
MERGED_ROWS = 65_536
"""Events that small batches are put together to at most."""

SPARE_PAGES = 16_384
"""Free pages (64 MiB) the file may keep for the next hours before it is made smaller."""


class Journal(Reader):
    """The journal with the right to write it.  Safe for several threads; made by :meth:`open`.

    Attributes:
        recovered: What happened when the file turned out damaged at the start; null where it was sound.  It is also
            recorded as a gap of source ``journal``.
    """

    def __init__(self, path: Path, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        try:
            self._right = WriterLock(path)
        except OSError as error:
            raise JournalError(
                f"{path}: journal: cannot be written: {error.strerror}; check folder and owner"
            ) from error
        try:
            with explained(path):
                db, self.recovered = _prepare(path, clock)
        except BaseException:
            self._right.release()
            raise
        super().__init__(path, db)
        self._remembered = self.state()

    @overload
    @classmethod
    def open(cls, path: Path, *, writer: Literal[True], clock: Clock = ..., settings: Settings = ...) -> Journal: ...

    @overload
    @classmethod
    def open(cls, path: Path, *, writer: Literal[False], clock: Clock = ..., settings: Settings = ...) -> Reader: ...

    @classmethod
    def open(
        cls, path: Path, *, writer: bool, clock: Clock = _SYSTEM, settings: Settings = _DEFAULTS
    ) -> Journal | Reader:
        """Open the journal at *path*; a writer makes it where there is none.

        A writer checks the file first.  A damaged one is set aside as ``.corrupt-<time>`` and the newest sound copy
        takes its place; what came after the copy is read again from the logs, as the checkpoints then say.

        Raises:
            JournalBusy: Another process writes it.
            JournalError: It cannot be opened.
        """
        return Journal(path, clock, settings) if writer else Reader.at(path)

    def close(self) -> None:
        """Let go of the file and of the right to write it."""
        with self._lock:
            super().close()
            self._right.release()

    def commit(self, *commits: Commit) -> int:
        """Write batches in one transaction; when this returns they are on the disk.

        Either all of it has happened or nothing.  A failed commit can be tried again as it is.

        Returns:
            The number of the last batch of events; 0 where there were none.

        Raises:
            AlreadyJournalled: A batch begins before its stream's checkpoint; it must not be tried again.
            JournalFull: No room.
            JournalError: The disk failed.
        """
        for one in commits:
            storing.check(one)
        packed = [pack(storing.named(one)) if len(one.events) else None for one in commits]
        spans = [storing.times(one.events) for one in commits]
        number = 0
        remembered = dict(self._remembered)
        with self._transaction() as db:
            for one, events, span in zip(commits, packed, spans, strict=True):
                if one.checkpoint is not None:
                    storing.checkpoint(db, one.checkpoint, one.first_offset)
                if events is not None:
                    number = storing.batch(db, events, span, microseconds(self._clock.now()))
                self._store_findings(db, one)
                storing.totals(db, one, span)
                remembered.update(one.state)
            changed = {name: value for name, value in remembered.items() if self._remembered.get(name) != value}
            storing.state(db, changed)
        self._remembered = remembered
        return number

    def _store_findings(self, db: sqlite3.Connection, one: Commit) -> None:
        if len(one.detections):
            storing.detections(db, one.detections)
        if len(one.quarantined) and one.checkpoint is not None:
            storing.quarantine(db, one.checkpoint, one.quarantined, one.read_at, self._settings.quarantine_lines)
        if one.gaps:
            storing.gaps(db, one.gaps)

    def forget(self, source: str, streams: Iterable[str]) -> None:
        """Drop the checkpoints of streams that no longer exist."""
        with self._transaction() as db:
            db.executemany("delete from checkpoint where source = ? and stream = ?", [(source, one) for one in streams])

    def drop(self, last: int, archive_head: str) -> None:
        """Drop the batches up to number *last*, which the archive now holds.

        Args:
            last: Number of the last batch that is sealed.
            archive_head: Hash of the manifest line that says so.
        """
        with self._transaction() as db:
            db.execute("delete from batch where id <= ?", [last])
            db.execute("insert or replace into meta values ('archive_head', ?)", [archive_head])
        self._shrink()

    def merge(self, at_least: int = 64) -> int:
        """Put small batches together and return how many; a quiet hour would be thousands to open.

        Only the thread that seals and drops may call it.  Nothing changes for a reader but the batches' number.
        """
        ((many,),) = self._rows("select count(*) from batch where rows < ?", ROWS_FOR_PARQUET)
        if many < at_least:
            return 0
        with Reader.at(self.path) as reader:
            small = max(_runs(reader.batches()), key=len, default=[])
        if len(small) < at_least:
            return 0
        events = gather(small)
        packed, span = pack(events), storing.times(events)
        numbers = [one.number for one in small]
        with self._transaction() as db:
            db.executemany("delete from batch where id = ?", [(number,) for number in numbers])
            number = storing.batch(db, packed, span, min(microseconds(one.committed) for one in small))
            db.execute("update batch set id = ? where id = ?", [numbers[-1], number])
        return len(small)

    def purge(self) -> dict[str, int]:
        """Delete what has been kept for as long as the settings say; return how many rows of each kind."""
        lines = microseconds(self._clock.now() - self._settings.keep_quarantine)
        old = microseconds(self._clock.now() - self._settings.keep_detections)
        with self._transaction() as db:
            done = {
                "quarantine": db.execute("delete from quarantine where noticed < ?", [lines]).rowcount,
                "raw": db.execute(
                    "update detection set raw = null where time < ? and raw is not null", [lines]
                ).rowcount,
                "detection": db.execute("delete from detection where time < ?", [old]).rowcount,
            }
        self._shrink()
        return done

    def backup(self) -> Path | None:
        """Copy the journal beside itself unless the newest copy is young enough; return the new copy.

        Commits go on meanwhile.
        """
        now = self._clock.now()
        newest = next(iter(recovery.copies(self.path)), None)
        due = recovery.stamp(now - self._settings.backup_every)
        if newest is not None and due < newest.name.rpartition("-")[2] <= recovery.stamp(now + timedelta(minutes=1)):
            return None
        try:
            with explained(self.path), Reader.at(self.path) as reader:
                return recovery.copy(reader.copy_into, self.path, now, self._settings.backups)
        except OSError as error:
            raise JournalError(f"{self.path}: journal: cannot be copied: {error.strerror}; free disk space") from error

    def _shrink(self) -> None:
        with self._lock, explained(self.path):
            spare = self._db.execute("pragma freelist_count").fetchone()[0] - SPARE_PAGES
            if spare > 0:
                self._db.execute(f"pragma incremental_vacuum({spare})").fetchall()

    def _current(self) -> sqlite3.Connection:
        return self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self.path):
            self._db.execute("begin immediate")
            try:
                yield self._db
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise


def _runs(batches: Iterable[Stored]) -> Iterator[list[Stored]]:
    """Return small batches that stand next to each other: within a stream, events must stay in order of offset."""
    run: list[Stored] = []
    rows = 0
    for one in batches:
        if one.packed.rows >= ROWS_FOR_PARQUET or rows + one.packed.rows > MERGED_ROWS:
            yield run
            run, rows = [], 0
        if one.packed.rows < ROWS_FOR_PARQUET:
            run.append(one)
            rows += one.packed.rows
    yield run


def _prepare(path: Path, clock: Clock) -> tuple[sqlite3.Connection, recovery.Recovery | None]:
    """Return a sound, up-to-date file, and what had to be done for it."""
    now = clock.now()
    recovered = recovery.recover(path, now)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
    db = connect(path, writer=True)
    try:
        migrate(db, path)
        advance(db, now)
    except BaseException:
        db.close()
        raise
    return db, recovered
