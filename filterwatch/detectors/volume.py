"""Who takes so much of the link that others are hindered: for minutes on end, or in one minute.

Policy: "Carrying out sustained or instantaneous high volume network traffic (downloading / uploading files) that
causes network congestion and hinders others in their use of the internet".  The report on bandwidth asks an archive
the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl
from pydantic import ConfigDict, Field, TypeAdapter

from filterwatch import detections
from filterwatch.config import Duration, Part
from filterwatch.detectors import spread
from filterwatch.events import complete

SUSTAINED, PEAK = "bandwidth_sustained", "bandwidth_peak"
"""Rule ids."""

LONGEST = 60
"""Minutes of a transfer that are judged live, its last; the report sees it whole."""

CRUMB = 0.0001
"""Share of the link in a minute below which one transfer is not looked at live: nine in ten lines, and next to no
bytes (on 500 Mbit/s: 375 kB).  It keeps the state small; the report counts them."""

MOST_USERS = 20_000
"""Users of the link that are remembered, newest kept: a bound against nonsense in a log.  Of each twice
the minutes that are judged together, the newest, also while a clock that is ahead keeps anything from being old."""

Level = Literal["informational", "low", "medium", "high", "critical"]
Group = Literal["pupils", "staff", "governors", "guests", "system", "unknown"]


class Settings(Part):
    """When one person's (or device's) traffic is a hindrance."""

    link_mbit: float | None = Field(
        None,
        gt=0,
        description="capacity of the internet link towards the school, Mbit/s; without it nothing is detected",
    )
    link_up_mbit: float | None = Field(
        None, gt=0, description="capacity from the school; the same as link_mbit if unset"
    )
    sustained_share: float = Field(0.25, gt=0, le=1, description="share of the link, on average over sustained_for")
    sustained_for: Duration = Field(
        timedelta(minutes=10), description="whole minutes, two or more, none below half the share"
    )
    peak_share: float = Field(0.5, gt=0, le=1, description="share of the link in one single minute")
    sustained_level: Level = Field("low", description="level of bandwidth_sustained")
    peak_level: Level = Field("informational", description="level of bandwidth_peak")
    again_after: Duration = Field(
        timedelta(hours=1), description="least time between two detections of one person and rule"
    )
    except_groups: tuple[Group, ...] = Field(("system",), description="groups that are not watched")

    @property
    def width(self) -> int:
        """Minutes of a sustained load."""
        return max(2, int(self.sustained_for.total_seconds() // 60))

    def per_minute(self, way: str) -> float | None:
        """Return how many bytes the link carries in a minute, ``down`` or ``up``; null where not configured."""
        mbit = self.link_up_mbit if way == "up" and self.link_up_mbit else self.link_mbit
        return mbit * 1e6 / 8 * 60 if mbit else None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings mean in bytes a minute.

    Attributes:
        peak: For one minute, by direction.
        sustained: On average over ``width`` minutes, by direction.
        width: Minutes.
    """

    peak: Mapping[str, float]
    sustained: Mapping[str, float]
    width: int

    @classmethod
    def of(cls, settings: Settings, capacity: Mapping[str, float]) -> Limits:
        """Return the limits on a link that carries *capacity* bytes a minute."""
        return cls(
            {way: settings.peak_share * capacity[way] for way in spread.DIRECTIONS},
            {way: settings.sustained_share * capacity[way] for way in spread.DIRECTIONS},
            settings.width,
        )

    def judged(self, rates: pl.DataFrame, *keys: str) -> pl.DataFrame:
        """Add whether each minute is a peak (``<direction>_peak``) or part of a sustained load (``_sustained``).

        Args:
            rates: What :func:`filterwatch.detectors.spread.minutes` returned.
            keys: Whose rates they are.
        """
        return rates.with_columns(
            **{f"{way}_peak": pl.col(way) >= self.peak[way] for way in spread.DIRECTIONS},
            **{
                f"{way}_sustained": spread.rolling(way, self.sustained[way], self.width, *keys)
                for way in spread.DIRECTIONS
            },
        )


Transfer = Mapping[str, Any]
"""A row of :func:`filterwatch.detectors.spread.stepped`: whose it is, ``first``, ``last`` and bytes by direction."""


