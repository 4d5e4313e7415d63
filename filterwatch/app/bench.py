"""What other rules would change: the same events judged twice, and the difference told by rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from filterwatch.alerts import Settings
from filterwatch.alerts.settings import Grouping
from filterwatch.app.bench_alerts import Estimate, estimate
from filterwatch.app.replay import COLUMNS, judged
from filterwatch.pipeline import Bench

KEPT = (*COLUMNS, "id", "site", "device", "identity", "group")
"""Columns of a detection that are kept until the end."""

_SAME = ("level", "outcome", "category")
"""A detection that both hold is changed where one of these differs."""

_AT_MOST = 20
"""Samples a rule, whatever is asked for: they are for reading."""

WEEK = 7
"""Days."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changes for one rule.

    Attributes:
        levels: Of its detections before and after, ``-`` for none; most frequent first.
        people: Persons with a detection that changes; those on an address alone are not among them.
        devices: Devices, or addresses where no device is known.
        alerts: Estimated alerts a week with a detection of the rule, before and after.
        samples: Detections that change, oldest first, with ``change``.
    """

    rule: str
    added: int
    removed: int
    changed: int
    levels: tuple[str, str]
    people: int
    devices: int
    alerts: tuple[float, float]
    samples: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes over the events that were judged.

    Attributes:
        detections: Detections that differ, in order of time: the columns of a printed detection, ``change`` (added,
            removed or changed) and ``level_before`` (null but for changed ones).
        rules: By rule, most changes first.
        kept: Detections that both hold alike.
        days: Local days from the first event to the last.
        people: Different persons in the events.
        devices: Different devices in the events.
        alerts: Estimated alerts a week in all, before and after.
    """

    detections: pl.DataFrame
    rules: Sequence[Changed]
    kept: int
    days: int
    people: int
    devices: int
    alerts: tuple[float, float]


@dataclass(slots=True)
class _Seen:
    """Who and what stands in the events, as digests: only how many is told."""

    people: set[int] = field(default_factory=set)
    devices: set[int] = field(default_factory=set)
    days: set[int] = field(default_factory=set)

    def add(self, events: pl.DataFrame) -> pl.DataFrame:
        """Count *events* in and return them."""
        self.people.update(_digests(events, "person"))
        self.devices.update(_digests(events, "device", "client_ip"))
        if "time" in events.columns:
            days = events["time"].drop_nulls().dt.date().unique()
            self.days.update(day.toordinal() for day in days)
        return events


def _digests(frame: pl.DataFrame, *columns: str) -> list[int]:
    have = [name for name in columns if name in frame.columns]
    if not have:
        return []
    return frame.select(pl.coalesce(have).drop_nulls().unique().hash()).to_series().to_list()


def compare(
    frames: Iterable[pl.DataFrame], old: Bench, new: Bench, *, alerts: Settings | None = None, samples: int = 0
) -> Difference:
    """Return what *new* changes over *frames*.

    Args:
        frames: Enriched events in order of time, with ``line``.
        old: The rules of today, with detectors that remember nothing.
        new: The rules that are tried, likewise.
        alerts: How detections become alerts; null for the defaults.
        samples: Detections to show for each rule, at most 20.
    """
    seen = _Seen()
    before, after = [], []
    for held, instead in judged((seen.add(events) for events in frames), old, new):
        before.append(held.select(KEPT))
        after.append(instead.select(KEPT))
    was, is_ = pl.concat(before).unique("id", keep="first"), pl.concat(after).unique("id", keep="first")
    days = max(seen.days) - min(seen.days) + 1 if seen.days else 1
    settings = alerts or Settings.model_construct(recipients={}, levels={}, grouping=Grouping())
    found = difference(was, is_)
    estimates = (estimate(was, settings), estimate(is_, settings))
    return Difference(
        detections=found,
        rules=_by_rule(found, estimates, days, min(samples, _AT_MOST)),
        kept=len(is_) - len(found.filter(pl.col("change") != "removed")),
        days=days,
        people=len(seen.people),
        devices=len(seen.devices),
        alerts=(_weekly(estimates[0].alerts, days), _weekly(estimates[1].alerts, days)),
    )


def difference(was: pl.DataFrame, is_: pl.DataFrame) -> pl.DataFrame:
    """Return the detections that only one of the two holds, or that both hold otherwise, in order of time.

    Args:
        was: With the columns :data:`KEPT`, each ``id`` once.
        is_: Likewise.
    """
    level = pl.lit(None, was.schema["level"])
    both = is_.join(was.select("id", *(pl.col(name).alias(f"{name}_before") for name in _SAME)), on="id")
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in _SAME)
    parts = [
        is_.join(was, on="id", how="anti").with_columns(change=pl.lit("added"), level_before=level),
        was.join(is_, on="id", how="anti").with_columns(change=pl.lit("removed"), level_before=level),
        both.filter(other).select(*is_.columns, pl.lit("changed").alias("change"), "level_before"),
    ]
    return pl.concat(parts).sort("time", "rule", "id")


def _by_rule(found: pl.DataFrame, estimates: tuple[Estimate, Estimate], days: int, samples: int) -> list[Changed]:
    out = []
    for rule in found["rule"].unique().sort():
        mine = found.filter(pl.col("rule") == rule)
        counts: Mapping[str, int] = dict(mine["change"].value_counts().iter_rows())
        out.append(
            Changed(
                rule=rule,
                added=counts.get("added", 0),
                removed=counts.get("removed", 0),
                changed=counts.get("changed", 0),
                levels=_levels(mine),
                people=len(_digests(mine, "person")),
                devices=len(_digests(mine, "device", "client_ip")),
                alerts=(
                    _weekly(estimates[0].by_rule.get(rule, 0), days),
                    _weekly(estimates[1].by_rule.get(rule, 0), days),
                ),
                samples=mine.head(samples),
            )
        )
    return sorted(out, key=lambda one: (-(one.added + one.removed + one.changed), one.rule))


def _levels(mine: pl.DataFrame) -> tuple[str, str]:
    """Return the commonest level before and after; ``-`` where there is none."""
    before = pl.when(pl.col("change") == "removed").then("level").otherwise("level_before")
    after = pl.when(pl.col("change") != "removed").then("level")
    common = [mine.select(one.cast(pl.String).drop_nulls().mode().sort()).to_series() for one in (before, after)]
    was, is_ = (str(one[0]) if len(one) else "-" for one in common)
    return was, is_


def _weekly(number: int, days: int) -> float:
    return number * WEEK / days
