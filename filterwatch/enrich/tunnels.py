"""Once, squid's bumped tunnels: the CONNECT that opened one does not count beside the requests inside it.

Squid logs ``CONNECT host:443`` without a byte and then each decrypted request; a block inside a tunnel is
``TCP_DENIED/200 0 CONNECT`` and then ``NONE_NONE/403 GET https://...``.  The inner line carries the URL and the
verdict, so it counts, always.  The empty CONNECT counts only where no inner line is seen beside or before it: it may be
all there is (a pinned app refuses the school's certificate; ``ssl_bump terminate`` logs nothing else).
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from filterwatch.events import ACTION, KIND, TIME, column

BESIDE = timedelta(seconds=10)
"""How far the inner request may be from its CONNECT.  Clients send it within milliseconds; browsers open spare tunnels
and use them seconds later."""

MOST = 5_000
"""Tunnels that are remembered; 500 decrypted requests a second for ten seconds."""

RECENT = pl.Schema({"source": pl.String(), "client_ip": pl.String(), "place": pl.String(), "time": TIME})
"""The latest decrypted request by source, client and place (host or address)."""

_TUNNEL = ["source", "client_ip", "place"]


def opened(events: pl.DataFrame, recent: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """Return which events only open a tunnel whose requests count, and the new *recent*.

    Args:
        events: In the order of the pass.
        recent: Decrypted requests just before them (:data:`RECENT`).

    Returns:
        Row numbers of *events*, and what to hand in with the next batch.
    """
    none = pl.Series([], dtype=pl.UInt32)
    if "url" not in events.columns or "client_ip" not in events.columns:
        return none, recent
    lines = _lines(events)
    mark = lines["inside"].to_numpy()
    inside, connects = lines[np.flatnonzero(mark)], lines[np.flatnonzero(~mark)]
    if len(inside):
        source, client, time = inside.select("source", "client_ip", "time")
        places = [pl.DataFrame([source, client, inside[name].alias("place"), time]) for name in ("host", "dest_ip")]
        recent = pl.concat([recent, *places]).filter(pl.col("place").is_not_null())
    beside = _beside(connects, recent) if len(connects) and len(recent) else none
    return beside, _latest(recent) if len(inside) else recent


def _lines(events: pl.DataFrame) -> pl.DataFrame:
    """Return the lines that open a tunnel and those from ``inside`` one."""
    http = column(events, "kind") == pl.lit("http", KIND)
    asked = column(events, "action").ne_missing(pl.lit("auth_required", ACTION))
    known = pl.col("client_ip").is_not_null() & column(events, "time").is_not_null()
    empty = (column(events, "method") == "CONNECT") & (column(events, "bytes_in").fill_null(0) == 0)
    inside = pl.col("url").str.starts_with("https://")
    lines = events.lazy().with_row_index("row").filter((empty | inside) & http & asked & known)
    return lines.select(
        "row",
        column(events, "source").fill_null("").alias("source"),
        "client_ip",
        "time",
        column(events, "host").alias("host"),
        column(events, "dest_ip").alias("dest_ip"),
        inside=~empty.fill_null(value=False),
    ).collect(engine="in-memory")


def _beside(connects: pl.DataFrame, requests: pl.DataFrame) -> pl.Series:
    """Return the rows of *connects* that have one of *requests* beside them."""
    opening = connects.lazy().select("row", *_TUNNEL[:2], pl.col("host").alias("place"), "time").sort("time")
    nearest = opening.join_asof(
        requests.lazy().sort("time").with_columns(found=True),
        on="time",
        by=_TUNNEL,
        strategy="nearest",
        tolerance=BESIDE,
        check_sortedness=False,
    )
    return nearest.filter("found").collect(engine="in-memory")["row"]


def _latest(requests: pl.DataFrame) -> pl.DataFrame:
    """Return the requests that a CONNECT of the next batch may belong to: within ten seconds of each source's last."""
    near = requests.lazy().filter(pl.col("time") >= pl.col("time").max().over("source") - BESIDE)
    latest = near.group_by(_TUNNEL, maintain_order=True).agg(pl.col("time").max())
    return latest.sort("time", maintain_order=True).tail(MOST).select(RECENT.names()).collect(engine="in-memory")
