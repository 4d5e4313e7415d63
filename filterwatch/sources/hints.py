"""A hint that something moved, so that a line is read at once and not at the next poll.

Only ever a hint: polling alone finds everything within a second, and inotify loses events when its queue overflows
(watchdog does not say so), is silent on network file systems, and may be used up.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable

from watchdog.events import (
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from filterwatch.clock import Clock

log = logging.getLogger(__name__)

# It calls it an error when a watch is taken down while its thread waits; we do that ten times a second.
logging.getLogger("watchdog.observers.inotify").setLevel(logging.CRITICAL)

_MOVES: list[type[FileSystemEvent]] = [FileModifiedEvent, FileCreatedEvent, FileMovedEvent, FileDeletedEvent]
"""Not opening and closing: our own reading would be a hint to read."""


class Hints:
    """Waits until something moved in some directories.

    watchdog makes an object of every write, which on a busy log would cost more than reading it.  So the watches are
    taken down at the first event and put up again after *gather*: docs/decisions/0011-watchdog-one-event-at-a-time.md.
    Where there is no inotify it only waits, and says so once in the log.

    Args:
        directories: What to watch; those that do not exist are left to polling.
        clock: Sleeps where there is no inotify; measures the time between two hints.
        gather: Least seconds between two hints: on a busy log every line is one, and a batch should hold many.
        use_inotify: False for polling alone.
    """

    def __init__(
        self, directories: Iterable[str], clock: Clock, *, gather: float = 0.1, use_inotify: bool = True
    ) -> None:
        self._clock = clock
        self._gather = gather
        self._last = clock.monotonic()
        self._moved = threading.Event()
        self._handler = _Flag(self._moved)
        self._observer = Observer() if use_inotify else None
        self._wanted: set[str] = set()
        self._refused: set[str] = set()
        self._watches: dict[str, ObservedWatch] = {}
        if self._observer is not None:
            self._observer.start()
        self.watch(directories)

    @property
    def works(self) -> bool:
        """Whether there is anything but polling."""
        return bool(self._watches)

    def watch(self, directories: Iterable[str]) -> None:
        """Watch more directories; those watched already cost nothing, those refused are tried again."""
        self._wanted |= set(directories)
        if self._observer is None:
            return
        for directory in sorted(self._wanted - set(self._watches)):
            if not os.path.isdir(directory):
                continue
            try:
                self._watches[directory] = self._observer.schedule(self._handler, directory, event_filter=_MOVES)
            except OSError as error:
                if directory not in self._refused:
                    self._refused.add(directory)
                    log.warning("No hints for %s (%s): new lines are found by polling.", directory, error.strerror)

    def wait(self, timeout: float) -> bool:
        """Wait until something moved, at most *timeout* seconds; return whether it did.

        After the last hint at least *gather* seconds pass before the next.
        """
        if not self.works:
            self._clock.sleep(timeout)
            return False
        moved = self._moved.wait(timeout)
        if moved:
            self._take_down()
            early = self._gather - (self._clock.monotonic() - self._last)
            if early > 0:
                self._clock.sleep(min(early, timeout))
            self._moved.clear()
            self.watch(())
        self._last = self._clock.monotonic()
        return moved

    def close(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None
            self._watches = {}

    def _take_down(self) -> None:
        if self._observer is not None:
            self._observer.unschedule_all()
        self._watches = {}


class _Flag(FileSystemEventHandler):
    """Remembers that something moved; what it was is found by looking."""

    def __init__(self, moved: threading.Event) -> None:
        self._moved = moved

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - watchdog's signature
        self._moved.set()
