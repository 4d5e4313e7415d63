"""Getting round the filter in ways that no single line shows: tunnels in DNS names, going on after blocks, bursts.

Policy: "Systems, applications, websites or other mechanisms that by pass the filtering or other safeguarding employed
by the local authority or the school".  What one event shows is the rules' business; this needs memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl
from pydantic import Field

from filterwatch import detections
from filterwatch.config import Duration, Part
from filterwatch.detectors.signs import NEEDED, UNPRINTABLE, Network, Signs
from filterwatch.events import EVENT_SCHEMA, complete

Level = Literal["informational", "low", "medium", "high", "critical"]

MOST = 5_000
"""Devices (or device and domain) that one rule remembers; beyond it the longest known are forgotten."""

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
        self._seen: dict[str, dict[str, _Seen]] = {rule: {} for rule in RULES}
        self._blocked: dict[str, int] = {}
        self._span = 0
        self._nothing = detections.none()

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return detections for what the batch completes; silence is never one."""
        if not len(events):
            return self._nothing
        have = events.columns
        absent = {name: pl.lit(None, dtype=EVENT_SCHEMA[name]) for name in NEEDED if name not in have}
        narrow = events.lazy().select(name for name in NEEDED if name in have).with_columns(**absent)
        signs = self._signs.found(pl, narrow.with_row_index("row")).collect(engine="in-memory")
        rows = [
            complete(events[row["row"]]).with_columns(**words)
            for row in signs.sort("row").iter_rows(named=True)
            for words in self._judged(row)
        ]
        return detections.make(pl.concat(rows)) if rows else self._nothing

    def _judged(self, row: Mapping[str, Any]) -> Iterator[dict[str, pl.Expr]]:
        sign, who, at = row["sign"], row["who"], row["at"]
        self._forget(at)
        if sign == "search":
            return
        if sign == "long_name":
            yield from self._tunnel(row)
            return
        if sign == "foreign_dns":
            yield from self._often(sign, who, at, f"{at} {row['target']}", self.settings.foreign_dns, sign)
        if sign == "direct_ip":
            yield from self._often(sign, who, at, row["target"], self.settings.direct_ip, sign)
        yield from self._persistence(row)

    def _persistence(self, row: Mapping[str, Any]) -> Iterator[dict[str, pl.Expr]]:
        """Attempts count once a block was seen, and as long as one lies in the span before them."""
        limit, who, at = self.settings.bypass_persistence, row["who"], row["at"]
        blocked = self._blocked.get(who)
        if blocked is not None and 0 <= at - blocked <= limit.within // MICROSECOND:
            # One page or one reconnecting program logs many lines a minute; that is one attempt.
            attempt = f"{at // 60_000_000} {row['target']}"
            yield from self._often("bypass_persistence", who, at, attempt, limit, row["sign"])
        if row["action"] == "blocked":
            _remember(self._blocked, who, max(at, self._blocked.get(who, 0)))

    def _often(
        self, rule: str, who: str, at: int, what: str, limit: Threshold, sign: str
    ) -> Iterator[dict[str, pl.Expr]]:
        seen = _remember(self._seen[rule], who, self._seen[rule].get(who) or _Seen({}))
        seen.at.pop(what, None)
        seen.at[what] = seen.latest = at
        since = at - limit.within // MICROSECOND
        while seen.at and (len(seen.at) > limit.at_least or seen.at[next(iter(seen.at))] < since):
            del seen.at[next(iter(seen.at))]
        count = sum(moment >= since for moment in seen.at.values())
        if count < limit.at_least or (seen.told and at < seen.told + limit.again_after // MICROSECOND):
            return
        seen.told = at
        yield self._words(rule, limit.level, sign, REASONS[rule].format(count, _minutes(limit.within)), count)

    def _tunnel(self, row: Mapping[str, Any]) -> Iterator[dict[str, pl.Expr]]:
        limit, at, query, domain = self.settings.dns_tunnel, row["at"], row["query"], row["domain"]
        before = query.removesuffix(f".{domain}") if domain else query
        if query != UNPRINTABLE and len(set(before)) < VARIED:
            return
        span = at // (limit.within // MICROSECOND)
        key = f"{row['who']} {domain or UNPRINTABLE}"
        seen = _remember(self._seen["dns_tunnel"], key, self._seen["dns_tunnel"].get(key) or _Seen({}))
        if seen.told and at < seen.told + limit.again_after // MICROSECOND:
            return
        seen.latest = at
        # An unprintable name hides what it was: each is taken for a different one of the length tunnels use.
        name = f"{span} {at}" if query == UNPRINTABLE else f"{span} {_digest(query)}"
        if seen.at and not next(iter(seen.at)).startswith(f"{span} "):
            seen.at.clear()
        seen.at[name] = row["length"]
        if len(seen.at) < limit.names or sum(seen.at.values()) < limit.characters:
            if len(seen.at) > 4 * limit.names:
                del seen.at[next(iter(seen.at))]
            return
        count = len(seen.at)
        seen.told = at
        seen.at.clear()
        reason = REASONS["dns_tunnel"].format(count, _minutes(limit.within))
        yield self._words("dns_tunnel", limit.level, "dns_tunnel", reason, count)

    def _forget(self, at: int) -> None:
        """Drop what no threshold can reach back to, whenever a span of time has passed."""
        span = at // (self.settings.dns_tunnel.within // MICROSECOND)
        if span <= self._span:
            return
        self._span = span
        for rule, devices in self._seen.items():
            limit: Tunnel | Threshold = getattr(self.settings, rule)
            since, told = at - 2 * (limit.within // MICROSECOND), at - limit.again_after // MICROSECOND
            self._seen[rule] = {who: seen for who, seen in devices.items() if seen.told > told or seen.latest >= since}
        since = at - self.settings.bypass_persistence.within // MICROSECOND
        self._blocked = {who: moment for who, moment in self._blocked.items() if moment >= since}

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
            rule: {who: [one.told, one.latest, one.at] for who, one in devices.items()}
            for rule, devices in self._seen.items()
        }
        return json.dumps([self._span, self._blocked, seen], separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        self._span, self._blocked, seen = json.loads(state)
        self._seen = {
            rule: {who: _Seen(at, told, latest) for who, (told, latest, at) in seen.get(rule, {}).items()}
            for rule in RULES
        }


RULES = ("dns_tunnel", "bypass_persistence", "foreign_dns", "direct_ip")
"""Rule ids."""

REASONS = {
    "dns_tunnel": "{} different names full of data asked of one domain in {}",
    "bypass_persistence": "{} attempts to get round the filter within {}, after one was blocked",
    "foreign_dns": "DNS asked {} times of servers that are not the school's within {}",
    "direct_ip": "{} different addresses opened without a name within {}",
}

MICROSECOND = timedelta(microseconds=1)


def _remember(table: dict[str, Any], key: str, value: Any) -> Any:  # noqa: ANN401 - one table of moments, one of _Seen
    """Put *value* last, forget the first beyond the bound."""
    table.pop(key, None)
    table[key] = value
    if len(table) > MOST:
        del table[next(iter(table))]
    return value


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:g} minutes"
