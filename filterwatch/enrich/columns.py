"""Reaching columns of a frame that may lack those which are null throughout."""

from __future__ import annotations

import polars as pl

from filterwatch.events import EVENT_SCHEMA


def column(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Return the event column *name* of *frame*, or nulls of its type where the frame leaves it out."""
    return pl.col(name) if name in frame.columns else pl.lit(None, dtype=EVENT_SCHEMA[name]).alias(name)
