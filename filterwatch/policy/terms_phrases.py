"""Phrases of term packs: words side by side, with choices and gaps.

``buy|get|look_for .. weed|cannabis`` is one of three choices, then at most :data:`GAP` other words, then one of two;
``...`` stands for up to :data:`FAR` words.  The last word is also found in the plural.

A text with choices of several words means very many phrases: it is kept as a :class:`Shape`, which names those that can
be in a search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain, pairwise, product
from typing import NamedTuple

GAP = 3
"""Words that ``..`` stands for, at most."""

FAR = 12
"""Words that ``...`` stands for, at most: a search as long as a sentence."""

SHORTEST_PLURAL = 3
"""Letters of the last word from which on its plural is looked for too: "as" is no plural of "a"."""

_GAPS = re.compile(r"\s*(\.\.+)\s*")
_CHOICES = re.compile(r"(\S*\|\S*)")
Slot = frozenset[str]
Part = tuple[Slot, ...]


class Phrase(NamedTuple):
    """What to look for in the words of a search.

    Attributes:
        parts: Between two of them may be a gap; each is made of words side by side, each a choice.
        gaps: Words that may stand behind each part but the last, at most.
    """

    parts: tuple[Part, ...]
    gaps: tuple[int, ...] = ()

    def find(self, words: Sequence[str | None]) -> Iterator[tuple[int, ...]]:
        """Yield the places of the words of each match in *words*, from left to right; null words match nothing."""
        after = 0
        first = self.parts[0][0]
        for at, word in enumerate(words):
            if word in first and at >= after and (places := self._at(words, at, 0)):
                yield places
                after = places[-1] + 1

    def _at(self, words: Sequence[str | None], at: int, number: int) -> tuple[int, ...] | None:
        """Return the places of the parts from *number* on, where the first of them stands at *at*."""
        part = self.parts[number]
        end = at + len(part)
        if end > len(words):
            return None
        for n, slot in enumerate(part, at):
            if words[n] not in slot:
                return None
        here = tuple(range(at, end))
        if number + 1 == len(self.parts):
            return here
        for start in range(end, min(end + self.gaps[number], len(words)) + 1):
            if rest := self._at(words, start, number + 1):
                return here + rest
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A piece of a phrase that is one of several choices, each made of words side by side.

    Attributes:
        choices: Never empty, and none of them is.
        words: All their words.
        needs: Of each, one of its words is in every search that the run is in.
    """

    choices: tuple[Part, ...]
    words: Slot
    needs: Part

    @classmethod
    def of(cls, choices: Iterable[Part]) -> Run:
        """Return the run of *choices*."""
        each = tuple(choices)
        words = frozenset().union(*chain.from_iterable(each))
        return cls(each, words, each[0] if len(each) == 1 else (words,))

    def left(self, words: AbstractSet[str]) -> Sequence[Part]:
        """Return the choices whose words are all among *words*, which hold one of each of :attr:`needs`."""
        if len(self.choices) == 1:
            return self.choices
        left = []
        for choice in self.choices:
            for slot in choice:
                if slot.isdisjoint(words):
                    break
            else:
                left.append(choice)
        return left

    def with_plural(self) -> Run:
        """Return this run with the plural of the last word of each choice."""
        return Run.of((*choice[:-1], choice[-1].union(*map(_plurals, choice[-1]))) for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Shape:
    """The phrases that a text of a pack means.

    Attributes:
        pieces: Between two of them may be a gap; each is made of runs side by side.
        gaps: Words that may stand behind each piece but the last, at most.
        runs: Those of all pieces.
        needs: Of each, one of its words is in every search that a phrase of it is in.
    """

    pieces: tuple[tuple[Run, ...], ...]
    gaps: tuple[int, ...]
    runs: tuple[Run, ...]
    needs: Part

    @classmethod
    def of(cls, pieces: Iterable[Iterable[Run]], gaps: Iterable[int]) -> Shape:
        """Return the shape of *pieces* with *gaps* between them."""
        each = tuple(map(tuple, pieces))
        runs = tuple(chain.from_iterable(each))
        return cls(each, tuple(gaps), runs, tuple(need for run in runs for need in run.needs))

    @property
    def pairs(self) -> Iterator[tuple[Slot, Slot]]:
        """Words that stand side by side in one of its phrases: before, behind."""
        for piece in self.pieces:
            for run in piece:
                for choice in run.choices:
                    yield from pairwise(choice)
            for before, behind in pairwise(piece):
                yield (frozenset().union(*(choice[-1] for choice in before.choices)),
                       frozenset().union(*(choice[0] for choice in behind.choices)))  # fmt: skip

    def phrases(self, words: AbstractSet[str]) -> list[Phrase]:
        """Return those of its phrases whose words are all among *words*."""
        for need in self.needs:
            if need.isdisjoint(words):
                return []
        left = [run.left(words) for run in self.runs]
        return [self._phrase(chosen) for chosen in product(*left)]

    def _phrase(self, chosen: tuple[Part, ...]) -> Phrase:
        parts = []
        at = 0
        for piece in self.pieces:
            after = at + len(piece)
            parts.append(chosen[at] if after - at == 1 else tuple(chain.from_iterable(chosen[at:after])))
            at = after
        return Phrase(tuple(parts), self.gaps)


Written = list[tuple[int, list[str]]]
"""A text of a pack taken apart: of each piece the gap before it, and its runs as they are written."""


def taken_apart(text: str) -> Written:
    """Return the pieces of *text* of a pack."""
    pieces = _GAPS.split(text)
    gaps = (0, *(FAR if len(gap) > len("..") else GAP for gap in pieces[1::2]))
    return [(gap, _CHOICES.split(piece)) for gap, piece in zip(gaps, pieces[::2], strict=True)]


def wordings(run: str) -> list[str]:
    """Return the choices of *run* as they are written."""
    return [one.replace("_", " ") for one in run.split("|")] if "|" in run else [run]


class Shapes:
    """Makes shapes; a run that many texts have is made once.

    Args:
        words: Returns the bare words of a wording, short forms written out.
    """

    def __init__(self, words: Callable[[str], list[str]]) -> None:
        self._words = words
        self._runs: dict[str, Run | None] = {}
        self._lasts: dict[Run, Run] = {}
        self._slots: dict[str, Slot] = {}

    def of(self, text: Written) -> Shape | None:
        """Return what *text* means; null where no word is left of it."""
        pieces = [(gap, [run for one in runs if (run := self._run(one))]) for gap, runs in text]
        left = [(gap, runs) for gap, runs in pieces if runs]
        if not left:
            return None
        last = left[-1][1]
        if last[-1] not in self._lasts:
            self._lasts[last[-1]] = last[-1].with_plural()
        last[-1] = self._lasts[last[-1]]
        return Shape.of((runs for _, runs in left), (gap for gap, _ in left[1:]))

    def _run(self, written: str) -> Run | None:
        if written not in self._runs:
            self._runs[written] = self._made(written)
        return self._runs[written]

    def _made(self, written: str) -> Run | None:
        read = [self._words(one) for one in wordings(written)]
        single = frozenset(one[0] for one in read if len(one) == 1)
        several = [tuple(map(self._slot, one)) for one in read if len(one) > 1]
        choices = [(single,), *several] if single else several
        return Run.of(choices) if choices else None

    def _slot(self, word: str) -> Slot:
        if word not in self._slots:
            self._slots[word] = frozenset((word,))
        return self._slots[word]


def _plurals(word: str) -> list[str]:
    if len(word) < SHORTEST_PLURAL or not word[-1].isalpha():
        return []
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return [f"{word}es"]
    if word.endswith("y") and word[-2] not in "aeiou":
        return [f"{word}s", f"{word[:-1]}ies"]
    return [f"{word}s"]
