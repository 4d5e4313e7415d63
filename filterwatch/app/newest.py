"""Newer category lists for a daemon that runs, and how old they are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property

from filterwatch.app.lists import SchoolLists
from filterwatch.app.settings import Configuration
from filterwatch.clock import Clock
from filterwatch.errors import FilterwatchError
from filterwatch.lists import CategoryIndex, IndexUnreadable
from filterwatch.metrics import Metrics

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


class ListAges:
    """Keeps the metrics of the public lists in use true, whoever updates them.

    Args:
        configuration: Of the school.
        clock: Time.
        metrics: Where it is told.
    """

    def __init__(self, configuration: Configuration, clock: Clock, metrics: Metrics) -> None:
        self._configuration = configuration
        self._clock = clock
        self._metrics = metrics
        self._looked = False
        self._seen: tuple[int, int] | None = None

    @cached_property
    def _lists(self) -> SchoolLists:
        return SchoolLists(self._configuration, self._clock)

    def look(self) -> None:
        """Tell what has changed since; costs one ``stat`` when nothing has."""
        used = self._configuration.settings.lists.use
        seen = self._lists.changed() if used else None
        if self._looked and seen == self._seen:
            return
        self._looked, self._seen = True, seen
        for id_ in used:  # whatever is found: a list of which nothing can be said has a problem
            self._metrics.list_newest.labels(id_).set(0)
            self._metrics.list_problem.labels(id_).set(1)
        try:
            for one in self._lists.status() if used else ():
                newest = one.kept.newest if one.kept.current else None
                self._metrics.list_newest.labels(one.id).set(newest.timestamp() if newest else 0)
                self._metrics.list_problem.labels(one.id).set(1 if one.problem else 0)
        except FilterwatchError as error:
            log.error("Category lists: %s", error)  # noqa: TRY400 - the text says it all
