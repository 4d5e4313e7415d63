"""Words as they are typed and as they are meant.

A search becomes bare words (:func:`plain`), and each word is read as a word of the term packs where it can mean one
(:class:`Reader`): ``su1c1de``, ``s u i c i d e``, ``sucide``, ``urself``, ``killmyself``.  An ordinary word is never
read as another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

import polars as pl
from pydantic import Field

from filterwatch.config import Part, read, validate
from filterwatch.text import LOOKALIKES

SHORTEST_MISTYPED = 6
"""Letters of a term's word from which on one typing mistake is forgiven: shorter words have too many neighbours."""

SHORTEST_JOINED = 8
"""Letters of two words that are taken for one, or of one that is taken for two."""

SHORTEST_HALF = 3
"""Letters of each of two words that are taken for one that was typed without the blank."""

SHORTEST_SENTENCE = 10
"""Letters of a sentence that was typed without blanks."""

LONGEST = 40
"""Letters of a word that is looked at: "internationalisation" has 20."""

REMEMBERED = 100_000
"""Words whose readings are kept: a school types some 20,000 different ones a term."""

_HERE = Path(__file__).parent
_FIGURES = str.maketrans("013457", "oieast")
_FIGURES_L = str.maketrans("013457", "oleast")
_ANY = "\ua78f"
"""Stands for a letter that was starred out; itself a letter to every normaliser."""

# An accent that stands by itself (U+0300 to U+036F) belongs to the letter before it.
_STARRED = re.compile(r"(?<=[^\W\d_]|[\u0300-\u036f])\*+(?=\w)")
_SIGNED = re.compile(r"(?<=[^\W\d_]|[\u0300-\u036f])[!@$\u20ac](?=[^\W\d_])|(?<!\S)[@$](?=[^\W\d_])")
_SIGN = {"!": "1", "@": "4", "$": "5", "\u20ac": "3"}
_SIGNS = ["!", "@", "$", "*", "\u20ac"]
_MEASURE = re.compile(r"(\d{1,5})([a-z]+)")
_RUN = re.compile(r"(.)\1{2,}")
_DROPPED = "'\u2019\u02bc`"
# Letters with a stroke and ligatures, which Unicode does not take apart, and letters that look like a Latin one.
_LETTERS = dict(
    zip("\u0142\xf8\u0111\u0127\u0167\xdf\xe6\u0153", ("l", "o", "d", "h", "t", "ss", "ae", "oe"), strict=True)
)
_LETTERS |= LOOKALIKES
_LETTER = str.maketrans(_LETTERS)
_NEAR = {frozenset(pair) for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for pair in pairwise(row)}
_NEAR |= {frozenset((a, b)) for a, b in zip("qwertyuio", "asdfghjkl", strict=True)}
_NEAR |= {frozenset((a, b)) for a, b in zip("asdfghj", "zxcvbnm", strict=True)}
_NEAR |= {
    frozenset((a, b)) for group in ("aeiouy", "ckqs", "szc", "gj", "vf", "td", "mn", "bp") for a in group for b in group
}


class Slang(Part):
    """Words that every pack shares.

    Attributes:
        words: Short forms, and what they stand for; a pair of words may stand for one.
        signs: Pictures (one character each) that stand for a word.
        units: What stands behind a figure without a blank, and the words it stands for.
        everyday: Words that are in so many searches that a phrase is better found by another of its words.
        openings: What a sentence that is typed without blanks begins with.
    """

    words: dict[str, str]
    signs: dict[Annotated[str, Field(min_length=1, max_length=1)], Annotated[str, Field(pattern="^[a-z]+$")]]
    units: dict[str, str]
    everyday: str
    openings: str


class Word(NamedTuple):
    """A word of a search.

    Attributes:
        text: As it is read.
        first: Number of the first typed word that it was read from.
        last: Number of the last.
    """

    text: str
    first: int
    last: int


def plain(texts: pl.Series) -> pl.Series:
    """Return *texts* as bare words with one blank between.

    Case, accents, width, hidden signs, joining signs and letters that look like Latin ones make no difference; signs
    that stand for letters become figures.
    """
    shown = signs()
    texts = texts.str.replace_many(list(shown), [f" {word} " for word in shown.values()])
    signed = texts.str.contains_any(_SIGNS)
    if signed.any():
        rows = signed.arg_true()
        texts = texts.scatter(rows, pl.Series([figured(text) for text in texts.gather(rows)], dtype=pl.String))
    words = (
        pl.col("text")
        .str.normalize("NFKD")
        .str.to_lowercase()
        .str.replace_many(list(_LETTERS), list(_LETTERS.values()))
        .str.replace_all(r"[\p{M}\p{Cf}'\x{2019}\x{2BC}`]", "")
        .str.replace_all(r"[^\p{L}\p{N}]+", " ")
        .str.strip_chars(" ")
    )
    return texts.alias("text").to_frame().select(words).to_series()


