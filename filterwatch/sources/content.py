"""The bytes of one file, plain or compressed, behind one pair of calls."""

from __future__ import annotations

import os
import stat
from typing import Protocol

from filterwatch.sources.compressed import Compressed


class Content(Protocol):
    """Uncompressed bytes by offset.

    :class:`Compressed` is the other one; its ``reach`` may take several calls and going back costs it a new start.
    """

    descriptor: int

    @property
    def complete(self) -> bool:
        """Whether what is there is all there will be, by the file's own format; a plain file never says so."""
        ...

    damage: str | None

    @property
    def position(self) -> int:
        """Offset up to which it was decoded; of a plain file 0."""
        ...

    def read(self, at: int, limit: int) -> bytes:
        """Return up to *limit* bytes from offset *at*; nothing where nothing is."""
        ...

    def reach(self, at: int, *, budget: int | None = None) -> bool:
        """Prepare to read at *at*, at most *budget* bytes of work now; return whether it is ready."""
        ...

    def at_end(self) -> bool:
        """Return whether nothing more can be reached now; meaningful after ``reach`` said no."""
        ...

    def close(self) -> None:
        """Give the descriptor back."""
        ...


class Plain:
    """A plain file.

    Args:
        descriptor: Open for reading; it is closed with this.
    """

    complete = False
    position = 0

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.damage: str | None = None

    def size(self) -> int:
        """Return its size now, bytes."""
        return os.fstat(self.descriptor).st_size

    def read(self, at: int, limit: int) -> bytes:
        """Return up to *limit* bytes from offset *at*."""
        return os.pread(self.descriptor, limit, at)

    def reach(self, at: int, *, budget: int | None = None) -> bool:
        """Return whether the file is that long."""
        del budget
        return at <= self.size()

    def at_end(self) -> bool:
        """Return True: nothing of a plain file needs decoding first."""
        return True

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)


def open_file(path: str, *, follow: bool) -> int:
    """Return a descriptor of the regular file at *path*; never waits (a FIFO) and never follows unless told.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags | (0 if follow else os.O_NOFOLLOW))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a regular file", path)
    return descriptor


def content_of(descriptor: int, *, compression: str | None) -> Content:
    """Return the content of an open file whose name says *compression*."""
    return Compressed(descriptor, compression) if compression else Plain(descriptor)
