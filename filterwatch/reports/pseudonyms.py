"""Names that mean the same person in every report of one school, and tell nobody who it is."""

from __future__ import annotations

import base64
import hashlib
import hmac

import polars as pl

LETTERS = 8
"""Of 32 kinds each: among 2,000 people two share one with a chance of two in a million."""


class Pseudonyms:
    """Turns users into pseudonyms.

    Args:
        key: The school's secret; without it nobody can try names.  Null shows the names themselves.
    """

    def __init__(self, key: bytes | None) -> None:
        self.key = key

    def of(self, who: str, what: str) -> str:
        """Return the pseudonym of a ``person``, ``device`` or ``address``."""
        if self.key is None:
            return who
        digest = hmac.digest(self.key, f"{what}\0{who}".encode(), hashlib.sha256)
        return f"{what}-{base64.b32encode(digest).decode()[:LETTERS].lower()}"

    def column(self, who: pl.Series, what: pl.Series | str) -> pl.Series:
        """Return the pseudonyms of a column; null stays null."""
        kinds = [what] * len(who) if isinstance(what, str) else what
        names = [None if one is None else self.of(one, kind) for one, kind in zip(who, kinds, strict=True)]
        return pl.Series(who.name, names, dtype=pl.String)
