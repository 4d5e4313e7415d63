"""What can go wrong with the journal, in words for the technician."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filterwatch.errors import FilterwatchError


class JournalError(FilterwatchError):
    """The journal could not be read or written; after a failed commit nothing has changed and it may be tried again."""


class JournalFull(JournalError):
    """There is no room for the batch; reading waits and the same batch is committed once there is."""


class JournalBusy(JournalError):
    """Another process writes this journal; the caller ends with exit code 75 (EX_TEMPFAIL)."""


class JournalDamaged(JournalError):
    """What is on the disk is not what was written; trying again does not help, a restart restores the newest copy."""


class AlreadyJournalled(FilterwatchError):
    """The batch begins before the stream's checkpoint: its lines are journalled already and would count twice.

    Trying again does not help; a restart goes on from the checkpoint.
    """


_FULL, _IO, _CORRUPT, _NOT_SQLITE, _BUSY, _LOCKED, _READ_ONLY, _CANNOT_OPEN = 13, 10, 11, 26, 5, 6, 8, 14
"""SQLite's primary result codes (sqlite.org/rescode.html)."""


def explain(path: Path, error: sqlite3.Error) -> JournalError:
    """Return what *error* means for the journal at *path*, with the remedy."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == _FULL:
        return JournalFull(f"{path}: journal: no room for the next batch: {error}; free disk space, nothing is lost")
    if code in (_CORRUPT, _NOT_SQLITE):
        return JournalDamaged(f"{path}: journal: damaged: {error}; restart ingest, it restores the newest backup")
    if code in (_BUSY, _LOCKED):
        return JournalError(f"{path}: journal: locked by another program: {error}; close what has it open")
    if code in (_READ_ONLY, _CANNOT_OPEN):
        return JournalError(f"{path}: journal: cannot be opened: {error}; check that the file and folder are ours")
    if code == _IO:
        # SQLite says this also where a full disk has no room for its shared memory.
        remedy = "free disk space where it is full, else look at the kernel's log; nothing is lost"
        return JournalError(f"{path}: journal: the disk failed: {error}; {remedy}")
    return JournalError(f"{path}: journal: {error}")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors inside the block into :class:`JournalError` and its kinds."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise explain(path, error) from error