class _Rates:
    """The rates of one user of the link, minute by minute: bytes by direction."""

    def __init__(self) -> None:
        self.minutes: dict[int, list[int]] = {}

    def add(self, transfer: Transfer) -> None:
        """Add the bytes of one transfer."""
        first, last = transfer["first"], transfer["last"]
        for number, way in enumerate(spread.DIRECTIONS):
            left = transfer[way]
            for minute in range(first, last):
                part = transfer[f"{way}_first"] if minute == first else transfer[f"{way}_middle"]
                left -= part
                self.minutes.setdefault(minute, [0, 0])[number] += part
            self.minutes.setdefault(last, [0, 0])[number] += left

    def peak(self, way: int, limit: float, first: int, last: int) -> tuple[int, int] | None:
        """Return the highest minute between two, if it reaches *limit*, as first and last minute."""
        best = max(range(first, last + 1), key=lambda minute: (self._at(minute, way), minute))
        return (best, best) if self._at(best, way) >= limit else None

    def sustained(self, way: int, limit: float, width: int, first: int, last: int) -> tuple[int, int] | None:
        """Return the newest run of minutes, touching those between two, that is a sustained load of *limit*."""
        if all(self._at(minute, way) < limit / 2 for minute in range(first, last + 1)):
            return None
        oldest = last - LONGEST
        for end in range(last + width - 1, first - 1, -1):
            window = [self._at(minute, way) for minute in range(end - width + 1, end + 1)]
            if min(window) >= limit / 2 and sum(window) >= limit * width:
                begin = end - width + 1
                while begin > oldest and self._at(begin - 1, way) >= limit / 2:
                    begin -= 1
                return begin, end
        return None

    def mean(self, way: int, first: int, last: int) -> float:
        """Return the mean bytes a minute from one minute to another."""
        return sum(self._at(minute, way) for minute in range(first, last + 1)) / (last - first + 1)

    def _at(self, minute: int, way: int) -> int:
        ways = self.minutes.get(minute)
        return ways[way] if ways else 0


