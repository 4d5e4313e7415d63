"""Where: the registrable domain, what was searched for, what the lists say of the host, and whether it is furniture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.enrich.columns import beside
from filterwatch.enrich.furniture import ALWAYS, Furniture, Site
from filterwatch.enrich.hosts import host_of, normal_host, normal_name
from filterwatch.enrich.remembered import Remembered
from filterwatch.enrich.search import Asked, Engines
from filterwatch.enrich.suffixes import Suffixes
from filterwatch.enrich.wrappers import Wrappers
from filterwatch.events import CATEGORY_BIT, column

REMEMBERED = 65_536
"""Names whose answers are kept from batch to batch: a school's day has some 45,000; a tunnel makes endless ones."""

KINDS = ("http", "dns", "flow")
"""Kinds of events that go somewhere.  The host of a lease or a control event is a device, no place."""

_OURS = ("_name", "_odd", "_engine", "_pages", "_furniture", "_wraps")
_NAMES = pl.Schema(
    {
        "_odd": pl.Boolean(),
        "domain": pl.String(),
        "category_bits": pl.UInt64(),
        "_engine": pl.UInt16(),
        "_pages": pl.Boolean(),
        "_furniture": pl.UInt8(),
        "_wraps": pl.UInt16(),
    }
)


_NOTHING = Remembered(pl.Series([None], dtype=pl.String), pl.DataFrame([{"category_bits": 0}], schema=_NAMES))
"""What is known of no name: the first row of all that is remembered."""


class Index(Protocol):
    """What the lists say of hosts.  It never changes its answers: newer lists are another object."""

    def lookup(self, hosts: pl.Series, /) -> pl.Series:
        """Return the category bits (:data:`filterwatch.events.CATEGORY_BIT`) of each host, UInt64; 0 for none."""
        ...


@runtime_checkable
class PageIndex(Index, Protocol):
    """Lists that name pages of some hosts too."""

    def has_pages(self, hosts: pl.Series, /) -> pl.Series:
        """Say of each host whether its URLs are worth a look (Boolean)."""
        ...

    def lookup_urls(self, hosts: pl.Series, urls: pl.Series, /) -> pl.Series:
        """Return the category bits of each URL, those of its host among them, UInt64."""
        ...


class NoLists:
    """The answers of a school without lists."""

    def lookup(self, hosts: pl.Series, /) -> pl.Series:
        """Return 0 for each host."""
        return pl.zeros(len(hosts), dtype=pl.UInt64, eager=True)


