"""Made-up events for the tests of the journal: every line is ten bytes long, its text is its number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from filterwatch.events import GROUP, KIND
from filterwatch.journal import Commit, Counts
from filterwatch.lines import Checkpoint

NOON = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
LINE = 10


def events(first: int, count: int, *, at: datetime = NOON) -> pl.DataFrame:
    """Return events of lines *first* to *first* + *count*, one a second."""
    numbers = range(first, first + count)
    times = [at + timedelta(seconds=n) for n in numbers]
    return pl.DataFrame(
        {
            "time": times,
            "started": times,
            "site": ["st-pauls"] * count,
            "kind": ["http"] * count,
            "host": [f"www{n % 7}.example.test" for n in numbers],
            "url": [f"http://example.test/{n}" for n in numbers],
            "group": ["pupils" if n % 3 else "staff" for n in numbers],
            "bytes_in": [n * 100 for n in numbers],
            "local_date": [when.date() for when in times],
            "local_minute": [when.hour * 60 + when.minute for when in times],
            "line_offset": [n * LINE for n in numbers],
            "line_length": [LINE - 1] * count,
        },
        schema_overrides={
            "time": pl.Datetime("us", "UTC"), "started": pl.Datetime("us", "UTC"), "kind": KIND, "group": GROUP,
            "local_minute": pl.Int16, "line_length": pl.Int32,
        },
    )  # fmt: skip


def batch(first: int, count: int, *, source: str = "squid", stream: str = "file-1", **more: object) -> Commit:
    """Return the commit of lines *first* to *first* + *count*."""
    given = {
        "read_at": NOON + timedelta(seconds=first + count),
        "checkpoint": Checkpoint(source, stream, (first + count) * LINE, {"path": "/var/log/squid/access.log"}),
        "first_offset": first * LINE,
        "events": events(first, count),
        "counts": Counts(count, count),
    }
    return Commit(**(given | more))


def detection(number: int, **more: object) -> pl.DataFrame:
    """Return one detection of line *number*."""
    row = {
        "id": f"{number:032x}", "time": NOON, "rule": "gambling", "rule_version": "0123456789ab", "level": "medium",
        "category": "gambling", "kind": None, "outcome": "breach", "person": "22a.jones", "user": "22a.jones",
        "group": "pupils", "device": "cb-0001", "identity": "authenticated", "client_ip": "10.0.0.5",
        "host": "www.bet.test", "action": "allowed", "reason": "the host is on list gambling", "matched": "bet.test",
        "count": 1, "site": "st-pauls", "source": "squid", "stream": "file-1", "line_offset": number * LINE,
        "line_length": LINE - 1, "in_school_hours": True,
    }  # fmt: skip
    from filterwatch.events import DETECTION_SCHEMA  # noqa: PLC0415

    return pl.DataFrame([row | more], schema=DETECTION_SCHEMA)
