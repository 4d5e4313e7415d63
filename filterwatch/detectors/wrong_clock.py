"""Lines dated far ahead: a clock was wrong, and no detector may follow it."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

AHEAD = timedelta(days=1)
"""A line dated further ahead of the pass than this; zones and slow clocks stay below."""


def set_right(events: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return *events* with what is dated more than :data:`AHEAD` ahead of *now* moved to *now*.

    It is judged still: a filter that stops while its clock is wrong has stopped.  What is dated back stays: a log that
    comes late tells of when it was.
    """
    if "time" not in events.columns:
        return events
    latest = events["time"].max()
    if not isinstance(latest, datetime) or latest - now <= AHEAD:
        return events
    wrong = pl.col("time") > now + AHEAD
    right = {"time": pl.when(wrong).then(now).otherwise("time")}
    if "started" in events.columns:
        began = (now - (pl.col("time") - pl.col("started"))).clip(lower_bound=now - AHEAD)
        right["started"] = pl.when(wrong).then(began).otherwise("started")
    return events.with_columns(**right)
