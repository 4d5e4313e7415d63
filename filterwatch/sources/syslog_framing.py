r"""Cutting what syslog senders send into messages, and messages into lines of a file.

RFC 6587: a connection counts octets (``83 <134>...``) or ends each message with ``\n``; its first message tells which,
and it stays so.  Were it asked anew for each, a line that begins like a count could swallow those behind it.
"""

from __future__ import annotations

import re

_COUNTED = re.compile(rb"([1-9][0-9]{0,6}) <")
_MAYBE_COUNTED = re.compile(rb"[1-9][0-9]{0,6}(?: <?)?")
_COUNT = re.compile(rb"[\r\n\0]*([1-9][0-9]{0,6}) ")
_MAYBE_COUNT = re.compile(rb"[\r\n\0]*(?:[1-9][0-9]{0,6})?")
_ENDS = b"\r\n\0"


class FramingError(Exception):
    """What follows on a connection that counts octets is no count: where a message begins can no longer be told."""


def line_of(message: bytes, longest: int) -> bytes:
    r"""Return one line for *message*: ends stripped, ``\n`` inside as ``#012`` and NUL as ``#000``, as rsyslog does."""
    text = message[:longest].strip(_ENDS)
    if b"\n" in text or b"\0" in text:
        text = text.replace(b"\n", b"#012").replace(b"\0", b"#000")
    return text


class Framer:
    r"""Takes the bytes of one connection and gives lines; holds at most one message of *longest* bytes.

    Args:
        longest: Bytes of a message that are kept; the rest is passed over and the message counted in ``cut``.

    Attributes:
        cut: Messages over *longest* so far.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._held = b""
        self._counted: bool | None = None
        self._passing = 0
        """Octets of a counted message still to pass over."""
        self._over = False
        """Whether the head of the unfinished line was handed out and the rest is passed over."""
        self.cut = 0

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._held or self._passing or self._over)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that end in *data*; empty ones are left out.

        Raises:
            FramingError: No count where one must stand; lines before it are lost with it.
        """
        data = self._held + data
        self._held = b""
        if self._counted is None:
            data = data.lstrip(_ENDS)
            if not data or (_MAYBE_COUNTED.fullmatch(data) and not _COUNTED.match(data)):
                self._held = data
                return []
            self._counted = _COUNTED.match(data) is not None
        found = self._count(data) if self._counted else self._split(data)
        return [line for line in found if line]

    def finish(self) -> list[bytes]:
        """Return what a sender that closed its connection in order had not ended; of counted messages nothing."""
        held, self._held = self._held, b""
        if self._counted or self._over:
            return []
        line = line_of(held, self._longest)
        return [line] if line else []

    def _split(self, data: bytes) -> list[bytes]:
        *whole, rest = data.split(b"\n")
        found = []
        for piece in whole:
            if self._over:
                self._over = False
                continue
            self.cut += len(piece) > self._longest
            found.append(line_of(piece, self._longest))
        if self._over:
            return found
        if len(rest) > self._longest:
            self.cut += 1
            self._over = True
            found.append(line_of(rest, self._longest))
        else:
            self._held = rest
        return found

    def _count(self, data: bytes) -> list[bytes]:
        found = []
        at = 0
        if self._passing:
            at = min(self._passing, len(data))
            self._passing -= at
        while at < len(data):
            count = _COUNT.match(data, at)
            if count is None:
                if not _MAYBE_COUNT.fullmatch(data, at):
                    raise FramingError
                break
            end = count.end() + int(count[1])
            there = min(end, len(data))
            if there < end and there - count.end() <= self._longest:
                break
            found.append(line_of(data[count.end() : there], self._longest))
            self.cut += end - count.end() > self._longest
            self._passing, at = end - there, there
        self._held = data[at:].lstrip(_ENDS)
        return found
