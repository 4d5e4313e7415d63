"""Whether the compiled index finds what lists name, all of it and nothing else.

    .venv/bin/python -m benchmarks.recall ID=PATH... [--catalogue FILE] [--accept] [--rules DIR]

ID is a list of the catalogue, PATH what its address gives (:mod:`benchmarks.as_fetched`). The lists are taken in as if
they had been fetched and compiled into one index. Of each list are then looked up: every name it gives, a name below
each, each with a letter put before it (``x`` + name), addresses and both ends of ranges, pages and what lies below
them. What an answer should be is worked out a second time, by walking plain Python dictionaries. Prints a row a list
and ends with 1 when an answer is another, or when a list was refused.

Columns: entries the list holds; lines that are none; lines left out on purpose; entries set aside by the guard; names
looked up and missed; names below them looked up and missed; names with a letter before that have the list's category
though no entry says so; addresses, ends of ranges and pages looked up and missed.
"""

from __future__ import annotations

import argparse
import ipaddress
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import polars as pl

from benchmarks.as_fetched import Taken, given, take
from filterwatch import lists
from filterwatch.events import CATEGORY_BIT
from filterwatch.lists.modes import Mode
from filterwatch.lists.reading import pieces
from filterwatch.text import printable

HEADS = ("entries", "wrong", "left out", "aside", "names", "missed", "below", "missed", "alike", "others", "missed")
SHOWN = 20
"""Hosts of a list that are named where the index and the walk differ."""

_PLAIN = "!$&'()*+,/:;=?@[]~"
"""What a URL may hold as it is; a blank in a page was an escaped one."""


