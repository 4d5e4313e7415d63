"""The names of columns and the words of verdicts that exports use: ``words.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from pydantic import Field

from filterwatch.config import Part, read, validate
from filterwatch.decoders.maps import Action

_PATH = Path(__file__).parent / "words.yaml"
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_COUNTS = {"bytes_in", "bytes_out", "duration_ms"}
_NO_LETTER = re.compile(r"[\W_]+")

OWN_RANK = 1_000
"""Rank of the first general name of a meaning: behind all of a product's own."""

Names = dict[str, list[str]]


@lru_cache(maxsize=256)
def plain(name: str) -> str:
    """Return a column's name without what does not count in it: case, blanks, punctuation.

    While a header is looked for the same cells are asked about again and again; a cell may be as long as a line.
    """
    return _NO_LETTER.sub("", name.casefold())


class Product(Part):
    """A product whose exports are read under its own name."""

    title: str
    source: str
    columns: Names = Field(default={}, description="Meaning -> names of columns, which win over the general ones.")


class Words(Part):
    """What ``words.yaml`` holds; its head says how it is read."""

    columns: Names
    verdicts: dict[Action, list[str]]
    said_yes: list[str]
    said_no: list[str]
    nothing: list[str]
    footers: list[str]
    products: dict[str, Product]

    def meanings(self, product: str) -> Mapping[str, tuple[str, int]]:
        """Return what each plain name means, and its rank among the names of that meaning."""
        found: dict[str, tuple[str, int]] = {}
        own = self.products[product].columns if product in self.products else {}
        for table, first in ((own, 0), (self.columns, OWN_RANK)):
            for meaning, names in table.items():
                for rank, name in enumerate(names, first):
                    found.setdefault(plain(name), (meaning, rank))
        return found


def meant(name: str, meanings: Mapping[str, tuple[str, int]]) -> tuple[str, int] | None:
    """Return what a column means, and its rank, as :meth:`Words.meanings` has it; null for nothing.

    What stands in brackets behind the name does not count, but for a count, whose unit it is.
    """
    found = meanings.get(plain(name))
    if found is not None:
        return found
    found = meanings.get(plain(_BRACKETS.sub("", name)))
    return None if found is None or found[0] in _COUNTS else found


@cache
def words() -> Words:
    """Return the shipped names and words."""
    return validate(read(_PATH), Words)
