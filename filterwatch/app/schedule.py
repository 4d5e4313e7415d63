"""Reports on a schedule, each made in a process of its own: a report needs memory that the daemon must not keep."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import datetime, timedelta

from filterwatch.app.settings import Configuration

log = logging.getLogger(__name__)

TRY_AGAIN = timedelta(minutes=15)
"""Wait after a report that failed."""


def weekly_due(configuration: Configuration, now: datetime) -> datetime | None:
    """Return the last moment, local, at which a weekly report was due before *now*; null where none is wanted."""
    weekly = configuration.settings.reports.weekly
    if weekly is None:
        return None
    local = now.astimezone(configuration.settings.timezone)
    for days in range(8):
        day = (local - timedelta(days=days)).date()
        due = datetime.combine(day, weekly.at, configuration.settings.timezone)
        if day.isoweekday() in weekly.days and due <= local:
            return due
    return None


def occasion(due: datetime) -> str:
    """Return the name under which the outbox knows the report of that moment."""
    return f"weekly-{due:%Y-%m-%d}"


class Schedule:
    """Starts what is due, once; whether it was sent the outbox knows, so a restart repeats nothing."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._running: subprocess.Popen[bytes] | None = None
        self._not_before: datetime | None = None

    def step(self, now: datetime) -> None:
        """Start the weekly report when its time has come and it was not sent yet."""
        if self._running is not None:
            code = self._running.poll()
            if code is None:
                return
            self._running = None
            self._not_before = now + (TRY_AGAIN if code else timedelta(minutes=1))
            if code:
                log.error("The weekly report ended with code %d; tried again in 15 minutes.", code)
        if self._not_before is not None and now < self._not_before:
            return
        self._not_before = now + timedelta(minutes=1)
        due = weekly_due(self._configuration, now)
        if due is not None and now - due < timedelta(days=2) and not _sent(occasion(due)):
            path = self._configuration.document.path
            command = [sys.executable, "-m", "filterwatch", "report", "weekly", "--config", path, "--mail"]
            self._running = subprocess.Popen(command)  # noqa: S603 - our own module, the path of the configuration


def _sent(about: str) -> bool:
    from filterwatch.records.models import Outbox  # noqa: PLC0415 - models need Django to be set up

    return Outbox.objects.filter(about=about).exists()
