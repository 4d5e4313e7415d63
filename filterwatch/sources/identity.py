"""What makes two files the same log: the inode with its generation, the head, and the bytes before an offset.

Inodes are reused at once (200 of 200 on ext4), so an inode alone proves nothing; a generation is not there on
overlayfs and tmpfs; copytruncate keeps both.  The bytes decide.
"""

from __future__ import annotations

import fcntl
import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

HEAD = 1024
"""Bytes of a log's head that are fingerprinted, as soon as they are read."""

ANCHOR = 4096
"""Bytes before an offset that are fingerprinted."""

# linux/fs.h: _IOR('v', 1, long); the size of a long differs on 32-bit machines.
_GETVERSION = (2 << 30) | (struct.calcsize("l") << 16) | (ord("v") << 8) | 1


def generation(descriptor: int) -> int | None:
    """Return the inode's generation; null where the file system has none (overlayfs, tmpfs)."""
    answer = bytearray(8)
    try:
        fcntl.ioctl(descriptor, _GETVERSION, answer)
    except OSError:
        return None
    return int(struct.unpack_from("=I", answer)[0])


@dataclass(frozen=True, slots=True)
class Print:
    """Fingerprint of some bytes."""

    length: int
    digest: str

    @classmethod
    def of(cls, data: bytes) -> Print:
        """Return the fingerprint of *data*."""
        return cls(len(data), hashlib.blake2b(data, digest_size=16).hexdigest())

    def fits(self, data: bytes) -> bool:
        """Return whether *data* starts with what was fingerprinted."""
        return len(data) >= self.length and Print.of(data[: self.length]) == self


NOTHING = Print.of(b"")
"""Fingerprint of no bytes: fits everything, proves nothing."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Fingerprint of the bytes just before an offset.

    Attributes:
        position: The offset.
        before: Their fingerprint.
    """

    position: int
    before: Print

    @classmethod
    def of(cls, read: Callable[[int, int], bytes], position: int) -> Anchor:
        """Return the anchor at *position* of what *read* (offset, bytes) gives."""
        start = max(0, position - ANCHOR)
        return cls(position, Print.of(read(start, position - start)))

    @property
    def start(self) -> int:
        """Offset of the first fingerprinted byte."""
        return self.position - self.before.length

    def fits(self, read: Callable[[int, int], bytes]) -> bool:
        """Return whether the bytes before :attr:`position` are those."""
        return self.before.fits(read(self.start, self.before.length))


@dataclass(frozen=True, slots=True)
class Inode:
    """A file as the file system names it.

    Attributes:
        device: Its device.
        number: Its inode number.
        generation: Tells apart two uses of one number; null where the file system has none.
    """

    device: int
    number: int
    generation: int | None

    @property
    def key(self) -> tuple[int, int]:
        """Device and number: all that ``stat`` tells."""
        return self.device, self.number


_COPIES = 3
_FLAGS = ("compressed", "ended", "truncated", "passed")


@dataclass(slots=True)
class Identity:
    """All that is remembered about one log, to know it again under another name.

    Attributes:
        path: Where it was last.
        inode: Which file it was last.
        head: Fingerprint of its first bytes, at most :data:`HEAD` and none behind the offset.
        anchor: Fingerprint of the bytes before the offset.
        copies: Ends of copies that were seen while the log itself was read on; the last :data:`_COPIES` of them.
        size: Bytes on disk at the last look; of a plain file, more than the offset means bytes not yet read.
        mtime_ns: Its last write at the last look.
        compressed: Whether it was compressed.
        ended: Whether nothing more is expected: rotated away, still, and read to its end.
        truncated: Whether its file was emptied in place (copytruncate), so that some lines may be nowhere.
        passed: Whether it was there at the very first start and is not to be read.
    """

    path: str
    inode: Inode
    head: Print = NOTHING
    anchor: Anchor = Anchor(0, NOTHING)
    copies: tuple[Anchor, ...] = ()
    size: int = 0
    mtime_ns: int = 0
    compressed: bool = False
    ended: bool = False
    truncated: bool = False
    passed: bool = False

    def fits(self, read: Callable[[int, int], bytes]) -> bool:
        """Return whether what *read* (offset, bytes) gives is this log: its head and the bytes before the offset."""
        return self.head.fits(read(0, self.head.length)) and self.anchor.fits(read)

    def add_copy(self, end: Anchor) -> None:
        """Remember where a copy ends."""
        self.copies = (*(one for one in self.copies if one != end), end)[-_COPIES:]

    def to_data(self) -> dict[str, Any]:
        """Return JSON values for a checkpoint."""
        return {
            "path": self.path,
            "inode": [self.inode.device, self.inode.number, self.inode.generation],
            "head": [self.head.length, self.head.digest],
            "anchor": _anchor_data(self.anchor),
            "copies": [_anchor_data(one) for one in self.copies],
            "file": [self.size, self.mtime_ns],
            "flags": [name for name in _FLAGS if getattr(self, name)],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Identity:
        """Return what :meth:`to_data` gave."""
        size, mtime_ns = data["file"]
        return cls(
            path=data["path"],
            inode=Inode(*data["inode"]),
            head=Print(*data["head"]),
            anchor=_anchor(*data["anchor"]),
            copies=tuple(_anchor(*one) for one in data["copies"]),
            size=size,
            mtime_ns=mtime_ns,
            **dict.fromkeys(data["flags"], True),
        )


def _anchor_data(anchor: Anchor) -> list[int | str]:
    return [anchor.position, anchor.before.length, anchor.before.digest]


def _anchor(position: int, length: int, digest: str) -> Anchor:
    return Anchor(position, Print(length, digest))
