"""Getting round the filter in ways that no single line shows: tunnels in DNS names, going on after blocks, bursts.

Policy: "Systems, applications, websites or other mechanisms that by pass the filtering or other safeguarding employed
by the local authority or the school".  What one event shows is the rules' business; this needs memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import polars as pl
from pydantic import ConfigDict, Field, TypeAdapter

from filterwatch import detections
from filterwatch.config import Duration, Part
from filterwatch.detectors.remembered import Halves, Remembered
from filterwatch.detectors.signs import NEEDED, UNPRINTABLE, Network, Signs
from filterwatch.detectors.spread import is_sure
from filterwatch.events import column, complete

Level = Literal["informational", "low", "medium", "high", "critical"]

MOST = 5_000
"""Devices (or device and domain) that one rule remembers, of surely known people and of others; beyond it the longest
known are forgotten."""

VARIED = 6
"""Different characters from which a name may be data: a repeated letter carries none."""


class Threshold(Part):
    """When something is too often to be chance."""

    level: Level
    at_least: int = Field(ge=2, le=1000, description="how many different ones")
    within: Duration = Field(description="in how much time")
    again_after: Duration = Field(timedelta(hours=12), description="least time between two detections of one device")


class Tunnel(Part):
    """When names asked of one domain carry data: both must hold in one span of time."""

    level: Level = "high"
    names: int = Field(40, ge=5, le=1000, description="different long names")
    characters: int = Field(2000, ge=100, description="characters before the domain, all names together")
    within: Duration = Field(timedelta(minutes=10), description="span of time")
    again_after: Duration = Field(timedelta(hours=12), description="least time between two detections of one device")


class Settings(Network):
    """What counts as getting round the filter, and from when."""

    dns_tunnel: Tunnel = Field(Tunnel(), description="data in DNS names")
    bypass_persistence: Threshold = Field(
        Threshold(level="medium", at_least=5, within=timedelta(minutes=30)),
        description="attempts by one device after one was blocked, each to another place or in another minute",
    )
    foreign_dns: Threshold = Field(
        Threshold(level="low", at_least=5, within=timedelta(minutes=10)),
        description="DNS asked of servers that are not the school's",
    )
    direct_ip: Threshold = Field(
        Threshold(level="low", at_least=10, within=timedelta(minutes=10)),
        description="different addresses opened without a name",
    )


@dataclass(slots=True)
class _Seen:
    """What one device did lately, as one rule counts it.

    Attributes:
        at: Of each different thing counted its moment (microseconds), for names their length; oldest first.
        told: When it was last detected, microseconds; 0 for never.
        latest: Last moment.
    """

    at: dict[str, int]
    told: int = 0
    latest: int = 0


class Bypass:
    """Detects tunnels in DNS names, going on after a block, foreign DNS and bursts of bare addresses.

    What is found does not depend on how lines are cut into batches.

    Args:
        settings: Thresholds, levels and what is the school's own.
    """

    name = "bypass"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._signs = Signs(settings)
        self._version = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]
        self._seen = {rule: Remembered[str, _Seen]() for rule in RULES}
        self._blocked = Remembered[str, int]()
        self._span = self._now = 0
        self._nothing = detections.none()

    @property
    def forgotten(self) -> int:
        """How many devices were forgotten for others, because there were too many."""
        return self._blocked.forgotten + sum(devices.forgotten for devices in self._seen.values())

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return detections for what the batch completes; silence is never one."""
        if not len(events):
            return self._nothing
        self._now = (now - EPOCH) // MICROSECOND
        narrow = events.lazy().select(column(events, name) for name in (*NEEDED, "identity"))
        narrow = narrow.with_columns(sure=is_sure(pl))
        signs = self._signs.found(pl, narrow.with_row_index("row")).collect(engine="in-memory")
        rows = [
            complete(events[row["row"]]).with_columns(**words)
            for row in signs.sort("row").iter_rows(named=True)
            for words in self._judged(row)
        ]
        return detections.make(pl.concat(rows)) if rows else self._nothing

    def _judged(self, row: Mapping[str, Any]) -> Iterator[dict[str, pl.Expr]]:
        sign, at = row["sign"], row["at"]
        self._forget(min(at, self._now))
        if sign == "search":
            return
        if sign == "long_name":
            yield from self._tunnel(row)
            return
        if sign == "foreign_dns":
            yield from self._often(sign, row, f"{at} {row['target']}", self.settings.foreign_dns)
        if sign == "direct_ip":
            yield from self._often(sign, row, row["target"], self.settings.direct_ip)
        yield from self._persistence(row)

    def _persistence(self, row: Mapping[str, Any]) -> Iterator[dict[str, pl.Expr]]:
        """Attempts count once a block was seen, and as long as one lies in the span before them."""
        limit, who, at = self.settings.bypass_persistence, row["who"], row["at"]
        blocked = self._blocked.get(who)
        if blocked is not None and 0 <= at - blocked <= limit.within // MICROSECOND:
            # One page or one reconnecting program logs many lines a minute; that is one attempt.
            attempt = f"{at // 60_000_000} {row['target']}"
            yield from self._often("bypass_persistence", row, attempt, limit)
        if row["action"] == "blocked":
            lately = blocked is not None and blocked - at <= limit.within // MICROSECOND
            self._blocked.put(who, max(at, blocked or 0) if lately else at, MOST, sure=row["sure"])

    def _often(self, rule: str, row: Mapping[str, Any], what: str, limit: Threshold) -> Iterator[dict[str, pl.Expr]]:
        at = row["at"]
        seen = self._known(rule, row["who"], sure=row["sure"])
        seen.at.pop(what, None)
        seen.at[what] = seen.latest = at
        since = at - limit.within // MICROSECOND
        while seen.at and (len(seen.at) > limit.at_least or seen.at[next(iter(seen.at))] < since):
            del seen.at[next(iter(seen.at))]
        count = sum(moment >= since for moment in seen.at.values())
        if count < limit.at_least or (seen.told and abs(at - seen.told) < limit.again_after // MICROSECOND):
            return
        seen.told = at
        yield self._words(rule, limit.level, row["sign"], REASONS[rule].format(count, _minutes(limit.within)), count)

    def _tunnel(self, row: Mapping[str, Any]) -> Iterator[dict[str, pl.Expr]]:
        limit, at, query, domain = self.settings.dns_tunnel, row["at"], row["query"], row["domain"]
        before = query.removesuffix(f".{domain}") if domain else query
        if query != UNPRINTABLE and len(set(before)) < VARIED:
            return
        span = at // (limit.within // MICROSECOND)
        seen = self._known("dns_tunnel", f"{row['who']} {domain or UNPRINTABLE}", sure=row["sure"])
        if seen.told and abs(at - seen.told) < limit.again_after // MICROSECOND:
            return
        seen.latest = at
        # An unprintable name hides what it was: each is taken for a different one of the length tunnels use.
        name = f"{span} {at}" if query == UNPRINTABLE else f"{span} {_digest(query)}"
        seen.at[name] = row["length"]
        # Of each span by itself: two clocks that differ are no reason to begin anew with every line.
        lengths = [length for known, length in seen.at.items() if known.startswith(f"{span} ")]
        if len(lengths) < limit.names or sum(lengths) < limit.characters:
            if len(seen.at) > 4 * limit.names:
                del seen.at[next(iter(seen.at))]
            return
        count = len(lengths)
        seen.told = at
        seen.at.clear()
        reason = REASONS["dns_tunnel"].format(count, _minutes(limit.within))
        yield self._words("dns_tunnel", limit.level, "dns_tunnel", reason, count)

    def _known(self, rule: str, key: str, *, sure: bool) -> _Seen:
        seen = self._seen[rule].get(key) or _Seen({})
        self._seen[rule].put(key, seen, MOST, sure=sure)
        return seen

    def _forget(self, at: int) -> None:
        """Drop what no threshold can reach back to, whenever a span of time has passed."""
        span = at // (self.settings.dns_tunnel.within // MICROSECOND)
        if span <= self._span:
            return
        self._span = span
        for rule, devices in self._seen.items():
            limit: Tunnel | Threshold = getattr(self.settings, rule)
            since, told = at - 2 * (limit.within // MICROSECOND), at - limit.again_after // MICROSECOND
            devices.keep(partial(_matters, told, since))
        since = at - self.settings.bypass_persistence.within // MICROSECOND
        self._blocked.keep(lambda _, moment: moment >= since)

    def _words(self, rule: str, level: str, kind: str, reason: str, count: int) -> dict[str, pl.Expr]:
        said = {
            "rule": rule, "rule_version": self._version, "level": level, "category": "bypass", "outcome": "breach",
            "reason": reason, "kind": None if kind == "bypass" else kind,
        }  # fmt: skip
        return {name: pl.lit(value, dtype=pl.String) for name, value in said.items()} | {
            "count": pl.lit(count, dtype=pl.Int64)
        }

    def state(self) -> bytes:
        """Return what is remembered of each device, as JSON."""
        seen = {
            rule: [{who: [one.told, one.latest, one.at] for who, one in half.items()} for half in devices.state()]
            for rule, devices in self._seen.items()
        }
        return json.dumps([self._span, self._blocked.state(), seen], separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        self._span, blocked, seen = _STATE.validate_json(state)
        self._blocked.restore(blocked)
        for rule, devices in self._seen.items():
            loose, firm = (
                {who: _Seen(at, told, latest) for who, (told, latest, at) in half.items()}
                for half in seen.get(rule, ({}, {}))
            )
            devices.restore((loose, firm))


RULES = ("dns_tunnel", "bypass_persistence", "foreign_dns", "direct_ip")
"""Rule ids."""

REASONS = {
    "dns_tunnel": "{} different names full of data asked of one domain in {}",
    "bypass_persistence": "{} attempts to get round the filter within {}, after one was blocked",
    "foreign_dns": "DNS asked {} times of servers that are not the school's within {}",
    "direct_ip": "{} different addresses opened without a name within {}",
}

MICROSECOND, EPOCH = timedelta(microseconds=1), datetime(1970, 1, 1, tzinfo=UTC)
_STATE = TypeAdapter(
    tuple[int, Halves[str, int], dict[str, Halves[str, tuple[int, int, dict[str, int]]]]],
    config=ConfigDict(strict=True),
)


def _matters(told: int, since: int, _: str, seen: _Seen) -> bool:
    return seen.told > told or seen.latest >= since


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:g} minutes"
