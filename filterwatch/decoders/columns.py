"""The event columns of lines of one type, from their texts by key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.decoders.convert import BY_COLUMN, CONVERSIONS, OWN_COLUMN
from filterwatch.decoders.decoded import EVENT_ROWS
from filterwatch.decoders.maps import FieldMap, Record, Target, Verdicts
from filterwatch.events import ACTION, KIND


def columns_of(rows: pl.DataFrame, map_: FieldMap, record: Record | None) -> pl.DataFrame:
    """Return ``line``, the stamp and the event columns of *rows*, all of them of type *record*."""
    own: Mapping[str, Target] = record.fields if record else {}
    found: dict[str, pl.Series] = {}
    beside: dict[str, pl.Series] = {}
    for column, target in {**map_.fields, **own}.items():
        name = OWN_COLUMN.get(column, column)
        values = _values(rows, column, target)
        for other, series in values.items():
            place = found if other == "value" else beside
            key = name if other == "value" else other
            place[key] = place[key].fill_null(series) if key in place else series
    for name, series in beside.items():
        found[name] = found[name].fill_null(series) if name in found else series
    verdicts = record.action if record and record.action else map_.action
    kind = record.kind if record and record.kind else map_.kind
    columns = [series.cast(EVENT_ROWS[name]).alias(name) for name, series in found.items()]
    return rows.select("line", "stamp_us", "stamp_clock").with_columns(
        *columns, _action(rows, verdicts), pl.lit(kind, KIND).alias("kind")
    )


def _values(rows: pl.DataFrame, column: str, target: Target) -> dict[str, pl.Series]:
    if target.value is not None:
        value = pl.repeat(target.value, len(rows), eager=True)
        return {"value": value}
    texts = rows.select(pl.coalesce(target.keys)).to_series()
    if target.pattern:
        texts = texts.str.extract(target.pattern)
    if target.words:
        texts = _meant(texts, target.words)
    if target.host:
        texts = _absolute(rows, texts, target)
    values = CONVERSIONS[target.conversion or BY_COLUMN[column]](texts)
    return {name: values[name] for name in values.columns}


def _absolute(rows: pl.DataFrame, texts: pl.Series, target: Target) -> pl.Series:
    """Return URLs whose host stands in another key, put together."""
    host = pl.coalesce(target.host)
    service = pl.coalesce(target.scheme).str.to_lowercase() if target.scheme else pl.lit(None, pl.String)
    named = pl.when(service.str.contains("^(?:.*/)?(?:https|ssl|tls|443|8443)$")).then(pl.lit("https://"))
    scheme = named.when(service == "ftp").then(pl.lit("ftp://")).otherwise(pl.lit("http://"))
    path = pl.when(pl.col("text").str.starts_with("/")).then(pl.concat_str(scheme, host, "text"))
    return rows.with_columns(texts.alias("text")).select(path.otherwise("text")).to_series().fill_null(texts)


def _meant(texts: pl.Series, words: Mapping[str, Sequence[str]]) -> pl.Series:
    """Return what each text means; null where no word is it."""
    text = pl.col("text")
    meant = pl.lit(None, pl.String)
    for value, several in reversed(list(words.items())):
        meant = pl.when(text.str.contains(among(several))).then(pl.lit(str(value))).otherwise(meant)
    return texts.alias("text").to_frame().select(meant.alias("text")).to_series()


def among(words: Sequence[str]) -> str:
    """Return the expression for a text that is one of *words*, without case; ``*`` stands for anything."""
    return "(?is)^(?:" + "|".join(re.escape(word).replace(r"\*", ".*") for word in words) + ")$"


def _action(rows: pl.DataFrame, verdicts: Verdicts | None) -> pl.Expr:
    if verdicts is None:
        return pl.lit(None, ACTION).alias("action")
    steps = [
        _meant(rows.select(pl.coalesce(step.keys)).to_series(), {str(key): words for key, words in step.words.items()})
        for step in verdicts.steps
    ]
    return pl.coalesce([*map(pl.lit, steps), pl.lit(verdicts.otherwise, pl.String)]).cast(ACTION).alias("action")
