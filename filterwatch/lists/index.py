"""Asking the compiled index what a host is."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from filterwatch.events import CATEGORY_BIT
from filterwatch.lists.compiling import compile_lists, fingerprint, found
from filterwatch.lists.hashing import Hasher, Keys, Places, Probes
from filterwatch.lists.layout import Combinations, Header, IndexUnreadable, ListInfo, read_header, unreadable
from filterwatch.lists.reading import ListFile, Mode

SLICE = 16_384
"""Hosts that are looked up at once: their arrays stay in the processor's cache and memory stays bounded."""

_ALL = np.uint64((1 << 64) - 1)
_BYPASS = CATEGORY_BIT["bypass"]

Bits = npt.NDArray[np.uint64]
_Identity = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A list's entry that speaks of a host.

    Attributes:
        category: Category word it gives, ``bypass.vpn`` with its kind; what an allow entry cancels (or ``all``).
        list: Name of the list.
        entry: The name on the list.
        mode: ``suffix``, ``exact``, ``children`` or ``allow``.
        used: False when an allow entry nearer to the host cancels it, or it is no block itself.
    """

    category: str
    list: str
    entry: str
    mode: str = "suffix"
    used: bool = True


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What each combination gives and cancels; index 0 of the first axis is for other lists, 1 for the school's own."""

    give: Bits
    allow: Bits


class CategoryIndex:
    """Categories of hosts, from a memory-mapped file that all processes share.

    A name's own entries and those of its parents count, down to the last label.  An allow entry ends the walk for
    what it cancels: it wins over entries for the same name or a parent, not over entries below it.  What the school
    lists itself is cancelled only by allow lists of its own.
    """

    def __init__(self, path: Path, identity: _Identity, header: Header, keys: Keys, combinations: Combinations) -> None:
        self.path = path
        self._identity = identity
        self.fingerprint = header.fingerprint
        self.lists: tuple[ListInfo, ...] = header.lists
        self._header = header
        self._keys = keys
        self._combinations = combinations
        self._hasher = Hasher(bytes.fromhex(header.seed))
        self._here, self._below = _meaning(header, Mode.CHILDREN), _meaning(header, Mode.EXACT)

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
        except OSError as error:
            raise unreadable(path, f"cannot be read: {error.strerror}") from None
        keys = np.frombuffer(mapped, dtype="<u8", count=header.names, offset=begin)
        combinations = np.frombuffer(mapped, dtype="<u2", count=header.names, offset=begin + 8 * header.names)
        return cls(path, identity, header, keys, combinations)

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
        parts = [self._bits(filled.slice(at, SLICE)) for at in range(0, len(filled), SLICE)]
        bits = np.concatenate(parts) if parts else np.empty(0, np.uint64)
        return pl.Series("category_bits", bits, dtype=pl.UInt64)

    def entries(self, host: str) -> list[Entry]:
        """Return every entry that speaks of *host*, nearest first, the cancelled ones marked."""
        probes = self._hasher.probes(pl.Series([host.lower().removesuffix(".")]))
        labels = host.lower().removesuffix(".").split(".")
        entries: list[Entry] = []
        cancelled: dict[bool, set[str]] = {False: set(), True: set()}
        _, depths, places = self._hits(probes)
        for depth, place in sorted(zip(depths.tolist(), places.tolist(), strict=True)):
            name = ".".join(labels[depth:])
            silent = Mode.EXACT if depth else Mode.CHILDREN
            pairs = [pair for pair in self._header.combinations[self._combinations[place]] if pair[1] != silent]
            spoken = sorted(
                ((self.lists[number], Mode(mode)) for number, mode in pairs), key=lambda it: not it[0].allow
            )
            for one, mode in spoken:
                if one.allow:
                    cancelled[False].add(one.category)
                    cancelled[True] |= {one.category} if one.own else set()
                hidden = not cancelled[one.own].isdisjoint({"all", one.category, one.category.partition(".")[0]})
                word = "allow" if one.allow else mode.name.lower()
                entries.append(Entry(one.category, one.id, name, word, one.allow or not hidden))
        return entries

    def latest(self) -> CategoryIndex:
        """Return this index, or the one that has taken its place on disk: one ``stat`` when nothing changed.

        Raises:
            IndexUnreadable: What has taken its place is damaged; this one goes on working.
        """
        try:
            identity = _identity(self.path.stat())
        except OSError:
            return self
        return self if identity == self._identity else CategoryIndex.open(self.path)

    def _hits(self, probes: Probes) -> tuple[Places, Places, Places]:
        """Return host, depth and place in the index of the probes that it holds."""
        if not len(self._keys):
            nothing = np.empty(0, np.int64)
            return nothing, nothing, nothing
        order = np.argsort(probes.key)
        wanted = probes.key[order]
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        held = self._keys[place] == wanted
        which = order[held]
        return probes.host[which], probes.depth[which], place[held]

    def _bits(self, hosts: pl.Series) -> Bits:
        host, depth, place = self._hits(self._hasher.probes(hosts))
        bits = np.zeros((2, len(hosts)), dtype=np.uint64)
        silenced = np.zeros((2, len(hosts)), dtype=np.uint64)
        row = self._combinations[place]
        for level in np.unique(depth):
            meaning = self._below if level else self._here
            at = depth == level
            who, what = host[at], row[at]
            silenced[:, who] |= meaning.allow[:, what]
            bits[:, who] |= meaning.give[:, what] & ~silenced[:, who]
        return np.asarray(bits[0] | bits[1])


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _meaning(header: Header, silent: Mode) -> _Meaning:
    """Return what the combinations say where entries of the mode *silent* say nothing."""
    shape = (2, max(len(header.combinations), 1))
    give, allow = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    for row, pairs in enumerate(header.combinations):
        for one in (header.lists[number] for number, mode in pairs if mode != silent):
            bits = np.uint64(_word_bits(one.category, allow=one.allow))
            if not one.allow:
                give[int(one.own), row] |= bits
            elif one.own:
                allow[:, row] |= bits
            else:
                allow[0, row] |= bits
    return _Meaning(give, allow)


def _word_bits(word: str, *, allow: bool) -> int:
    """Return the bits of a list's category; a bypass kind brings ``bypass`` with it."""
    if word == "all":
        return int(_ALL)
    family = word.partition(".")[0]
    if allow and word == family:
        return sum(bit for other, bit in CATEGORY_BIT.items() if other.partition(".")[0] == family)
    return CATEGORY_BIT[word] | (0 if allow else CATEGORY_BIT[family])


def prepare(sources: Path | Iterable[Path | ListFile], out: Path, *, own: Iterable[Path] = ()) -> CategoryIndex:
    """Return the index of *sources*: the one at *out* if it was made from just these files, else a new one there.

    Args:
        sources: A directory, or list files and directories.
        out: The index file, in the state directory.
        own: Files and directories of the school's own lists; only allow lists among them cancel what they say.

    Raises:
        ConfigurationError: With the mistakes of all list files.
    """
    files = found(sources, own)
    try:
        index = CategoryIndex.open(out)
    except IndexUnreadable:
        index = None
    if index is None or index.fingerprint != fingerprint(files):
        compile_lists(files, out)
        index = CategoryIndex.open(out)
    return index


def words(bits: int) -> list[str]:
    """Return the category words of *bits*, in their order."""
    return [word for word, bit in CATEGORY_BIT.items() if bits & bit]
