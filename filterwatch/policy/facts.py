"""Facts: what all conditions of all rules say of each event, as a few 64-bit words and flags.

A rule set registers the tests its rules need, each once however many rules ask for it.  Reading a batch then costs
one pass over each column that any rule looks at.  Columns that are null throughout cost nothing.  Columns that have a
value everywhere, most of which decide nothing, are read *late*: for the rows where a rule that asks for them may still
hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.events import CATEGORY_BIT, EVENT_SCHEMA, SIGNAL_BIT
from filterwatch.policy.lookups import Family, Finds, HostNames, Lookup
from filterwatch.policy.terms import Finder, Found, Pack
from filterwatch.policy.tree import Test, Truth
from filterwatch.policy.urls import Urls

CATEGORIES = "category_bits"
"""Word of the categories; enrichment may give it ready made, as :data:`filterwatch.events.CATEGORY_BIT` says."""

_GUESS, _GUESSED = SIGNAL_BIT["unblocker_name"], frozenset({"bypass", "bypass.unblocker"})
"""Bit of a name that gave these categories by itself; it never stands without them."""

_SIGNS = "the host's name has signs of an unblocker's (a guess: no list names it)"

FIXED = "fixed"
_FIXED_COLUMNS = ("action", "kind", "group", "identity", "control_event")
_MISSING = {"group": "unknown"}
"""What null counts as: an event of nobody known is one of the group ``unknown``."""

_MOST_PORT_TESTS = 64
"""Bits of the word of ports; further tests are flags."""

_LATE = ("url", "year", "device", "device_class", "person")
"""Columns that are read late: expensive ones, and those that only narrow what other conditions found."""

HOST = "host"
"""Lookup over ``host``, or the DNS name asked for where the event has none; in its one form where enrichment gives one
(``host_form``: null where the log wrote it so already)."""


def _layout() -> Mapping[str, Mapping[str, int]]:
    out: dict[str, dict[str, int]] = {}
    bit = 0
    for column in _FIXED_COLUMNS:
        words = _words(column)
        out[column] = {word: 1 << (bit + n) for n, word in enumerate(words)}
        bit += len(words)
    return out


def _words(column: str) -> list[str]:
    dtype = EVENT_SCHEMA[column]
    if not isinstance(dtype, pl.Enum):
        raise TypeError(column)
    return dtype.categories.to_list()


FIXED_BIT = _layout()
"""Bit of each value of each column with a fixed set of values, in the word :data:`FIXED`."""


@dataclass(frozen=True)
class Flag:
    """A Boolean test that is an expression over event columns.

    Attributes:
        name: Column of the facts.
        test: The expression.
        needs: Event columns without which it does not hold.
    """

    name: str
    test: pl.Expr
    needs: tuple[str, ...]


class Facts:
    """The tests of a rule set and how to read them off events."""

    def __init__(self) -> None:
        self._tests: dict[object, Test] = {}
        self._lookups: dict[str, Lookup] = {}
        self._flags: list[Flag] = []
        self._ports = np.zeros(65_536, np.uint64)
        self._port_tests = 0
        self._fixed: set[str] = set()
        self._urls = Urls()
        self._host_names = HostNames()
        self._finder = Finder()

    def categories(self, words: Sequence[str]) -> Test:
        """Return the test for hosts on any of these lists."""
        guessed = 0 if _GUESSED.isdisjoint(words) else _GUESS
        mask = guessed | sum(CATEGORY_BIT[word] for word in set(words))
        names = tuple((CATEGORY_BIT[word], word) for word in words)
        says, other = "host is on the {} list", (guessed, _SIGNS)
        return Test(CATEGORIES, mask, says, HOST, names, reads=("categories",), other=other)

    def fixed(self, column: str, values: Iterable[str], says: str) -> Test:
        """Return the test for any of *values* in a column with a fixed set of them."""
        self._fixed.add(column)
        bits = FIXED_BIT[column]
        names = tuple((bits[value], value) for value in dict.fromkeys(values))
        return Test(FIXED, sum(bit for bit, _ in names), says, None, names, reads=(column,))

    def flag(self, key: object, says: str, test: pl.Expr, *needs: str) -> Test:
        """Return the test *test* over event columns, without which (*needs*) it does not hold."""
        if key not in self._tests:
            name = f"is_{len(self._flags)}"
            self._flags.append(Flag(name, test, needs))
            self._tests[key] = Test(name, 1, says, flag=True, reads=needs)
        return self._tests[key]

    def ports(self, ranges: Sequence[tuple[int, int]], says: str) -> Test:
        """Return the test for any of these destination ports."""
        key = ("dest_port", tuple(ranges))
        if key not in self._tests:
            if self._port_tests == _MOST_PORT_TESTS:
                test = pl.any_horizontal(pl.col("dest_port").is_between(*ends) for ends in ranges)
                return self.flag(key, says, test, "dest_port")
            bit = 1 << self._port_tests
            self._port_tests += 1
            for first, last in ranges:
                self._ports[first : last + 1] |= np.uint64(bit)
            self._tests[key] = Test("dest_port", bit, says, "dest_port", reads=("dest_port",))
        return self._tests[key]

    def text(self, column: str, key: object, says: str, test: pl.Expr | Finds) -> Test:
        """Return a test on the different values of a text column; *key* tells it from others on that column."""
        lookup = self._lookups.setdefault(column, Lookup(column))
        if (column, key) not in self._tests:
            word, bit = lookup.expression(test) if isinstance(test, pl.Expr) else lookup.finder(test)
            self._tests[column, key] = Test(word, bit, says, column, reads=(column,))
        return self._tests[column, key]

    def hosts(self, names: tuple[str, ...], says: str) -> Test:
        """Return the test for any of these host names and every name below them."""
        key = ("below", names)
        if (HOST, key) not in self._tests:
            self._member(HOST, key, says, self._host_names, self._host_names.add(names))
        return self._tests[HOST, key]

    def pack(self, key: object, pack: Pack, says: str) -> Test:
        """Return the test for a term pack; *key* tells it from others."""
        if ("search_terms", key) not in self._tests:
            self._member("search_terms", key, says, self._finder, self._finder.add(pack))
        return self._tests["search_terms", key]

    def terms(self, search: str) -> list[Found]:
        """Return what each term pack that knows anything in *search* says of it."""
        return self._finder.explain(search)

    def warm(self) -> None:
        """Build what the first search would build: some seconds on a small gateway, once."""
        list(self._finder.find(pl.Series(["school"])))

    def _member(self, column: str, key: object, says: str, family: Family, place: int) -> None:
        word, bit = self._lookups.setdefault(column, Lookup(column)).member(family, place)
        self._tests[column, key] = Test(word, bit, says, column, reads=(column,))

    def url(self, key: object, says: str, test: pl.Expr, *, of_path: bool = False) -> Test:
        """Return a test on URLs, an expression over :data:`~filterwatch.policy.lookups.VALUE`, or on their paths."""
        if ("url", key) not in self._tests:
            name = self._urls.add(test, of_path=of_path)
            self._tests["url", key] = Test(name, 1, says, "url", flag=True, reads=("url",))
        return self._tests["url", key]

    def read(self, events: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Truth]]:
        """Return the words and flags of *events* that hold a bit somewhere, and the words that are read late.

        Of a late word is said where it may hold a bit.
        """
        columns = self._read_categories(events) | self._read_fixed(events)
        late: dict[str, Truth] = {}
        for column, words in self._columns().items():
            values = _values(events, column)
            if values is None:
                continue
            if column not in _LATE:
                columns |= self._lookups[column].read(values)
                continue
            late |= dict.fromkeys(words, values.is_not_null().to_numpy() if values.null_count() else True)
        columns |= self._read_flags(events) | self._read_ports(events)
        return pl.DataFrame(list(columns.values())) if columns else pl.DataFrame(height=len(events)), late

    def read_late(self, events: pl.DataFrame, due: Mapping[str, NDArray[np.bool_]]) -> list[pl.Series]:
        """Return the late words that hold a bit somewhere, each read for the rows where it is due only."""
        out: list[pl.Series] = []
        for lookup in self._lookups.values():
            if asked := [due[word] for word in lookup.words if word in due]:
                out += lookup.read_some(events[lookup.column], np.flatnonzero(np.logical_or.reduce(asked))).values()
        return out + (self._urls.read(events["url"], due) if "url" in events.columns else [])

    def _columns(self) -> dict[str, Sequence[str]]:
        """Return the words of each text column that any rule looks at."""
        words: dict[str, Sequence[str]] = {column: lookup.words for column, lookup in self._lookups.items()}
        return words | ({"url": self._urls.flags} if self._urls.flags else {})

    def _read_categories(self, events: pl.DataFrame) -> dict[str, pl.Series]:
        if CATEGORIES in events.columns:
            bits = events[CATEGORIES].fill_null(0)
        elif "categories" in events.columns and events["categories"].null_count() < len(events):
            words, values = list(CATEGORY_BIT), list(CATEGORY_BIT.values())
            one = pl.element().replace_strict(words, values, default=0, return_dtype=pl.UInt64)
            total = pl.col("categories").list.unique().list.eval(one).list.sum()
            bits = events.select(total.fill_null(0).cast(pl.UInt64)).to_series()
        else:
            return {}
        return {CATEGORIES: bits.alias(CATEGORIES)} if (bits != 0).any() else {}

    def _read_fixed(self, events: pl.DataFrame) -> dict[str, pl.Series]:
        word = np.zeros(len(events), np.uint64)
        for column in sorted(self._fixed):
            if column not in events.columns:
                word |= np.uint64(FIXED_BIT[column].get(_MISSING.get(column, ""), 0))
                continue
            bits = list(FIXED_BIT[column].values())
            table = np.zeros(256, np.uint64)
            table[: len(bits)] = bits
            table[255] = FIXED_BIT[column].get(_MISSING.get(column, ""), 0)
            word |= table[events[column].to_physical().fill_null(255).to_numpy()]
        return {FIXED: pl.Series(FIXED, word)} if word.any() else {}

    def _read_flags(self, events: pl.DataFrame) -> dict[str, pl.Series]:
        have = {name for name in events.columns if events[name].null_count() < len(events)}
        due = [flag for flag in self._flags if have.issuperset(flag.needs)]
        made = events.select(flag.test.fill_null(value=False).alias(flag.name) for flag in due)
        return {name: made[name] for name in made.columns if made[name].any()}

    def _read_ports(self, events: pl.DataFrame) -> dict[str, pl.Series]:
        if not self._port_tests or "dest_port" not in events.columns:
            return {}
        ports = events["dest_port"]
        if ports.null_count() == len(ports):
            return {}
        numbers = ports.fill_null(0).to_numpy()
        bits = self._ports[np.where((numbers >= 0) & (numbers < len(self._ports)), numbers, 0)]
        return {"dest_port": pl.Series("dest_port", bits)} if bits.any() else {}


def _values(events: pl.DataFrame, column: str) -> pl.Series | None:
    """Return a text column; null where it is null throughout.  The host falls back to the DNS name asked for."""
    wanted = ("host_form", "host", "query") if column == HOST else (column,)
    have = [name for name in wanted if name in events.columns and events[name].null_count() < len(events)]
    if not have:
        return None
    return events[have[0]] if len(have) == 1 else events.select(pl.coalesce(have)).to_series()
