"""What the writer of the journal does beside reading: seal, tidy, copy; on its own thread, so that no line waits."""

from __future__ import annotations

import logging
import os
import threading
from datetime import timedelta
from pathlib import Path

from filterwatch import archive
from filterwatch.app.daemon import Stop
from filterwatch.app.newest import ListAges, Newest
from filterwatch.app.settings import Configuration
from filterwatch.clock import Clock
from filterwatch.errors import FilterwatchError
from filterwatch.journal import Journal, JournalError

log = logging.getLogger(__name__)

SEAL_EVERY = 60.0
"""Seconds between two looks whether something is old enough to be sealed."""

TIDY_EVERY = 3600.0
"""Seconds between two rounds of compaction, retention and back-up."""


class Upkeep:
    """Keeps the journal small and the archive whole; a failure is logged and tried again next time.

    Args:
        journal: Recent events.
        configuration: Of the school.
        clock: Time.
        lists: What is in use of the category lists; newer ones are taken within a second of their compilation.
        ages: Keeps the metrics of the public lists.
    """

    def __init__(
        self,
        journal: Journal,
        configuration: Configuration,
        clock: Clock,
        lists: Newest | None = None,
        ages: ListAges | None = None,
    ) -> None:
        self._journal = journal
        self._lists = lists
        self._ages = ages
        self._archive = configuration.state / "archive"
        self._settings = configuration.settings.archive
        self._zone = configuration.settings.timezone
        self._clock = clock
        self._sealed = self._tidied = clock.monotonic() - SEAL_EVERY
        self._thread: threading.Thread | None = None

    def start(self, stop: Stop) -> None:
        """Look every second what is due, until *stop*."""
        self._thread = threading.Thread(target=self._run, args=(stop,), name="upkeep", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the step that is under way: the journal must not be closed under it."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, stop: Stop) -> None:
        while not stop():
            self.step()
            stop.wait(1)

    def step(self) -> None:
        """Do what is due."""
        if self._lists is not None:
            self._lists.look()
        if self._ages is not None:
            self._ages.look()
        now = self._clock.monotonic()
        try:
            if now - self._sealed >= SEAL_EVERY:
                self._sealed = now
                archive.seal(self._journal, self._archive, now=self._clock.now(), settings=self._settings)
            if now - self._tidied >= TIDY_EVERY:
                self._tidied = now
                tidied = archive.tidy(
                    self._journal, self._archive, now=self._clock.now(), zone=self._zone, settings=self._settings
                )
                for problem in tidied.problems:
                    log.error("Archive: %s", problem)
                self._journal.purge()
                self._journal.backup()
        except (FilterwatchError, JournalError, OSError) as error:
            log.error("Archive: %s; tried again in %s.", error, timedelta(seconds=SEAL_EVERY))  # noqa: TRY400 - the text says it all


def make_state_directory(state: Path) -> None:
    """Make the state directory, readable by its owner alone.

    Raises:
        FilterwatchError: It cannot be made.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(state, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise FilterwatchError(
            f"{state}: the state directory cannot be written: {error.strerror}; "
            "make it, owned by the user that runs filterwatch (key `state`)"
        ) from None
