"""Which sites were in the school, and since when: what is new is worth a second look.

A site is remembered by eight bytes of a hash, so nothing here tells where anybody went.  What is kept changes only when
a site is new (or was noted a month ago), so its bytes are seldom written.
"""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import polars as pl
from pydantic import TypeAdapter

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

_CROWD = 512
"""Counters of new sites, for people who are surely known and for others; who share one share its bound."""

LATE = 7
"""Days before the latest from which nothing is learnt: a clock that was wrong would make a site an old one."""

_MOST_KEYS = 100_000
_MOST_DAYS = 40
_COUNTED_AT_ONCE = 3
_LAST_DAY = 2**16 - 1


class Adding(NamedTuple):
    """Somebody who may add so many sites, on that day at the latest."""

    who: str
    sure: bool
    many: int
    day: int


class Seen:
    """Remembers sites.  It finds nothing itself: the detector that asks it also tells it, row by row.

    What people do who are surely known, and what others do, is remembered apart: whoever forges addresses fills the
    memory of forged addresses.  Days are numbers since 1970, UTC.

    Attributes:
        forgotten: How many pages of sites were forgotten for others.
    """

    name = "seen"

    def __init__(self) -> None:
        self._halves = (Pages(f"{self.name}.unsure"), Pages(self.name))
        self._platforms: dict[int, int] = {}
        self._visited: dict[int, tuple[list[int], list[int]]] = {}
        self._busy: list[int] = []
        self._counting: dict[int, set[int]] = {}
        self._today, self._added = 0, bytearray(2 * _CROWD)
        self.forgotten = 0
        self._state: bytes | None = None
        self._nothing = detections.none()

    @property
    def pages(self) -> list[Page]:
        """The sites: parts of the state that are stored each for itself."""
        return [page for half in self._halves for page in half.pages]

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return no detection."""
        return self._nothing

    def note(self, site: str, day: int, who: str, *, sure: bool = True) -> None:
        """Remember that *who* was at *site*, less what is beyond the bound of one person or of a day."""
        day = _bounded(day)
        if day < self._today - LATE:
            return
        self._begin(day)
        key = _key(site)
        if not self.is_busy(day):
            self._count(key, day)
        half = self._halves[sure]
        known = half.days().get(key)
        if known is not None and day - known[1] < REFRESHED:
            return
        if half.is_open() and self._may_add(who, sure=sure):
            other = self._halves[not sure].days().get(key)
            first = known[0] if known else day
            self._put(half, key, min(first, other[0]) if other else first, day)

    def unnoted(self, sites: Iterable[str], day: int, more: int, *, sure: bool) -> set[str]:
        """Return those of *sites* that it may change something to note, when *more* were noted."""
        day = _bounded(day)
        if day < self._today - LATE:
            return set()
        if not self.is_busy(day):
            return set(sites)
        half = self._halves[sure]
        known, since = half.days(), day - REFRESHED
        return {
            site
            for site in sites
            if (found := known.get(key := _key(site))) is None
            or found[1] <= since
            or (more and not half.outlives(key, more))
        }

    def is_old_for(self, site: str, more: int) -> bool:
        """Whether what is known of *site* is known as well when *more* are noted."""
        first = [half.get(_key(site)) for half in self._halves]
        oldest = min(((known[0], sure) for sure, known in enumerate(first) if known), default=None)
        return oldest is not None and self._halves[oldest[1]].outlives(_key(site), more)

    def has_room(self, more: int) -> bool:
        """Whether *more* can be noted and nothing is forgotten for them."""
        return all(half.has_room(more) for half in self._halves)

    def holds(self, more: int) -> bool:
        """Whether what is noted now is remembered when *more* are noted."""
        return all(half.holds(more) for half in self._halves)

    def has_place_for(self, many: int) -> bool:
        """Whether anybody may add *many* sites."""
        return max(self._added) + many <= MOST_OF_ONE

    def is_full(self, one: Adding) -> bool:
        """Whether somebody can add no more sites that day."""
        return _bounded(one.day) <= self._today and self._added[_place(one.who, sure=one.sure)] >= MOST_OF_ONE

    def may_fill(self, people: Iterable[Adding]) -> bool:
        """Whether one of *people*, who share counters, may reach the bound."""
        adding: Counter[int] = Counter()
        for one in people:
            adding[_place(one.who, sure=one.sure)] += one.many
        return any(self._added[place] + many > MOST_OF_ONE for place, many in adding.items())

    def is_busy(self, day: int) -> bool:
        """Whether *day* is known to be one of work, or nothing is learnt from it or from days any more."""
        day = _bounded(day)
        return day in self._busy or len(self._busy) >= _MOST_DAYS or day < self._today - LATE

    def since(self, site: str, day: int) -> int:
        """Return the day on which *site* was first seen; *day* where it is not remembered."""
        key = _key(site)
        return min((known[0] for half in self._halves if (known := half.get(key))), default=day)

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
        key, sure = _key(site), self._halves[True]
        known = sure.get(key)
        if known is None or known[0]:
            self._put(sure, key, 0, known[1] if known else _bounded(day))

    def has_learnt(self, day: int, days: int) -> bool:
        """Whether at least *days* days of work lie before *day*."""
        return days <= 0 or (len(self._busy) >= days and self._busy[days - 1] < day)

    def _begin(self, day: int) -> None:
        """Forget what counts for one day when the next begins; a clock that steps back begins none."""
        if day > self._today:
            self._today, self._added, self._visited, self._state = day, bytearray(2 * _CROWD), {}, None
            for half in self._halves:
                half.given_up = 0

    def _put(self, half: Pages, key: int, first: int, last: int) -> None:
        before = half.given_up
        half.put(key, first, last)
        if half.given_up != before:
            self.forgotten, self._state = self.forgotten + 1, None

    def _may_add(self, who: str, *, sure: bool) -> bool:
        at = _place(who, sure=sure)
        if self._added[at] >= MOST_OF_ONE:
            return False
        self._added[at] += 1
        self._state = None
        return True

    def _count(self, key: int, day: int) -> None:
        """Note that *key* helps to make *day* one of work."""
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

    def state(self) -> bytes:
        """Return all but the pages, as JSON; the same object again as long as nothing is new."""
        if self._state is None:
            parts = {
                "platforms": self._platforms,
                "today": self._today,
                "visited": self._visited,
                "given_up": [half.given_up for half in self._halves],
                "added": base64.b64encode(self._added).decode(),
                "busy": self._busy,
                "counting": [[day, sorted(sites)] for day, sites in self._counting.items()],
            }
            self._state = json.dumps(parts, separators=(",", ":")).encode()
        return self._state

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`; the pages are restored each for itself."""
        parts = _STATE.validate_json(state)
        self._platforms = parts.platforms
        self._today, self._added = parts.today, bytearray(base64.b64decode(parts.added))
        if len(self._added) != 2 * _CROWD:
            raise ValueError("other counters")
        for half, given_up in zip(self._halves, parts.given_up, strict=True):
            half.given_up = given_up
        self._visited = parts.visited
        self._busy = parts.busy
        self._counting = {day: set(sites) for day, sites in parts.counting}
        self._state = None


@dataclass(frozen=True)
class _State:
    platforms: dict[int, int]
    today: int
    visited: dict[int, tuple[list[int], list[int]]]
    added: str
    busy: list[int]
    counting: list[tuple[int, list[int]]]
    given_up: tuple[int, int] = (0, 0)


_STATE = TypeAdapter(_State)


def _bounded(day: int) -> int:
    return day if 0 <= day <= _LAST_DAY else min(max(day, 0), _LAST_DAY)


def _place(who: str, *, sure: bool) -> int:
    return _key(who) % _CROWD + _CROWD * sure


_KEYS: dict[str, int] = {}
"""What was hashed before, as a plain table: half of what ``lru_cache`` costs."""


def _key(text: str) -> int:
    key = _KEYS.get(text)
    if key is None:
        if len(_KEYS) >= _MOST_KEYS:
            _KEYS.clear()
        key = _KEYS[text] = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    return key
