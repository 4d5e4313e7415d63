"""What the configuration may say about the journal."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from filterwatch.config import Duration, Part


class Settings(Part):
    """Key ``journal`` of filterwatch.yaml."""

    quarantine_lines: int = Field(
        default=10_000,
        ge=0,
        description="Undecodable lines kept for each source; older ones make room and stay counted.",
    )
    keep_quarantine: Duration = Field(
        default=timedelta(days=30), description="How long raw lines are kept: quarantined ones and those of detections."
    )
    keep_detections: Duration = Field(
        default=timedelta(days=90), description="How long detections are kept here; alerts keep their own copy."
    )
    backup_every: Duration = Field(
        default=timedelta(hours=1), description="How often journal.db is copied, to be restored should it be damaged."
    )
    backups: int = Field(default=2, ge=1, description="How many copies are kept.")