class Where:
    """Adds the columns that depend on the host or the URL.

    Safe to use from several threads: what it remembers is replaced, never changed.

    Args:
        index: The compiled lists.
        suffixes: The Public Suffix List.
        engines: The search engines.
        furniture: Further hosts that only other pages load, besides those known.
    """

    def __init__(self, index: Index, suffixes: Suffixes, engines: Engines, furniture: Sequence[str] = ()) -> None:
        self._suffixes = suffixes
        self._engines = engines
        self._furniture = Furniture(self._site_of, more=furniture)
        self._wrappers = Wrappers(suffixes)
        self._memory = (index, _NOTHING)

    def use(self, index: Index) -> None:
        """Look hosts up in *index* from the next batch on."""
        self._memory = (index, _NOTHING)

    def add(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return *events* with ``domain``, ``search_terms``, ``categories`` and ``category_bits``.

        The place is the host, else the DNS name asked for, else the address it went to.  ``category_bits`` is 0 and
        ``categories`` null where no list names it; of a wrapper (``wrappers.yaml``) the address inside counts too.
        For rules ``embedded`` says which requests are no visits, ``led`` which searches another site's page led to,
        ``search_kind`` and ``safe_search`` what the URL says
        of a search, and ``host_form`` is the one form of a host or DNS name that was written in another; each is left
        out where there is none.
        """
        index, memory = self._memory  # once: newer lists begin with a whole batch
        names = events.with_columns(_place(events).alias("_name"))["_name"]
        events = beside(events, [names, *self._look_up(names, index, memory)])
        if "url" in events.columns:
            rows, inside = self._inside(events)
            events = self._of_inner(_of_pages(events, index), rows, inside, index)
            searched = self._searched(events, rows, inside)
        else:
            searched = pl.DataFrame(schema={"search_terms": pl.String}).clear(len(events))
        marks = (self._furniture.embedded(events), self._furniture.led(events, searched["search_terms"]))
        more = [one for one in searched if one.name == "search_terms" or one.null_count() < len(one)]
        more += [mark for mark in marks if mark is not None]
        if events["_odd"].any():
            more.append(_forms(events))
        return beside(events, [_words(events["category_bits"]), *more], without=_OURS)

    def inner(self, url: str) -> str | None:
        """Return the address that *url* has inside itself, null where it has none."""
        return self._wrappers.of(url)

    def asked(self, url: str) -> Asked | None:
        """Return what *url*, or the address inside it, asks of a search engine, suggestions too; null for nothing."""
        for address in (url, self.inner(url)):
            host = host_of(address) if address else None
            number = self._engine(host)
            if address and host and number is not None and (found := self._engines.asked(address, host, number)):
                return found
        return None

    def _engine(self, host: str | None) -> int | None:
        return self._engines.number(host, self._suffixes.registrable(host)) if host else None

    def _site_of(self, host: str) -> Site:
        found = self._suffixes.registrable(host)
        return Site(found.domain or host, self._engines.number(host, found) is not None)

    def _look_up(self, names: pl.Series, index: Index, memory: Remembered) -> pl.DataFrame:
        places, known = memory.places(names), memory.table
        unknown = places < 0
        if names.null_count():
            unknown &= names.is_not_null().to_numpy()
        missing = np.flatnonzero(unknown)
        if len(missing):
            missed = names[missing]
            new = missed.unique()
            learnt = self._learn(new, index)
            places[missing] = len(known) + missed.cast(pl.Enum(new)).to_physical().to_numpy().astype(np.int64)
            known = pl.concat([known, learnt], rechunk=True)
            self._remember(index, memory, new, learnt)
        return known[np.maximum(places, 0)]

    def _remember(self, index: Index, memory: Remembered, names: pl.Series, learnt: pl.DataFrame) -> None:
        """Keep what was *learnt* of *names* too, or alone where it would be too much.

        What another thread learnt meanwhile is forgotten.
        """
        if len(memory) + len(learnt) > REMEMBERED:
            memory = _NOTHING
        most = REMEMBERED - len(memory)
        memory = memory.joined(names[:most], learnt[:most])
        if self._memory[0] is index:
            self._memory = (index, memory)

    def _learn(self, names: pl.Series, index: Index) -> pl.DataFrame:
        hosts = normal_name(names)
        found = [(host, self._suffixes.registrable(host)) if host else None for host in hosts.to_list()]
        may_wrap = self._wrappers.may_wrap(hosts).to_list()
        wraps = [self._wrappers.number(*one) if may and one else None for may, one in zip(may_wrap, found, strict=True)]
        return pl.DataFrame(
            {
                "_odd": hosts != names,
                "domain": [one[1].domain if one else None for one in found],
                "category_bits": index.lookup(hosts).cast(pl.UInt64).fill_null(0) | self._spelt(hosts, wraps, index),
                "_engine": [self._engines.number(*one) if one else None for one in found],
                "_pages": index.has_pages(hosts) if isinstance(index, PageIndex) else None,
                "_furniture": [self._furniture.of(host) if host else None for host in hosts.to_list()],
                "_wraps": wraps,
            },
            schema=_NAMES,
        )

    def _spelt(self, hosts: pl.Series, wraps: Sequence[int | None], index: Index) -> pl.Series:
        """Return the category bits of the hosts that the names of some wrappers spell, 0 for other names."""
        if not any(number is not None for number in wraps):
            return pl.zeros(len(hosts), dtype=pl.UInt64, eager=True)
        pairs = zip(hosts.to_list(), wraps, strict=True)
        spelt = [self._wrappers.spelt(host, number) if number is not None else None for host, number in pairs]
        return self._bits_inside(pl.Series("spelt", spelt, dtype=pl.String), index)

    def _inside(self, events: pl.DataFrame) -> tuple[NDArray[np.int64], pl.Series]:
        """Return the rows whose URLs have an address inside, and those addresses."""
        wraps = events["_wraps"]
        wrapped = self._wrappers.scripted(events["url"])
        if wraps.null_count() < len(wraps):
            wrapped |= wraps.is_not_null()
        if wrapped.any():
            wrapped &= events["url"].is_not_null() & events["_name"].is_not_null()
        rows = np.flatnonzero(wrapped.to_numpy())
        inside = self._wrappers.inner(events["url"][rows], wraps[rows])
        shows = inside.is_not_null()
        return rows[shows.to_numpy()], inside.filter(shows)

    def _searched(self, events: pl.DataFrame, rows: NDArray[np.int64], inside: pl.Series) -> pl.DataFrame:
        """Return what URLs ask of search engines, else what the addresses *inside* those of *rows* ask."""
        searched = self._engines.look(events["url"], events["_engine"])
        numbers = pl.Series([self._engine(host) for host in normal_host(inside)], dtype=pl.UInt16)
        if numbers.null_count() == len(numbers):
            return searched
        deeper = self._engines.look(inside, numbers)
        outer = searched[rows]
        both = (outer[name].zip_with(outer[name].is_not_null(), deeper[name]) for name in searched.columns)
        return searched.with_columns(searched[one.name].scatter(rows, one) for one in both)

    def _of_inner(self, events: pl.DataFrame, rows: NDArray[np.int64], inside: pl.Series, index: Index) -> pl.DataFrame:
        """Return *events* with the categories of the addresses *inside* the URLs of *rows* besides their own."""
        if not len(rows):
            return events
        addresses = inside.unique()
        known = dict(zip(addresses.to_list(), self._bits_inside(addresses, index).to_list(), strict=True))
        bits = events["category_bits"].to_numpy(writable=True)
        bits[rows] |= np.array([known[one] for one in inside.to_list()], np.uint64)
        return events.with_columns(pl.Series("category_bits", bits, dtype=pl.UInt64))

    def _bits_inside(self, addresses: pl.Series, index: Index) -> pl.Series:
        """Return the category bits of each address that stood inside another; 0 for null and furniture: no visit."""
        hosts = normal_host(addresses)
        visits = [host is not None and self._furniture.of(host) != ALWAYS for host in hosts.to_list()]
        bits = pl.zeros(len(hosts), dtype=pl.UInt64, eager=True)
        rows = pl.Series(visits, dtype=pl.Boolean).arg_true()
        if rows.is_empty():
            return bits
        hosts, addresses = hosts.gather(rows), addresses.gather(rows)
        found = index.lookup_urls(hosts, addresses) if isinstance(index, PageIndex) else index.lookup(hosts)
        return bits.scatter(rows, found.cast(pl.UInt64).fill_null(0))


def _of_pages(events: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return *events* with the categories of their pages, where lists name pages of the host."""
    if not isinstance(index, PageIndex) or not events["_pages"].any():
        return events
    which = events["_pages"].fill_null(value=False) & events["url"].is_not_null()
    visits = events.filter(which).select("_name", "url").unique()
    found = index.lookup_urls(normal_name(visits["_name"]), visits["url"])
    visits = visits.with_columns(_page_bits=found, _pages=pl.lit(True))
    joined = events.join(visits, on=["_name", "url", "_pages"], how="left", maintain_order="left")
    bits = pl.coalesce("_page_bits", "category_bits")
    return joined.with_columns(category_bits=bits).drop("_page_bits")


def _forms(events: pl.DataFrame) -> pl.Series:
    """Return ``host_form``: the one form of hosts and DNS names that are written in another, null for all others."""
    named = column(events, "host").is_not_null() | column(events, "query").is_not_null()
    rows = events.select(pl.col("_odd") & named).to_series().arg_true()
    empty = pl.Series("host_form", [None], dtype=pl.String).new_from_index(0, len(events))
    return empty.scatter(rows, normal_name(events["_name"].gather(rows)))


def _place(events: pl.DataFrame) -> pl.Expr:
    place = pl.coalesce(column(events, "host"), column(events, "query"), column(events, "dest_ip"))
    if "kind" not in events.columns:
        return place
    return pl.when(pl.col("kind").is_in(KINDS).fill_null(value=True)).then(place)


def _words(bits: pl.Series) -> pl.Series:
    """Return the category words of each word of bits, null for none."""
    combinations = [one for one in bits.unique().to_list() if one]
    words = [[word for word, bit in CATEGORY_BIT.items() if one & bit] for one in combinations]
    table = pl.DataFrame(
        {"bits": combinations, "categories": words}, schema={"bits": pl.UInt64, "categories": pl.List(pl.String)}
    )
    if table.is_empty():
        return pl.Series("categories", [None], dtype=pl.List(pl.String)).new_from_index(0, len(bits))
    joined = bits.alias("bits").to_frame().join(table, on="bits", how="left", maintain_order="left")
    return joined["categories"]
