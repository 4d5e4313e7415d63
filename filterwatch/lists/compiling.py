"""Compiling list files into one index file."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import CATEGORY_WORDS
from filterwatch.lists import addresses
from filterwatch.lists.domains import Piece
from filterwatch.lists.hashing import Hasher, Keys
from filterwatch.lists.layout import MAGIC, Combinations, Header, ListInfo, write
from filterwatch.lists.modes import Mode
from filterwatch.lists.reading import ListFile, describe, pieces

_MODES = len(Mode)
_TOP_BITS = 4
MOST_COMBINATIONS = 1 << 16

Pairs = npt.NDArray[np.uint16]
"""List number times the number of modes, plus the mode."""

_Part = tuple[Keys, Pairs]

_PAGES_BELOW = int(Mode.PAGES_BELOW)
"""The pair that marks a host of which some list names pages; whose it is does not matter."""


@dataclass
class _Read:
    """What the lists hold.

    Attributes:
        parts: The key of every entry beside its list and mode.
        counts: How many entries each list has.
        prefixes: Lengths of the ranges among them.
        pages: How many entries are pages.
    """

    parts: list[_Part] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    prefixes: set[int] = field(default_factory=set)
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """What a build made.

    Attributes:
        lists: How many list files.
        entries: Lines with an entry.
        names: Different names.
        combinations: Different sets of lists and modes.
        size: Bytes of the index file.
    """

    lists: int
    entries: int
    names: int
    combinations: int
    size: int


def found(sources: Path | Iterable[Path | ListFile], own: Iterable[Path] = ()) -> list[ListFile]:
    """Return the lists of a directory (every ``*.txt`` below it) or of the files given, by id.

    Args:
        sources: A directory, or files and directories.
        own: Files and directories of the school's own lists.

    Raises:
        ConfigurationError: A file cannot be read, its header is wrong, or two lists have one id.
    """
    mistakes: list[Mistake] = []
    files: list[ListFile] = []
    given = [sources] if isinstance(sources, Path) else sources
    for source, is_own in [*((one, False) for one in given), *((one, True) for one in own)]:
        if isinstance(source, ListFile):
            files.append(source)
            continue
        for path in sorted(source.rglob("*.txt")) if source.is_dir() else [source]:
            try:
                files.append(describe(path, own=is_own))
            except ConfigurationError as error:
                mistakes += error.mistakes
    files.sort(key=lambda file: (file.id, str(file.path)))
    for one, other in pairwise(files):
        if one.id == other.id:
            mistakes.append(Mistake(str(other.path), 0, 0, f"list '{one.id}' is already {one.path}; rename one"))
    if mistakes:
        raise ConfigurationError(mistakes)
    return files


def fingerprint(files: Sequence[ListFile]) -> str:
    """Return a digest of everything an index depends on: the content and meaning of *files*, categories, version.

    A file whose digest is known is not read for it.
    """
    total = hashlib.blake2b(digest_size=16)
    total.update(repr((MAGIC, CATEGORY_WORDS)).encode())
    for file in files:
        total.update(repr((file.id, file.category, file.allow, file.own, file.format, file.secret)).encode())
        if file.digest:
            total.update(file.digest.encode())
            continue
        try:
            with file.path.open("rb") as content:
                total.update(hashlib.file_digest(content, "blake2b").digest())
        except OSError as error:
            raise ConfigurationError([Mistake(str(file.path), 0, 0, f"cannot be read: {error.strerror}")]) from None
    return total.hexdigest()


def compile_lists(
    sources: Path | Iterable[Path | ListFile], out: Path, *, own: Iterable[Path] = (), seed: bytes | None = None
) -> Stats:
    """Compile lists into the index file *out*, which is replaced at once when all is well.

    Args:
        sources: A directory, or list files.
        own: Files and directories of the school's own lists; only allow lists among them cancel what they say.
        out: The index file; its directory must exist.
        seed: Of the hash; drawn at random when left out, so that nobody can choose names that collide.

    Raises:
        ConfigurationError: With the mistakes of all list files; *out* is left as it was.
    """
    files = found(sources, own)
    hasher = Hasher(secrets.token_bytes(16) if seed is None else seed)
    made_from = fingerprint(files)
    read = _read(files, hasher)
    keys, combinations, table = _merge(read.parts)
    infos = tuple(
        ListInfo(one.id, one.category, one.allow, one.own, count, one.source, one.licence, one.credit, one.secret)
        for one, count in zip(files, read.counts, strict=True)
    )
    header = Header(hasher.seed.hex(), len(keys), made_from, infos, table, tuple(sorted(read.prefixes)), read.pages)
    size = write(out, header, keys, combinations)
    return Stats(len(files), sum(read.counts), len(keys), len(table), size)


def _read(files: Sequence[ListFile], hasher: Hasher) -> _Read:
    if len(files) * _MODES > MOST_COMBINATIONS:
        raise ConfigurationError([Mistake(str(files[0].path.parent), 0, 0, f"{len(files)} lists are too many")])
    mistakes: list[Mistake] = []
    read = _Read()
    for number, file in enumerate(files):
        count = 0
        try:
            for piece in pieces(file):
                _add(read, piece, number, hasher)
                count += len(piece.names)
        except ConfigurationError as error:
            mistakes += error.mistakes
        read.counts.append(count)
    if mistakes:
        raise ConfigurationError(mistakes)
    return read


def _add(read: _Read, piece: Piece, number: int, hasher: Hasher) -> None:
    """Add the entries of the list *number*."""
    pairs = piece.modes.to_numpy().astype(np.uint16) + np.uint16(number * _MODES)
    slashed = piece.names.str.contains("/", literal=True)
    if not slashed.any():
        read.parts.append((hasher.names(piece.names), pairs))
        return
    plain = ~slashed
    read.parts.append((hasher.names(piece.names.filter(plain)), pairs[plain.to_numpy()]))
    hosts: set[str] = set()
    keys: list[int] = []
    for entry, mode in zip(piece.names.filter(slashed), piece.modes.filter(slashed), strict=True):
        host, _, rest = entry.partition("/")
        if Mode(mode).scope is not Mode.PAGE and addresses.normal(entry):
            raw, length = addresses.prefix(entry)
            keys.append(int(hasher.ranges(np.frombuffer(raw, np.uint8)[None], [length])[0, 0]))
            read.prefixes.add(length)
        else:
            keys.append(hasher.page(host, f"/{rest}"))
            hosts.add(host)
            read.pages += 1
    read.parts.append((np.array(keys, dtype=np.uint64), pairs[slashed.to_numpy()]))
    marked = hasher.names(pl.Series(sorted(hosts), dtype=pl.String))
    read.parts.append((marked, np.full(len(marked), _PAGES_BELOW, dtype=np.uint16)))


def _merge(parts: Sequence[_Part]) -> tuple[Keys, Combinations, tuple[tuple[tuple[int, int], ...], ...]]:
    """Return the different keys, ascending, with the combination of pairs that each has, and all combinations.

    Keys are sorted a sixteenth at a time, by their top bits: sorting needs several times the memory of what it sorts.
    """
    numbers: dict[tuple[int, ...], int] = {}
    keys: list[Keys] = [np.empty(0, np.uint64)]
    combinations: list[Combinations] = [np.empty(0, np.uint16)]
    for top in range(1 << _TOP_BITS):
        chosen = [(key >> np.uint64(64 - _TOP_BITS)) == top for key, _ in parts]
        some_keys = np.concatenate([keys[0], *(part[0][mask] for part, mask in zip(parts, chosen, strict=True))])
        some_pairs = np.concatenate(
            [combinations[0], *(part[1][mask] for part, mask in zip(parts, chosen, strict=True))]
        )
        more_keys, more_combinations = _merge_some(some_keys, some_pairs, numbers)
        keys.append(more_keys)
        combinations.append(more_combinations)
    table = tuple(tuple(divmod(pair, _MODES) for pair in combination) for combination in numbers)
    return np.concatenate(keys), np.concatenate(combinations), table


def _merge_some(keys: Keys, pairs: Pairs, numbers: dict[tuple[int, ...], int]) -> tuple[Keys, Combinations]:
    """Merge *keys*, giving each new combination the next number."""
    order = np.lexsort((pairs, keys))
    keys, pairs = keys[order], pairs[order]
    fresh = np.ones(len(keys), dtype=np.bool_)
    fresh[1:] = (keys[1:] != keys[:-1]) | (pairs[1:] != pairs[:-1])
    keys, pairs = keys[fresh], pairs[fresh]
    first = np.ones(len(keys), dtype=np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    begins = np.flatnonzero(first)
    lengths = np.diff(begins, append=len(keys))
    table: list[tuple[int, ...]] = []
    combination = np.zeros(len(begins), dtype=np.int64)
    for step in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > step)
        codes, inverse = np.unique(combination[longer] << 16 | pairs[begins[longer] + step], return_inverse=True)
        before = [table[code >> 16] if step else () for code in codes.tolist()]
        combination[longer] = inverse + len(table)
        table += [(*pairs_before, code & 0xFFFF) for pairs_before, code in zip(before, codes.tolist(), strict=True)]
    kept, inverse = np.unique(combination, return_inverse=True)
    known = [numbers.setdefault(table[one], len(numbers)) for one in kept.tolist()]
    if len(numbers) > MOST_COMBINATIONS:
        raise ConfigurationError([Mistake("lists", 0, 0, f"more than {MOST_COMBINATIONS} combinations of lists")])
    return keys[begins], np.array(known, dtype=np.uint16)[inverse]
