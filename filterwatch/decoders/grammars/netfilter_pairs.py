"""The key=value family: ``KEY=value`` separated by blanks, the first of two keys of one name counts."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl


def pairs(text: str) -> dict[str, str]:
    """Return the pairs in *text*; a word without ``=`` is passed over, and so is the text before the first blank."""
    found: dict[str, str] = {}
    for word in text.split(" ")[1:]:
        key, equals, value = word.partition("=")
        if equals and key not in found:
            found[key] = value
    return found


def columns(texts: pl.Series, keys: Iterable[str]) -> pl.DataFrame:
    """Return one column a key: what :func:`pairs` would find in each of *texts*, null where there is none."""
    text = pl.col(texts.name)
    return texts.to_frame().select(
        text.str.splitn(f" {key}=", 2).struct.field("field_1").str.splitn(" ", 2).struct.field("field_0").alias(key)
        for key in keys
    )
