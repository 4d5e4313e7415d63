"""Once, squid's bumped tunnels: the CONNECT that opened one does not count beside the requests inside it.

Squid logs ``CONNECT host:443`` without a byte and then each decrypted request; a block inside a tunnel is
``TCP_DENIED/200 0 CONNECT`` and then ``NONE_NONE/403 GET https://...``.  The inner line carries the URL and the
verdict, so it counts, always.  The empty CONNECT counts only where no inner line is seen beside or before it: it may be
all there is (a pinned app refuses the school's certificate; ``ssl_bump terminate`` logs nothing else).
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from filterwatch.enrich.columns import column
from filterwatch.events import KIND, TIME

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
    http = (
        events.lazy()
        .with_row_index("row")
        .filter(
            column(events, "kind") == pl.lit("http", KIND),
            column(events, "action").ne_missing("auth_required"),
            pl.col("client_ip").is_not_null(),
            column(events, "time").is_not_null(),
        )
    )
    tunnel = [column(events, "source").fill_null("").alias("source"), pl.col("client_ip"), pl.col("time")]
    empty = (column(events, "method") == "CONNECT") & (column(events, "bytes_in").fill_null(0) == 0)
    decrypted = pl.col("url").str.starts_with("https://")
    frame = http.filter(empty | decrypted).select(
        "row", *tunnel, column(events, "host").alias("host"), column(events, "dest_ip").alias("dest_ip"),
        empty=empty.fill_null(value=False),
    ).collect(engine="in-memory")  # fmt: skip
    if frame.is_empty() and recent.is_empty():
        return none, recent
    inside = frame.filter(~pl.col("empty"))
    places = [inside.select(*_TUNNEL[:2], pl.col(name).alias("place"), "time") for name in ("host", "dest_ip")]
    requests = pl.concat([recent, *places]).filter(pl.col("place").is_not_null())
    connects = frame.filter("empty").select("row", *_TUNNEL[:2], pl.col("host").alias("place"), "time")
    return _beside(connects, requests), _latest(requests)


def _beside(connects: pl.DataFrame, requests: pl.DataFrame) -> pl.Series:
    if connects.is_empty() or requests.is_empty():
        return pl.Series([], dtype=pl.UInt32)
    nearest = connects.sort("time").join_asof(
        requests.sort("time").with_columns(found=True),
        on="time",
        by=_TUNNEL,
        strategy="nearest",
        tolerance=BESIDE,
        check_sortedness=False,
    )
    return nearest.filter(pl.col("found").is_not_null())["row"]


def _latest(requests: pl.DataFrame) -> pl.DataFrame:
    """Return the requests that a CONNECT of the next batch may belong to: within ten seconds of each source's last."""
    near = requests.filter(pl.col("time") >= pl.col("time").max().over("source") - BESIDE)
    latest = near.group_by(_TUNNEL, maintain_order=True).agg(pl.col("time").max())
    return latest.sort("time", maintain_order=True).tail(MOST).select(RECENT.names())
