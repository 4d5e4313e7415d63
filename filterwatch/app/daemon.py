"""What every long-running process of ours does: end when asked, say that it is well, log without personal data."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from filterwatch.errors import ConfigurationError, FilterwatchError
from filterwatch.text import printable

log = logging.getLogger(__name__)

_PRIORITY = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}

TRY_AGAIN = 75
"""Exit code EX_TEMPFAIL of sysexits.h: nothing is configured wrongly, and a later start may go well."""


class Stop:
    """Ends a loop on SIGTERM, SIGINT or SIGHUP, and waits in a way that a signal ends.

    A peer that hangs up (a sender, a mail server, who reads the metrics) is an error where we write to it, and no end:
    SIGPIPE is ignored from here on.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def __call__(self) -> bool:
        """Say whether the process was asked to end."""
        return self._asked.is_set()

    def ask(self) -> None:
        """End the loop."""
        self._asked.set()

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until the process is asked to end."""
        self._asked.wait(seconds)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked.set()


def notify(state: str) -> None:
    """Tell systemd our state (``READY=1``, ``WATCHDOG=1``); does nothing when not started by systemd."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + where[1:] if where[0] == "@" else where)
        sock.sendall(state.encode())


@contextmanager
def tried_again() -> Iterator[None]:
    """End the process with ``TRY_AGAIN`` for what time may put right: a full disk, another process that still runs.

    Raises:
        ConfigurationError: As it is: while the file says the same, starting again does not help.
    """
    try:
        yield
    except ConfigurationError:
        raise
    except FilterwatchError as error:
        log.error("%s", error)  # noqa: TRY400 - the text says it all
        raise SystemExit(TRY_AGAIN) from None


class _Plain(logging.Formatter):
    """One safe line a record; journald's priority in front where journald reads it."""

    def __init__(self, *, for_journald: bool) -> None:
        super().__init__("%(levelname)s: %(message)s" if not for_journald else "%(message)s")
        self._for_journald = for_journald

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        lines = " | ".join(printable(line) for line in text.split("\n"))
        return f"<{_PRIORITY.get(record.levelname, 6)}>{lines}" if self._for_journald else lines


def log_to_standard_error(environment: Mapping[str, str] = os.environ) -> None:
    """Log to standard error, from INFO; other people's libraries from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain(for_journald="JOURNAL_STREAM" in environment))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("filterwatch").setLevel(logging.INFO)
