"""Sites that are new to the school, have a strange name and are used as ways round the filter are.

A name alone is weak (``lists/names.py``): most of what pupils share shows something odd in it, and so does one ordinary
site in a hundred.  Added to it are novelty (:mod:`~filterwatch.detectors.seen`) and what somebody does there: stays
while the device asks for little else, because an unblocker carries all other browsing inside itself; comes just after a
block or a search for such ways; follows others in turn; tries one after another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import ConfigDict, Field, TypeAdapter

from filterwatch import detections
from filterwatch.config import Duration, Part
from filterwatch.detectors.remembered import Halves, Remembered
from filterwatch.detectors.seen import Seen
from filterwatch.detectors.strange_news import News
from filterwatch.detectors.strange_rows import (
    BAD,
    DAY,
    FREE,
    LISTED,
    PLATFORM,
    STRAY,
    UNUSUAL,
    Row,
    places_of,
    platform_of,
)
from filterwatch.detectors.strange_table import Noted, Table
from filterwatch.detectors.strange_use import GAP, MINUTE, Site, Use
from filterwatch.events import complete

Level = Literal["informational", "low", "medium", "high", "critical"]
Group = Literal["pupils", "staff", "governors", "guests", "system", "unknown"]

MOST_BAD, MOST_PEOPLE, MOST_BLOCKS, MOST_TRIES = 1_000, 2_000, 3, 10
"""Unblockers' sites, people with blocks or tries, and either of each that are remembered; the oldest are forgotten."""

PAGE = 30_000_000
"""Microseconds: what comes sooner after another try belongs to the same page."""


class Settings(Part):
    """When a strange new site is worth an alert."""

    learn_days: int = Field(
        5,
        ge=0,
        le=30,
        description="days of work on which it only learns which sites are in use; in a replay too",
    )
    new_for_days: int = Field(7, ge=1, le=60, description="days for which a site counts as new after its first visit")
    after_block: Duration = Field(
        timedelta(minutes=5), description="how soon after a block, or a search for ways round the filter"
    )
    stays_for: Duration = Field(timedelta(minutes=10), description="how long a stay must be")
    people: int = Field(3, ge=2, le=20, description="people who come in turn, ten minutes apart or more")
    people_within: Duration = Field(timedelta(hours=8), description="in how much time")
    tries: int = Field(3, ge=2, le=10, description="strange new sites that one person tries")
    tries_within: Duration = Field(timedelta(minutes=30), description="in how much time")
    groups: tuple[Group, ...] = Field(
        ("pupils", "guests", "unknown"), description="groups that are watched; where staff and governors go is ordinary"
    )
    level: Level = Field("medium", description="a telling name and one thing done, or any strange name and two")
    hint_level: Level = Field("low", description="a name that is only a little strange, and one thing done")


