"""Rows that are remembered by name, and found again without reading through all of them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Places = NDArray[np.int64]


class Remembered:
    """Names, and a table with a row for each; it never changes.

    Names are found by their hashes, and compared: of two names with one hash only one is found.

    Args:
        names: All different.
        table: As long as *names*.
        hashes: Those of the names, ascending; null to make them.
        order: Place of the name of each hash.
    """

    def __init__(
        self,
        names: pl.Series,
        table: pl.DataFrame,
        hashes: NDArray[np.uint64] | None = None,
        order: Places | None = None,
    ) -> None:
        self.names = names
        self.table = table
        if hashes is None or order is None:
            hashes, order = _sorted(names)
        self._hashes = hashes
        self._order = order

    def __len__(self) -> int:
        """Return how many names."""
        return len(self.names)

    def places(self, names: pl.Series) -> Places:
        """Return the place of each name in :attr:`table`; -1 for null and what is not there."""
        if not len(self._order):
            return np.full(len(names), -1, np.int64)
        at = np.minimum(np.searchsorted(self._hashes, names.hash().to_numpy()), len(self._order) - 1)
        place: Places = self._order[at]
        held = self.names[place] == names
        return np.where((held.fill_null(value=False) if held.null_count() else held).to_numpy(), place, -1)

    def joined(self, names: pl.Series, table: pl.DataFrame) -> Remembered:
        """Return one with these *names*, which are new, and their *table* behind its own."""
        hashes, order = _sorted(names)
        at = np.searchsorted(self._hashes, hashes)
        # In one piece: rows are gathered from it again and again.
        return Remembered(
            pl.concat([self.names, names], rechunk=True),
            pl.concat([self.table, table], rechunk=True),
            np.insert(self._hashes, at, hashes),
            np.insert(self._order, at, order + len(self)),
        )


def _sorted(names: pl.Series) -> tuple[NDArray[np.uint64], Places]:
    hashes = names.hash().to_numpy()
    order: Places = np.argsort(hashes)
    return hashes[order], order
