"""The term packs against searches written by hand: precision and recall of each, and what a search costs.

Run: ``python -m benchmarks.terms [--set second|third|fourth] [--new] [--missed]``.  ``--missed`` lists the
mistakes in the half that packs may be changed by; the other half is only counted.
"""

from __future__ import annotations

import argparse
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import polars as pl

from filterwatch.config import read, validate
from filterwatch.policy.terms import Finder, Pack

ROOT = Path(__file__).parents[1]
SETS = {"first": ROOT / "tests/policy/searches"} | {
    name: ROOT / "tests/policy/searches" / name for name in ("second", "third", "fourth")
}
"""All but the first are each of another hand, who had read neither the packs nor the sets before."""

HELP = "help_seeking"
HARM_TOGETHER = "all families"
Half = Literal["all", "tuned", "held out"]
HALVES: tuple[Half, ...] = ("all", "tuned", "held out")
HARM = {
    "hate": {"hate", "discrimination"},
    "extremism": {"extremism"},
    "suicide": {"suicide", "self_harm"},
    "self_harm": {"self_harm", "suicide"},
}
"""Packs that serve a family, where they are others than the one of its name."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search of the files, and the packs that hold for it."""

    family: str
    label: str
    text: str
    packs: frozenset[str]

    @property
    def tuned(self) -> bool:
        """Whether packs may be changed by it; the others are only counted."""
        return zlib.crc32(self.text.encode()) % 2 == 0

    @property
    def harm(self) -> bool:
        """Whether the family's packs hold."""
        return not self.packs.isdisjoint(HARM.get(self.family, {self.family}))


@cache
def packs() -> list[Pack]:
    """Return the shipped packs."""
    return [validate(read(path), Pack) for path in sorted((ROOT / "rules/terms").glob("*.yaml"))]


@cache
def finder() -> tuple[Finder, list[str]]:
    """Return a finder of the shipped packs, and their names by place; made once, for it takes a while."""
    return made(), [pack.id for pack in packs()]


def made() -> Finder:
    """Return a new finder of the shipped packs."""
    one = Finder()
    for pack in packs():
        one.add(pack)
    return one


def searches(which: str = "first") -> list[Search]:
    """Return all searches of one of the :data:`SETS`, judged."""
    rows = [(path.stem, *line.split("\t")) for path in sorted(SETS[which].glob("*.tsv"))
            for line in path.read_text("utf-8").splitlines()]  # fmt: skip
    one, names = finder()
    held = dict(one.find(pl.Series([text for _, _, text in rows])))
    return [
        Search(family, label, text, frozenset(names[place] for place in held.get(row, ())))
        for row, (family, label, text) in enumerate(rows)
    ]


def new(which: str, judged: list[Search]) -> list[Search]:
    """Return those of a set's searches that no set before it has."""
    names = list(SETS)
    before = {one.text for name in names[: names.index(which)] for one in searches(name)}
    return [one for one in judged if one.text not in before]


@dataclass(frozen=True, slots=True)
class Score:
    """How a pack does on one half of its searches, or on all of them."""

    name: str
    half: Half
    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of what it raised that it should have raised."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Share of what it should raise that it raised."""
        return self.right / max(1, self.right + self.missed)


def scores(all_of_them: list[Search]) -> Iterator[Score]:
    """Yield the scores of each family, of all harm together and of looking for help: of all searches and each half."""
    families = sorted({one.family for one in all_of_them})
    halves: dict[Half, list[Search]] = {
        "all": all_of_them,
        "tuned": [one for one in all_of_them if one.tuned],
        "held out": [one for one in all_of_them if not one.tuned],
    }
    for half, mine in halves.items():
        for family in families:
            yield _score(family, half, [(one.label == "harm", one.harm) for one in mine if one.family == family])
        yield _score(HARM_TOGETHER, half, [(one.label == "harm", one.harm) for one in mine])
        yield _score(HELP, half, [(one.label == "help", HELP in one.packs) for one in mine if one.label != "harm"])


def _score(name: str, half: Half, each: list[tuple[bool, bool]]) -> Score:
    """Return the score of pairs of what should be raised and what was."""
    count = Counter(each)
    return Score(name, half, count[True, True], count[False, True], count[True, False])


def cost(times: int = 10) -> float:
    """Return microseconds of the processor for a search that was not seen before, the least of *times* batches."""
    one, _ = finder()
    known = [search.text for search in searches()]
    return min(_busy(one, [f"{text} {number}" for text in known]) / len(known) * 1e6 for number in range(times))


def to_make_ready(times: int = 5) -> float:
    """Return seconds of the processor for the first search of all, the least of *times*; the packs are read."""
    return min(_busy(made(), ["school"]) for _ in range(times))


def _busy(one: Finder, texts: list[str]) -> float:
    began = time.process_time()
    for _ in one.find(pl.Series(texts)):
        pass
    return time.process_time() - began


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=SETS, default="first", help="which searches")
    parser.add_argument("--new", action="store_true", help="only searches that no set before it has")
    parser.add_argument("--missed", action="store_true", help="list mistakes in the tuned half")
    parser.add_argument("--family", help="only this family's mistakes")
    asked = parser.parse_args()
    judged = searches(asked.set)
    if asked.new:
        judged = new(asked.set, judged)
    both = {(one.name, one.half): one for one in scores(judged)}
    lines = [f"{'':18}" + "".join(f"{half + ': precision':>20}{'recall':>8}" for half in HALVES)
             + f"{'all: right':>14}{'wrong':>7}{'missed':>8}"]  # fmt: skip
    for name in dict.fromkeys(name for name, _ in both):
        figures = "".join(f"{both[name, half].precision:20.3f}{both[name, half].recall:8.3f}" for half in HALVES)
        every = both[name, "all"]
        lines.append(f"{name:18}{figures}{every.right:14}{every.wrong:7}{every.missed:8}")
    if asked.missed:
        for one in judged:
            if one.tuned and asked.family in (None, one.family):
                if one.harm is not (one.label == "harm"):
                    lines.append(f"{one.family}: {one.label} {'raised' if one.harm else 'missed'}: {one.text}")
                if one.label != "harm" and (HELP in one.packs) is not (one.label == "help"):
                    lines.append(
                        f"{one.family}: {one.label} {'as help' if HELP in one.packs else 'no help'}: {one.text}"
                    )
    else:
        lines.append(f"\n{cost():.1f} us for each different search; {to_make_ready():.2f} s to make the packs ready")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
