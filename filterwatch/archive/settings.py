"""What the configuration may say about the archive."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from filterwatch.config import Duration, Part


class Settings(Part):
    """Key ``archive`` of filterwatch.yaml."""

    seal_after: Duration = Field(
        default=timedelta(hours=1), description="Events move from the journal to the archive at this age."
    )
    segment_events: int = Field(
        default=65_536,
        ge=1,
        le=4_194_304,
        description="Events in one file at most; sealing needs 2 KB of memory for each.",
    )
    keep: Duration = Field(
        default=timedelta(days=90),
        description="How long events are kept; then whole days are deleted and a tombstone with their hashes stays.",
    )
    grace: Duration = Field(
        default=timedelta(hours=1),
        description="How long files that a larger one replaced stay, for reports that are still reading them.",
    )
