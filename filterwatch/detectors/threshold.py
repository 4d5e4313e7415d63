"""Rules with a count: a detection once they held often enough, for one key, within a span of time.

The hit that completes the count gives one detection.  Further hits of the same key within one span of it belong to the
same story and are silent; after that counting starts from nothing, so that what goes on for hours is told once a span.
Where a rule says how far ``apart`` hits must be, those sooner before or after one that counted belong to it: one page.

Hits count at their own time (the start of the request), in whatever order they arrive.  Each source is counted by
itself: a visit that a proxy and a resolver both log is one visit.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl
from pydantic import ConfigDict, TypeAdapter

from filterwatch import detections
from filterwatch.detections import Count
from filterwatch.detectors.remembered import Remembered, is_named

LATE = timedelta(hours=12)
"""How long after the newest hit of its source an earlier one still counts: a tunnel is logged when it ends, at most a
school day later."""

AHEAD = timedelta(hours=1)
"""A hit further in the future than this counts, but does not make the others late: a clock was wrong."""

MOST_KEYS = 50_000
"""Keys that are remembered, those hit last kept: a bound against endless names in a log.  Half are of people and
devices that are known by name: forged addresses do not push them out."""

MOST_TIMES = 1_000
"""Hits of one key that are remembered, or as many as complete its count."""

_STEP = timedelta(microseconds=1)
_LATE = LATE // _STEP
_KEY = {
    "person": ("person", "device", "client_ip"),
    "device": ("device", "client_ip"),
    "client_ip": ("client_ip",),
    "domain": ("domain", "host"),
    "site": ("site",),
}
"""What a key falls back to where the log does not say: two unknown people on two devices are not one."""

Key = tuple[str, str, str]
"""Rule, source, and what the rule counts by."""


@dataclass(slots=True)
class _Tally:
    """What is remembered of one key; times in microseconds since 1970.

    Attributes:
        times: Hits that have not completed the count, ascending.
        told: Time of the hit that did so last; null before.
    """

    times: list[int] = field(default_factory=list)
    told: int | None = None

    def hit(self, at: int, at_least: int, within: int, apart: int = 0) -> bool:
        """Count a hit; return whether it completes the count."""
        if self.told is not None and abs(at - self.told) <= within:
            return False
        if apart and self._belongs(at, apart):
            return False
        insort(self.times, at)
        del self.times[: -max(MOST_TIMES, at_least)]
        here = bisect_left(self.times, at)
        for first in range(max(0, here - at_least + 1), here + 1):
            last = first + at_least - 1
            if last < len(self.times) and self.times[last] - self.times[first] <= within:
                self.times = [time for time in self.times if abs(time - at) > within]
                self.told = at
                return True
        return False

    def _belongs(self, at: int, apart: int) -> bool:
        here = bisect_left(self.times, at)
        return any(abs(at - time) < apart for time in self.times[max(0, here - 1) : here + 1])

    def forget(self, before: int) -> bool:
        """Forget what is older; return whether nothing is left."""
        del self.times[: bisect_left(self.times, before)]
        if self.told is not None and self.told < before:
            self.told = None
        return not self.times and self.told is None


class Threshold:
    """Counts hits.

    Args:
        counts: By rule id, from the rules.
    """

    name = "threshold"

    def __init__(self, counts: Mapping[str, Count]) -> None:
        self._counts = dict(counts)
        self._tallies = Remembered[Key, _Tally]()
        self._newest: dict[str, int] = {}
        self._state: bytes | None = None

    @property
    def forgotten(self) -> int:
        """How many keys were forgotten for others, because there were too many."""
        return self._tallies.forgotten

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:
        """Return the hits that complete a count, as detections with ``count`` and the count in the reason."""
        if not len(hits):
            return detections.none()
        self._state = None
        latest = _microseconds(now + AHEAD)
        told = []
        for row, (rule, source, key, time) in enumerate(_keys(hits, events, self._counts).iter_rows()):
            at = _microseconds(time or now)
            if rule in self._counts and self._completes((rule, source, key), at):
                told.append(row)
            if at <= latest:
                self._newest[source] = max(self._newest.get(source, at), at)
        return self._worded(hits[told])

    def _completes(self, key: Key, at: int) -> bool:
        count = self._counts[key[0]]
        tally = self._tallies.get(key) or _Tally()
        self._tallies.put(key, tally, MOST_KEYS // 2, sure=is_named(key[2]))
        tally.forget(self._oldest(key))
        return tally.hit(at, count.at_least, count.within // _STEP, count.apart // _STEP)

    def _oldest(self, key: Key) -> int:
        """Return the time before which no hit counts together with one that may still arrive."""
        return self._newest.get(key[1], 0) - _LATE - self._counts[key[0]].within // _STEP

    def _worded(self, rows: pl.DataFrame) -> pl.DataFrame:
        counts = [self._counts[rule] for rule in rows["rule"]]
        reasons = [
            f"{count.at_least} times within {_length(count.within)}: {reason}"
            for count, reason in zip(counts, rows["reason"], strict=True)
        ]
        return rows.with_columns(
            count=pl.Series([count.at_least for count in counts], dtype=pl.Int64),
            reason=pl.Series(reasons, dtype=pl.String),
        )

    def state(self) -> bytes:
        """Return the tallies, as JSON; the same bytes again as long as nothing was hit."""
        if self._state is None:
            self._tallies.keep(lambda key, tally: not tally.forget(self._oldest(key)))
            tallies = [[*key, tally.told, tally.times] for key, tally in self._tallies.items()]
            self._state = json.dumps([self._newest, tallies], separators=(",", ":")).encode()
        return self._state

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`; what it says of rules that no longer count is forgotten."""
        self._newest, tallies = _STATE.validate_json(state)
        for rule, source, key, told, times in tallies:
            if rule in self._counts:
                self._tallies.put((rule, source, key), _Tally(times, told), MOST_KEYS // 2, sure=is_named(key))
        self._state = None


_STATE = TypeAdapter(
    tuple[dict[str, int], list[tuple[str, str, str, int | None, list[int]]]], config=ConfigDict(strict=True)
)


def _keys(hits: pl.DataFrame, events: pl.DataFrame, counts: Mapping[str, Count]) -> pl.DataFrame:
    """Return rule, source, key and time of each hit, none but the time null."""
    place = ["site", "source", "stream", "line_offset"]
    if any("domain" in count.by for count in counts.values()) and {"domain", *place} <= set(events.columns):
        some = events.filter(pl.col("line_offset").is_in(hits["line_offset"].implode()))
        domains = some.select(*place, "domain").unique(place, keep="first")
        hits = hits.join(domains, on=place, how="left", nulls_equal=True, maintain_order="left")
    key: pl.Expr = pl.lit(None, dtype=pl.String)
    for by in sorted({count.by for count in counts.values()}):
        rules = [rule for rule, count in counts.items() if count.by == by]
        shared = [_shared(one, hits.columns) for one in by.split(" and ")]
        whole = shared[0] if len(shared) == 1 else pl.concat_str(shared, separator=" ", ignore_nulls=True)
        key = pl.when(pl.col("rule").is_in(rules)).then(whole).otherwise(key)
    # Whoever it was: with the others of whom nothing is known, rather than not at all.
    return hits.select("rule", pl.col("source").fill_null(""), key.fill_null("").alias("key"), "time")


def _shared(by: str, columns: Sequence[str]) -> pl.Expr:
    """Return the text that hits of the same *by* share; null where a log does not say."""
    known = [pl.concat_str(pl.lit(f"{column}:"), pl.col(column)) for column in _KEY[by] if column in columns]
    return pl.coalesce(known)


def _length(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            many = int(seconds // size)
            return f"{many} {word}{'s' * (many > 1)}"
    return f"{seconds:g} seconds"


def _microseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // _STEP
