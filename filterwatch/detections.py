"""Detections: a rule or a detector held for an event, and why.

Policy and detectors both make them from event rows; the shape stands in
:data:`filterwatch.events.DETECTION_SCHEMA`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import polars as pl

from filterwatch.events import DETECTION_SCHEMA, complete


@dataclass(frozen=True, slots=True)
class Count:
    """A rule's threshold: it holds only when it held this often.

    Attributes:
        at_least: How many counted events.
        within: The span of event time they must lie in.
        by: Event columns that they share: ``person``, ``device``, ``client_ip``, ``domain``, ``site`` or ``person and
            domain``.
        apart: Those sooner after one that counted belong to it and do not count.
    """

    at_least: int
    within: timedelta
    by: str
    apart: timedelta = timedelta()


class Detector(Protocol):
    """Finds what needs state over time.

    The pass calls it once per batch, in order, from one thread; when nothing arrives the daemon calls it with
    empty frames about once a second, so that silence can be noticed.
    """

    name: str

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:
        """Return detections.

        Args:
            events: Enriched events of the batch, complete, in order.
            hits: Detections of rules that have a :class:`Count` and wait for their threshold.
            now: Time of the pass, UTC: receive time live, event time in a replay.
        """
        ...

    def state(self) -> bytes:
        """Return everything needed to go on after a restart; committed with the batch."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from what :meth:`state` returned."""
        ...


def make(rows: pl.DataFrame) -> pl.DataFrame:
    """Return *rows* as detections.

    *rows* are event rows (complete or not) that also carry ``rule``, ``rule_version``, ``level``, ``category``,
    ``outcome``, ``reason`` and, where known, ``kind``, ``matched`` and ``count``.  ``time`` becomes the start of the
    request; ``host`` falls back to the DNS name asked for.
    """
    if "kind" in rows.columns and isinstance(rows.schema["kind"], pl.Enum):
        rows = rows.drop("kind")  # the event's kind (http, dns, ...) is not the detection's
    have = rows.columns
    if "started" in have:
        rows = rows.with_columns(time=pl.coalesce("started", "time"))
    if "query" in have:
        rows = rows.with_columns(host=pl.coalesce("host", "query") if "host" in have else pl.col("query"))
    if "count" not in have:
        rows = rows.with_columns(count=pl.lit(1, dtype=pl.Int64))
    rows = rows.with_columns(id=_ids(rows))
    return complete(rows, DETECTION_SCHEMA).select(DETECTION_SCHEMA.names())


def none() -> pl.DataFrame:
    """Return a detection frame without rows."""
    return pl.DataFrame(schema=DETECTION_SCHEMA)


def _ids(rows: pl.DataFrame) -> pl.Series:
    keys = ("site", "source", "stream", "line_offset", "rule")
    parts = rows.select(pl.col(key) if key in rows.columns else pl.lit(None).alias(key) for key in keys)
    digests = [hashlib.blake2b(repr(row).encode(), digest_size=16).hexdigest() for row in parts.iter_rows()]
    return pl.Series("id", digests, pl.String)
