"""What other rules would change: the same events judged twice, and the difference told by rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.alerts import Settings
from filterwatch.alerts.settings import Grouping
from filterwatch.app.bench_alerts import Estimate, Weights, estimate
from filterwatch.app.replay import COLUMNS, judged
from filterwatch.pipeline import Bench
from filterwatch.policy import RuleSet

_LINE = ("source", "stream", "line_offset")

KEPT = (*COLUMNS, "id", "site", "device", "identity", "group", "stream", "line_offset")
"""Columns of a detection that are kept until the end."""

_SAME = ("level", "outcome", "category")
"""A detection that both hold is changed where one of these differs."""

MOST_SAMPLES = 20
"""Samples a rule: they are for reading."""


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
        renamed: Pairs of a rule that is gone and a new one which holds for the very same lines.
        unfelt: Rules that are new, gone or worded otherwise and change no detection.
        kept: Detections that both hold alike.
        days: Local days from the first event to the last.
        empty: Days from Monday to Friday among them without any event.
        people: Different persons in the events.
        devices: Different devices in the events.
        alerts: Estimated alerts a week in all, before and after.
    """

    detections: pl.DataFrame
    rules: Sequence[Changed]
    renamed: Sequence[tuple[str, str]]
    unfelt: Sequence[str]
    kept: int
    days: int
    empty: Sequence[date]
    people: int
    devices: int
    alerts: tuple[float, float]


@dataclass(slots=True)
class _Seen:
    """Who and what stands in the events, as digests: only how many is told."""

    people: set[int] = field(default_factory=set)
    devices: set[int] = field(default_factory=set)
    days: set[date] = field(default_factory=set)

    def add(self, events: pl.DataFrame) -> pl.DataFrame:
        """Count *events* in and return them."""
        self.people.update(_digests(events, "person"))
        self.devices.update(_digests(events, "device", "client_ip"))
        if "local_date" in events.columns:
            self.days.update(events["local_date"].drop_nulls().unique().to_list())
        return events

    def span(self) -> list[date]:
        """Return every day from the first with an event to the last."""
        if not self.days:
            return []
        first = min(self.days)
        return [first + timedelta(days=n) for n in range((max(self.days) - first).days + 1)]


def _digests(frame: pl.DataFrame, *columns: str) -> list[int]:
    present = [column for column in columns if column in frame.columns]
    return frame.select(pl.coalesce(present)).to_series().drop_nulls().unique().hash(7).to_list() if present else []


def compare(
    frames: Iterable[pl.DataFrame],
    old: Bench,
    new: Bench,
    *,
    zone: ZoneInfo,
    alerts: Settings | None = None,
    samples: int = 0,
) -> Difference:
    """Return what *new* holds for other than *old*.

    Args:
        frames: Enriched events in order of time, with ``line``.
        old: The rules of today, with detectors that remember nothing.
        new: The rules that are tried, likewise.
        zone: The school's.
        alerts: How detections become alerts; null for the defaults.
        samples: Detections to show for each rule, at most :data:`MOST_SAMPLES`.
    """
    seen = _Seen()
    before, after = [], []
    for held, instead in judged((seen.add(events) for events in frames), old, new):
        before.append(held.select(KEPT))
        after.append(instead.select(KEPT))
    was, is_ = pl.concat(before).unique("id", keep="first"), pl.concat(after).unique("id", keep="first")
    settings = alerts or Settings.model_construct(recipients={}, levels={}, grouping=Grouping())
    found, span = difference(was, is_), seen.span()
    weights = Weights.of(span, seen.days, zone)
    estimates = (estimate(was, settings, weights), estimate(is_, settings, weights))
    return Difference(
        detections=found,
        rules=_by_rule(found, estimates, min(samples, MOST_SAMPLES)),
        renamed=_renamed(found, old.rules, new.rules),
        unfelt=_unfelt(found, old.rules, new.rules),
        kept=len(is_) - len(found.filter(pl.col("change") != "removed")),
        days=len(span) or 1,
        empty=[day for day in span if day.isoweekday() <= 5 and day not in seen.days],
        people=len(seen.people),
        devices=len(seen.devices),
        alerts=(estimates[0].alerts, estimates[1].alerts),
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


def _renamed(found: pl.DataFrame, old: RuleSet, new: RuleSet) -> list[tuple[str, str]]:
    was, is_ = {rule.id for rule in old.rules}, {rule.id for rule in new.rules}
    gone = {frozenset(_lines(found, rule)): rule for rule in sorted(was - is_)}
    pairs = [(gone.get(frozenset(_lines(found, rule))), rule) for rule in sorted(is_ - was)]
    return [(before, after) for before, after in pairs if before and len(_lines(found, before))]


def _lines(found: pl.DataFrame, rule: str) -> list[tuple[object, ...]]:
    return found.filter(pl.col("rule") == rule).select(_LINE).rows()


def _unfelt(found: pl.DataFrame, old: RuleSet, new: RuleSet) -> list[str]:
    was, is_ = (_wordings(rules) for rules in (old, new))
    felt: Collection[str] = set(found["rule"])
    return sorted(rule for rule in was | is_ if was.get(rule) != is_.get(rule) and rule not in felt)


def _wordings(rules: RuleSet) -> dict[str, str]:
    return {one.rule.id: one.version for one in rules.loaded}


def _by_rule(found: pl.DataFrame, estimates: tuple[Estimate, Estimate], samples: int) -> list[Changed]:
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
                alerts=(estimates[0].by_rule.get(rule, 0), estimates[1].by_rule.get(rule, 0)),
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
