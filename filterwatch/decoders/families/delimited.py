"""The family of columns between separators: CSV with doubled quotes, and columns between tabs, which have none."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.decoders.families.cut import SURE, Cut
from filterwatch.decoders.families.quotes import hide

csv.field_size_limit(1_048_576)


def make(columns: Sequence[str], separator: str = ",", *, sheet: bool = False) -> Cut:
    """Return how lines with these *columns* are cut ('' for one nobody needs).

    Args:
        columns: Keys of the columns, in order; a line may have fewer or more.
        separator: Stands between columns.
        sheet: Whether a spreadsheet wrote the lines: values between tabs have quotes too, and a line is refused that
            leaves a quote open (its record goes on in the next) or has cells behind the last column.
    """
    plain = separator == "\t" and not sheet

    # Of two columns of one name, the first counts.
    places = sorted({name: at for at, name in reversed(list(enumerate(columns))) if name}.values())

    def exact(text: str) -> Mapping[str, str] | None:
        row = text.split(separator) if plain else cells(text, separator)
        if row is None or len(row) < 2 or (sheet and not whole(text, row, columns)):
            return None
        return {columns[at]: row[at] for at in reversed(places) if at < len(row)}

    def fast(texts: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
        hidden = hide(texts, separator)
        parts = hidden.texts.str.split(separator).alias("parts").to_frame()
        found = [
            hidden.shown(_unquoted(pl.col("parts").list.get(at, null_on_oob=True))).alias(name)
            if not plain
            else pl.col("parts").list.get(at, null_on_oob=True).alias(name)
            for at, name in ((at, columns[at]) for at in places)
            if name in keys
        ]
        sure = (pl.col("parts").list.len() > 1) & hidden.sure
        if sheet:
            sure &= pl.col("parts").list.len() <= len(columns)
        absent = [pl.lit(None, pl.String).alias(key) for key in keys if key not in columns]
        return parts.select(*found, *absent, sure.alias(SURE))

    return Cut(exact, fast)


def whole(text: str, row: Sequence[str], columns: Sequence[str]) -> bool:
    """Return whether the line *text*, cut into *row*, is a whole record of a sheet with these *columns*."""
    return text.count('"') % 2 == 0 and not any(row[len(columns) :])


def cells(text: str, separator: str) -> list[str] | None:
    """Return the cells of one line with quotes; null where it is none."""
    try:
        return next(csv.reader([text], delimiter=separator), None)
    except csv.Error:
        return None


def _unquoted(value: pl.Expr) -> pl.Expr:
    quoted = value.str.starts_with('"')
    return pl.when(quoted).then(value.str.strip_prefix('"').str.strip_suffix('"')).otherwise(value)
