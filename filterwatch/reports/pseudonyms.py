"""Names that mean the same person in every report and alert of one school, and tell nobody who it is."""

from __future__ import annotations

import polars as pl

from filterwatch.records import numbers


class Pseudonyms:
    """Turns people and devices into pseudonyms, the same that their alerts carry.

    Args:
        secret: The school's; without it nobody can try names.  Null shows the names themselves.
        site: Whose people they are: the same name at two schools is two people.
    """

    def __init__(self, secret: str | None, site: str) -> None:
        self.secret = secret
        self.site = site

    def of(self, who: str, what: str) -> str:
        """Return the pseudonym of a ``person``, ``device`` or ``address``."""
        return who if self.secret is None else numbers.pseudonym(self.secret, self.site, f"{what}:{who}")

    def column(self, who: pl.Series, what: pl.Series | str) -> pl.Series:
        """Return the pseudonyms of a column; null stays null."""
        kinds = [what] * len(who) if isinstance(what, str) else what
        names = [None if one is None else self.of(one, kind) for one, kind in zip(who, kinds, strict=True)]
        return pl.Series(who.name, names, dtype=pl.String)
