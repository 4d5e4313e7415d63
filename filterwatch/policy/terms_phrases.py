"""Phrases of term packs: words side by side, with choices and gaps.

``buy|get|look_for .. weed|cannabis`` is one of three choices, then at most :data:`GAP` other words, then one of two;
``...`` stands for up to :data:`FAR` words.  The last word is also found in the plural.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

GAP = 3
"""Words that ``..`` stands for, at most."""

FAR = 12
"""Words that ``...`` stands for, at most: a search as long as a sentence."""

SHORTEST_PLURAL = 3
"""Letters of the last word from which on its plural is looked for too: "as" is no plural of "a"."""

_GAPS = re.compile(r"\s*(\.\.+)\s*")
_CHOICES = re.compile(r"(\S*\|\S*)")
Slot = frozenset[str]


@dataclass(frozen=True, slots=True)
class Phrase:
    """What to look for in the words of a search.

    Attributes:
        parts: Between two of them may be a gap; each is made of words side by side, each a choice.
        gaps: Words that may stand behind each part but the last, at most.
    """

    parts: tuple[tuple[Slot, ...], ...]
    gaps: tuple[int, ...] = ()

    def then(self, part: tuple[Slot, ...], gap: int) -> Phrase:
        """Return this phrase and, behind at most *gap* other words, *part*; itself where that is empty."""
        if not part:
            return self
        return Phrase((*self.parts, part), (*self.gaps, gap) if self.parts else ())

    @property
    def slots(self) -> list[Slot]:
        """All its words, each a choice."""
        return [slot for part in self.parts for slot in part]

    def may_be_in(self, words: AbstractSet[str]) -> bool:
        """Say whether each of its words, or another of its choice, is one of *words*."""
        for part in self.parts:
            for slot in part:
                if slot.isdisjoint(words):
                    return False
        return True

    @property
    def pairs(self) -> Iterator[tuple[Slot, Slot]]:
        """Choices that stand side by side in it."""
        for part in self.parts:
            yield from pairwise(part)

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


def wordings(text: str) -> Iterator[str]:
    """Yield the pieces of *text* of a pack whose words :func:`phrases_of` asks for."""
    for piece in _GAPS.split(text)[::2]:
        for run in _CHOICES.split(piece):
            if "|" in run:
                yield from _chosen(run)
            else:
                yield run


def _chosen(run: str) -> list[str]:
    return [one.replace("_", " ") for one in run.split("|")]


def phrases_of(text: str, words: Callable[[str], list[str]]) -> list[Phrase]:
    """Return the phrases that *text* of a pack means: several where a choice is between several words.

    Args:
        text: As written in the pack.
        words: Returns the bare words of a text, short forms written out.
    """
    pieces = _GAPS.split(text)
    out = [Phrase(())]
    for at in range(0, len(pieces), 2):
        gap = 0 if not at else FAR if len(pieces[at - 1]) > len("..") else GAP
        out = [one.then(part, gap) for one in out for part in _meant(pieces[at], words)]
    return [Phrase(_with_plural(one.parts), one.gaps) for one in out if one.parts]


def _meant(piece: str, words: Callable[[str], list[str]]) -> list[tuple[Slot, ...]]:
    """Return what a piece of a text without gaps means: words side by side, each a choice."""
    parts: list[tuple[Slot, ...]] = [()]
    for run in _CHOICES.split(piece):
        more = _choices(run, words) if "|" in run else [tuple(frozenset((word,)) for word in words(run))]
        parts = [before + after for before in parts for after in more]
    return parts


def _choices(run: str, words: Callable[[str], list[str]]) -> list[tuple[Slot, ...]]:
    """Return what ``a|b|c_d`` means: one choice of single words, and each choice of several words."""
    read = [words(one) for one in _chosen(run)]
    single = frozenset(one[0] for one in read if len(one) == 1)
    several = [tuple(frozenset((word,)) for word in one) for one in read if len(one) > 1]
    return [*([(single,)] if single else []), *several] or [()]


def _with_plural(parts: tuple[tuple[Slot, ...], ...]) -> tuple[tuple[Slot, ...], ...]:
    *front, last = parts[-1]
    return (*parts[:-1], (*front, _or_plural(last)))


@cache
def _or_plural(slot: Slot) -> Slot:
    return slot | {many for word in slot for many in _plurals(word)}


def _plurals(word: str) -> list[str]:
    if len(word) < SHORTEST_PLURAL or not word[-1].isalpha():
        return []
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return [f"{word}es"]
    if word.endswith("y") and word[-2] not in "aeiou":
        return [f"{word}s", f"{word[:-1]}ies"]
    return [f"{word}s"]
