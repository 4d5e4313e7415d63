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


@contextmanager
def explained(directory: Path) -> Iterator[None]:
    """Turn failures of the disk inside the block into :class:`ArchiveError`."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise ArchiveError(
            f"{directory}: archive: cannot be read or written: {why}; free space or put it right, nothing is lost"
        ) from error
    except pl.exceptions.ComputeError as error:
        raise ArchiveError(f"{directory}: archive: a segment is unreadable; run filterwatch verify") from error
