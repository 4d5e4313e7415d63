"""Asking the compiled index what a host is."""

from __future__ import annotations

import logging
import mmap
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from filterwatch.events import CATEGORY_BIT
from filterwatch.lists import addresses, pages
from filterwatch.lists.compiling import compile_lists, fingerprint, found
from filterwatch.lists.hashing import Hasher, Keys, Places, Probes
from filterwatch.lists.layout import Combinations, Header, IndexUnreadable, ListInfo, read_header, unreadable
from filterwatch.lists.meaning import Bits, allows, marks, meaning
from filterwatch.lists.modes import Mode
from filterwatch.lists.names import STRAY, Names
from filterwatch.lists.reading import ListFile
from filterwatch.lists.sieve import Sieve

log = logging.getLogger(__name__)

SLICE = 16_384
"""Hosts that are looked up at once: their arrays stay in the processor's cache and memory stays bounded."""

_BYPASS = CATEGORY_BIT["bypass"]

_Identity = tuple[int, int, int]
_Hits = tuple[Places, Places, Places]

WITHHELD = "withheld"
"""Stands in place of an entry of a members' list."""

_DEEPEST = 128
"""More labels than a DNS name can have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A list's entry that speaks of a host.

    Attributes:
        category: Category word it gives, ``bypass.vpn`` with its kind; what an allow entry cancels (or ``all``).
        list: Name of the list.
        entry: The name, range or page on the list; :data:`WITHHELD` on a members' list.
        mode: ``suffix``, ``exact``, ``children``, ``range``, ``page``, ``allow``, ``set aside`` by the guard, or
            ``name`` where the signs in the name itself say it.
        used: False when an allow entry nearer to the host cancels it, or the guard set it aside.
    """

    category: str
    list: str
    entry: str
    mode: str = "suffix"
    used: bool = True


