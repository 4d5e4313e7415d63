"""What a report is made from; whoever calls puts it together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from filterwatch.detections import none
from filterwatch.detectors import bypass, volume
from filterwatch.reports.engine import Events
from filterwatch.reports.period import Period
from filterwatch.reports.pseudonyms import Pseudonyms
from filterwatch.reports.registers import Registers


@dataclass(frozen=True, slots=True)
class Material:
    """Everything a report may need; each takes what it needs.

    Attributes:
        site: Which school.
        period: Which days.
        made: When, UTC.
        events: Events of the site with the columns of EVENT_SCHEMA: those that began in the period, and for bandwidth
            those too that began the day before.
        names: How people and devices are called.
        detections: Of the site, of the period.
        registers: Counts from the registers.
        link: The internet link and the limits of bandwidth.
        signs: What counts as getting round the filter.
        is_from_files: Whether the events come straight from log files, so that registers say nothing.
        holds: What must live as long as events are read (a spool's folder).
    """

    site: str
    period: Period
    made: datetime
    events: Events
    names: Pseudonyms
    detections: pl.DataFrame = field(default_factory=none)
    registers: Registers = field(default_factory=Registers)
    link: volume.Settings = field(default_factory=volume.Settings)
    signs: bypass.Settings = field(default_factory=bypass.Settings)
    is_from_files: bool = False
    holds: object = None
