"""Our daemon over the logs of real ones, and what it makes of them: mails, detections, events."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
from e2e_gateway import Daemon, channels, configure, until

from filterwatch import archive
from filterwatch.demo.mailbox import Mailbox
from filterwatch.journal import JournalError, Reader

WITHIN = 3.0
"""Seconds from a request to the mail: the budget."""


class Watch:
    """``filterwatch run`` with a mail server of its own; it is ready when this returns.

    Args:
        folder: Where the configuration and the state lie.
        sources: What it reads.
        sections: Other sections of the configuration.
    """

    def __init__(self, folder: Path, sources: list[dict], **sections: object) -> None:
        self.folder = folder
        self.mailbox = Mailbox()
        urls = channels(self.mailbox.url("coordinator@school.test"), self.mailbox.url("head@school.test"))
        self.daemon = Daemon(configure(folder, sources, delivery={"channels": urls}, **sections))
        self._clients = iter(range(2, 250))
        try:
            self.daemon.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def client(self) -> str:
        """Return a device that did nothing yet: what it does is a new alert."""
        return f"127.0.77.{next(self._clients)}"

    def next_mail(self, act: Callable[[], object], seconds: float = WITHIN):
        """Return the mail that comes of *act*, and how long it took."""
        before, began = len(self.mailbox.mails), time.monotonic()
        act()
        until(lambda: len(self.mailbox.mails) > before, seconds, f"a mail; the daemon said {self.daemon.said()}")
        return self.mailbox.mails[before], time.monotonic() - began

    def journal(self) -> Reader:
        return Reader.at(self.folder / "state" / "journal.db")

    def totals(self) -> dict[str, dict]:
        """Return the counts of each source."""
        try:
            with self.journal() as journal:
                return {row["source"]: row for row in journal.totals().iter_rows(named=True)}
        except JournalError:  # not made yet
            return {}

    def read(self, source: str) -> int:
        return self.totals().get(source, {"lines": 0})["lines"]

    def detections(self, client: str | None = None) -> pl.DataFrame:
        with self.journal() as journal:
            found = journal.detections(0, 100_000)
        return found if client is None else found.filter(found["client_ip"] == client)

    def events(self, *sources: str) -> pl.DataFrame:
        """Return all events of *sources*, journalled or archived, by source and line."""
        with self.journal() as journal:
            found = archive.scan(self.folder / "state" / "archive", journal).filter(pl.col("source").is_in(sources))
            return found.sort("source", "stream", "line_offset").collect()

    def rejected(self) -> list[tuple[str, str]]:
        """Return source and reason of every line that no decoder could read; not the lines."""
        with self.journal() as journal:
            return list(journal.quarantine(0, 100_000).select("source", "why").iter_rows())

    def wait_for_lines(self, source: str, log: Path, seconds: float = 10) -> None:
        """Wait until every line of *log* is journalled."""
        until(lambda: log.exists() and self.read(source) >= lines_of(log), seconds, f"every line of {source}")

    def close(self) -> None:
        self.daemon.end()
        self.mailbox.close()


def lines_of(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def control(events: pl.DataFrame) -> list[tuple[str, str]]:
    """Return what happened to which filter, each once, in order."""
    told = events.filter(pl.col("kind") == "control").select("control_event", "control_service")
    return list(dict.fromkeys(told.iter_rows()))
