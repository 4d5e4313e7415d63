"""A batch as bytes: where its lines and blanks are, and which lines hold bytes that need a closer look.

One odd byte must not slow down a whole batch: odd lines are told apart by vectorised byte tests before anything is
parsed, and only they take the exact path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]

BLANK, NEWLINE, TAB = 32, 10, 9
_MARGIN = 64
SEPARATOR = 31
"""Stands between columns once the fast path knows where they are; no regular line holds it."""


class Lines:
    """The lines of a batch.

    Attributes:
        array: The bytes; a reader may overwrite them, they are its own copy.
        starts: Place of each line's first byte.
        ends: Place of each line's line end.
        marks: Places of all blanks, line ends and control bytes, in order.
        first: Index in ``marks`` of each line's first mark.
        blanks: How many marks each line has before its line end; in a regular line all are blanks.
        regular: Whether a line holds printable ASCII (32 to 126) alone.

    Args:
        data: The bytes of the batch.
        tabs: Whether a regular line may hold tabs too.
    """

    def __init__(self, data: bytes, *, tabs: bool = False) -> None:
        # Windows may reach behind the last line: zeros stand there.
        self._padded: Bytes = np.empty(len(data) + _MARGIN, np.uint8)
        self._padded[: len(data)] = np.frombuffer(data, np.uint8)
        self._padded[len(data) :] = 0
        self.array: Bytes = self._padded[: len(data)]
        self.marks: Places = np.flatnonzero(self.array <= BLANK)
        kinds = self.array[self.marks]
        line_ends = np.flatnonzero(kinds == NEWLINE)
        self.ends: Places = self.marks[line_ends]
        self.starts: Places = _behind(self.ends)
        self.first: Places = _behind(line_ends)
        self.blanks: Places = line_ends - self.first
        self.regular: Mask = np.ones(len(self.ends), np.bool_)
        odd = (kinds != BLANK) & (kinds != NEWLINE)
        self._refuse(self.marks[odd & (kinds != TAB) if tabs else odd])
        if not data.isascii() or b"\x7f" in data:
            self._refuse(np.flatnonzero(self.array > 126))

    def __len__(self) -> int:
        """Return how many lines."""
        return len(self.ends)

    def _refuse(self, places: Places) -> None:
        self.regular[np.searchsorted(self.ends, places)] = False

    def mark(self, indices: Places) -> Places:
        """Return the places of the marks with *indices*; the nearest mark where there is none of that index."""
        places: Places = self.marks[np.clip(indices, 0, len(self.marks) - 1)]
        return places

    def byte(self, places: Places) -> Bytes:
        """Return the bytes at *places*; the nearest byte where a place is outside."""
        found: Bytes = self.array[np.clip(places, 0, len(self.array) - 1)]
        return found

    def windows(self, places: Places, width: int) -> Bytes:
        """Return a copy of *width* bytes from each of *places*, one row each; zeros behind the end of the batch."""
        views: Bytes = self._views(width)[places]
        return views

    def overwrite(self, places: Places, rows: Bytes) -> None:
        """Put *rows* of bytes, as :meth:`windows` gave them, back at *places*."""
        self._views(rows.shape[1])[places] = rows

    def _views(self, width: int) -> Bytes:
        views: Bytes = np.lib.stride_tricks.sliding_window_view(self._padded, width, writeable=True)
        return views

    def next_of(self, found: Places, places: Places) -> Places:
        """Return the first of *found* (ascending) at or behind each of *places*; the batch's length where none is."""
        return np.concatenate([found, [len(self.array)]])[np.searchsorted(found, places)]


def _behind(ends: Places) -> Places:
    return np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1]) if len(ends) else ends


def eight_digits(window: Bytes) -> tuple[Places, Mask]:
    """Return the number that eight bytes of each row are, and whether all of them are digits.

    Eight bytes at once in one machine word, as D. Lemire's "Quickly parsing eight digits" does it.
    """
    word = np.ascontiguousarray(window).view("<u8")[:, 0]
    high, three, six = (np.uint64(0x0101010101010101 * byte) for byte in (0xF0, 0x30, 0x06))
    good: Mask = ((word & high) == three) & (((word + six) & high) == three)
    pairs = word - three
    pairs = pairs * np.uint64(10) + (pairs >> np.uint64(8))
    every_fourth = np.uint64(0x000000FF000000FF)
    value = (pairs & every_fourth) * np.uint64(0x000F424000000064)
    value += ((pairs >> np.uint64(16)) & every_fourth) * np.uint64(0x0000271000000001)
    return (value >> np.uint64(32)).astype(np.int64), good


def kept(lines: Lines, mask: Mask) -> bytes:
    """Return the bytes of the lines in *mask*, as a reader left them."""
    array = lines.array
    if mask.all():
        return array.tobytes()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    firsts, lasts = edges[::2], edges[1::2] - 1
    starts, ends = lines.starts[firsts].tolist(), (lines.ends[lasts] + 1).tolist()
    view = memoryview(array.data)
    return b"".join(view[start:end] for start, end in zip(starts, ends, strict=True))
