"""A hint that something moved, so that a line is read at once and not at the next poll.

Only ever a hint: polling alone finds everything within a second, and inotify loses events when its queue overflows,
says nothing on network file systems, and may be used up.  The kernel is asked directly, without a thread and without
an object for each write; docs/decisions/0011-inotify-directly.md says what that saves.
"""

from __future__ import annotations

import ctypes
import logging
import os
import select
import sys
from collections.abc import Iterable

from filterwatch.clock import Clock

log = logging.getLogger(__name__)

_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
# sys/inotify.h: IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE
_MASK = 0x2 | 0x40 | 0x80 | 0x100 | 0x200
_OVERFLOW = 0x4000


class Hints:
    """Waits until something moved in some directories.

    Where inotify is not to be had it only waits, and says so once in the log.

    Args:
        directories: What to watch; those that do not exist are left to polling.
        clock: Sleeps where there is no inotify; measures the time between two hints.
        gather: Least seconds between two hints: on a busy log every line is one, and a batch should hold many.
        use_inotify: False for polling alone.

    Attributes:
        overflows: How often the kernel dropped events because nobody took them.
    """

    def __init__(
        self, directories: Iterable[str], clock: Clock, *, gather: float = 0.1, use_inotify: bool = True
    ) -> None:
        self.overflows = 0
        self._clock = clock
        self._gather = gather
        self._last = clock.monotonic()
        self._descriptor = _start() if use_inotify else -1
        self._watched: set[str] = set()
        self._refused: set[str] = set()
        self.watch(directories)

    @property
    def works(self) -> bool:
        """Whether there is anything but polling."""
        return self._descriptor >= 0 and bool(self._watched)

    def watch(self, directories: Iterable[str]) -> None:
        """Watch more directories; those watched already cost nothing, those refused are tried again."""
        for directory in set(directories) - self._watched:
            if self._descriptor < 0:
                return
            if _libc().inotify_add_watch(self._descriptor, os.fsencode(directory), _MASK) >= 0:
                self._watched.add(directory)
                continue
            if directory not in self._refused:
                self._refused.add(directory)
                error = os.strerror(ctypes.get_errno())
                log.warning("No hints for %s (%s): new lines are found by polling.", directory, error)

    def wait(self, timeout: float) -> bool:
        """Wait until something moved, at most *timeout* seconds; return whether it did.

        After the last hint at least *gather* seconds pass before the next.
        """
        if not self.works:
            self._clock.sleep(timeout)
            return False
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        moved = bool(poll.poll(timeout * 1000))
        early = self._gather - (self._clock.monotonic() - self._last)
        if moved and early > 0:
            self._clock.sleep(min(early, timeout))
        self._last = self._clock.monotonic()
        self._drain()
        return moved

    def close(self) -> None:
        """Stop watching."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _drain(self) -> None:
        """Throw the events away: what moved is found by looking."""
        try:
            while data := os.read(self._descriptor, 65_536):
                self._note_overflow(data)
        except BlockingIOError:
            return

    def _note_overflow(self, data: bytes) -> None:
        at = 0
        while at + 16 <= len(data):
            mask = int.from_bytes(data[at + 4 : at + 8], sys.byteorder)
            at += 16 + int.from_bytes(data[at + 12 : at + 16], sys.byteorder)
            self.overflows += bool(mask & _OVERFLOW)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _start() -> int:
    """Return an inotify descriptor; -1, and a warning, where there is none."""
    try:
        descriptor = int(_libc().inotify_init1(_FLAGS))
    except AttributeError:
        log.warning("This system has no inotify: new lines are found by polling.")
        return -1
    if descriptor < 0:
        log.warning("No inotify (%s): new lines are found by polling.", os.strerror(ctypes.get_errno()))
    return descriptor
