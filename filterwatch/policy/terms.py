"""Term packs: words typed into a search engine that say something about the person who typed them.

``rules/terms/NAME.yaml`` holds the words.  They are found whole (never inside another word), whatever their case,
accents, width or joining signs, and also in the plural.  Phrases that a pack calls benign are hidden first; a hidden
phrase hides its own words only.  Known limits: typing mistakes, letters replaced by figures, and languages without
blanks between words are not found.

Text and terms go through the same normaliser, which puts a blank on both sides of every word, so that words which
stand side by side never share one: ``" blue  tits "``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import polars as pl
from pydantic import BeforeValidator, Field

from filterwatch.config import Part, Slug
from filterwatch.policy.values import Listed, Text

_HIDDEN = "  |  "
_SHORTEST_PLURAL = 3
"""Letters of the last word from which on its plural is looked for too: "as" is no plural of "a"."""


class Term(Part):
    """A word or phrase.

    Attributes:
        weight: What it adds to the pack's sum.
    """

    term: Text
    weight: Annotated[int, Field(ge=1, le=1000)] = 1


def _term(value: object) -> object:
    return {"term": value} if isinstance(value, str | int) else value


class Pack(Part):
    """One file of terms.

    Attributes:
        id: The file's name without its ending.
        at_least: Sum of the weights of different terms in one search from which on the pack holds; with the
            default any single term is enough.
        terms: A plain word stands for a term of weight 1.
        benign: Phrases that are hidden before terms are looked for.
        reviewed: When and by whom the pack was last read through.
    """

    id: Slug
    language: Text
    title: str | None = None
    description: str | None = None
    reviewed: str | None = None
    references: tuple[Text, ...] = ()
    at_least: Annotated[int, Field(ge=1, le=100_000)] = 1
    terms: Listed[Annotated[Term, BeforeValidator(_term)]]
    benign: tuple[Text, ...] = ()


def normalised(texts: pl.Expr) -> pl.Expr:
    """Return *texts* as bare words, each with a blank on both sides.

    Case, accents, width, hidden signs and joining signs make no difference.
    """
    words = (
        texts.str.normalize("NFKD")
        .str.to_lowercase()
        .str.replace_all(r"[\p{M}\p{Cf}'\x{2019}\x{2BC}`]", "")
        .str.replace_all(r"[^\p{L}\p{N}]+", "  ")
        .str.strip_chars(" ")
    )
    return pl.concat_str(pl.lit(" "), words, pl.lit(" "))


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A term as it looks in normalised text.

    Attributes:
        pack: Place of its pack.
        term: Place of the term in the pack, the same for singular and plural.
    """

    text: str
    pack: int
    term: int
    weight: int


class Finder:
    """Finds the terms of many packs in texts, each text and term once.

    Every pattern hangs on its rarest word, so that a text is compared only with the few patterns that share such a
    word with it.
    """

    def __init__(self) -> None:
        self._packs: list[tuple[Pack, list[str]]] = []
        self._patterns: list[_Pattern] = []
        self._by_word: dict[str, list[_Pattern]] | None = None

    def add(self, pack: Pack) -> int:
        """Look for *pack* too; return its place."""
        place = len(self._packs)
        hidden = {pattern for patterns in _patterns(pack.benign) for pattern in patterns}
        self._packs.append((pack, sorted(hidden, key=lambda pattern: (-len(pattern), pattern))))
        texts = _patterns([term.term for term in pack.terms])
        for at, (term, patterns) in enumerate(zip(pack.terms, texts, strict=True)):
            self._patterns += [_Pattern(text, place, at, term.weight) for text in patterns]
        self._by_word = None
        return place

    def find(self, texts: pl.Series) -> Iterator[tuple[int, list[int]]]:
        """Yield the row of each text in which packs hold, and their places."""
        plain = texts.alias("text").to_frame().select(normalised(pl.col("text"))).to_series()
        for row, text in enumerate(plain):
            candidates = self._in(text)
            places = [place for place in sorted({pattern.pack for pattern in candidates}) if self._holds(place, text)]
            if places:
                yield row, places

    def _holds(self, place: int, text: str) -> bool:
        return sum(self._terms(place, text).values()) >= self._packs[place][0].at_least

    def _terms(self, place: int, text: str) -> dict[int, int]:
        """Return the weights of the terms of one pack in normalised *text*, by their places."""
        for phrase in self._packs[place][1]:
            text = text.replace(phrase, _HIDDEN)
        return {pattern.term: pattern.weight for pattern in self._in(text) if pattern.pack == place}

    def _in(self, text: str) -> list[_Pattern]:
        found = self._by_word
        if found is None:
            found = self._by_word = _by_rarest_word(self._patterns)
        return [one for word in set(text.split()) if word in found for one in found[word] if one.text in text]


def _by_rarest_word(patterns: list[_Pattern]) -> dict[str, list[_Pattern]]:
    often = Counter(word for pattern in patterns for word in set(pattern.text.split()))
    out: dict[str, list[_Pattern]] = {}
    for pattern in patterns:
        rarest = min(pattern.text.split(), key=lambda word: (often[word], word))
        out.setdefault(rarest, []).append(pattern)
    return out


def empty(phrases: Sequence[str]) -> list[int]:
    """Return the places of the phrases of which nothing is left once they are normalised."""
    return [at for at, patterns in enumerate(_patterns(phrases)) if not patterns]


def _patterns(phrases: Sequence[str]) -> list[list[str]]:
    """Return how each phrase looks in normalised text: as it is, and with its last word in the plural."""
    texts = pl.Series("t", list(phrases), pl.String).to_frame()
    return [_numbers(plain) for plain in texts.select(normalised(pl.col("t"))).to_series()]


def _numbers(plain: str) -> list[str]:
    words = plain.split()
    if not words:
        return []
    last, stem = words[-1], plain.removesuffix(" ")
    if len(last) < _SHORTEST_PLURAL or not last[-1].isalpha():
        return [plain]
    if last.endswith(("s", "x", "z", "ch", "sh")):
        return [plain, f"{stem}es "]
    if last.endswith("y") and last[-2] not in "aeiou":
        return [plain, f"{stem}s ", f"{stem[:-1]}ies "]
    return [plain, f"{stem}s "]
