"""Reading whole files once, from the first line to the last: for replay, decode and reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from filterwatch.clock import Clock, SystemClock
from filterwatch.errors import SourceUnreadable
from filterwatch.lines import LONGEST_LINE, Checkpoint, Gap, LineBatch
from filterwatch.sources.compressed import Compressed, kind_of
from filterwatch.sources.cutting import Cut, Cutter, Trim

STDIN = "-"
"""Name of standard input."""


def read_files(
    paths: Iterable[str | os.PathLike[str]],
    chunk_bytes: int = 4 * 2**20,
    *,
    source: str = "files",
    longest: int = LONGEST_LINE,
    clock: Clock | None = None,
) -> Iterator[LineBatch]:
    """Yield the lines of *paths*, one file after the other; a last line without a line end is a line too.

    A file is plain, gzip, xz, zstd or bzip2 by its first bytes, whatever its name; ``-`` is standard input.
    ``stream`` is the path as it was given.  ``read_at`` is the file's last write (standard input: now), so that a log
    without years is dated by when it was written.  What a damaged file does not give is a gap in its last batch, which
    may hold no line.

    Args:
        paths: The files.
        chunk_bytes: About how many bytes a batch holds.
        source: Name of the source in the batches.
        longest: Bytes of a line that are kept.
        clock: For ``read_at``; default: the machine's.

    Raises:
        SourceUnreadable: A file cannot be opened or read; those before it were yielded.
    """
    clock = clock or SystemClock()
    for one in paths:
        path = os.fspath(one)
        try:
            descriptor = os.dup(sys.stdin.fileno()) if path == STDIN else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            yield from _File(path, source, descriptor, clock).batches(chunk_bytes, Trim(longest))
        except OSError as error:
            raise SourceUnreadable(f"{path}: cannot be read: {error.strerror}") from None


class _File:
    """One open file."""

    def __init__(self, path: str, source: str, descriptor: int, clock: Clock) -> None:
        self._path, self._source, self._descriptor, self._clock = path, source, descriptor, clock

    def batches(self, chunk_bytes: int, trim: Trim) -> Iterator[LineBatch]:
        """Yield its lines; closes it."""
        cutter = Cutter(0, trim)
        rest = b""
        try:
            self._read_at = self._written()
            first = os.read(self._descriptor, 6)
            while 0 < len(first) < 6 and (more := os.read(self._descriptor, 6 - len(first))):
                first += more
            kind = kind_of(first)
            content = Compressed(self._descriptor, kind, first) if kind else _Piped(self._descriptor, first)
            while more := content.read(cutter.position + len(rest), chunk_bytes):
                chunk, at = rest + more, cutter.position
                cut = cutter.feed(chunk, full=False)
                rest = chunk[cutter.position - at :]
                if cut:
                    yield self._batch(cut)
        finally:
            os.close(self._descriptor)
        cut = cutter.finish(rest)
        gaps = () if content.complete else (self._gap(cutter.offset, content.damage or "cut short"),)
        if cut or gaps:
            yield self._batch(cut or Cut(b"", cutter.offset, cutter.offset), gaps)

    def _written(self) -> datetime:
        now = self._clock.now()
        written = datetime.fromtimestamp(os.fstat(self._descriptor).st_mtime, UTC)
        return written if self._path != STDIN and written < now else now

    def _gap(self, offset: int, damage: str) -> Gap:
        why = f"the compressed log is {damage}; look for another copy of it"
        return Gap(self._source, self._path, offset, None, self._read_at, why)

    def _batch(self, cut: Cut, gaps: tuple[Gap, ...] = ()) -> LineBatch:
        return LineBatch(
            source=self._source,
            stream=self._path,
            data=cut.data,
            first_offset=cut.first_offset,
            last_offset=cut.last_offset,
            path=self._path,
            read_at=self._read_at,
            checkpoint=Checkpoint(self._source, self._path, cut.last_offset),
            gaps=gaps,
            offsets=cut.offsets,
        )


class _Piped:
    """Bytes that come once: a plain file or a pipe."""

    complete = True
    damage = None

    def __init__(self, descriptor: int, first: bytes) -> None:
        self._descriptor = descriptor
        self._first = first

    def read(self, at: int, limit: int) -> bytes:
        """Return up to *limit* of the next bytes, as many as are to be had; *at* is where we are anyway."""
        del at
        pieces = [self._first]
        size, self._first = len(self._first), b""
        while size < limit and (piece := os.read(self._descriptor, limit - size)):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)
