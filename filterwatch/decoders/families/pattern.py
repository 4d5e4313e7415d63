"""The family of free text: one regular expression whose named groups are the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.decoders.families.cut import SURE, Cut


def make(expression: str) -> Cut:
    """Return how messages are cut by *expression*, which is searched for."""

    def fast(texts: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
        hit = texts.str.contains(expression).fill_null(value=False)
        groups = texts.str.extract_groups(expression).struct.unnest().with_columns(hit.alias(SURE))
        return groups.select(
            *(pl.col(key) if key in groups.columns else pl.lit(None, pl.String).alias(key) for key in keys), SURE
        )

    def many(texts: pl.Series) -> Sequence[Mapping[str, str] | None]:
        # A call into Polars costs as much as matching a hundred lines.
        found: list[dict[str, str] | None] = [None] * len(texts)
        hits = texts.str.contains(expression).fill_null(value=False).arg_true()
        groups = texts.gather(hits).str.extract_groups(expression).struct.unnest()
        for at, row in zip(hits.to_list(), groups.iter_rows(), strict=True):
            found[at] = {key: value for key, value in zip(groups.columns, row, strict=True) if value is not None}
        return found

    return Cut(lambda text: many(pl.Series([text]))[0], fast, many)
