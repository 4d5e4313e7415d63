"""A batch decoded in parts, where lines of one kind end and others begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from filterwatch.decoders.decoded import Decoded
from filterwatch.lines import LineBatch


def part(batch: LineBatch, start: int, end: int) -> LineBatch:
    """Return the lines from *start* up to *end* as a batch, for a decoder: its offsets mean nothing."""
    if (start, end) == (0, len(batch)):
        return batch
    first = int(batch.starts[start]) if start < len(batch) else len(batch.data)
    last = int(batch.ends[end - 1]) + 1 if end > start else first
    return replace(batch, data=batch.data[first:last], offsets=())


def moved(decoded: Decoded, by: int) -> Decoded:
    """Return the answers to a part whose first line is line *by* of the batch."""
    if not by:
        return decoded
    frames = (decoded.events, decoded.rejected, decoded.skipped)
    events, rejected, skipped = (frame.with_columns(pl.col("line") + pl.lit(by, pl.UInt32)) for frame in frames)
    return Decoded(events, rejected, skipped, decoded.counts)


def united(parts: Sequence[Decoded]) -> Decoded:
    """Return the answers to all *parts*, in order."""
    if len(parts) == 1:
        return parts[0]
    counts: dict[str, int] = {}
    for one in parts:
        for name, count in one.counts.items():
            counts[name] = counts.get(name, 0) + count
    return Decoded(
        pl.concat([one.events for one in parts], how="diagonal"),
        pl.concat([one.rejected for one in parts]),
        pl.concat([one.skipped for one in parts]),
        counts,
    )