def figured(text: str) -> str:
    """Return *text* with signs inside words that stand for letters as figures: ``k!ll`` is ``k1ll``, as long."""
    return _SIGNED.sub(lambda sign: _SIGN[sign[0]], _STARRED.sub(lambda stars: _ANY * len(stars[0]), text))


def spans(text: str) -> list[tuple[str, int, int]]:
    """Return the words that :func:`plain` makes of one text, each with where it begins and ends in *text*."""
    out: list[tuple[str, int, int]] = []
    word, first, last = "", 0, 0
    shown = signs()
    for at, sign in enumerate([*figured(text), " "]):
        if word and sign in shown:
            out.append((word, first, last))
            word = ""
        if sign in shown:
            out.append((shown[sign], at, at + 1))
        for one in unicodedata.normalize("NFKD", sign):
            kind = unicodedata.category(one)
            if kind[0] == "M" or kind == "Cf" or one in _DROPPED:
                continue
            if kind[0] in "LN":
                first, last = (first if word else at), at + 1
                word += one.lower().translate(_LETTER)
            elif word:
                out.append((word, first, last))
                word = ""
    return out


class Reader:
    """Reads words as the words of packs.

    Args:
        terms: Words that are looked for.
        others: Words of harmless phrases: known, and never taken for another.
        pairs: Words that stand side by side in a phrase: before, behind.
    """

    def __init__(
        self, terms: frozenset[str], others: frozenset[str], pairs: Iterable[tuple[frozenset[str], frozenset[str]]]
    ) -> None:
        self._terms = terms
        self._slang = slang()
        self._ordinary = ordinary()
        self._known = terms | others
        self._begin = frozenset(word[:at] for word in terms if len(word) >= SHORTEST_JOINED and word.isalpha()
                                for at in range(2, len(word) - 1))  # fmt: skip
        self._behind: dict[str, list[frozenset[str]]] = {}
        for before, behind in pairs:
            for word in before:
                if len(word) >= SHORTEST_HALF:
                    self._behind.setdefault(word, []).append(behind)
        self._alike: dict[tuple[int, str], list[str]] = {}
        for word in terms:
            if len(word) >= SHORTEST_MISTYPED and word.isalpha():
                self._alike.setdefault((len(word), word[:3]), []).append(word)
                self._alike.setdefault((len(word), word[0] + word[-3:]), []).append(word)
        self._remembered: dict[str, tuple[str, ...]] = {}

    def meant(self, word: str) -> tuple[str, ...]:
        """Return the words that the typed *word* stands for: mostly itself."""
        found = self._remembered.get(word)
        if found is None:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            found = self._remembered[word] = self._meant(word)
        return found

    def begins(self, keys: Collection[str]) -> frozenset[str]:
        """Return the words that may be the first part of one of *keys* that was typed as two."""
        halves = {half for half in self._begin if half not in self._known}
        pairs = {form.split()[0] for form, one in self._slang.items() if " " in form and one in keys}
        return frozenset(halves | pairs)

    def words(self, typed: Sequence[str]) -> list[Word]:
        """Return a whole search as it is read."""
        out: list[Word] = []
        at = 0
        while at < len(typed):
            read, after = self._letters(typed, at) or self._pair(typed, at) or (self.meant(typed[at]), at + 1)
            out += [Word(text, at, after - 1) for text in read]
            at = after
        return out

    def _letters(self, typed: Sequence[str], at: int) -> tuple[tuple[str, ...], int] | None:
        """Return a word whose letters stand apart, and where the next begins."""
        after = at
        while after < len(typed) and len(typed[after]) == 1 and after - at < LONGEST:
            after += 1
        for end in range(after, at + 2, -1):
            read = self.meant("".join(typed[at:end]))
            if all(word in self._terms for word in read):
                return read, end
        return None

    def _pair(self, typed: Sequence[str], at: int) -> tuple[tuple[str, ...], int] | None:
        """Return the one word that was typed as two, and where the next begins."""
        if at + 1 == len(typed):
            return None
        first, second = typed[at : at + 2]
        if one := self._slang.get(f"{first} {second}"):
            return tuple(one.split()), at + 2
        if first in self._known and second in self._known:
            return None
        whole = first + second
        return ((whole,), at + 2) if len(whole) >= SHORTEST_JOINED and whole in self._terms else None

    def _meant(self, word: str) -> tuple[str, ...]:
        if word in self._slang:
            return tuple(self._slang[word].split())
        if word in self._known or len(word) > LONGEST:
            return (word,)
        if _ANY in word:
            return (self._starred(word),)
        if not word.isalpha():
            return self._with_figures(word)
        if word in self._ordinary:
            return (word,)
        return self._misspelt(word) or (word,)

    def _with_figures(self, word: str) -> tuple[str, ...]:
        """Return the words that one with figures in it stands for: ``10kg``, ``su1c1de``."""
        if (measure := _MEASURE.fullmatch(word)) and measure[2] in units():
            return (measure[1], *units()[measure[2]].split())
        return next((read for table in (_FIGURES, _FIGURES_L) if (read := self._figures(word, table))), (word,))

    def _figures(self, word: str, table: dict[int, int]) -> tuple[str, ...] | None:
        letters = word.translate(table)
        if word.isdigit() or not letters.isalpha():
            return None
        if letters in self._terms:
            return (letters,)
        return self._misspelt(letters) if letters not in self._ordinary else None

    def _misspelt(self, word: str) -> tuple[str, ...] | None:
        if joined := self._joined(word):
            return joined
        for form in (_RUN.sub(r"\1\1", word), _RUN.sub(r"\1", word)):
            if form != word and form in self._terms:
                return (form,)
        near = sorted(target for target in set(self._candidates(word)) if mistyped(word, target))
        return (near[0],) if near else self._sentence(word)

    def _sentence(self, word: str) -> tuple[str, ...] | None:
        """Return the fewest words of a sentence that was typed without blanks; null where *word* is none."""
        if len(word) < SHORTEST_SENTENCE or not word.startswith(openings()):
            return None
        best: list[tuple[str, ...] | None] = [()] + [None] * len(word)
        for end in range(1, len(word) + 1):
            for start in range(end):
                before, piece = best[start], word[start:end]
                if before is not None and (best[end] is None or len(before) + 1 < len(best[end] or ())) \
                        and (piece in self._known or piece in self._slang or piece in everyday()):  # fmt: skip
                    best[end] = (*before, piece)
        return tuple(text for piece in best[-1] or () for text in self._slang.get(piece, piece).split()) or None

    def _joined(self, word: str) -> tuple[str, str] | None:
        """Return the two words of a phrase that were typed as *word*; null where it is none."""
        if len(word) >= SHORTEST_JOINED:
            for at in range(SHORTEST_HALF, len(word) - SHORTEST_HALF + 1):
                first, second = word[:at], word[at:]
                if any(second in behind for behind in self._behind.get(first, ())):
                    return first, second
        return None

    def _candidates(self, word: str) -> Iterator[str]:
        """Yield the words that may be meant: one mistake leaves the first three letters or the last three right.

        Where two letters changed places in the middle of six, neither are.
        """
        if len(word) >= SHORTEST_MISTYPED - 1:
            for length in range(len(word) - 1, len(word) + 2):
                yield from self._alike.get((length, word[:3]), ())
                yield from self._alike.get((length, word[0] + word[-3:]), ())
        if len(word) == SHORTEST_MISTYPED and (turned := word[:2] + word[3] + word[2] + word[4:]) in self._terms:
            yield turned

    def _starred(self, word: str) -> str:
        letters = word.replace(_ANY, "")
        if len(letters) < 3 or word[0] == _ANY:
            return word
        fits = (one for one in self._terms if len(one) == len(word) and _fits(word, one))
        return min(fits, default=word)


