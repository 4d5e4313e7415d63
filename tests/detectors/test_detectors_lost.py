"""Lost lines become a detection for the technician."""

from __future__ import annotations

from datetime import UTC, datetime

from filterwatch.detectors.lost import lost
from filterwatch.events import DETECTION_SCHEMA
from filterwatch.lines import Gap

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_each_gap_is_told_and_certainty_decides_the_level():
    gaps = [
        Gap("squid", "a", 100, 200, NOON, "rotated away", certain=True),
        Gap("squid", "b", None, None, NOON, "copytruncate", certain=False),
    ]

    told = lost(gaps, "st-pauls")

    assert DETECTION_SCHEMA == told.schema
    assert [("lines_lost", "medium", "squid", 100), ("lines_lost", "low", "squid", None)] == told.select(
        "rule", "level", "matched", "line_offset"
    ).rows()
    assert 2 == told["id"].n_unique()
    assert told["id"].to_list() == lost(gaps, "st-pauls")["id"].to_list(), "told again after a crash, it is the same"


def test_no_gap_is_no_detection():
    assert lost((), "st-pauls").is_empty()
