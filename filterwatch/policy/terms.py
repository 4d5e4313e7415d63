"""Term packs: words typed into a search engine that say something about the person who typed them.

``rules/terms/NAME.yaml`` holds the words.  They are found whole (never inside another word), whatever their case,
accents, width or joining signs, and also in the plural.  Phrases that a pack calls benign are hidden first; a hidden
phrase hides its own words only.  Known limits: typing mistakes, letters replaced by figures, and languages without
blanks between words are not found.

Text and terms go through the same normaliser, which puts a blank on both sides of every word, so that words which
stand side by side never share one: ``" blue  tits "``.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
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


class Finder:
    """Finds one pack's terms in texts.

    Args:
        pack: What to find.
    """

    def __init__(self, pack: Pack) -> None:
        self.name = pack.id
        self._at_least = pack.at_least
        terms = [(pattern, term.term, term.weight) for term in pack.terms for pattern in _patterns(term.term)]
        table = pl.DataFrame(terms, {"found": pl.String, "term": pl.String, "weight": pl.Int64}, orient="row").unique(
            "found", keep="first", maintain_order=True
        )
        self._table = table
        self._terms = table["found"].to_list()
        hidden = {pattern for phrase in pack.benign for pattern in _patterns(phrase)}
        self._benign = sorted(hidden, key=lambda pattern: (-len(pattern), pattern))

    def holds(self, texts: pl.Series) -> NDArray[np.bool_]:
        """Return for each text whether the pack holds."""
        held = np.zeros(len(texts), np.bool_)
        found = self._found(texts).group_by("row").agg(pl.col("weight").sum())
        held[found.filter(pl.col("weight") >= self._at_least)["row"].to_numpy()] = True
        return held

    def found(self, text: str) -> list[str]:
        """Return the terms in one text, each once, in the order they stand."""
        return self._found(pl.Series([text]))["term"].to_list()

    def _found(self, texts: pl.Series) -> pl.DataFrame:
        """One row per text and different term in it: ``row``, ``term``, ``weight``."""
        text = normalised(pl.col("text"))
        if self._benign:
            text = text.str.replace_many(self._benign, [_HIDDEN], leftmost=True)
        return (
            texts.alias("text")
            .to_frame()
            .select(found=text.str.extract_many(self._terms, overlapping=True))
            .with_row_index("row")
            .filter(pl.col("found").list.len() > 0)
            .explode("found")
            .join(self._table, on="found", how="inner", maintain_order="left_right")
            .unique(["row", "term"], keep="first", maintain_order=True)
            .select("row", "term", "weight")
        )


def _patterns(phrase: str) -> list[str]:
    """Return how *phrase* looks in normalised text: as it is, and with its last word in the plural."""
    plain = pl.Series([phrase]).to_frame("t").select(normalised(pl.col("t"))).item()
    last = plain.split()[-1] if plain.split() else ""
    stem = plain.removesuffix(" ")
    if len(last) < _SHORTEST_PLURAL or not last[-1].isalpha():
        return [plain] if last else []
    if last.endswith(("s", "x", "z", "ch", "sh")):
        return [plain, f"{stem}es "]
    if last.endswith("y") and last[-2] not in "aeiou":
        return [plain, f"{stem}s ", f"{stem[:-1]}ies "]
    return [plain, f"{stem}s "]


def is_empty(term: str) -> bool:
    """Return whether nothing of *term* is left once it is normalised."""
    return not _patterns(term)
