"""Copies of the journal, and what happens when the file turns out damaged."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filterwatch.journal.database import advance, connect, damage, migrate
from filterwatch.journal.storing import gaps
from filterwatch.lines import Gap

GENERIC = 1
_DAMAGED = (GENERIC, 11, 26)
"""SQLITE_ERROR (a table is missing), SQLITE_CORRUPT, SQLITE_NOTADB."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """A damaged journal was set aside.

    Attributes:
        problem: What was wrong with it.
        kept: Where the damaged file lies now; null where it was gone.
        restored: The copy that took its place; null where there was none and a new journal was begun.
    """

    problem: str
    kept: Path | None
    restored: Path | None

    def __str__(self) -> str:
        """Return one sentence for the technician."""
        kept = f"; the damaged file is kept as {self.kept.name}" if self.kept else ""
        if self.restored is None:
            return f"the journal was damaged ({self.problem}) and begun anew: the logs are read again{kept}"
        return (
            f"the journal was damaged ({self.problem}) and restored from {self.restored.name}: "
            f"what came after is read again from the logs{kept}"
        )


def stamp(now: datetime) -> str:
    """Return *now* for a file name; names sort by time."""
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def copies(journal: Path) -> list[Path]:
    """Return the copies of *journal*, newest first."""
    return sorted(journal.parent.glob(f"{journal.name}.backup-*Z"), reverse=True)


def copy(copy_into: Callable[[sqlite3.Connection], None], journal: Path, now: datetime, keep: int) -> Path:
    """Put a copy of *journal* beside it, durably, and remove all but the newest *keep* copies."""
    target = journal.with_name(f"{journal.name}.backup-{stamp(now)}")
    unfinished = journal.with_name(f"{journal.name}.copying")
    _clear(unfinished)
    made = sqlite3.connect(unfinished, isolation_level=None)
    try:
        copy_into(made)
        made.execute("pragma journal_mode = delete")
    finally:
        made.close()
    unfinished.chmod(0o600)
    sync(unfinished)
    unfinished.rename(target)
    sync(journal.parent)
    for old in copies(journal)[keep:]:
        old.unlink()
    return target


def recover(journal: Path, now: datetime) -> Recovery | None:
    """Check *journal*; where it is damaged or gone, put the newest sound copy in its place.

    What happened is recorded in the file that takes its place as a gap of source ``journal``.
    """
    found = copies(journal)
    lost = not journal.exists() or not journal.stat().st_size
    problem = ("it was gone" if found else None) if lost else _problem(journal)
    if problem is None:
        return None
    kept = _set_aside(journal, now)
    unfinished = journal.with_name(f"{journal.name}.restoring")
    sound = next((one for one in found if _try(one, unfinished)), None)
    recovery = Recovery(problem, kept, sound)
    if sound is None:
        _clear(unfinished)
    _record(unfinished, recovery, now)
    sync(unfinished)
    unfinished.rename(journal)
    sync(journal.parent)
    return recovery


def _try(candidate: Path, unfinished: Path) -> bool:
    """Copy *candidate* to *unfinished* and return whether it is sound."""
    _clear(unfinished)
    shutil.copyfile(candidate, unfinished)
    unfinished.chmod(0o640)
    return _problem(unfinished) is None


def _clear(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _record(path: Path, recovery: Recovery, now: datetime) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
    db = connect(path, writer=True)
    try:
        migrate(db, path)
        advance(db, now)
        gaps(db, [Gap("journal", "journal.db", None, None, now, str(recovery), certain=False)])
    finally:
        db.close()  # the last connection: the -wal goes into the file


def sync(path: Path) -> None:
    """Return once *path*, a file or a directory, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _problem(path: Path) -> str | None:
    try:
        db = connect(path, writer=True)
        try:
            return damage(db)
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", GENERIC) & 0xFF not in _DAMAGED:
            raise  # the disk is full or the file is not ours: no damage
        return str(error)
    except (TypeError, ValueError) as error:  # a value of another type than was written
        return str(error)


def _set_aside(journal: Path, now: datetime) -> Path | None:
    """Move what is left of *journal*; a -wal whose database is gone would be deleted by the next one."""
    kept = journal.with_name(f"{journal.name}.corrupt-{stamp(now)}")
    parts = [suffix for suffix in ("-wal", "-shm", "") if journal.with_name(journal.name + suffix).exists()]
    for suffix in parts:
        journal.with_name(journal.name + suffix).rename(kept.with_name(kept.name + suffix))
    sync(journal.parent)
    return kept if parts else None
