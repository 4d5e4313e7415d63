"""Tests on text columns, made once for each different value of a batch.

A batch of 65,536 lines has some thousand hosts and a handful of media types: every test on such a column is made on
the values, packed into 64-bit words, and carried back to the rows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.policy.values import glob_pattern

VALUE = pl.col("value")
Finds = Callable[[pl.Series], NDArray[np.bool_]]
"""Takes the different values of a column, none null; says for each whether the test holds."""

Rows = NDArray[np.int64]
"""Numbers of rows, ascending."""

_BITS = 64


class Family(Protocol):
    """Tests that are cheaper to make all at once."""

    def find(self, values: pl.Series) -> Iterable[tuple[int, Sequence[int]]]:
        """Return the row of each value for which tests hold, and their places."""
        ...


class HostNames:
    """Tests for host names and every name below them, all made at once."""

    def __init__(self) -> None:
        self._tests = 0
        self._places: dict[str, list[int]] = {}

    def add(self, names: Iterable[str]) -> int:
        """Add a test for any of *names*; return its place."""
        for name in names:
            # The dot before and the slash behind, in no host, make a suffix at a label boundary of a plain text.
            self._places.setdefault(f".{name}/", []).append(self._tests)
        self._tests += 1
        return self._tests - 1

    def find(self, values: pl.Series) -> Iterator[tuple[int, list[int]]]:
        """Yield the row of each host that is one of the names or below it, and the places of the tests."""
        marked = pl.concat_str(pl.lit("."), VALUE.str.strip_suffix("."), pl.lit("/"))
        names = marked.str.extract_many(list(self._places), overlapping=True)
        found = values.alias("value").to_frame().select(names=names).with_row_index("row")
        for row, above in found.filter(pl.col("names").list.len() > 0).iter_rows():
            yield row, [place for name in above for place in self._places[name]]


@dataclass
class Lookup:
    """The tests on one text column.

    Attributes:
        column: Name of the event column.
        words: Names of the words that its tests fill, in order.
    """

    column: str
    words: list[str] = field(default_factory=list)
    _size: int = 0
    _expressions: dict[int, pl.Expr] = field(default_factory=dict)
    _finders: dict[int, Finds] = field(default_factory=dict)
    _families: dict[int, Family] = field(default_factory=dict)
    _members: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def expression(self, test: pl.Expr) -> tuple[str, int]:
        """Add a test that is an expression over :data:`VALUE`; return its word and bit."""
        self._expressions[self._size] = test
        return self._next()

    def finder(self, test: Finds) -> tuple[str, int]:
        """Add a test that is a function over the values; return its word and bit."""
        self._finders[self._size] = test
        return self._next()

    def member(self, family: Family, place: int) -> tuple[str, int]:
        """Add a test that *family* makes together with others: the one at *place*; return its word and bit."""
        self._families[id(family)] = family
        self._members.setdefault((id(family), place), []).append(self._size)
        return self._next()

    def read(self, values: pl.Series) -> dict[str, pl.Series]:
        """Return the words of a column; a word without a bit set is left out."""
        if 2 * values.null_count() > len(values):
            return self.read_some(values, np.flatnonzero(values.is_not_null().to_numpy()))
        different = values.unique().drop_nulls()
        out = {}
        for word, bits in zip(self.words, self.bits(different), strict=True):
            some = np.flatnonzero(bits)
            if len(some):
                old, new = different.gather(some), pl.Series(bits[some])
                out[word] = values.replace_strict(old, new, default=0, return_dtype=pl.UInt64).alias(word)
        return out

    def read_some(self, values: pl.Series, rows: Rows) -> dict[str, pl.Series]:
        """Return the words of a column, read for *rows* only."""
        return {word: _spread(bits, rows, len(values)) for word, bits in self.read(values.gather(rows)).items()}

    def bits(self, values: pl.Series) -> list[NDArray[np.uint64]]:
        """Return the words for each of *values*."""
        found = np.zeros((self._size, len(values)), np.bool_)
        frame = values.alias("value").to_frame()
        if self._expressions:
            made = frame.select(test.fill_null(value=False).alias(str(at)) for at, test in self._expressions.items())
            for at in self._expressions:
                found[at] = made[str(at)].to_numpy()
        for at, find in self._finders.items():
            found[at] = find(values)
        for key, family in self._families.items():
            for row, places in family.find(values):
                for place in places:
                    found[self._members[key, place], row] = True
        return [_packed(found[first : first + _BITS]) for first in range(0, self._size, _BITS)]

    def _next(self) -> tuple[str, int]:
        number, bit = divmod(self._size, _BITS)
        word = f"{self.column}_{number}"
        if not bit:
            self.words.append(word)
        self._size += 1
        return word, 1 << bit


def _spread(bits: pl.Series, rows: Rows, height: int) -> pl.Series:
    whole = np.zeros(height, np.uint64)
    whole[rows] = bits.to_numpy()
    return pl.Series(bits.name, whole)


def _packed(found: NDArray[np.bool_]) -> NDArray[np.uint64]:
    word = np.zeros(found.shape[1], np.uint64)
    for bit, row in enumerate(found):
        word |= row.astype(np.uint64) << np.uint64(bit)
    return word


def any_of(texts: Iterable[str]) -> pl.Expr:
    """Return a test for values that are any of *texts*, whatever their case."""
    return VALUE.str.to_lowercase().is_in([text.lower() for text in texts])


def like(globs: Iterable[str]) -> pl.Expr:
    """Return a test for values like any of *globs*."""
    return VALUE.str.contains("|".join(f"(?:{glob_pattern(glob)})" for glob in globs))


def within(networks: Iterable[str]) -> Finds:
    """Return a test for addresses in any of *networks*."""
    nets = [ipaddress.ip_network(network) for network in networks]
    small = [(int(net.network_address), int(net.netmask)) for net in nets if net.version == 4]
    large = [net for net in nets if net.version == 6]

    def find(values: pl.Series) -> NDArray[np.bool_]:
        octets = [VALUE.str.split_exact(".", 3).struct.field(f"field_{n}") for n in range(4)]
        number = pl.lit(0, pl.UInt32)
        for octet in octets:
            number = number * 256 + octet.str.to_integer(strict=False, dtype=pl.UInt32)
        frame = values.alias("value").to_frame().select("value", number=number)
        held = np.zeros(len(values), np.bool_)
        if small:
            inside = pl.any_horizontal((pl.col("number") & mask) == network for network, mask in small)
            held |= frame.select(inside.fill_null(value=False)).to_series().to_numpy()
        if large:
            for row in np.flatnonzero(values.str.contains(":", literal=True).to_numpy()):
                held[row] = _inside(values[int(row)], large)
        return held

    return find


def _inside(text: str, networks: list[ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)
