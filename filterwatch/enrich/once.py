"""Once: one request that several lines log counts once.

Each step says which lines another line counts for already, and may fill in what the lines of one request leave to each
other.  A new kind of doubling is a step of its own in :meth:`Once.add`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from filterwatch.enrich import chains, tunnels, visits
from filterwatch.enrich.columns import beside


class Once:
    """Adds ``counted``.  What it remembers of the last seconds are three small frames.

    Args:
        behind: Proxies behind a filter whose log is read too.
    """

    def __init__(self, behind: Sequence[chains.Chain] = ()) -> None:
        self.behind = tuple(behind)
        self.tunnels = pl.DataFrame(schema=tunnels.RECENT)
        self.visits = pl.DataFrame(schema=visits.RECENT)
        self.chains = pl.DataFrame(schema=chains.RECENT)

    def add(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return *events* with ``counted``, never null.  Events must come in the order of the pass."""
        counted = np.ones(len(events), np.bool_)
        events, doubles, self.visits = visits.joined(events, self.visits)
        counted[doubles.to_numpy()] = False
        doubles, self.tunnels = tunnels.opened(events, self.tunnels)
        counted[doubles.to_numpy()] = False
        events, doubles, self.chains = chains.joined(events, self.behind, self.chains)
        counted[doubles.to_numpy()] = False
        return beside(events, [pl.Series("counted", counted, dtype=pl.Boolean)])
