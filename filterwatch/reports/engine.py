"""The frames that reports are made of, on whatever engine they lie.

What reads events is written against narwhals (polars, Spark, ...); what remains after that fits into memory and is
polars.  ``weekday`` is never computed here: narwhals' answer for Sunday differs between engines.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import polars as pl

from filterwatch.events import EVENT_SCHEMA

Events: TypeAlias = Any
"""A frame of events, eager or lazy, of any engine that narwhals knows; columns as in EVENT_SCHEMA, absent ones null."""

_TYPES = nw.from_native(pl.DataFrame(schema=EVENT_SCHEMA)).schema


MOMENTS = ("time", "started")


def read(events: Events, columns: Iterable[str]) -> nw.LazyFrame[Any]:
    """Return *events* with just *columns*, those that are absent as null.

    ``time`` and ``started`` become microseconds since 1970 UTC.
    """
    frame: nw.LazyFrame[Any] = nw.from_native(events).lazy()
    have = set(frame.collect_schema().names())
    frame = frame.select(*(nw.col(name) if name in have else _null(name) for name in columns))
    return _counted(frame, [name for name in MOMENTS if name in frame.collect_schema().names()])


def _counted(frame: nw.LazyFrame[Any], names: list[str]) -> nw.LazyFrame[Any]:
    if frame.implementation.is_pyspark():
        # Spark says it itself; narwhals 2.29 has no timestamp() for it.
        unix_micros = import_module("pyspark.sql.functions").unix_micros
        counted: nw.LazyFrame[Any] = nw.from_native(
            nw.to_native(frame).withColumns({name: unix_micros(name) for name in names})
        )
        return counted
    return frame.with_columns(nw.col(name).dt.timestamp("us") for name in names)


def _null(name: str) -> nw.Expr:
    dtype = _TYPES[name]
    return nw.lit(None, dtype=nw.String() if isinstance(dtype, nw.Enum) else dtype).alias(name)


def small(frame: nw.LazyFrame[Any]) -> pl.DataFrame:
    """Return the few rows that a query over events leaves."""
    rows = frame.collect(backend="polars").to_native()
    if not isinstance(rows, pl.DataFrame):
        raise TypeError(f"the engine returned {type(rows).__name__}, not a polars frame")
    return rows


def shaped(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return *frame* with exactly the columns and types that a report declares; engines count in different types."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
