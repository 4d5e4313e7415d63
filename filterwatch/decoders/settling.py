"""The last step of every decoder: from stamps to times, and the host of a DNS question."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.decoders.heads import PerStream
from filterwatch.decoders.times import settle
from filterwatch.events import TIME, DataType
from filterwatch.lines import LineBatch

STAMP: Mapping[str, DataType] = {"line": pl.UInt32(), "stamp_us": pl.Int64(), "stamp_clock": pl.UInt8()}
"""Columns of rows whose times are not settled yet."""


class Settling:
    """Settles the times of rows, stream by stream.

    Args:
        zone: Zone of times that have none.
        year: Year of times that have none; null for the nearest to the time of reading.
    """

    def __init__(self, zone: ZoneInfo, year: int | None) -> None:
        self._zone = zone
        self._year = year
        self._latest: PerStream[int] = PerStream()

    def settle(self, rows: pl.DataFrame, batch: LineBatch) -> tuple[pl.DataFrame, dict[str, int]]:
        """Return *rows* with ``time`` in place of their stamps, and what the technician should know of it."""
        settled = settle(
            rows["stamp_us"].to_numpy(),
            rows["stamp_clock"].to_numpy(),
            self._zone,
            batch.read_at,
            self._year,
            self._latest.get(batch.stream),
        )
        if settled.last is not None:
            self._latest.put(batch.stream, settled.last)
        time = pl.Series("time", settled.us).cast(TIME)
        rows = pl.DataFrame([column for column in rows if column.name not in STAMP or column.name == "line"] + [time])
        return _with_hosts(rows), {"times_in_gap": settled.in_gap, "times_in_fold": settled.in_fold}


def _with_hosts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return *rows* with the name of a DNS question as the host asked for, where the line names no other."""
    if "query" not in rows.columns:
        return rows
    asked = pl.when(pl.col("kind") == "dns").then("query")
    return rows.with_columns(pl.coalesce("host", asked) if "host" in rows.columns else asked.alias("host"))
