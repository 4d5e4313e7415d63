"""Which format a file has: the right one, or none; never a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from filterwatch.decoders.catalogue import formats
from filterwatch.decoders.format import Format
from filterwatch.lines import Checkpoint, LineBatch

SAMPLE_LINES = 200
"""Lines that are looked at: enough to see through a log's head, few enough to take a moment."""

ENOUGH = 0.6
"""Share of the lines that the format must turn into events that only it can have."""

_UTC = ZoneInfo("UTC")
_ANY_TIME = datetime(2000, 1, 1, tzinfo=_UTC)


def detect(lines: Sequence[bytes]) -> str | None:
    """Return the name of the format that *lines* (a sample, without line ends) are in; null when that cannot be told.

    A format is told when most lines are surely its own, and no other claims half as many.
    """
    sample = [line for line in lines if line.strip()]
    if not sample:
        return None
    data = b"".join(line + b"\n" for line in sample)
    batch = LineBatch("", "", data, 0, len(data), "", _ANY_TIME, Checkpoint("", "", len(data)))
    found = {name: _claimed(name, one, batch) for name, one in formats().items() if one.claims is not None}
    ranked = sorted(found, key=lambda name: found[name], reverse=True)
    best, second = found[ranked[0]], found[ranked[1]]
    return None if best < ENOUGH * len(sample) or second > best / 2 else ranked[0]


def _claimed(name: str, one: Format, batch: LineBatch) -> int:
    claims = one.claims
    if claims is None:
        return 0
    events = one.make(name, one.options(), _UTC).decode(batch).events
    rows: Sequence[Mapping[str, object]] = [
        {name: value for name, value in row.items() if value is not None} for row in events.to_dicts()
    ]
    return sum(claims(batch.line(index), row) for index, row in zip(events["line"], rows, strict=True))


def format_of(batch: LineBatch) -> str | None:
    """Return the format of a batch by a sample of its lines; null where they do not tell it."""
    step = max(1, len(batch) // SAMPLE_LINES)
    return detect([batch.line(index) for index in range(0, len(batch), step)])