class CategoryIndex:
    """Categories of hosts, from a memory-mapped file that all processes share.

    A name's own entries and those of its parents count, down to the last label.  An allow entry ends the walk for
    what it cancels: it wins over entries for the same name or a parent, not over entries below it.  What the school
    lists itself is cancelled only by allow lists of its own.
    """

    names: Names | None = None
    """What judges the names that no list holds."""

    def __init__(
        self, path: Path, identity: _Identity, header: Header, keys: Keys, combinations: Combinations, sieve: Sieve
    ) -> None:
        self.path = path
        self._sieve = sieve
        self._identity = identity
        self.fingerprint = header.fingerprint
        self.lists: tuple[ListInfo, ...] = header.lists
        self._header = header
        self._keys = keys
        self._combinations = combinations
        self._hasher = Hasher(bytes.fromhex(header.seed))
        self._marks = marks(header)
        self._here, self._below = meaning(header, Mode.CHILDREN), meaning(header, Mode.EXACT)

    @classmethod
    def open(cls, path: Path, *, verify: bool = True) -> CategoryIndex:
        """Map the index file *path*.

        Args:
            path: As written by :func:`filterwatch.lists.compile`.
            verify: Whether to read the file through and compare its checksum.

        Raises:
            IndexUnreadable: There is no such file, or it is of another version, or it is damaged.
        """
        try:
            with path.open("rb") as file:
                header, begin = read_header(file, path, verify=verify)
                identity = _identity(os.fstat(file.fileno()))
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                sieve = Sieve(file, begin, header.names)
        except OSError as error:
            raise unreadable(path, f"cannot be read: {error.strerror}") from None
        keys = np.frombuffer(mapped, dtype="<u8", count=header.names, offset=begin)
        combinations = np.frombuffer(mapped, dtype="<u2", count=header.names, offset=begin + 8 * header.names)
        return cls(path, identity, header, keys, combinations, sieve)

    def __len__(self) -> int:
        """Return how many names it holds."""
        return self._header.names

    def lookup(self, hosts: pl.Series) -> pl.Series:
        """Return the category bits (:data:`filterwatch.events.CATEGORY_BIT`) of each host, 0 where there are none.

        Args:
            hosts: Lower-case names or addresses (String); null gives 0.  Give each host once: nothing is remembered.

        Returns:
            UInt64, as long as *hosts*, named ``category_bits``.
        """
        filled = hosts.cast(pl.String).fill_null("")
        slices = (filled.slice(at, SLICE) for at in range(0, len(filled), SLICE))
        parts = [self._bits(some, self._hits(self._probes(some))) for some in slices]
        bits = np.concatenate(parts) if parts else np.empty(0, np.uint64)
        return pl.Series("category_bits", bits, dtype=pl.UInt64)

    def has_pages(self, hosts: pl.Series) -> pl.Series:
        """Say of each host whether some list names pages of it, so that :meth:`lookup_urls` may say more (Boolean)."""
        marked = np.zeros(len(hosts), dtype=np.bool_)
        if self._header.pages:
            host, _, place = self._hits(self._hasher.probes(hosts.cast(pl.String).fill_null("")))
            marked[host[self._marks[self._combinations[place]]]] = True
        return pl.Series("has_pages", marked)

    def lookup_urls(self, hosts: pl.Series, urls: pl.Series) -> pl.Series:
        """Return the category bits of each URL: what lists say of the page and, nothing nearer cancelling, of its host.

        Args:
            hosts: The host of each URL, in the form of :meth:`lookup`.
            urls: String, the whole URL or ``host/path``; null and a front page say no more than the host.
        """
        filled = hosts.cast(pl.String).fill_null("")
        probes = self._probes(filled)
        hits = self._hits(probes)
        if self._header.pages:
            known = self._hits(self._page_probes(filled, urls, hits))
            hits = _both(hits, known)
        return pl.Series("category_bits", self._bits(filled, hits), dtype=pl.UInt64)

    def entries(self, host: str, url: str = "") -> list[Entry]:
        """Return every entry that speaks of *host* and the page of *url*, nearest first, the cancelled ones marked.

        An entry of a members' list is never shown: :data:`WITHHELD` stands in its place.
        """
        host = host.lower().removesuffix(".")
        hosts = pl.Series([host])
        hits = self._hits(self._probes(hosts))
        found = [(depth, place, self._name(host, depth)) for _, depth, place in _tuples(hits)]
        if url and self._header.pages:
            names: dict[int, str] = {}
            page_hits = self._hits(self._page_probes(hosts, pl.Series([url]), hits, names))
            found += [(depth, place, names[depth]) for _, depth, place in _tuples(page_hits)]
        entries: list[Entry] = []
        cancelled: dict[bool, set[str]] = {False: set(), True: set()}
        for depth, place, name in sorted(found):
            silent = Mode.EXACT if depth else Mode.CHILDREN
            pairs = [(self.lists[number], Mode(mode)) for number, mode in self._pairs(place)]
            spoken = [(one, mode) for one, mode in pairs if mode.scope not in {silent, Mode.PAGES_BELOW}]
            for one, mode in sorted(spoken, key=lambda it: not allows(*it)):
                cancels = allows(one, mode)
                if cancels:
                    family = one.category if one.allow else one.category.partition(".")[0]
                    cancelled[False].add(family)
                    cancelled[True] |= {family} if one.own else set()
                hidden = not cancelled[one.own].isdisjoint({"all", one.category, one.category.partition(".")[0]})
                used = cancels or not (hidden or mode is Mode.ASIDE)
                word = "allow" if cancels else "range" if "/" in name and mode.scope is Mode.SUFFIX else mode.word
                entries.append(Entry(one.category, one.id, WITHHELD if one.secret else name, word, used))
        return entries + self._of_name(host, entries)

    def latest(self) -> CategoryIndex:
        """Return this index, or the one that has taken its place on disk: one ``stat`` when nothing changed.

        Raises:
            IndexUnreadable: What has taken its place is damaged; this one goes on working.
        """
        try:
            identity = _identity(self.path.stat())
        except OSError:
            return self
        if identity == self._identity:
            return self
        newer = CategoryIndex.open(self.path)
        newer.names = self.names
        return newer

    def _probes(self, hosts: pl.Series) -> Probes:
        """Return what to look for: names and their parents, addresses and the ranges they lie in."""
        probes = self._hasher.probes(hosts)
        prefixes = self._header.prefixes[::-1]
        if not prefixes:
            return probes
        suspects = hosts.str.contains(r"^[0-9.]+$|:")
        rows = np.flatnonzero(suspects.to_numpy()).tolist()
        said = map(addresses.packed, hosts.filter(suspects).to_list())
        read = [(row, raw) for row, raw in zip(rows, said, strict=True) if raw]
        if not read:
            return probes
        packed = np.frombuffer(b"".join(raw for _, raw in read), dtype=np.uint8).reshape(-1, 16)
        keys = self._hasher.ranges(packed, prefixes)
        who = np.repeat(np.array([row for row, _ in read]), len(prefixes))
        depth = np.tile(np.arange(1, len(prefixes) + 1), len(read))
        return Probes(
            np.concatenate([probes.host, who]),
            np.concatenate([probes.depth, depth]),
            np.concatenate([probes.key, keys.ravel()]),
        )

    def _page_probes(
        self, hosts: pl.Series, urls: pl.Series, hits: _Hits, names: dict[int, str] | None = None
    ) -> Probes:
        """Return the pages to look for, of hosts that *hits* found marked; their depths are below 0, nearest first.

        Args:
            hosts: As asked for.
            urls: Of each host.
            hits: Of the hosts.
            names: Takes the page of each depth.
        """
        marked = self._marks[self._combinations[hits[2]]]
        rows: list[tuple[int, int, int]] = []
        for row, depth in zip(hits[0][marked].tolist(), hits[1][marked].tolist(), strict=True):
            name = _parent(hosts[row], depth)
            for rank, path in enumerate(pages.prefixes(pages.path_of(urls[row] or ""))):
                at = (depth - _DEEPEST) * pages.MOST_CUTS + rank
                rows.append((row, at, self._hasher.page(name, path)))
                if names is not None:
                    names[at] = name + path
        if not rows:
            nothing = np.empty(0, np.int64)
            return Probes(nothing, nothing, np.empty(0, np.uint64))
        row_, at_, key_ = zip(*rows, strict=True)
        return Probes(np.array(row_), np.array(at_), np.array(key_, dtype=np.uint64))

    def _name(self, host: str, depth: int) -> str:
        """Return the name or range that was looked for at *depth* above *host*."""
        if depth and addresses.packed(host):
            return addresses.shown(host, self._header.prefixes[::-1][depth - 1])
        return _parent(host, depth)

    def _pairs(self, place: int) -> tuple[tuple[int, int], ...]:
        return self._header.combinations[self._combinations[place]]

    def _hits(self, probes: Probes) -> _Hits:
        """Return host, depth and place in the index of the probes that it holds."""
        if not len(self._keys) or not len(probes.key):
            nothing = np.empty(0, np.int64)
            return nothing, nothing, nothing
        order = self._sieve.passes(probes.key)
        order = order[np.argsort(probes.key[order])]
        wanted = probes.key[order]
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        held = self._keys[place] == wanted
        which = order[held]
        return probes.host[which], probes.depth[which], place[held]

    def _bits(self, hosts: pl.Series, hits: _Hits) -> Bits:
        """Return the bits of each of *hosts*, walking from the nearest hit outwards; then those its name gives."""
        host, depth, place = hits
        bits = np.zeros((2, len(hosts)), dtype=np.uint64)
        silenced = np.zeros((2, len(hosts)), dtype=np.uint64)
        row = self._combinations[place]
        for level in np.unique(depth):
            meaning = self._below if level else self._here
            at = depth == level
            who, what = host[at], row[at]
            silenced[:, who] |= meaning.allow[:, what]
            bits[:, who] |= meaning.give[:, what] & ~silenced[:, who]
        given: Bits = np.asarray(bits[0] | bits[1])
        if self.names is not None:
            unlisted = np.flatnonzero((given | ((silenced[0] | silenced[1]) & np.uint64(_BYPASS))) == 0)
            given[unlisted] = self.names.lookup(hosts[unlisted])
        return given

    def _of_name(self, host: str, entries: list[Entry]) -> list[Entry]:
        """Return what the name of *host* gives, which counts only where no list speaks."""
        if self.names is None:
            return []
        signs = self.names.signs(host)
        word = self.names.judged(signs)
        if not signs or not word or word == STRAY:
            return []
        told = ", ".join(f"{sign.sign} {sign.text}" for sign in signs)
        silent = any(one.mode == "allow" and one.category in {"all", "bypass"} for one in entries)
        used = not silent and not any(one.used and one.mode != "allow" for one in entries)
        return [Entry(word, "names", told, "name", used)]


