"""What is journalled together: one batch of lines and all that came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from filterwatch.lines import Checkpoint, Gap, LineBatch


@dataclass(frozen=True, slots=True)
class Counts:
    """How many lines a batch had, and what became of them: ``lines == events + rejected + skipped``."""

    lines: int = 0
    events: int = 0
    rejected: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """One batch of lines and all that came of it, or what a quiet second brought (no checkpoint, no events).

    Attributes:
        read_at: When the lines were read, UTC: the source spoke.
        checkpoint: How far the stream is journalled once this is.
        first_offset: Offset of the batch's first byte; null where the checkpoint moves without lines.
        events: Enriched events with ``line_offset``; columns that are null throughout may be missing.
        detections: In DETECTION_SCHEMA; a further column ``raw`` (see :func:`evidence`) is kept as evidence.
        quarantined: ``line_offset``, ``line_length``, ``why``, ``raw`` (credentials cut).  All are counted by *counts*;
            the newest are kept.
        gaps: What was found lost.
        state: What parts remember, by name; written where it changed.
        counts: Of the lines.
    """

    read_at: datetime
    checkpoint: Checkpoint | None = None
    first_offset: int | None = None
    events: pl.DataFrame = field(default_factory=pl.DataFrame)
    detections: pl.DataFrame = field(default_factory=pl.DataFrame)
    quarantined: pl.DataFrame = field(default_factory=pl.DataFrame)
    gaps: tuple[Gap, ...] = ()
    state: Mapping[str, bytes] = field(default_factory=dict)
    counts: Counts = Counts()

    @classmethod
    def of(
        cls,
        batch: LineBatch,
        events: pl.DataFrame,
        detections: pl.DataFrame,
        quarantined: pl.DataFrame,
        *,
        state: Mapping[str, bytes],
    ) -> Commit:
        """Return what the pass made of *batch*; a line that is neither event nor quarantined was skipped."""
        skipped = len(batch) - len(events) - len(quarantined)
        return cls(
            read_at=batch.read_at,
            checkpoint=batch.checkpoint,
            first_offset=batch.first_offset,
            events=events,
            detections=detections,
            quarantined=quarantined,
            gaps=batch.gaps,
            state=state,
            counts=Counts(len(batch), len(events), len(quarantined), skipped),
        )


def evidence(batch: LineBatch, detections: pl.DataFrame, redact: Callable[[bytes], bytes]) -> pl.DataFrame:
    """Return *detections* with ``raw``: the line behind each, where it is one of *batch*.

    The log itself is rotated away in days; an alert is looked into for weeks.

    Args:
        batch: The lines.
        detections: Of this batch; others' lines stay null.
        redact: Cuts credentials from a line.
    """
    offsets = batch.line_offsets
    wanted = detections["line_offset"].to_list()
    here = ((detections["source"] == batch.source) & (detections["stream"] == batch.stream)).fill_null(value=False)
    raw: list[bytes | None] = []
    for offset, is_here in zip(wanted, here, strict=True):
        index = int(np.searchsorted(offsets, offset)) if is_here and offset is not None else len(offsets)
        found = index < len(offsets) and offsets[index] == offset
        raw.append(redact(batch.line(index)) if found else None)
    return detections.with_columns(pl.Series("raw", raw, pl.Binary))
