"""What everything in this package needs to know, and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.alerts.settings import Settings


class JournalReader(Protocol):
    """The journal, as far as alerts read it."""

    def detections(self, after: int, limit: int) -> pl.DataFrame:
        """Return up to *limit* detections behind position *after*, in order, with the column ``position``."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Who is told what, in which zone, and the secret behind codes and pseudonyms.

    Attributes:
        settings: The section ``alerts``.
        zone: The school's.
        secret: The school's; with another one, codes and pseudonyms change.
        head_of: Returns the ledger's signed head of a local date; it goes out with the daily digest, so that mailboxes
            outside the gateway bear witness.  Null: none is mailed.
    """

    settings: Settings
    zone: ZoneInfo
    secret: str
    head_of: Callable[[date], str] | None = None

    def local(self, when: datetime) -> datetime:
        """Return *when* in the school's zone."""
        return when.astimezone(self.zone)

    def quiet(self, now: datetime) -> bool:
        """Whether *now* lies in the quiet hours."""
        local = self.local(now)
        clock = local.time().replace(microsecond=0)
        return any(
            local.isoweekday() in span.days and span.start <= clock <= span.end for span in self.settings.quiet_hours
        )

    def subjects(self, *names: str) -> frozenset[str]:
        """Return *names* (person, user, device) as recipients' logins and devices are compared."""
        return frozenset(name.casefold() for name in names if name)


def logged(value: str | None, longest: int = 1000) -> str:
    """Return text from a log as the registers can keep it: without NUL, which PostgreSQL does not take, and cut."""
    return (value or "").replace("\x00", "\\x00")[:longest]


def joined(names: Iterable[str]) -> str:
    """Return *names* as one sorted text."""
    return ", ".join(sorted(names))
