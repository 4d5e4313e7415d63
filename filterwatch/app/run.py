"""``filterwatch run``: the daemon's parts as child processes, started again when they end."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filterwatch.app.daemon import Stop, notify
from filterwatch.app.settings import Settings
from filterwatch.errors import FilterwatchError

log = logging.getLogger(__name__)

PARTS = ("ingest", "deliver")
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds before a part that ended is started again: doubling, so that a part that cannot start is no load."""

STEADY = 60.0
"""A part that ran this many seconds starts afresh with the first wait."""

END_WITHIN = 10.0
"""Seconds that parts get to end before they are killed."""

MISTAKEN = 2
"""Exit code of a part that was configured wrongly: starting it again would not help."""


@dataclass
class Part:
    """One part of the daemon.

    Attributes:
        name: The command that runs it.
        process: It, while it runs.
        started: Monotonic seconds of its last start.
        wait: Seconds before its next start.
    """

    name: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = FIRST_WAIT


def parts_of(settings: Settings) -> tuple[str, ...]:
    """Return the parts that a configuration needs: one receives only where a source listens."""
    return ("receive", *PARTS) if any(source.listen for source in settings.sources) else PARTS


def supervise(configuration: Path, stop: Stop, parts: Sequence[str] = PARTS) -> None:
    """Run the parts until asked to end.

    Raises:
        FilterwatchError: A part says that it is configured wrongly (it has listed every mistake itself).
    """
    running = [Part(name) for name in parts]
    try:
        for part in running:
            _start(part, configuration)
        notify("READY=1")
        while not stop():
            for part in running:
                _look_after(part, configuration)
            notify("WATCHDOG=1")
            stop.wait(0.2)
    finally:
        notify("STOPPING=1")
        _end(running)


def _start(part: Part, configuration: Path) -> None:
    command = [sys.executable, "-m", "filterwatch", part.name, "--config", str(configuration)]
    part.process = subprocess.Popen(command)  # noqa: S603 - our own module, the path of the configuration
    part.started = time.monotonic()


def _look_after(part: Part, configuration: Path) -> None:
    now = time.monotonic()
    if part.process is not None and (code := part.process.poll()) is not None:
        if code == MISTAKEN:
            raise FilterwatchError(f"{part.name} cannot start: see the mistakes above")
        part.process = None
        part.wait = FIRST_WAIT if now - part.started > STEADY else min(LONGEST_WAIT, part.wait * 2)
        log.error("Part %s ended with code %d; it is started again in %.1f s.", part.name, code, part.wait)
    if part.process is None and now - part.started > part.wait:
        _start(part, configuration)


def _end(parts: Sequence[Part]) -> None:
    for part in parts:
        if part.process is not None:
            part.process.terminate()
    deadline = time.monotonic() + END_WITHIN
    for part in parts:
        if part.process is None:
            continue
        try:
            part.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            part.process.kill()
            part.process.wait()
