"""Names in the spool of a source: who sent, which segment, and whether it still grows.

``10.0.0.7_1795339800000000000.open`` is written to, ``....log`` never again; ``lost_<number>.json`` says what was lost.
Numbers are never used twice: a segment is known by its name alone, long after it was deleted.
"""

from __future__ import annotations

import re
from typing import NamedTuple

OPEN = ".open"
CLOSED = ".log"
ALIVE = "alive"
"""File that the receiver touches while it runs; its last write tells since when it does not."""

BEAT = 5.0
"""Seconds between two touches."""

_SEGMENT = re.compile(r"(?P<sender>[0-9a-f.:]{2,45}|other)_(?P<number>\d{1,20})(?P<suffix>\.open|\.log)")
_LOST = re.compile(r"lost_\d{1,20}\.json")


class Segment(NamedTuple):
    """A segment as its name tells; segments of one sender sort by age."""

    sender: str
    number: int
    closed: bool

    @property
    def stream(self) -> str:
        """Its name for good."""
        return f"{self.sender}_{self.number}"

    @property
    def file(self) -> str:
        """Its file's name now."""
        return self.stream + (CLOSED if self.closed else OPEN)


def segment_of(file: str) -> Segment | None:
    """Return the segment that a file's name tells; null when it is none."""
    found = _SEGMENT.fullmatch(file)
    return Segment(found["sender"], int(found["number"]), found["suffix"] == CLOSED) if found else None


def is_loss(file: str) -> bool:
    """Return whether a file says what was lost."""
    return _LOST.fullmatch(file) is not None
