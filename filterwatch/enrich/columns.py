"""Reaching columns of a frame that may lack those which are null throughout."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

from filterwatch.events import EVENT_SCHEMA


def column(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Return the event column *name* of *frame*, or nulls of its type where the frame leaves it out."""
    return pl.col(name) if name in frame.columns else pl.lit(None, dtype=EVENT_SCHEMA[name]).alias(name)


def beside(frame: pl.DataFrame, columns: Iterable[pl.Series], without: Collection[str] = ()) -> pl.DataFrame:
    """Return *frame* with *columns*, in place of those of the same name, and *without* others.

    As ``with_columns`` and ``drop`` do it, but without Polars' engine: on the few lines of a live batch starting that
    costs more than all the work.
    """
    table = {one.name: one for one in frame.get_columns() if one.name not in without}
    return pl.DataFrame(list((table | {one.name: one for one in columns}).values()))
