"""What can go wrong with the archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from filterwatch.errors import FilterwatchError


class ArchiveError(FilterwatchError):
    """The archive could not be read or written; a step that failed is undone or finished by the next one."""


class ArchiveDamaged(ArchiveError):
    """What is on the disk is not what was sealed; `filterwatch verify` lists all of it."""


class ManifestDamaged(ArchiveDamaged):
    """A line of the manifest is not what was written.

    Args:
        path: The manifest.
        line: Which line, from 1.
        why: What is wrong with it.
    """

    def __init__(self, path: Path, line: int, why: str) -> None:
        self.path = path
        self.line = line
        self.why = f"{why}; put back a copy of the archive from before"
        super().__init__(f"{path}:{line}:1: manifest: {self.why}")


@contextmanager
def explained(directory: Path) -> Iterator[None]:
    """Turn failures of the disk inside the block into :class:`ArchiveError`."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # Polars' own
            raise ArchiveError(f"{directory}: archive: a segment is gone; run filterwatch verify") from error
        why = f"cannot be read or written: {error.strerror}; free space or put it right, nothing is lost"
        raise ArchiveError(f"{directory}: archive: {why}") from error
    except pl.exceptions.ComputeError as error:
        raise ArchiveError(f"{directory}: archive: a segment is unreadable; run filterwatch verify") from error
