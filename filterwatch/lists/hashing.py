"""Names as 64-bit keys: the key of a host and of every parent of it, for a whole column at once.

The hash is simple tabulation over (byte, distance from the end of the name): a random word for each such pair, added
modulo 2^64.  Any two different names share a key with a chance of 2^-64, whoever chose them, because the words come
from a seed of their own for each index.  Since distances count from the end, the keys of all parents of a host are
differences of one running sum: a batch costs a dozen numpy passes and no Python per name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from filterwatch.lists.addresses import Packed

Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

LONGEST = 256
"""Bytes of a name that count, from its end: DNS allows 253."""

_DOT = ord(".")
_RANGE = 17
"""Bytes that make the key of a range: an address and the length of its prefix."""


@dataclass(frozen=True, slots=True)
class Probes:
    """Keys of hosts and their parents, host by host, each from the full name upwards.

    Attributes:
        host: Row of the host that was asked for.
        depth: 0 for the full name, 1 for its parent, ...
        key: The key to look for.
    """

    host: Places
    depth: Places
    key: Keys


class Hasher:
    """Gives names, ranges of addresses and pages their keys under one seed."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        words = hashlib.shake_256(b"filterwatch lists 1" + seed).digest((LONGEST + _RANGE) * 256 * 8)
        table = np.frombuffer(words, dtype="<u8").astype(np.uint64)
        self._words, self._range_words = table[: LONGEST * 256], table[LONGEST * 256 :]

    def ranges(self, addresses: Packed, lengths: Sequence[int]) -> Keys:
        """Return the key of each address's range of each of the *lengths* (of 128 bits): a row an address."""
        table = self._range_words.reshape(_RANGE, 256)
        bytes_ = _RANGE - 1
        # The key of a range is the sum over its bytes: those before the cut, the one that is cut, and zeros.
        before = np.zeros((len(addresses), _RANGE), dtype=np.uint64)
        np.cumsum(table[np.arange(bytes_), addresses], axis=1, out=before[:, 1:])
        zeros = np.concatenate([np.cumsum(table[bytes_ - 1 :: -1, 0])[::-1], [np.uint64(0)]])
        keys = np.empty((len(addresses), len(lengths)), dtype=np.uint64)
        for column, length in enumerate(lengths):
            whole, bits = divmod(length, 8)
            keys[:, column] = before[:, whole] + table[bytes_, length]
            if bits:
                keys[:, column] += table[whole, addresses[:, whole] & np.uint8(0xFF00 >> bits & 0xFF)]
            keys[:, column] += zeros[whole + bool(bits)]
        return keys

    def page(self, host: str, path: str) -> int:
        """Return the key of a page."""
        text = f"{host}{path}".encode("utf-8", "replace")
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=self.seed, person=b"page").digest(), "little")

    def names(self, names: pl.Series) -> Keys:
        """Return the key of each name (String, no nulls), of the whole name only."""
        sums, _, lengths, _ = self._running(names)
        ends = np.cumsum(lengths)
        return np.asarray(sums[ends] - sums[ends - lengths])

    def probes(self, hosts: pl.Series) -> Probes:
        """Return the keys of each host (String, no nulls) and of its parents down to the last label.

        An address has no parents.  Parents longer than :data:`LONGEST` bytes are left out.
        """
        sums, text, lengths, distance = self._running(hosts)
        ends = np.cumsum(lengths)
        begins = ends - lengths
        starts_here = np.zeros(len(text), dtype=np.bool_)
        starts_here[1:] = text[:-1] == _DOT
        starts_here[begins[lengths > 0]] = True
        starts = np.flatnonzero(starts_here)
        starts = starts[distance[starts] < LONGEST]
        host = np.searchsorted(ends, starts, side="right")
        first = np.searchsorted(starts, begins)
        depth = np.arange(len(starts)) - first[host]
        whole = starts == begins[host]
        keep = whole | ~_addresses(hosts, text, ends, lengths)[host]
        depth[~whole & (starts[first[host]] != begins[host])] += 1  # the full name was too long to count
        host, depth, starts = host[keep], depth[keep], starts[keep]
        return Probes(host, depth, sums[ends[host]] - sums[starts])

    def _running(self, names: pl.Series) -> tuple[Keys, npt.NDArray[np.uint8], Places, Places]:
        """Return running sums of the words, the text, the length of each name and each byte's distance to its end."""
        lengths = names.str.len_bytes().to_numpy().astype(np.int64)
        joined: str = names.str.join("").item() if len(names) else ""
        text = np.frombuffer(joined.encode(), dtype=np.uint8)
        distance = np.repeat(np.cumsum(lengths), lengths) - np.arange(1, len(text) + 1)
        sums = np.zeros(len(text) + 1, dtype=np.uint64)
        place = np.minimum(distance, LONGEST - 1)
        place <<= 8
        place |= text
        np.cumsum(self._words[place], out=sums[1:])
        return sums, text, lengths, distance


def _addresses(hosts: pl.Series, text: npt.NDArray[np.uint8], ends: Places, lengths: Places) -> npt.NDArray[np.bool_]:
    """Say which hosts are IP addresses: all digits after the last dot (WHATWG), or a colon anywhere."""
    last = np.zeros(len(hosts), dtype=np.uint8)
    some = lengths > 0
    last[some] = text[ends[some] - 1]
    suspects = (last >= ord("0")) & (last <= ord("9"))
    answer = hosts.str.contains(":", literal=True).to_numpy().copy() if ord(":") in text else np.zeros(len(hosts), bool)
    if suspects.any():
        numeric = hosts.filter(pl.Series(suspects)).str.contains(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$").to_numpy()
        answer[suspects] |= numeric
    return answer
