"""What every family gives: from a message to texts by key, one at a time or many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

SURE = "sure"
TWICE = "\0twice"
"""No key of a line: under it stand the keys, a blank between, whose two values nobody can choose from."""

Fast = Callable[[pl.Series, Sequence[str]], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Cut:
    """How messages of a family are cut.

    Attributes:
        exact: The texts of one message by key; null when it is none of the family.
        fast: For many messages of printable ASCII: one text column a key, null where a message lacks it, and the
            column ``sure``: whether this row is what ``exact`` would say.
        many: What ``exact`` says of each of many messages, whatever they hold; null where one by one is as good.
    """

    exact: Callable[[str], Mapping[str, str] | None]
    fast: Fast | None = None
    many: Callable[[pl.Series], Sequence[Mapping[str, str] | None]] | None = None
