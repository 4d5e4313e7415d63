r"""Cutting bytes into whole lines, on ``\n`` alone.

The common chunk (no NUL, no line over the limit) passes as one slice; only an odd one is gone through line by line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"
"""What some programs put before the first line; it is no part of it."""

NUL_RUN = 512
"""NULs in a row inside a line that are a hole in the file and not data: the line ends before them.

A crash leaves the rest of a block as zeros, a writer without O_APPEND leaves zeros after copytruncate.  Fewer stay
in the line: nobody may forge a new line with a few of them.
"""

_MOST_HOLES = 1000
"""Holes that may stand before one line end, so that memory stays bounded."""

_ZEROS = b"\0" * NUL_RUN
_NULS = re.compile(rb"\0*")


@dataclass(frozen=True, slots=True)
class Cut:
    r"""Whole lines from one chunk.

    Attributes:
        data: The lines, each with its ``\n``.
        first_offset: Offset of ``data[0]``.
        last_offset: Offset behind the last byte used.
        offsets: Offset of each line where they do not follow from the bytes; else empty.
    """

    data: bytes
    first_offset: int
    last_offset: int
    offsets: tuple[int, ...] = ()


@dataclass(slots=True)
class Trim:
    """What is kept of odd lines, and how much was not.

    Attributes:
        longest: Bytes of a line that are kept.
        cut_lines: Lines over the limit so far.
        nul_bytes: NULs skipped so far.
    """

    longest: int
    cut_lines: int = 0
    nul_bytes: int = 0


class Cutter:
    """Cuts one stream; feed it from :attr:`position`.

    Args:
        offset: Where it starts: just behind a line end.
        trim: What is kept of odd lines; it counts what is not.

    Attributes:
        offset: Behind the last line handed out.
        position: Behind the last byte used: further than *offset* only inside a line that is over the limit or a
            run of NULs, so that neither needs memory.
    """

    def __init__(self, offset: int, trim: Trim) -> None:
        self.offset = self.position = offset
        self._trim = trim
        self._longest = trim.longest
        self.rewind()

    def rewind(self) -> None:
        """Forget an unfinished line."""
        self.position = self.offset
        self._lines: list[tuple[int, bytes]] = []
        self._next_line()

    def _next_line(self) -> None:
        self._kept = bytearray()
        self._start: int | None = None
        self._nuls = 0
        self._over = False

    def feed(self, chunk: bytes, *, full: bool) -> Cut | None:
        """Return the whole lines in *chunk*; null if no line ends in it.

        Args:
            chunk: The bytes from :attr:`position` on.  Those behind its last line end are expected again.
            full: Whether more follows at once; an unfinished line in a full chunk is taken as far as it goes.
        """
        end = chunk.rfind(b"\n") + 1
        if not end:
            if full or self.position > self.offset or len(chunk) > self._longest:
                self._absorb(chunk)
            return None
        first = self.position
        if first > self.offset or chunk.find(b"\0", 0, end) >= 0 or self._has_long_line(chunk, end):
            return self._cut_odd(chunk, end)
        self.offset = self.position = first + end
        skip = len(BOM) if first == 0 and chunk.startswith(BOM) else 0
        return Cut(chunk[skip:end], first + skip, self.offset)

    def finish(self, chunk: bytes) -> Cut | None:
        """Return what stands behind the last line end of a finished stream as one more line; null if nothing does."""
        self._absorb(chunk)
        if self._start is not None:
            self._end_line()
        else:
            self._trim.nul_bytes += self._nuls
        return self._cut()

    def _has_long_line(self, chunk: bytes, end: int) -> bool:
        """Hop from the last line end within reach to the next: a few searches for megabytes."""
        at = 0
        while end - at > self._longest:
            found = chunk.rfind(b"\n", at, at + self._longest + 1)
            if found < 0:
                return True
            at = found + 1
        return False

    def _cut_odd(self, chunk: bytes, end: int) -> Cut | None:
        """Cut line by line."""
        for line in chunk[: end - 1].split(b"\n"):
            if self._start is None and not self._nuls and len(line) <= self._longest and b"\0" not in line:
                skip = len(BOM) if self.position == 0 and line.startswith(BOM) else 0
                self._lines.append((self.position + skip, line[skip:]))
                self.position += len(line) + 1
            else:
                self._absorb(line)
                self._end_line()
                self.position += 1
        return self._cut()

    def _absorb(self, piece: bytes) -> None:
        """Take *piece*, which holds no line end, into the unfinished line."""
        at = len(BOM) if self.position == 0 and piece.startswith(BOM) else 0
        base, size = self.position, len(piece)
        self.position += size
        while at < size:
            stop = at + _leading_nuls(piece, at)
            self._nuls += stop - at
            if stop == size:
                return
            self._end_hole()
            if self._start is None:
                self._start = base + stop
            hole = piece.find(_ZEROS, stop)
            at = hole if hole >= 0 else len(piece.rstrip(b"\0")) if piece.endswith(b"\0") else size
            self._keep(piece[stop : min(at, stop + self._longest + 1)])

    def _end_hole(self) -> None:
        """Decide what the NULs before a real byte are: data of this line, or a hole before the next."""
        if self._start is not None and (self._nuls < NUL_RUN or len(self._lines) >= _MOST_HOLES):
            self._keep(bytes(min(self._nuls, self._longest + 1)))
        else:
            if self._start is not None:
                self._lines.append((self._start, bytes(self._kept)))
                self._trim.cut_lines += self._over
            self._trim.nul_bytes += self._nuls
            self._kept, self._start, self._over = bytearray(), None, False
        self._nuls = 0

    def _keep(self, piece: bytes) -> None:
        room = self._longest - len(self._kept)
        self._kept += piece[:room]
        self._over = self._over or len(piece) > room

    def _end_line(self) -> None:
        """Close the unfinished line at :attr:`position`."""
        if self._start is not None and self._nuls < NUL_RUN:
            self._keep(bytes(self._nuls))
        else:
            self._trim.nul_bytes += self._nuls
        start = self.position if self._start is None else self._start
        self._lines.append((start, bytes(self._kept)))
        self._trim.cut_lines += self._over
        self._next_line()

    def _cut(self) -> Cut | None:
        """Return what is ready."""
        lines, self._lines = self._lines, []
        self.offset = self.position
        self._next_line()
        if not lines:
            return None
        data = b"\n".join(line for _, line in lines) + b"\n"
        return Cut(data, lines[0][0], self.offset, tuple(start for start, _ in lines))


def _leading_nuls(piece: bytes, at: int) -> int:
    """Return how many NULs in a row stand at *at*."""
    nuls = _NULS.match(piece, at)  # 3 GB/s; looking for what is no NUL does 0.3
    return nuls.end() - at if nuls else 0
