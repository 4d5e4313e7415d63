"""Once: one request that several lines log counts once.

Each step says which lines another line counts for already, and may fill in what the lines of one request leave to each
other.  A new kind of doubling is a step of its own in :meth:`Once.add`; two proxies in a chain (e2guardian in front of
squid) will be the next one, after the others.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from filterwatch.enrich import tunnels, visits


class Once:
    """Adds ``counted``.  What it remembers of the last seconds are two small frames."""

    def __init__(self) -> None:
        self.tunnels = pl.DataFrame(schema=tunnels.RECENT)
        self.visits = pl.DataFrame(schema=visits.RECENT)

    def add(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return *events* with ``counted``, never null.  Events must come in the order of the pass."""
        counted = np.ones(len(events), np.bool_)
        events, doubles, self.visits = visits.joined(events, self.visits)
        counted[doubles.to_numpy()] = False
        doubles, self.tunnels = tunnels.opened(events, self.tunnels)
        counted[doubles.to_numpy()] = False
        return events.with_columns(pl.Series("counted", counted, dtype=pl.Boolean))
