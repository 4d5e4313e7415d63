"""Reading one open file on, without trusting that it still holds what was read from it."""

from __future__ import annotations

from filterwatch.sources.content import Content, Plain
from filterwatch.sources.cutting import Cut, Cutter, Trim
from filterwatch.sources.identity import ANCHOR, HEAD, Anchor, Print

_FAR = 2**62
"""Further than any file reaches: where a compressed one ends is not known before it is read."""


class TruncatedError(Exception):
    """The file no longer holds what was read from it: somebody emptied it in place."""


class Reader:
    """Reads one file on from an offset.

    Args:
        content: The file; closed with this.
        offset: Where to go on: just behind a line end, or 0.
        trim: What is kept of odd lines.

    Attributes:
        cutter: Cuts the lines.
        size: Bytes at the last look; of a compressed file those decoded so far.
    """

    def __init__(self, content: Content, offset: int, trim: Trim) -> None:
        self.content = content
        self.cutter = Cutter(offset, trim)
        self._head = content.read(0, HEAD)
        start = max(0, offset - ANCHOR)
        self._tail = self._rolling = content.read(start, offset - start)
        self._rest = b""
        self.size = offset

    @property
    def offset(self) -> int:
        """Behind the last line handed out."""
        return self.cutter.offset

    def head(self) -> Print:
        """Return the fingerprint of the first bytes that were handed out; before the first line, of what is there."""
        return Print.of(self._head[: self.offset or HEAD])

    def anchor(self) -> Anchor:
        """Return the fingerprint of the bytes before the offset."""
        return Anchor(self.offset, Print.of(self._tail))

    def measure(self) -> int:
        """Return up to which offset there is something to read now.

        Raises:
            TruncatedError: What was read is no longer there.
        """
        if not isinstance(self.content, Plain):
            at = self.cutter.position + len(self._rest)
            return at if at >= self.content.position and self.content.at_end() else _FAR
        self.size = self.content.size()
        if self.size < self.offset or not self._holds():
            raise TruncatedError
        if self.offset == 0 and len(self._head) < min(HEAD, self.size):
            self._head = self.content.read(0, HEAD)
        if self.size < self.cutter.position:
            self.cutter.rewind()
            self._rolling = self._tail
        return self.size

    def next(self, limit: int, upto: int) -> Cut | None:
        """Return the next whole lines, about *limit* bytes; null if there are none before offset *upto*.

        Raises:
            TruncatedError: What was read before is no longer there; what this call read is dropped.
        """
        while chunk := self._chunk(min(limit, upto - self.cutter.position)):
            # Look after reading: what was truncated before or during the read shows itself now.
            if not self._holds():
                raise TruncatedError
            at = self.cutter.position
            cut = self.cutter.feed(chunk, full=len(chunk) >= limit)
            self._use(chunk, at)
            if cut or (self.cutter.position == at and isinstance(self.content, Plain)):
                return cut
        return None

    def finish(self, upto: int) -> Cut | None:
        """Return the unterminated last line of a finished log, whose end *upto* is; null if there is none."""
        rest = self._rest
        if isinstance(self.content, Plain):
            rest = self.content.read(self.cutter.position, max(0, upto - self.cutter.position))
        at = self.cutter.position
        cut = self.cutter.finish(rest)
        self._use(rest, at)
        return cut

    def close(self) -> None:
        """Close the file."""
        self.content.close()

    def _chunk(self, wanted: int) -> bytes:
        """Return bytes from the cutter's position on; nothing if there are no new ones."""
        at = self.cutter.position
        if wanted <= 0:
            return b""
        if isinstance(self.content, Plain):
            return self.content.read(at, wanted)
        # A compressed file is read forwards only: what stood behind the last line end was kept.
        more = self.content.read(at + len(self._rest), wanted)
        return self._rest + more if more else b""

    def _use(self, chunk: bytes, at: int) -> None:
        """Note that the cutter went through *chunk*, which stands at *at*, up to its position."""
        used = self.cutter.position - at
        if at <= len(self._head) < HEAD:
            self._head += chunk[len(self._head) - at : HEAD - at]
        if not isinstance(self.content, Plain):
            self._rest = chunk[used:]
            self.size = at + len(chunk)
        self._rolling = (self._rolling + chunk[max(0, used - ANCHOR) : used])[-ANCHOR:]
        if self.cutter.position == self.cutter.offset:
            self._tail = self._rolling

    def _holds(self) -> bool:
        """Whether a plain file still holds what was read."""
        if not isinstance(self.content, Plain):
            return True
        if self.offset == 0:
            return self.content.read(0, len(self._head)) == self._head
        return self.content.read(self.offset - len(self._tail), len(self._tail)) == self._tail
