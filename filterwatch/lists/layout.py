"""The file that holds a compiled index: one header, then three blocks that are mapped into memory as they are.

======================  ===============================================================================
``FWLIDX02``            8 bytes: what this is, and in which version
header length           8 bytes, little-endian
header                  JSON, padded with blanks to a multiple of 64 bytes: :class:`Header`
keys                    8 bytes a name: :mod:`filterwatch.lists.hashing`, ascending
combinations            2 bytes a name: which (list, mode) pairs hold it, a row of ``Header.combinations``
checksum                32 bytes: BLAKE2b over everything before
======================  ===============================================================================

A combination costs two bytes whatever number of lists hold a name: 83 public lists made 1,420 combinations over
5.5 million lines.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from filterwatch.errors import FilterwatchError
from filterwatch.lists.hashing import Keys

MAGIC = b"FWLIDX02"
CHECKSUM = 32
_PREFIX = struct.Struct("<8sQ")
_BLOCK = 1 << 20

LEFT_BEHIND = 3600.0
"""Seconds after which an unfinished index file is nobody's any more."""

Combinations = npt.NDArray[np.uint16]


class IndexUnreadable(FilterwatchError):
    """The index file is absent, of another version or damaged; compiling the lists again makes a new one."""


@dataclass(frozen=True, slots=True)
class ListInfo:
    """One list in an index, as its evidence and its licence want it shown.

    Attributes:
        id: Name of the list.
        category: Category word; ``all`` for an allow list that cancels every category.
        allow: Whether it cancels.
        own: Whether it is the school's own.
        entries: Lines with an entry.
        source: Where the names come from.
        licence: SPDX id or plain words.
        credit: The line that the licence wants shown.
        secret: Whether no entry of it may ever be shown.
    """

    id: str
    category: str
    allow: bool
    own: bool
    entries: int
    source: str
    licence: str
    credit: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """What an index says of itself.

    Attributes:
        seed: Of the hash, hexadecimal.
        names: How many keys follow.
        fingerprint: Of the files it was compiled from; tells whether it is still current.
        lists: Every list, in the order of their numbers.
        combinations: For each combination its pairs of list number and :class:`~filterwatch.lists.modes.Mode`.
        prefixes: Lengths (of 128 bits) of the ranges of addresses among the keys.
        pages: How many entries are pages.
    """

    seed: str
    names: int
    fingerprint: str
    lists: tuple[ListInfo, ...]
    combinations: tuple[tuple[tuple[int, int], ...], ...]
    prefixes: tuple[int, ...] = ()
    pages: int = 0

    def to_bytes(self) -> bytes:
        """Return the header block, padded."""
        text = json.dumps(asdict(self), separators=(",", ":")).encode()
        return text + b" " * (-(_PREFIX.size + len(text)) % 64)

    @classmethod
    def from_bytes(cls, block: bytes) -> Header:
        """Read the header block."""
        said: dict[str, Any] = json.loads(block)
        said["lists"] = tuple(ListInfo(**one) for one in said["lists"])
        said["prefixes"] = tuple(said["prefixes"])
        said["combinations"] = tuple(tuple((number, mode) for number, mode in row) for row in said["combinations"])
        return cls(**said)


def write(path: Path, header: Header, keys: Keys, combinations: Combinations) -> int:
    """Put an index in place of what *path* holds: complete and durable, or not at all.

    Readers that have the old file mapped keep it.

    Returns:
        Bytes written.

    Raises:
        FilterwatchError: The disk is full or the directory may not be written.
    """
    _sweep(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    checksum = hashlib.blake2b(digest_size=CHECKSUM)
    block = header.to_bytes()
    parts: tuple[bytes | memoryview, ...] = (
        _PREFIX.pack(MAGIC, len(block)),
        block,
        keys.astype("<u8", copy=False).data,
        combinations.astype("<u2", copy=False).data,
    )
    try:
        with temporary.open("xb") as file:
            for part in parts:
                checksum.update(part)
                file.write(part)
            file.write(checksum.digest())
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise FilterwatchError(
            f"{path}: cannot be written: {error.strerror}; free disk space, or let us write there"
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink()
    return size


def _sweep(path: Path) -> None:
    """Remove what builds that were killed left behind; a build takes seconds."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_BEHIND:
                left.unlink()


def read_header(file: BinaryIO, path: Path, *, verify: bool) -> tuple[Header, int]:
    """Return the header of an open index file and where its keys begin.

    The checksum is computed through plain reads, so that the pages of the mapping are not all made resident.

    Raises:
        IndexUnreadable: It is no index of this version, or it is damaged.
    """
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size or not prefix.startswith(MAGIC):
        raise unreadable(path, "not a category index of this version")
    size = os.fstat(file.fileno()).st_size
    length = min(_PREFIX.unpack(prefix)[1], size)
    try:
        header = Header.from_bytes(file.read(length))
    except (ValueError, TypeError, KeyError):
        raise unreadable(path, "its header is damaged") from None
    begin = _PREFIX.size + length
    if size != begin + header.names * 10 + CHECKSUM:
        raise unreadable(path, "cut short or added to")
    if verify:
        _verify(file, path, size)
    return header, begin


def _verify(file: BinaryIO, path: Path, size: int) -> None:
    checksum = hashlib.blake2b(digest_size=CHECKSUM)
    file.seek(0)
    left = size - CHECKSUM
    while left and (block := file.read(min(_BLOCK, left))):
        checksum.update(block)
        left -= len(block)
    if file.read(CHECKSUM) != checksum.digest():
        raise unreadable(path, "its checksum is wrong: the file is damaged")


def unreadable(path: Path, why: str) -> IndexUnreadable:
    """Return the error for an index that cannot be used."""
    return IndexUnreadable(f"{path}: {why}; remove it and start again: it is compiled anew from the list files")


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
