"""What most keys that are not in an index fail at, in a few megabytes: the index itself is searched for few only."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from filterwatch.lists.hashing import Keys

SPREAD = 12
"""Bits for each key, at least: about one in so many keys that are not there passes."""

MOST_BITS = 26
"""Eight megabytes; with 5 M keys one in thirteen passes."""

_BLOCK = 8 << 20


class Sieve:
    """One bit for each beginning of a key.

    Args:
        file: The index file; it is read, not mapped: its pages need not stay in memory for this.
        begin: Where the keys begin.
        names: How many there are, ascending.
    """

    def __init__(self, file: BinaryIO, begin: int, names: int) -> None:
        bits = min(MOST_BITS, max(3, (names * SPREAD).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._bytes = np.zeros(1 << (bits - 3), dtype=np.uint8)
        file.seek(begin)
        left = names * 8
        while left > 0:
            block = file.read(min(_BLOCK, left))
            if not block:
                break  # the checksum tells
            self._add(np.frombuffer(block[: len(block) & ~7], dtype="<u8"))
            left -= len(block)

    def _add(self, keys: Keys) -> None:
        places = keys >> self._shift
        bytes_ = places >> np.uint64(3)
        begins = np.flatnonzero(np.diff(bytes_, prepend=bytes_[:1] + np.uint64(1)))
        self._bytes[bytes_[begins]] |= np.bitwise_or.reduceat(_bit(places), begins)

    def passes(self, keys: Keys) -> npt.NDArray[np.intp]:
        """Return which of *keys* may be in the index; all that are pass."""
        places = keys >> self._shift
        return np.flatnonzero(self._bytes[places >> np.uint64(3)] & _bit(places))


def _bit(places: Keys) -> npt.NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (places & np.uint64(7)).astype(np.uint8))