def _both(one: _Hits, other: _Hits) -> _Hits:
    host, depth, place = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    return host, depth, place


def _tuples(hits: _Hits) -> list[tuple[int, int, int]]:
    return list(zip(*(part.tolist() for part in hits), strict=True))


def _parent(host: str, depth: int) -> str:
    return ".".join(host.split(".")[depth:])


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino, status.st_mtime_ns


def prepare(sources: Path | Iterable[Path | ListFile], out: Path, *, own: Iterable[Path] = ()) -> CategoryIndex:
    """Return the index of *sources*: the one at *out* if it was made from just these files, else a new one there.

    A file that is no longer what was taken in is left out, and logged, when a new one is made.

    Args:
        sources: A directory, or list files and directories.
        out: The index file, in the state directory.
        own: Files and directories of the school's own lists; only allow lists among them cancel what they say.

    Raises:
        ConfigurationError: With the mistakes of all list files.
    """
    sources = [sources] if isinstance(sources, Path) else list(sources)
    files = found(sources, own)
    try:
        index = CategoryIndex.open(out)
    except IndexUnreadable:
        index = None
    if index is None or index.fingerprint != fingerprint(files):
        intact = [file for file in files if file.intact]
        if damaged := [file.id for file in files if file not in intact]:
            log.error("Damaged lists are left out: %s; run `filterwatch lists update`.", ", ".join(damaged))
        if index is None or index.fingerprint != fingerprint(intact):
            compile_lists(intact, out)
            index = CategoryIndex.open(out)
    folders = [one for one in sources if isinstance(one, Path) and one.is_dir()]
    index.names = next((names for names in map(Names.load, folders) if names is not None), None)
    return index


def words(bits: int) -> list[str]:
    """Return the category words of *bits*, in their order."""
    return [word for word, bit in CATEGORY_BIT.items() if bits & bit]
