"""Newer category lists for a daemon that runs."""

from __future__ import annotations

import logging
from collections.abc import Callable

from filterwatch.lists import CategoryIndex, IndexUnreadable

log = logging.getLogger(__name__)


class Newest:
    """Hands the newest compiled lists to the enrichment, whoever compiled them.

    Args:
        index: What is in use.
        use: Takes a newer one, between two batches.
    """

    def __init__(self, index: CategoryIndex, use: Callable[[CategoryIndex], None]) -> None:
        self.index = index
        self._use = use
        self._problem = ""

    def look(self) -> bool:
        """Take what has been compiled since; costs one ``stat`` when nothing has. Say whether it did."""
        try:
            newest = self.index.latest()
        except IndexUnreadable as error:
            if str(error) != self._problem:
                self._problem = str(error)
                log.error("Newer category lists are not taken: %s", error)  # noqa: TRY400 - the text says it all
            return False
        if newest is self.index:
            return False
        self.index, self._problem = newest, ""
        self._use(newest)
        log.info("Newer category lists: %d names on %d lists.", len(newest), len(newest.lists))
        return True
