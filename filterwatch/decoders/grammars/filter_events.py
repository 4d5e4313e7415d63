"""System logs and the filters' own logs, read for one thing: was a filter stopped, started, switched off or changed?

Takes syslog files (``auth.log``, ``syslog``, ``daemon.log``), squid's ``cache.log``, Pi-hole's ``FTL.log`` and the
logs of squidGuard, unbound and named.  What each line must look like stands in ``filter_events.yaml``.  All other
lines are skipped: they were not written for us.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars.patterns import patterns
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Skipped, visible
from filterwatch.decoders.screen import Lines, Places

NOTHING = "no line about a filter"
_ASCII = bytes(range(128)) + b"?" * 128


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    if not any(needle in text for needle in patterns().needles):
        return Skipped(NOTHING)
    return patterns().control(open_envelope(text)) or Skipped(NOTHING)


def passed_over(data: bytes, lines: Lines) -> tuple[str, Places]:
    """Return the lines that hold none of the needles, and why they are skipped."""
    texts = pl.read_lines(data if data.isascii() else data.translate(_ASCII)).to_series()
    hit = texts.str.contains_any(list(patterns().needles)).to_numpy()
    blank = (texts.str.strip_chars(" \t\0") == "").to_numpy()
    return NOTHING, np.flatnonzero(~hit & ~blank[: len(lines)])


FORMATS = {
    "filter_events": Format(
        "System logs and filters' own logs: stops, starts, changes",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read, passed_over=passed_over)),
        # Never told by itself: a log that holds nothing but such lines so far is that of a filter which just started.
        source="filter_events.yaml",
    ),
}