@cache
def slang() -> dict[str, str]:
    """Return the short forms that are shipped."""
    return _shared().words


@cache
def signs() -> dict[str, str]:
    """Return the pictures that stand for a word."""
    return _shared().signs


@cache
def units() -> dict[str, str]:
    """Return what may stand behind a figure without a blank (``10kg``), and the words it stands for."""
    return _shared().units


@cache
def everyday() -> frozenset[str]:
    """Return the words that say nothing by themselves."""
    return frozenset(_shared().everyday.split())


@cache
def openings() -> tuple[str, ...]:
    """Return what a sentence that is typed without blanks begins with."""
    return tuple(_shared().openings.split())


@cache
def _shared() -> Slang:
    return validate(read(_HERE / "terms_slang.yaml"), Slang)


@cache
def ordinary() -> frozenset[str]:
    """Return the words that are never taken for another, though one mistake would make them a term's word."""
    return frozenset((_HERE / "terms_ordinary.txt").read_text("utf-8").split())


def mistyped(word: str, target: str) -> bool:
    """Say whether *word* is *target* with one typing mistake.

    A letter too few, too many or doubled, two that changed places, or one that was taken for its neighbour on the
    keyboard or for one that sounds like it.  The first letter is right.
    """
    if word[0] != target[0]:
        return False
    if len(word) != len(target):
        long, short = (word, target) if len(word) > len(target) else (target, word)
        return len(long) - len(short) == 1 and short in _without_one(long)
    wrong = [at for at, (a, b) in enumerate(zip(word, target, strict=True)) if a != b]
    if len(wrong) == 1:
        return frozenset((word[wrong[0]], target[wrong[0]])) in _NEAR
    return len(wrong) == 2 and wrong[1] - wrong[0] == 1 and word[wrong[0]] == target[wrong[1]] \
        and word[wrong[1]] == target[wrong[0]]  # fmt: skip


def _without_one(word: str) -> list[str]:
    return [word[:at] + word[at + 1 :] for at in range(len(word))]


def _fits(starred: str, word: str) -> bool:
    return all(a in (_ANY, b) for a, b in zip(starred, word, strict=True))