class Volume:
    """Detects sustained and peak traffic as it is logged.

    A transfer is known when it ends; its bytes then count in the minutes in which it ran.  What is found does not
    depend on how lines are cut into batches.

    Args:
        settings: Limits and levels.
    """

    name = "volume"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._version = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]
        self._capacity = {way: settings.per_minute(way) or 0.0 for way in spread.DIRECTIONS}
        self._limits = Limits.of(settings, self._capacity)
        self._again = int(settings.again_after.total_seconds() // 60)
        self._rates: dict[Key, _Rates] = {}
        self._told: dict[tuple[str, bool, str, str], int] = {}
        self._latest = 0
        self._nothing = detections.none()

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return detections for what the batch completes; silence is never one."""
        if not len(events) or self.settings.link_mbit is None:
            return self._nothing
        large = self._large(events)
        if not len(large):
            return self._nothing
        rows = []
        for transfer in self._stepped(large).iter_rows(named=True):
            user = self._rates.setdefault(tuple(transfer[key] for key in KEYS), _Rates())
            user.add(transfer)
            self._bound(user)
            for rule in (SUSTAINED, PEAK):
                # One detection a line and rule: its id says no more than that.
                told = (self._told_now(user, transfer, rule, way) for way in spread.DIRECTIONS)
                if words := next(filter(None, told), None):
                    rows.append(complete(large[transfer["row"]]).with_columns(**words))
            self._forget(transfer["last"])
        return detections.make(pl.concat(rows)) if rows else self._nothing

    def _large(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return the events with enough bytes to matter."""
        large = pl.lit(value=False)
        for way, column in zip(spread.DIRECTIONS, ("bytes_in", "bytes_out"), strict=True):
            if column in events.columns:
                large |= pl.col(column) >= CRUMB * self._capacity[way]
        mask = events.select(large.fill_null(value=False).alias("large")).to_series()
        return events.filter(mask) if mask.any() else events.clear()

    def _stepped(self, large: pl.DataFrame) -> pl.DataFrame:
        """Return transfers by minute (``row``: which event), of each its last hour with its part of the bytes."""
        watched = ~pl.col("group").is_in(list(self.settings.except_groups)).fill_null(value=False)
        named = complete(large).lazy().select(NEEDED).with_row_index("row").filter(watched)
        named = named.with_columns(**spread.users(pl))
        moved = spread.transfers(pl, named.filter(pl.col("who").is_not_null()))
        span = pl.col("ended") - pl.col("began")
        kept = pl.min_horizontal(span, pl.lit(LONGEST * spread.MICROSECONDS))
        fraction = kept.cast(pl.Float64) / span.cast(pl.Float64)
        recent = moved.with_columns(
            *((pl.col(way) * fraction).floor().cast(pl.Int64) for way in spread.DIRECTIONS),
            began=pl.col("ended") - kept,
        )
        parts = [f"{way}{part}" for way in spread.DIRECTIONS for part in ("", "_first", "_middle")]
        stepped = spread.stepped(pl, recent).select("row", *KEYS, "first", "last", *parts)
        rows: pl.DataFrame = stepped.collect(engine="in-memory").sort("row")
        return rows

    def _told_now(self, user: _Rates, transfer: Transfer, rule: str, way: str) -> dict[str, pl.Expr] | None:
        """Return what to say if *rule* holds and was not said lately."""
        key = (transfer["who"], transfer["is_person"], rule, way)
        told = self._told.get(key)
        first, last, number = transfer["first"], transfer["last"], spread.DIRECTIONS.index(way)
        if transfer[way] == 0 or (told is not None and last < told + self._again):
            return None
        if rule == PEAK:
            held = user.peak(number, self._limits.peak[way], first, last)
        else:
            held = user.sustained(number, self._limits.sustained[way], self._limits.width, first, last)
        if held is None or (told is not None and held[1] < told + self._again):
            return None
        self._told[key] = held[1]
        return self._words(rule, way, user.mean(number, *held), held[1] - held[0] + 1)

    def _words(self, rule: str, way: str, mean: float, length: int) -> dict[str, pl.Expr]:
        what = "download" if way == "down" else "upload"
        share = mean / self._capacity[way]
        minutes = f"{length} minute{'s' * (length > 1)}"
        reason = f"{what} of {mean * 8 / 60e6:.0f} Mbit/s, {share:.0%} of the link, for {minutes}"
        level = self.settings.sustained_level if rule == SUSTAINED else self.settings.peak_level
        said = {"rule_version": self._version, "level": level, "category": "bandwidth", "outcome": "advisory"}
        return {name: pl.lit(value) for name, value in (said | {"rule": rule, "reason": reason}).items()}

    def _bound(self, user: _Rates) -> None:
        while len(user.minutes) > 2 * (LONGEST + 2 * self._limits.width):
            del user.minutes[min(user.minutes)]
        if len(self._rates) > MOST_USERS:
            del self._rates[next(iter(self._rates))]
        if len(self._told) > 4 * MOST_USERS:  # by rule and direction
            del self._told[next(iter(self._told))]

    def _forget(self, latest: int) -> None:
        """Drop what no later transfer can touch, whenever a minute has passed."""
        if latest <= self._latest:
            return
        self._latest = latest
        oldest = latest - LONGEST - 2 * self._limits.width
        for user in self._rates.values():
            while user.minutes and (first := next(iter(user.minutes))) < oldest:
                del user.minutes[first]
        self._rates = {key: user for key, user in self._rates.items() if user.minutes}
        self._told = {key: minute for key, minute in self._told.items() if minute > latest - self._again}

    def state(self) -> bytes:
        """Return rates and what was told, as JSON."""
        rates = [
            [*key, [[minute, *ways] for minute, ways in user.minutes.items()]] for key, user in self._rates.items()
        ]
        told = [[*key, minute] for key, minute in self._told.items()]
        return json.dumps([self._latest, told, rates], separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        self._latest, told, rates = _STATE.validate_json(state)
        self._told = {(who, is_person, rule, way): minute for who, is_person, rule, way, minute in told}
        self._rates = {}
        for who, is_person, source, minutes in rates:
            user = self._rates.setdefault((who, is_person, source), _Rates())
            user.minutes = {minute: [down, up] for minute, down, up in minutes}


_STATE = TypeAdapter(
    tuple[
        int,
        list[tuple[str, bool, str, str, int]],
        list[tuple[str, bool, str | None, list[tuple[int, int, int]]]],
    ],
    config=ConfigDict(strict=True),
)

KEYS = ("who", "is_person", "source")
"""A rate belongs to one user of the link as one source sees it: a proxy and a firewall both log the same bytes."""

Key = tuple[str, bool, str | None]

NEEDED = (
    "time", "started", "source", "action", "counted", "bytes_in", "bytes_out",
    "person", "group", "identity", "device", "client_ip",
)  # fmt: skip
"""The event columns that a rate depends on."""
