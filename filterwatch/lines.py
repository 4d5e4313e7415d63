"""Lines on their way from a source to a decoder, and how far a source has been read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_LINE = 65_536
"""Bytes of a line that are kept; the rest is counted and cut.  Source: fault T24 (others stop at 100 KiB)."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far one stream of a source has been read *and journalled*.

    Attributes:
        source: Name of the source in the configuration.
        stream: Identity of what is read (a file's device, inode, generation ...): stable over renames.
        offset: Uncompressed byte offset just behind the last journalled line end.
        data: What else the source needs to go on from here (path, fingerprint, marker ...): JSON values.
    """

    source: str
    stream: str
    offset: int
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines that are known to be lost, or may be.

    Attributes:
        source: Name of the source.
        stream: The stream they were lost from, where known.
        first_offset: Offset from which nothing is known; null where not even that is.
        last_offset: Offset up to which it was lost; null where the end is unknown.
        noticed: When we saw it, UTC.
        why: One sentence for the technician.
        certain: False for copytruncate's "may have lost".
    """

    source: str
    stream: str
    first_offset: int | None
    last_offset: int | None
    noticed: datetime
    why: str
    certain: bool = True


@dataclass(frozen=True)
class LineBatch:
    r"""Whole lines of one stream, in order.

    Attributes:
        source: Name of the source in the configuration.
        stream: Identity of the file or socket.
        data: The bytes; every line ends in ``\n`` (a partial last line of a finished file gets one).
        first_offset: Offset of ``data[0]`` in the stream.
        last_offset: Offset behind the last byte taken from the stream.
        path: Where it was read, for people.
        read_at: When it was read, UTC; years and missing times are guessed from it.
        checkpoint: What to store once the batch is journalled.
        gaps: What was found lost before this batch.
        offsets: Offset of each line's first byte where lines were cut or NUL runs skipped; empty when the
            offsets follow from the bytes.
    """

    source: str
    stream: str
    data: bytes
    first_offset: int
    last_offset: int
    path: str
    read_at: datetime
    checkpoint: Checkpoint
    gaps: tuple[Gap, ...] = ()
    offsets: tuple[int, ...] = ()

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Index in ``data`` of each line's line end."""
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == 10).astype(np.int64)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Index in ``data`` of each line's first byte."""
        ends = self.ends
        return np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1]) if len(ends) else ends

    @cached_property
    def line_offsets(self) -> NDArray[np.int64]:
        """Offset in the stream of each line's first byte."""
        if self.offsets:
            return np.asarray(self.offsets, np.int64)
        return self.starts + self.first_offset

    def __len__(self) -> int:
        """Return how many lines."""
        return len(self.ends)

    def line(self, index: int) -> bytes:
        r"""Return one line without its line end; one ``\r`` before it goes too."""
        return self.data[int(self.starts[index]) : int(self.ends[index])].removesuffix(b"\r")
