"""Which sites were in the school, and since when: what is new is worth a second look.

A site is remembered by eight bytes of a hash, so nothing here tells where anybody went.  What is kept changes only when
a site is new (or was noted a month ago), so its bytes are seldom written.
"""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import insort
from datetime import datetime
from functools import lru_cache

import polars as pl

from filterwatch import detections
from filterwatch.detectors.seen_pages import Page, Pages

MOST_PLATFORMS, MOST_COUNTED = 2_000, 200
"""Platforms that the school works with, and those that are being counted; further ones are not taken up."""

BUSY = 50
"""Different sites that make a day one of work, so that nothing is learnt from holidays."""

REFRESHED = 30
"""Days after which a site that is still in use is noted again."""

AT_HOME, BY_PEOPLE = 5, 3
"""Names below a platform that so many people visit on one day make it one the school works with, from the next day."""

MOST_OF_ONE = 200
"""New sites that one person can add in a day, so that nobody's invented names push out what the school knows."""

_CROWD = 1_024
"""Counters of new sites; people who share one share its bound."""

_MOST_DAYS = 40
_COUNTED_AT_ONCE = 3
_LAST_DAY = 2**16 - 1


class Seen:
    """Remembers sites.  It finds nothing itself: the detector that asks it also tells it, row by row.

    Days are numbers since 1970, UTC.
    """

    name = "seen"

    def __init__(self) -> None:
        self._sites = Pages(self.name)
        self._platforms: dict[int, int] = {}
        self._visited: dict[int, tuple[list[int], list[int]]] = {}
        self._busy: list[int] = []
        self._counting: dict[int, set[int]] = {}
        self._today, self._added = 0, bytearray(_CROWD)
        self._state: bytes | None = None
        self._nothing = detections.none()

    @property
    def pages(self) -> list[Page]:
        """The sites: parts of the state that are stored each for itself."""
        return self._sites.pages

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return no detection."""
        return self._nothing

    def note(self, site: str, day: int, who: str) -> None:
        """Remember that *who* was at *site*, less what is beyond one person's bound."""
        key, day = _key(site), _bounded(day)
        self._begin(day)
        self._count(key, day)
        known = self._sites.get(key)
        if known is None:
            if not self._may_add(who):
                return
        elif day - known[1] < REFRESHED:
            return
        self._sites.put(key, known[0] if known else day, day)

    def has_noted(self, site: str, day: int, more: int) -> bool:
        """Whether noting *site* again would change nothing, even after *more* others."""
        key, day = _key(site), _bounded(day)
        known = self._sites.get(key)
        return known is not None and day - known[1] < REFRESHED and self._counted(key, day) and self.lasts(site, more)

    def lasts(self, site: str, more: int) -> bool:
        """Whether *site* is remembered, and will be when *more* are noted."""
        return self._sites.outlives(_key(site), more)

    def has_room(self, more: int) -> bool:
        """Whether *more* can be noted and nothing is forgotten for them."""
        return self._sites.has_room(more)

    def holds(self, more: int) -> bool:
        """Whether what is noted now is remembered when *more* are noted."""
        return self._sites.holds(more)

    def since(self, site: str, day: int) -> int:
        """Return the day on which *site* was first seen; *day* where it is not remembered."""
        known = self._sites.get(_key(site))
        return known[0] if known else day

    def works_with(self, platform: str, day: int) -> bool:
        """Whether names below *platform* were in use before *day*; never for an empty one."""
        return bool(platform) and self._platforms.get(_key(platform), day) < day

    def settle(self, platform: str, site: str, who: str, day: int) -> None:
        """Note that *who* truly visited *site*, which lies below *platform*."""
        key, day = _key(platform), _bounded(day)
        self._begin(day)
        if day != self._today or key in self._platforms or len(self._platforms) >= MOST_PLATFORMS:
            return
        if key not in self._visited and len(self._visited) >= MOST_COUNTED:
            return
        sites, people = self._visited.setdefault(key, ([], []))
        for known, one, most in ((sites, _key(site), AT_HOME), (people, _key(who), BY_PEOPLE)):
            if one not in known and len(known) < most:
                known.append(one)
                self._state = None
        if len(sites) >= AT_HOME and len(people) >= BY_PEOPLE:
            self._platforms[key] = day
            del self._visited[key]

    def make_ordinary(self, site: str, day: int) -> None:
        """Take *site* for one that was always there."""
        known = self._sites.get(_key(site))
        if known is None or known[0]:
            self._sites.put(_key(site), 0, known[1] if known else _bounded(day))

    def has_learnt(self, day: int, days: int) -> bool:
        """Whether at least *days* days of work lie before *day*."""
        return days <= 0 or (len(self._busy) >= days and self._busy[days - 1] < day)

    def _begin(self, day: int) -> None:
        """Forget what counts for one day when the next begins; a clock that steps back begins none."""
        if day > self._today:
            self._today, self._added, self._visited, self._state = day, bytearray(_CROWD), {}, None

    def _may_add(self, who: str) -> bool:
        at = _key(who) % _CROWD
        if self._added[at] >= MOST_OF_ONE:
            return False
        self._added[at] += 1
        self._state = None
        return True

    def _counted(self, key: int, day: int) -> bool:
        """Whether *key* cannot help to make *day* one of work."""
        return len(self._busy) >= _MOST_DAYS or day in self._busy or key in self._counting.get(day, ())

    def _count(self, key: int, day: int) -> None:
        if self._counted(key, day):
            return
        self._state = None
        sites = self._counting.setdefault(day, set())
        sites.add(key)
        if len(sites) >= BUSY:
            insort(self._busy, day)
            del self._counting[day]
        elif len(self._counting) > _COUNTED_AT_ONCE:
            del self._counting[next(iter(self._counting))]

    def state(self) -> bytes:
        """Return all but the pages, as JSON; the same object again as long as nothing is new."""
        if self._state is None:
            parts = {
                "platforms": self._platforms,
                "today": self._today,
                "visited": self._visited,
                "added": base64.b64encode(self._added).decode(),
                "busy": self._busy,
                "counting": [[day, sorted(sites)] for day, sites in self._counting.items()],
            }
            self._state = json.dumps(parts, separators=(",", ":")).encode()
        return self._state

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`; the pages are restored each for itself."""
        parts = json.loads(state)
        self._platforms = {int(key): day for key, day in parts["platforms"].items()}
        self._today, self._added = parts["today"], bytearray(base64.b64decode(parts["added"]))
        self._visited = {int(key): (sites, people) for key, (sites, people) in parts["visited"].items()}
        self._busy = parts["busy"]
        self._counting = {day: set(sites) for day, sites in parts["counting"]}
        self._state = None


def _bounded(day: int) -> int:
    return min(max(day, 0), _LAST_DAY)


@lru_cache(maxsize=65_536)
def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
