"""What a decoder gives back: every line in exactly one of three frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import polars as pl

from filterwatch.events import DECODED_SCHEMA
from filterwatch.lines import LineBatch

EVENT_ROWS = pl.Schema({**DECODED_SCHEMA, "request_key": pl.String()})
"""Columns a decoder may set.

``request_key`` is the same for all lines of one request within a stream (dnsmasq: ``pid/serial`` or ``pid/name``), null
where the format has no such thing; the stage *once* joins by it.
"""

ANSWERS = pl.Schema({"line": pl.UInt32(), "why": pl.String()})


@dataclass(frozen=True, slots=True)
class Decoded:
    """The answer to one batch: each line stands in exactly one of the three frames, by its index ``line``.

    Attributes:
        events: ``line`` (UInt32) and a subset of :data:`EVENT_ROWS`, ordered by ``line``; absent columns are null.
        rejected: ``line`` and ``why``: what the decoder could not read.
        skipped: ``line`` and ``why``: comments, headers, lines that mean nothing to us.
        counts: What the technician should know: ``odd_lines`` (took the exact path), ``times_in_gap`` (local times
            that no clock showed), ``times_in_fold`` (local times that a clock showed twice).
    """

    events: pl.DataFrame
    rejected: pl.DataFrame
    skipped: pl.DataFrame
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


class Decoder(Protocol):
    """Reads one format.

    The pass hands it the batches of one stream in order; it never raises for anything that stands in a line.
    """

    @property
    def name(self) -> str:
        """The format's name, as in the configuration."""
        ...

    def decode(self, batch: LineBatch) -> Decoded:
        """Answer every line of *batch*."""
        ...