@dataclass
class Walk:
    """What all lists say, by category bit: a second, plain way to the answer.

    Attributes:
        speak: For each mode that speaks of names, the names with the bits that are given there.
        cancel: The same with the bits that are cancelled.
    """

    speak: dict[Mode, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    cancel: dict[Mode, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def add(self, taken: Taken, name: str, mode: Mode) -> None:
        """Learn an entry."""
        word = taken.listed.word
        family = word.partition(".")[0]
        if taken.file.allow or mode.allows:
            bits = sum(bit for other, bit in CATEGORY_BIT.items() if other.partition(".")[0] == family)
            self.cancel[mode.scope][name] |= bits if word != "all" else (1 << 64) - 1
        elif mode is not Mode.ASIDE:
            self.speak[mode][name] |= CATEGORY_BIT[word] | CATEGORY_BIT[family]

    def bits(self, host: str) -> int:
        """Return the category bits of *host*: from the full name upwards, an allow ends what it cancels."""
        found = silent = 0
        labels = host.split(".")
        for depth in range(len(labels)):
            name = ".".join(labels[depth:])
            for mode in (Mode.SUFFIX, Mode.CHILDREN if depth else Mode.EXACT):
                silent |= self.cancel[mode].get(name, 0)
            for mode in (Mode.SUFFIX, Mode.CHILDREN if depth else Mode.EXACT):
                found |= self.speak[mode].get(name, 0) & ~silent
        return found


@dataclass
class Row:
    """What one list gave; the attributes are the columns."""

    taken: Taken
    names: int = 0
    names_missed: int = 0
    below: int = 0
    below_missed: int = 0
    alike: int = 0
    others: int = 0
    others_missed: int = 0
    differ: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the row of the table."""
        said = self.taken.version
        held = (said.entries, said.wrong, said.left_out, said.aside)
        asked = (self.names, self.names_missed, self.below, self.below_missed, self.alike)
        return _line(self.taken.file.id, *held, *asked, self.others, self.others_missed)

    @property
    def good(self) -> bool:
        """Whether every answer is right."""
        return not (self.differ or self.alike or self.names_missed or self.below_missed or self.others_missed)


def _line(name: str, *cells: object) -> str:
    return f"{name:40}" + "".join(f"{cell:>9,}" if isinstance(cell, int) else f"{cell:>9}" for cell in cells)


def _pieces(taken: Taken) -> Iterator[tuple[list[str], list[Mode]]]:
    for piece in pieces(taken.file):
        yield piece.names.to_list(), [Mode(mode) for mode in piece.modes.to_list()]


def _is_name(name: str) -> bool:
    return "/" not in name and ":" not in name and not name.rpartition(".")[2].isdigit()


def examine(taken: Taken, index: lists.CategoryIndex, walk: Walk) -> Row:
    """Look up what one list names, and what it does not."""
    row = Row(taken)
    bit = CATEGORY_BIT[taken.listed.word] if taken.listed.word != "all" else 0
    for names, modes in _pieces(taken):
        both = [pair for pair in zip(names, modes, strict=True) if not (taken.file.allow or pair[1].allows)]
        hosts = [(name, mode) for name, mode in both if mode <= Mode.CHILDREN and _is_name(name)]
        itself = [name if mode is not Mode.CHILDREN else f"a.{name}" for name, mode in hosts]
        row.names += len(itself)
        row.names_missed += _missed(itself, index, walk, bit, row)
        below = [f"www.a.{name}" for name, mode in hosts if mode is not Mode.EXACT]
        row.below += len(below)
        row.below_missed += _missed(below, index, walk, bit, row)
        alike = [f"x{name}" for name, _ in hosts]
        said = _bits(index, alike)
        row.alike += sum(bool(one & bit) and not walk.bits(host) & bit for host, one in zip(alike, said, strict=True))
        _others(both, index, bit, row)
    return row


def _missed(hosts: Sequence[str], index: lists.CategoryIndex, walk: Walk, bit: int, row: Row) -> int:
    """Return how many *hosts* lack *bit*; note those of which the walk says something else."""
    said = _bits(index, hosts)
    row.differ += [host for host, one in zip(hosts, said, strict=True) if one != walk.bits(host)]
    return sum(not one & bit for one in said)


def _bits(index: lists.CategoryIndex, hosts: Sequence[str]) -> list[int]:
    found: list[int] = index.lookup(pl.Series(hosts, dtype=pl.String)).to_list()
    return found


def _others(both: Iterable[tuple[str, Mode]], index: lists.CategoryIndex, bit: int, row: Row) -> None:
    """Look up addresses, both ends of ranges, pages and what lies below them."""
    ends: list[str] = []
    urls: list[str] = []
    for name, mode in both:
        if mode is Mode.PAGE:
            url = quote(name, safe=_PLAIN)
            urls += [url, f"{url}/more?x=1"]
        elif mode is Mode.SUFFIX and not _is_name(name):
            network = ipaddress.ip_network(name)
            ends += [str(network[0]), str(network[-1])]
    hosts = pl.Series([url.partition("/")[0] for url in urls], dtype=pl.String)
    said = [*_bits(index, ends), *index.lookup_urls(hosts, pl.Series(urls, dtype=pl.String)).to_list()]
    row.others += len(said)
    row.others_missed += sum(not one & bit for one in said)


def main() -> int:
    """Print the table; 1 when an answer is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", nargs="+", type=given, metavar="ID=PATH")
    parser.add_argument("--catalogue", type=Path, help="a further catalogue, in the form of the shipped one")
    parser.add_argument("--accept", action="store_true", help="take in lists that hold names they should not")
    parser.add_argument("--rules", type=Path, default=Path("rules"))
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        taken = list(take(said.list, said.rules, Path(scratch), said.catalogue, accept=said.accept))
        lists.compile([one.file for one in taken], Path(scratch) / "lists.index")
        index = lists.CategoryIndex.open(Path(scratch) / "lists.index")
        walk = Walk()
        for one in taken:
            for names, modes in _pieces(one):
                for name, mode in zip(names, modes, strict=True):
                    walk.add(one, name, mode)
        print(_line("list", *HEADS))
        rows = []
        for one in taken:
            rows.append(examine(one, index, walk))
            print(rows[-1], flush=True)
    return _told(rows, refused=len(said.list) - len(taken))


def _told(rows: Sequence[Row], refused: int) -> int:
    """Print the sums and what is wrong; return 1 when something is."""
    names, missed = sum(row.names for row in rows), sum(row.names_missed for row in rows)
    below, below_missed = sum(row.below for row in rows), sum(row.below_missed for row in rows)
    others, others_missed = sum(row.others for row in rows), sum(row.others_missed for row in rows)
    print(f"{len(rows)} lists: names {names:,}, missed {missed:,}; below {below:,}, missed {below_missed:,};")
    print(f"addresses, ranges, pages {others:,}, missed {others_missed:,}; alike {sum(row.alike for row in rows):,}")
    for row in rows:
        for host in row.differ[:SHOWN]:
            print(f"{row.taken.file.id}: {printable(host)}: the index and the walk differ")
    return int(bool(refused) or not all(row.good for row in rows))


if __name__ == "__main__":
    sys.exit(main())
