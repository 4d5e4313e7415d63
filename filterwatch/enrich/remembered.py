"""Rows that are remembered by name, and found again without reading through all of them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Places = NDArray[np.int64]


class Remembered:
    """A table with a row for each name; it never changes.

    Names are found by their hashes, and compared: of two names with one hash only one is found.

    Args:
        table: Names in its first column, others beside them.
        hashes: Those of the names, ascending; null to make them.
        order: Place in *table* of the name of each hash.
    """

    def __init__(
        self, table: pl.DataFrame, hashes: NDArray[np.uint64] | None = None, order: Places | None = None
    ) -> None:
        self.table = table
        if hashes is None or order is None:
            hashes, order = _sorted(table)
        self._hashes = hashes
        self._order = order

    def __len__(self) -> int:
        """Return how many names."""
        return len(self.table)

    def places(self, names: pl.Series) -> Places:
        """Return the place of each name in :attr:`table`; -1 for null and what is not there."""
        if not len(self._order):
            return np.full(len(names), -1, np.int64)
        asked = names.hash().to_numpy()
        at = np.minimum(np.searchsorted(self._hashes, asked), len(self._order) - 1)
        place: Places = self._order[at]
        held = (self.table.to_series().gather(place) == names).fill_null(value=False)
        return np.where(held.to_numpy(), place, -1)

    def joined(self, more: pl.DataFrame) -> Remembered:
        """Return one with the rows of *more* behind its own, whose names are new."""
        hashes, order = _sorted(more)
        at = np.searchsorted(self._hashes, hashes)
        # In one piece: rows are gathered from it again and again.
        return Remembered(
            pl.concat([self.table, more], rechunk=True),
            np.insert(self._hashes, at, hashes),
            np.insert(self._order, at, order + len(self.table)),
        )


def _sorted(table: pl.DataFrame) -> tuple[NDArray[np.uint64], Places]:
    hashes = table.to_series().hash().to_numpy()
    order: Places = np.argsort(hashes)
    return hashes[order], order
