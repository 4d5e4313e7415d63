"""Time as a parameter: nothing in filterwatch asks the machine what time it is except through a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now(self) -> datetime:
        """Return the time of day, UTC, with its zone."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow: for timers, never for records."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for real."""
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to; sleeping moves it.

    Args:
        start: First value of :meth:`now`, with a zone.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds it was moved by."""
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Move on by *seconds*."""
        self.move(timedelta(seconds=seconds))

    def move(self, by: timedelta) -> None:
        """Move on by *by*."""
        self._now += by
        self._seconds += by.total_seconds()
