"""The family of free text: one regular expression whose named groups are the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.decoders.families.cut import SURE, Cut


def make(expression: str) -> Cut:
    """Return how messages are cut by *expression*, which is searched for."""

    def fast(texts: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
        groups = texts.str.extract_groups(expression).struct.unnest()
        hit = texts.str.contains(expression)
        absent = [pl.lit(None, pl.String).alias(key) for key in keys if key not in groups.columns]
        present = [pl.col(key) for key in keys if key in groups.columns]
        return groups.select(*present, *absent).with_columns(hit.fill_null(value=False).alias(SURE))

    def exact(text: str) -> Mapping[str, str] | None:
        texts = pl.Series([text])
        if not texts.str.contains(expression).item():
            return None
        found: Mapping[str, str | None] = texts.str.extract_groups(expression).struct.unnest().row(0, named=True)
        return {key: value for key, value in found.items() if value is not None}

    return Cut(exact, fast)
