"""Reading compressed logs forwards in bounded memory: many members, cut short, garbled, or a bomb.

The standard file classes lose what they decoded just before an error and cannot say whether the end was the end, so
the decompressors are driven by hand.
"""

from __future__ import annotations

import bz2
import lzma
import os
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
}
"""First bytes of a compressed file and how it is compressed."""

BOMB_RATIO = 200
"""Bytes out for one byte in above which a file is not read on.  Source: fault S9; logs reach 10 to 60, zeros 1029."""

BOMB_BYTES = 64 * 2**20
"""Bytes out below which the ratio does not matter: a short repetitive log is no threat."""

_WINDOW = 2**27
"""Most memory a decompressor may ask for, bytes: ``xz -9`` needs 65 MiB, ``zstd --long`` 128 MiB."""

_BLOCK = 65_536
"""Compressed bytes taken at once."""

_STRIDE = 2**20
"""Uncompressed bytes decoded at once while skipping."""

_FIRST, _RECENT = 1024, 8192
"""Bytes that stay at hand from the head and from before the position: fingerprints are taken there."""

_SPOON = 256
"""zstd cannot limit what one call returns; 256 bytes in hold at most 64 blocks of 128 KiB out."""

_ERRORS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, ValueError, EOFError)


def kind_of(first: bytes) -> str | None:
    """Return how a file that starts with *first* (6 bytes are enough) is compressed; null if it is not."""
    return next((kind for magic, kind in MAGIC.items() if first.startswith(magic)), None)


class Compressed:
    """The uncompressed bytes of one file.

    Reading forwards is cheap.  Reading backwards starts again from the file's head, but for the head itself and what
    was read last.

    Args:
        descriptor: Where the compressed bytes are; it is closed with this.
        kind: A value of :data:`MAGIC`.
        first: Bytes already taken from a descriptor that cannot be rewound.

    Attributes:
        position: Offset of the next uncompressed byte.
        taken: Compressed bytes used so far.
        damage: Why nothing more can be decoded; null while all is well.
    """

    def __init__(self, descriptor: int, kind: str, first: bytes = b"") -> None:
        self.descriptor = descriptor
        self._kind = kind
        self._first = b""
        self._begin(first)

    def _begin(self, first: bytes = b"") -> None:
        self.position = 0
        self.taken = len(first)
        self.damage: str | None = None
        self._left = first
        self._member: _Member | None = None
        self._ahead = b""
        self._recent = b""

    @property
    def complete(self) -> bool:
        """Whether the file ends where its format says; meaningful once nothing more comes."""
        return self._member is None and not self._left and self.damage is None

    def read(self, at: int, limit: int) -> bytes:
        """Return up to *limit* bytes from offset *at*; nothing at the end or at damage."""
        if at + limit <= len(self._first):
            return self._first[at : at + limit]
        back = self.position - at
        if limit <= back <= len(self._recent):
            return self._recent[-back:][:limit]
        if not self.reach(at):
            return b""
        pieces = []
        while limit and (piece := self._take(limit)):
            pieces.append(piece)
            limit -= len(piece)
        return b"".join(pieces)

    def reach(self, at: int, *, budget: int | None = None) -> bool:
        """Move to offset *at*, decoding at most *budget* bytes now; return whether it is there."""
        if at < self.position:
            os.lseek(self.descriptor, 0, os.SEEK_SET)
            self._begin()
        goal = at if budget is None else min(at, self.position + budget)
        while self.position < goal and self._take(min(goal - self.position, _STRIDE)):
            pass
        return self.position == at

    def _take(self, most: int) -> bytes:
        """Return the next bytes and move behind them."""
        piece = self._ahead or self._decode(most)
        piece, self._ahead = piece[:most], piece[most:]
        self.position += len(piece)
        if len(self._first) < _FIRST and self.position - len(piece) == len(self._first):
            self._first += piece[: _FIRST - len(self._first)]
        self._recent = (self._recent + piece[-_RECENT:])[-_RECENT:]
        return piece

    def at_end(self) -> bool:
        """Return whether nothing more can be decoded now."""
        self._ahead = self._ahead or self._decode(_STRIDE)
        return not self._ahead

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    def _decode(self, limit: int) -> bytes:
        """Return the next bytes, about *limit* of them; nothing at the end or at damage."""
        out = b""
        while not out and self.damage is None and (self._member or self._start_member()) and self._member:
            block = self._block() if self._member.hungry else b""
            if self._member.hungry and not block:
                break
            try:
                out = self._member.feed(block, limit)
            except _ERRORS as error:
                self.damage = f"damaged: {error}"
                break
            if self._member.ended:
                self._left, self._member = self._member.rest(), None
            if self.position + len(out) > max(BOMB_BYTES, BOMB_RATIO * self.taken):
                self.damage = f"expands to more than {BOMB_RATIO} times its size, which no log does"
                out = b""
        return out

    def _start_member(self) -> bool:
        """Start the next member; false at the end of the file or at what is no member."""
        self._left = self._left.lstrip(b"\0")  # xz and tapes pad with zeros
        while len(self._left) < 6 and (more := os.read(self.descriptor, _BLOCK)):
            self.taken += len(more)
            self._left = (self._left + more).lstrip(b"\0")
        if kind_of(self._left) == self._kind:
            self._member = _MEMBERS[self._kind]()
            return True
        if len(self._left) >= 6:
            self.damage = f"damaged: what follows is not {self._kind}"
        return False

    def _block(self) -> bytes:
        if self._left:
            block, self._left = self._left, b""
            return block
        block = os.read(self.descriptor, _BLOCK)
        self.taken += len(block)
        return block


