"""Which sites were in the school, and since when: what is new is worth a second look.

A site is remembered by four bytes of a hash, so nothing here tells where anybody went.  What is kept changes only when
a site is new (or was noted a month ago), so its bytes are seldom written.
"""

from __future__ import annotations

import base64
import hashlib
import json
from array import array
from bisect import insort
from datetime import datetime

import polars as pl

from filterwatch import detections

MOST_SITES = 60_000
"""Sites that are remembered; those not seen for longest are forgotten.  A school of 1,200 sees some 20,000 a year."""

MOST_PLATFORMS = 2_000
BUSY = 50
"""Different sites that make a day one of work, so that nothing is learnt from holidays."""

REFRESHED = 30
"""Days after which a site that is still in use is noted again."""

AT_HOME = 5
"""Different names below a platform that make it one the school works with, from the next day on."""

_MOST_DAYS = 40
_COUNTED_AT_ONCE = 3
_LAST_DAY = 2**16 - 1


class Seen:
    """Remembers sites.  It finds nothing itself: the detector that asks it also tells it, row by row.

    Days are numbers since 1970, UTC.
    """

    name = "seen"

    def __init__(self) -> None:
        self._sites: dict[int, tuple[int, int]] = {}
        self._platforms: dict[int, tuple[int, int]] = {}
        self._busy: list[int] = []
        self._counting: dict[int, set[int]] = {}
        self._today: tuple[int, set[str]] = (-1, set())
        self._state: bytes | None = None
        self._nothing = detections.none()

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return no detection."""
        return self._nothing

    def note(self, site: str, day: int, platform: str = "") -> None:
        """Remember that somebody was at *site*; *platform* is what it lies below, where many projects do."""
        if self.has_noted(site, day):
            return
        if self._today[0] != day or len(self._today[1]) >= MOST_SITES:
            self._today = (day, set())
        self._today[1].add(site)
        key, day = _key(site), min(max(day, 0), _LAST_DAY)
        self._count(key, day)
        known = self._sites.get(key)
        if known is not None and day - known[1] < REFRESHED:
            return
        self._state = None
        if known is None and platform:
            self._settle(_key(platform), day)
        self._sites.pop(key, None)
        self._sites[key] = (known[0] if known else day, day)
        if len(self._sites) > MOST_SITES:
            del self._sites[next(iter(self._sites))]

    def has_noted(self, site: str, day: int) -> bool:
        """Whether noting *site* once more would change nothing; false where that is not known."""
        return self._today[0] == day and site in self._today[1]

    def since(self, site: str, day: int) -> int:
        """Return the day on which *site* was first seen; *day* where it is not remembered."""
        return self._sites.get(_key(site), (day, day))[0]

    def works_with(self, platform: str, day: int) -> bool:
        """Whether names below *platform* were in use before *day*; never for an empty one."""
        count, since = self._platforms.get(_key(platform), (0, 0)) if platform else (0, 0)
        return count >= AT_HOME and day > since

    def make_ordinary(self, site: str) -> None:
        """Take *site* for one that was always there."""
        known = self._sites.get(_key(site))
        if known is not None and known[0]:
            self._sites[_key(site)] = (0, known[1])
            self._state = None

    def has_learnt(self, day: int, days: int) -> bool:
        """Whether at least *days* days of work lie before *day*."""
        return days <= 0 or (len(self._busy) >= days and self._busy[days - 1] < day)

    def _count(self, key: int, day: int) -> None:
        if len(self._busy) >= _MOST_DAYS or day in self._busy:
            return
        sites = self._counting.setdefault(day, set())
        if key in sites:
            return
        self._state = None
        sites.add(key)
        if len(sites) >= BUSY:
            insort(self._busy, day)
            del self._counting[day]
        elif len(self._counting) > _COUNTED_AT_ONCE:
            del self._counting[next(iter(self._counting))]

    def _settle(self, platform: int, day: int) -> None:
        count, since = self._platforms.pop(platform, (0, 0))
        self._platforms[platform] = (count + 1, day) if count < AT_HOME else (count, since)
        if len(self._platforms) > MOST_PLATFORMS:
            del self._platforms[next(iter(self._platforms))]

    def state(self) -> bytes:
        """Return what is remembered, as JSON; the same bytes again as long as nothing is new."""
        if self._state is None:
            firsts, lasts = zip(*self._sites.values(), strict=True) if self._sites else ((), ())
            parts = {
                "sites": _text(array("I", self._sites)),
                "first": _text(array("H", firsts)),
                "last": _text(array("H", lasts)),
                "platforms": [[key, *pair] for key, pair in self._platforms.items()],
                "busy": self._busy,
                "counting": [[day, sorted(sites)] for day, sites in self._counting.items()],
            }
            self._state = json.dumps(parts, separators=(",", ":")).encode()
        return self._state

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        parts = json.loads(state)
        days = zip(_numbers("H", parts["first"]), _numbers("H", parts["last"]), strict=True)
        self._sites = dict(zip(_numbers("I", parts["sites"]), days, strict=True))
        self._platforms = {key: (count, since) for key, count, since in parts["platforms"]}
        self._busy = parts["busy"]
        self._counting = {day: set(sites) for day, sites in parts["counting"]}
        self._state = None


def _key(site: str) -> int:
    return int.from_bytes(hashlib.blake2b(site.encode(), digest_size=4).digest(), "little")


def _text(numbers: array[int]) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


def _numbers(kind: str, text: str) -> array[int]:
    numbers: array[int] = array(kind)
    numbers.frombytes(base64.b64decode(text))
    return numbers
