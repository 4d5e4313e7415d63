"""Lines that were lost before they could be read: the technician is told, and nobody takes the gap for a quiet hour."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from filterwatch import detections
from filterwatch.events import TIME
from filterwatch.lines import Gap

RULE = "lines_lost"
_VERSION = "1"


def lost(gaps: Sequence[Gap], site: str) -> pl.DataFrame:
    """Return one detection ``lines_lost`` for each gap; medium where lines are gone, low where they may be.

    ``matched`` is the source; the time is when it was noticed.  The gap's offsets stand in the journal.
    """
    if not gaps:
        return detections.none()
    return detections.make(
        pl.DataFrame(
            {
                "time": [gap.noticed for gap in gaps],
                "rule": RULE,
                "rule_version": _VERSION,
                "level": ["medium" if gap.certain else "low" for gap in gaps],
                "category": None,
                "outcome": "technical",
                "reason": ["lines of a log were lost" if gap.certain else "lines of a log may be lost" for gap in gaps],
                "matched": [gap.source for gap in gaps],
                "site": site,
                "source": [gap.source for gap in gaps],
                "stream": [gap.stream for gap in gaps],
                # A gap without offsets is told once a stream.
                "line_offset": [gap.first_offset for gap in gaps],
                "line_length": None,
            },
            schema_overrides={"time": TIME, "line_offset": pl.Int64, "line_length": pl.Int32, "category": pl.String},
        )
    )
