"""The family of columns between separators: CSV with doubled quotes, and columns between tabs, which have none."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.decoders.families.cut import SURE, Cut
from filterwatch.decoders.families.quotes import hide

csv.field_size_limit(1_048_576)


def make(columns: Sequence[str], separator: str = ",") -> Cut:
    """Return how lines with these *columns* are cut ('' for one nobody needs); a line may have fewer or more."""
    plain = separator == "\t"

    def exact(text: str) -> Mapping[str, str] | None:
        row = text.split(separator) if plain else _row(text, separator)
        if row is None or len(row) < 2:
            return None
        return {name: value for name, value in zip(columns, row, strict=False) if name}

    def fast(texts: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
        hidden = hide(texts, separator)
        parts = hidden.texts.str.split(separator).alias("parts").to_frame()
        found = [
            hidden.shown(_unquoted(pl.col("parts").list.get(at, null_on_oob=True))).alias(name)
            if not plain
            else pl.col("parts").list.get(at, null_on_oob=True).alias(name)
            for at, name in enumerate(columns)
            if name in keys
        ]
        sure = (pl.col("parts").list.len() > 1) & hidden.sure
        absent = [pl.lit(None, pl.String).alias(key) for key in keys if key not in columns]
        return parts.select(*found, *absent, sure.alias(SURE))

    return Cut(exact, fast)


def _row(text: str, separator: str) -> list[str] | None:
    try:
        return next(csv.reader([text], delimiter=separator), None)
    except csv.Error:
        return None


def _unquoted(value: pl.Expr) -> pl.Expr:
    quoted = value.str.starts_with('"')
    return pl.when(quoted).then(value.str.strip_prefix('"').str.strip_suffix('"')).otherwise(value)