class StrangeSite:
    """Detects use of strange new sites.  What is found does not depend on how lines are cut into batches.

    Args:
        settings: Limits and levels.
        seen: What the school knows; this detector tells it.
    """

    name = "strange_site"

    def __init__(self, settings: Settings, seen: Seen) -> None:
        self.settings = settings
        self._seen, self._news = seen, News(seen)
        self._version = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]
        self._sites = Table()
        self._bad = Remembered[str, int]()
        self._before = Remembered[str, list[tuple[int, str]]]()
        self._tries = Remembered[str, dict[str, int]]()
        self._quarter = 0
        self._more = 0
        self._nothing = detections.none()

    @property
    def forgotten(self) -> int:
        """How many uses, blocks and tries were forgotten for others, because there were too many."""
        return sum(part.forgotten for part in (self._sites, self._bad, self._before, self._tries))

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return detections for what the batch completes; silence is never one."""
        if not len(events) or "category_bits" not in events.columns:
            return self._nothing
        rows = []
        for row in self._worth(events):
            if row.news:
                self._seen.note(row.site, row.day, row.who or "", sure=row.sure)
            if row.bears:
                rows += [complete(events[row.row]).with_columns(**words) for words in self._judged(row)]
        return detections.make(pl.concat(rows)) if rows else self._nothing

    def _worth(self, events: pl.DataFrame) -> Iterator[Row]:
        """Yield in order the first event of each site, day and person, and all that bears on strange sites."""
        places = places_of(events, self.settings.groups)
        first, latest = places["day"].min(), places["day"].max()
        if not isinstance(first, int) or not isinstance(latest, int):
            return
        ordinary = places.filter("strange")["site"].n_unique() + len(self._bad)
        news, self._more = self._news.found(places, ordinary)
        # Days of this batch may still become days of work while it is judged.
        learn = self.settings.learn_days - places["day"].n_unique() + 1
        bears = self._turns(places)
        if not self._seen.has_learnt(first, self.settings.learn_days):
            bears |= places["project"].to_numpy()
        if self._seen.has_learnt(latest, learn):
            bears |= places["marked"].to_numpy()
            bears |= self._bearing(places, learn)
        places = places.with_columns(news=pl.Series(news), bears=pl.Series(bears)).filter(pl.Series(news | bears))
        yield from map(Row._make, places.select(Row._fields).iter_rows())

    def _turns(self, places: pl.DataFrame) -> npt.NDArray[np.bool_]:
        """Return which events begin a quarter of an hour: then things are forgotten, however lines are cut."""
        quarter = places["at"].to_numpy() // GAP
        before = np.maximum.accumulate(np.concatenate([[self._quarter], quarter[:-1]]))
        turns: npt.NDArray[np.bool_] = quarter > before
        return turns

    def _bearing(self, places: pl.DataFrame, learn: int) -> npt.NDArray[np.bool_]:
        """Return which events may be at strange new sites, or of people who use one."""
        strange = self._maybe_new(places.filter("strange"), learn)
        keep = np.zeros(len(places), dtype=bool)
        keep[strange["place"].to_numpy()] = True
        uses = pl.col("watched") & ~pl.col("embedded")
        begin = places["at"].min()
        people = self._sites.users(begin) if isinstance(begin, int) else set()
        people.update(strange.filter(uses)["who"].drop_nulls())
        if bad := {*self._bad, *strange.filter(strange["bits"] & BAD != 0)["site"]}:
            beside = places["site"].is_in(pl.Series([*bad], dtype=pl.String).implode())
            keep |= beside.to_numpy()
            people.update(places.filter(beside).filter(uses)["who"].drop_nulls())
        if people:
            theirs = places["who"].is_in(pl.Series([*people], dtype=pl.String).implode())
            keep |= theirs.fill_null(value=False).to_numpy()
        return keep

    def _maybe_new(self, strange: pl.DataFrame, learn: int) -> pl.DataFrame:
        """Return events less those at sites that are old already, and stay so whatever the batch brings."""
        sites, days = strange.select("site", "shared").unique("site"), strange["day"].unique().to_list()
        old = [
            site
            for site, shared in sites.iter_rows()
            if all(self._stays_old(site, platform_of(site, shared=shared), day, learn) for day in days)
        ]
        return strange.filter(~strange["site"].is_in(pl.Series(old, dtype=pl.String).implode()))

    def _stays_old(self, site: str, platform: str, day: int, learn: int) -> bool:
        if self._seen.works_with(platform, day):
            return True
        return self._seen.is_old_for(site, self._more) and self._is_old(site, "", day, learn)

    def _judged(self, row: Row) -> Iterator[dict[str, pl.Expr]]:
        self._forget(row.at)
        learnt = self._seen.has_learnt(row.day, self.settings.learn_days)
        strange = bool(row.bits & (UNUSUAL | STRAY)) or (learnt and row.site in self._bad)
        if learnt and row.bits & BAD and not row.bits & (FREE | PLATFORM) and self._is_new(row):
            self._bad.put(row.site, row.at, MOST_BAD, sure=row.sure)
        if row.who is None or not (row.watched or row.teaches):
            return
        if learnt and row.watched:
            self._pass_by(row, row.who)
        if row.embedded:
            return
        if strange and not row.bits & BAD and (self._is_new(row) if learnt else row.shared):
            yield from self._used(row, row.who, learnt=learnt)
        if learnt and row.watched and (row.searched or (row.blocked and row.bits & LISTED)):
            self._stopped(row, row.who, "search for ways round the filter" if row.searched else "block")

    def _is_new(self, row: Row) -> bool:
        return not self._is_old(row.site, row.platform, row.day, self.settings.learn_days)

    def _is_old(self, site: str, platform: str, day: int, learn: int) -> bool:
        first = self._seen.since(site, day)
        if abs(day - first) > self.settings.new_for_days or not self._seen.has_learnt(first, learn):
            return True
        return self._seen.works_with(platform, day)

    def _pass_by(self, row: Row, who: str) -> None:
        """Count the site of an event beside those that are being used."""
        other = 0
        for name, use in self._sites.used_by(who, row.at):
            if name != row.site:
                other = other or _hashed(row.site)
                use.meet(row.at, other)

    def _stopped(self, row: Row, who: str, what: str) -> None:
        """Note a block or a search; of several within a minute one is enough."""
        before = self._before.get(who) or []
        if before and 0 <= row.at - before[-1][0] < MINUTE and before[-1][1] == what:
            return
        self._before.put(who, [*before[1 - MOST_BLOCKS :], (row.at, what)], MOST_PEOPLE, sure=row.sure)

    def _used(self, row: Row, who: str, *, learnt: bool) -> Iterator[dict[str, pl.Expr]]:
        found = self._sites.use(row.site, who, row.at, self._came_from(who, row.at), sure=row.sure)
        if found is None:
            return
        site, use = found
        if row.blocked:
            if learnt and row.watched:
                self._try(row, who, row.at)
        else:
            use.add(row.at, row.end, None if row.asks else row.size)
            if self._is_ordinary(row, site, use, who):
                return
        if not learnt or not row.watched:
            return
        if use.is_visit() and not use.came:
            use.came = True
            self._try(row, who, use.first)
            site.join(use.first)
        use.done.update(self._done(site, use, who, blocked=row.blocked))
        weight = use.weight(telling=bool(row.bits & UNUSUAL) or row.site in self._bad)
        if weight > use.told:
            use.told = weight
            yield self._words(row, use.done.values(), weight)

    def _is_ordinary(self, row: Row, site: Site, use: Use, who: str) -> bool:
        """Take a site for an ordinary one that a teacher visits, or a class."""
        if not use.is_there():
            return False
        if row.platform:
            self._seen.settle(row.platform, row.site, who, row.day)
        if not row.teaches and not site.is_of_a_class(use.first):
            return False
        self._seen.make_ordinary(row.site, row.day)
        self._sites.drop(row.site)
        return True

    def _came_from(self, who: str, at: int) -> str:
        within = self.settings.after_block // MICROSECOND
        return next((what for when, what in reversed(self._before.get(who) or []) if 0 <= at - when <= within), "")

    def _try(self, row: Row, who: str, at: int) -> None:
        tries = self._tries.get(who) or {}
        if row.site not in tries and all(abs(at - when) >= PAGE for when in tries.values()):
            kept = [*tries.items()][1 - MOST_TRIES :]
            self._tries.put(who, dict([*kept, (row.site, at)]), MOST_PEOPLE, sure=row.sure)

    def _done(self, site: Site, use: Use, who: str, *, blocked: bool) -> Iterator[tuple[str, str]]:
        """Yield what somebody did at a site that ways round the filter are used for: kind and words."""
        said, is_visit = self.settings, use.is_visit()
        if is_visit and use.is_stay(said.stays_for // MICROSECOND):
            minutes = use.span // MINUTE
            if use.size < 0:
                yield "asked", f"asked for {use.requests} times within {minutes} minutes"
            else:
                yield "stay", f"used for {minutes} minutes with little else beside it"
        if is_visit and use.after:
            yield "after", f"opened just after a {use.after}"
        since = use.last - said.people_within // MICROSECOND
        people = sum(joined >= since for joined in site.joined)
        if is_visit and people >= said.people:
            yield "people", f"{people} people came in turn within {_hours(said.people_within)}"
        since = use.last - said.tries_within // MICROSECOND
        tries = sum(at >= since for at in (self._tries.get(who) or {}).values())
        if (is_visit or blocked) and tries >= said.tries:
            yield "tries", f"{tries} such sites tried within {_hours(said.tries_within)}"

    def _words(self, row: Row, done: Iterable[str], weight: int) -> dict[str, pl.Expr]:
        name = "beside an unblocker" if row.site in self._bad else "with a name like those of unblockers"
        if not row.bits & UNUSUAL and row.site not in self._bad:
            name = "with an odd name"
        said = {
            "rule": self.name, "rule_version": self._version, "category": "bypass", "kind": "unblocker",
            "level": self.settings.level if weight > 1 else self.settings.hint_level,
            "outcome": "breach" if weight > 1 else "advisory",
            "reason": f"a site new to the school, {name}: {'; '.join(done)}",
        }  # fmt: skip
        return {key: pl.lit(value, dtype=pl.String) for key, value in said.items()}

    def _forget(self, at: int) -> None:
        """Drop what nothing reaches back to, whenever a quarter of an hour has passed; glances first of all."""
        if at // GAP <= self._quarter:
            return
        self._quarter = at // GAP
        said, old = self.settings, at - GAP
        since = at - max(DAY, said.people_within // MICROSECOND)
        self._sites.forget(old, since)
        before, tried = at - said.after_block // MICROSECOND - GAP, at - said.tries_within // MICROSECOND - GAP
        self._bad.keep(lambda _, when: when >= at - DAY * said.new_for_days)
        self._before.keep(lambda _, moments: moments[-1][0] >= before)
        self._tries.keep(lambda _, tries: max(tries.values()) >= tried)

    def state(self) -> bytes:
        """Return what is remembered of strange sites and their users, as JSON."""
        remembered = [part.state() for part in (self._bad, self._before, self._tries)]
        parts = [self._quarter, *self._sites.state(), *remembered]
        return json.dumps(parts, separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        self._quarter, sites, order, bad, before, tries = _STATE.validate_json(state)
        self._sites.restore(sites, order)
        self._bad.restore(bad)
        self._before.restore(before)
        self._tries.restore(tries)


MICROSECOND = timedelta(microseconds=1)
_STATE = TypeAdapter(
    tuple[
        int,
        list[tuple[str, list[int], list[Noted]]],
        list[tuple[str, str]],
        Halves[str, int],
        Halves[str, list[tuple[int, str]]],
        Halves[str, dict[str, int]],
    ],
    config=ConfigDict(strict=True),
)


def _hashed(site: str) -> int:
    return int.from_bytes(hashlib.blake2b(site.encode(), digest_size=2).digest(), "little")


def _hours(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes / 60:g} hours" if minutes % 60 == 0 else f"{minutes:g} minutes"
