"""The stamp of C's ``ctime``, as FreeRADIUS and OpenVPN write it: ``Sun Nov 22 02:04:38 2026``, local time."""

from __future__ import annotations

import re

from filterwatch.decoders.reading import NO_STAMP, Clock, Stamp
from filterwatch.decoders.stamps import DAY, MONTHS, SECOND, days, read_stamp, valid

_CTIME = re.compile(
    r"[A-Z][a-z]{2} (?P<name>[A-Z][a-z]{2}) (?P<day>[ \d]\d) (?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d):"
    r"(?P<second>[0-5]\d|60) (?P<year>\d{4})(?: us=(?P<us>\d{1,6}))?(?: |$)"
)


def read_head(text: str) -> tuple[Stamp, int]:
    """Return the stamp at the head of *text*, ``ctime``'s or any of :mod:`stamps`, and where the rest begins."""
    found = _CTIME.match(text)
    if not found:
        return read_stamp(text) or (NO_STAMP, 0)
    year, day = int(found["year"]), int(found["day"])
    if found["name"] not in MONTHS or not valid(year, MONTHS.index(found["name"]) + 1, day):
        return NO_STAMP, 0
    seconds = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + int(found["second"])
    us = int(days(year, MONTHS.index(found["name"]) + 1, day)) * DAY + seconds * SECOND + int(found["us"] or 0)
    return Stamp(us, Clock.WALL), found.end()