class _Member(Protocol):
    """Decoder of one member.  ``hungry``: gives nothing more without new bytes."""

    hungry: bool
    ended: bool

    def feed(self, block: bytes, limit: int) -> bytes: ...

    def rest(self) -> bytes:
        """Return what follows the ended member."""
        ...


class _Gzip:
    def __init__(self) -> None:
        self._engine = zlib.decompressobj(31)
        self.hungry, self.ended = True, False

    def feed(self, block: bytes, limit: int) -> bytes:
        out = self._engine.decompress(self._engine.unconsumed_tail + block, limit)
        self.hungry = not self._engine.unconsumed_tail and len(out) < limit
        self.ended = self._engine.eof
        return out

    def rest(self) -> bytes:
        return self._engine.unused_data


class _Stepped:
    """xz and bzip2, which Python drives alike."""

    def __init__(self, engine: lzma.LZMADecompressor | bz2.BZ2Decompressor) -> None:
        self._engine = engine
        self.hungry, self.ended = True, False

    def feed(self, block: bytes, limit: int) -> bytes:
        out = self._engine.decompress(block, limit)
        self.hungry, self.ended = self._engine.needs_input, self._engine.eof
        return out

    def rest(self) -> bytes:
        return self._engine.unused_data


class _Zstd:
    def __init__(self) -> None:
        self._engine = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        self._left = memoryview(b"")
        self.hungry, self.ended = True, False

    def feed(self, block: bytes, limit: int) -> bytes:
        del limit
        self._left = memoryview(block) if block else self._left
        out = b""
        while not out and self._left and not self.ended:
            out = self._engine.decompress(self._left[:_SPOON])
            self._left = self._left[_SPOON:]
            self.ended = self._engine.eof
        self.hungry = not self._left
        return out

    def rest(self) -> bytes:
        return self._engine.unused_data + bytes(self._left)


_MEMBERS: dict[str, Callable[[], _Member]] = {
    "gzip": _Gzip,
    "xz": lambda: _Stepped(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_WINDOW)),
    "bzip2": lambda: _Stepped(bz2.BZ2Decompressor()),
    "zstd": _Zstd,
}
