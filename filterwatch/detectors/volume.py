"""Who takes so much of the link that others are hindered: for minutes on end, or in one minute.

Policy: "Carrying out sustained or instantaneous high volume network traffic (downloading / uploading files) that
causes network congestion and hinders others in their use of the internet".  The report on bandwidth asks an archive
the same.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import polars as pl
from pydantic import Field

from filterwatch import detections
from filterwatch.config import Duration, Part
from filterwatch.detectors import spread
from filterwatch.events import complete

SUSTAINED, PEAK = "bandwidth_sustained", "bandwidth_peak"
"""Rule ids."""

REMEMBERED = timedelta(hours=1)
"""Of a longer transfer only this last part is judged live; the report sees it whole."""

CRUMB = 0.0001
"""Share of the link in a minute below which one transfer is not looked at live: nine in ten lines, and next to no
bytes (on 500 Mbit/s: 375 kB).  It keeps the state small; the report counts them."""

MOST_ROWS = 100_000
"""Minutes that are kept at most, newest first: a bound against nonsense in a log."""

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


Ways = dict[str, int]
"""Bytes by direction."""


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


@dataclass(slots=True)
class _Rates:
    """The rates of one candidate, minute by minute, while a batch is gone through in order."""

    minutes: dict[int, Ways] = field(default_factory=dict)

    def add(self, transfer: Mapping[str, int]) -> None:
        """Add the bytes of one row of :func:`filterwatch.detectors.spread.stepped`."""
        first, last = transfer["first"], transfer["last"]
        for way in spread.DIRECTIONS:
            left = transfer[way]
            for minute in range(first, last + 1):
                part = transfer[f"{way}_first"] if minute == first else transfer[f"{way}_middle"]
                part = left if minute == last else part
                left -= part
                ways = self.minutes.setdefault(minute, dict.fromkeys(spread.DIRECTIONS, 0))
                ways[way] += part

    def peak(self, way: str, limit: float, first: int, last: int) -> tuple[int, int] | None:
        """Return the highest minute between two, if it reaches *limit*, as first and last minute."""
        best = max(range(first, last + 1), key=lambda minute: (self._at(minute, way), minute))
        return (best, best) if self._at(best, way) >= limit else None

    def sustained(self, way: str, limit: float, width: int, first: int, last: int) -> tuple[int, int] | None:
        """Return the newest run of minutes, touching those between two, that is a sustained load of *limit*."""
        for end in range(last + width - 1, first - 1, -1):
            window = [self._at(minute, way) for minute in range(end - width + 1, end + 1)]
            if min(window) >= limit / 2 and sum(window) >= limit * width:
                begin = end - width + 1
                oldest = last - int(REMEMBERED.total_seconds() // 60)
                while begin > oldest and self._at(begin - 1, way) >= limit / 2:
                    begin -= 1
                return begin, end
        return None

    def mean(self, way: str, first: int, last: int) -> float:
        """Return the mean bytes a minute from one minute to another."""
        return sum(self._at(minute, way) for minute in range(first, last + 1)) / (last - first + 1)

    def _at(self, minute: int, way: str) -> int:
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
        self._rates = _no_rates()
        self._told: dict[tuple[str, str, str], int] = {}
        self._latest = 0

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return detections for what the batch completes; silence is never one."""
        if not len(events) or self.settings.link_mbit is None:
            return detections.none()
        moved = self._moved(events)
        if not len(moved):
            return detections.none()
        stepped = spread.stepped(pl, moved)
        new = spread.changes(spread.summed(pl, stepped, *KEYS), *KEYS).select(self._rates.columns)
        before, self._rates = self._rates, _added(self._rates, new)
        rows = self._found(stepped, before)
        self._forget(stepped.select(pl.col("last").max()).item())
        return detections.make(pl.concat(rows)) if rows else detections.none()

    def _moved(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return the transfers that matter, each cut to its last hour, its bytes in proportion."""
        watched = ~pl.col("group").is_in(list(self.settings.except_groups)).fill_null(False)
        named = complete(events).filter(watched).with_columns(who=spread.known(pl), seen=pl.col("kind").cast(pl.String))
        moved = spread.transfers(pl, named.filter(pl.col("who").is_not_null()))
        span = pl.col("ended") - pl.col("began")
        kept = pl.min_horizontal(span, pl.lit(int(REMEMBERED.total_seconds()) * 1_000_000))
        fraction = kept.cast(pl.Float64) / span.cast(pl.Float64)
        matters = pl.any_horizontal(pl.col(way) >= CRUMB * self._capacity[way] for way in spread.DIRECTIONS)
        recent: pl.DataFrame = moved.with_columns(
            *((pl.col(way) * fraction).floor().cast(pl.Int64) for way in spread.DIRECTIONS),
            began=pl.col("ended") - kept,
        ).filter(matters)
        return recent

    def _found(self, stepped: pl.DataFrame, before: pl.DataFrame) -> list[pl.DataFrame]:
        """Go through the transfers of those who may be over a limit, in order."""
        users = self._candidates(stepped.select(KEYS).unique())
        if not len(users):
            return []
        rates: dict[tuple[str, str], _Rates] = {}
        known = before.join(users, on=KEYS, how="semi")
        for row in spread.minutes(known, *KEYS).iter_rows(named=True):
            rates.setdefault((row["who"], row["seen"]), _Rates()).minutes[row["minute"]] = {
                way: row[way] for way in spread.DIRECTIONS
            }
        rows = []
        mine = stepped.with_row_index("row").join(users, on=KEYS, how="semi", maintain_order="left")
        parts = [f"{way}{part}" for way in spread.DIRECTIONS for part in ("", "_first", "_middle")]
        for transfer in mine.select("row", *KEYS, "first", "last", *parts).iter_rows(named=True):
            user = rates.setdefault((transfer["who"], transfer["seen"]), _Rates())
            user.add(transfer)
            told = [
                self._told_now(user, transfer, rule, way) for rule in (SUSTAINED, PEAK) for way in spread.DIRECTIONS
            ]
            rows += [stepped[transfer["row"]].with_columns(**words) for words in told if words]
        return rows

    def _candidates(self, users: pl.DataFrame) -> pl.DataFrame:
        """Return those of *users* with a minute that reaches the lower of the two limits."""
        level = self._rates.join(users, on=KEYS, how="semi").sort(*KEYS, "minute")
        level = level.with_columns(pl.col(way).cum_sum().over(KEYS) for way in spread.DIRECTIONS)
        high = pl.any_horizontal(
            pl.col(way) >= min(self._limits.peak[way], self._limits.sustained[way]) for way in spread.DIRECTIONS
        )
        return level.filter(high).select(KEYS).unique()

    def _told_now(self, user: _Rates, transfer: Mapping[str, int], rule: str, way: str) -> dict[str, pl.Expr] | None:
        """Return what to say if *rule* holds and was not said lately."""
        key = (str(transfer["who"]), rule, way)
        told = self._told.get(key)
        again = int(self.settings.again_after.total_seconds() // 60)
        first, last = transfer["first"], transfer["last"]
        if transfer[way] == 0 or (told is not None and last < told + again):
            return None
        if rule == PEAK:
            held = user.peak(way, self._limits.peak[way], first, last)
        else:
            held = user.sustained(way, self._limits.sustained[way], self._limits.width, first, last)
        if held is None or (told is not None and held[1] < told + again):
            return None
        self._told[key] = held[1]
        return self._words(rule, way, user.mean(way, *held), held[1] - held[0] + 1)

    def _words(self, rule: str, way: str, mean: float, length: int) -> dict[str, pl.Expr]:
        what = "download" if way == "down" else "upload"
        share = mean / self._capacity[way]
        reason = (
            f"{what} of {mean * 8 / 60e6:.0f} Mbit/s, {share:.0%} of the link, for {length} minute{'s' * (length > 1)}"
        )
        level = self.settings.sustained_level if rule == SUSTAINED else self.settings.peak_level
        said = {"rule_version": self._version, "level": level, "category": "bandwidth", "outcome": "advisory"}
        return {name: pl.lit(value) for name, value in (said | {"rule": rule, "reason": reason}).items()}

    def _forget(self, latest: int) -> None:
        """Drop what no later transfer can touch; only when a minute has passed, as it costs more than a small batch."""
        if latest <= self._latest:
            return
        self._latest = latest
        start = latest - int(REMEMBERED.total_seconds() // 60) - 2 * self._limits.width
        kept = spread.minutes(self._rates, *KEYS, start=start, end=latest + 2)
        kept = kept.filter(pl.any_horizontal(pl.col(way) > 0 for way in spread.DIRECTIONS))
        kept = kept.sort("minute", *KEYS, descending=[True, False, False]).head(MOST_ROWS)
        ended = kept.with_columns(pl.col("minute") + 1, *(-pl.col(way) for way in spread.DIRECTIONS))
        self._rates = _added(kept.select(self._rates.columns), ended.select(self._rates.columns))
        oldest = latest - int(self.settings.again_after.total_seconds() // 60)
        self._told = {key: minute for key, minute in self._told.items() if minute > oldest}

    def state(self) -> bytes:
        """Return what was told (length, then JSON) and the rates (Arrow IPC)."""
        out = io.BytesIO()
        self._rates.sort(*KEYS, "minute").write_ipc(out, compression="zstd")
        told = [[*key, minute] for key, minute in sorted(self._told.items())]
        head = json.dumps({"latest": self._latest, "told": told}).encode()
        return len(head).to_bytes(4, "big") + head + out.getvalue()

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        length = int.from_bytes(state[:4], "big")
        head = json.loads(state[4 : 4 + length])
        self._latest = head["latest"]
        self._told = {(who, rule, way): minute for who, rule, way, minute in head["told"]}
        self._rates = pl.read_ipc(io.BytesIO(state[4 + length :]))


KEYS = ("who", "seen")
"""A rate belongs to one user of the link as one kind of log sees it: a proxy and a firewall both log the same bytes."""


def _no_rates() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"who": pl.String, "seen": pl.String, "minute": pl.Int32, "down": pl.Int64, "up": pl.Int64}
    )


def _added(rates: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    summed = pl.concat([rates, more]).group_by(*KEYS, "minute").agg(pl.col(way).sum() for way in spread.DIRECTIONS)
    return summed.filter(pl.any_horizontal(pl.col(way) != 0 for way in spread.DIRECTIONS))
