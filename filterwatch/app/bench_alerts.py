"""How many alerts detections would become, grouped as :mod:`filterwatch.alerts.grouping` does, without registers.

An estimate: alerts that were open before the first detection, triage in between and silences are not known here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.alerts import Settings
from filterwatch.alerts.families import Family, family_of

_SURE = ("authenticated", "lease")
_STAFF = ("staff", "governors")
_SWITCH_OFFS = ("filter_off", "filter_restored", "source_speaks")
"""They are held against agreed switch-offs and never grouped."""

_KEY = ("site", "who", "family", "route", "compartment")


_FRIDAY = 5
_SCHOOL_DAYS, _WEEKEND, WEEK = 5, 2, 7
"""Days."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What an alert of some days stands for in a week of five school days.

    Attributes:
        school_day: One that begins from Monday to Friday.
        weekend: One that begins on Saturday or Sunday.
        weekly: One that is told once a week: a shorter time says no more than that there is one.
        zone: The school's.
    """

    school_day: float = 1
    weekend: float = 1
    weekly: float = 1
    zone: tzinfo = UTC

    @classmethod
    def of(cls, span: Sequence[date], days: Collection[date], zone: ZoneInfo) -> Weights:
        """Return the weights of alerts over *span*, of which *days* have events.

        A day from Monday to Friday without any is a holiday or a gap: it thins nothing.
        """
        worked = sum(day.isoweekday() <= _FRIDAY for day in days)
        free = sum(day.isoweekday() > _FRIDAY for day in span)
        return cls(
            school_day=_SCHOOL_DAYS / worked if worked else 1,
            weekend=_WEEKEND / free if free else 1,
            weekly=min(1, WEEK / len(span)) if span else 1,
            zone=zone,
        )

    def at(self, first: datetime, route: str) -> float:
        """Return what an alert stands for by its first detection."""
        if route == "weekly":
            return self.weekly
        return self.school_day if first.astimezone(self.zone).isoweekday() <= _FRIDAY else self.weekend


@dataclass(slots=True)
class Estimate:
    """How many alerts.

    Attributes:
        by_rule: Alerts that a rule has a part in.
    """

    alerts: float = 0
    by_rule: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def estimate(detections: pl.DataFrame, settings: Settings, weights: Weights | None = None) -> Estimate:
    """Return how many alerts *detections* would become, each counted by its weight; without weights, as one.

    Args:
        detections: Columns ``time``, ``id``, ``rule``, ``level``, ``category``, ``outcome``, ``site``, ``person``,
            ``device``, ``client_ip``, ``identity`` and ``group``; each ``id`` once.
        settings: Routes and grouping.
        weights: What each stands for in a week.
    """
    out, weights = Estimate(), weights or Weights()
    told = keyed(detections.filter(~pl.col("rule").is_in(_SWITCH_OFFS)), settings).filter(pl.col("route") != "none")
    cases = told.sort("time", "id").group_by(_KEY, maintain_order=True).agg("time", "rule")
    for case in cases.iter_rows(named=True):
        within = settings.grouping.weekly if case["route"] == "weekly" else settings.grouping.within
        for first, rules in _sessions(case["time"], case["rule"], within, max(settings.grouping.longest, within)):
            weight = weights.at(first, case["route"])
            out.alerts += weight
            for rule in rules:
                out.by_rule[rule] += weight
    return out


def keyed(detections: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Return *detections* with what those of one case share: ``who``, ``family``, ``route`` and ``compartment``."""
    kinds = detections.select(
        "rule", pl.col("category").fill_null(""), pl.col("outcome").cast(pl.String).fill_null(""), "level"
    ).unique()
    said = [(*kind, *_routed(family_of(*kind[:3]), kind[3], settings)) for kind in kinds.iter_rows()]
    names = ("rule", "_category", "_outcome", "_level", "family", "route", "protocol")
    table = pl.DataFrame(said, dict.fromkeys(names, pl.String) | {"protocol": pl.Boolean}, orient="row")
    sure = pl.col("identity").cast(pl.String).is_in(_SURE) & (pl.col("person") != "")
    who = [
        pl.when(sure).then(pl.format("person:{}", "person")),
        *(pl.when(pl.col(name) != "").then(pl.format(f"{kind}:{{}}", name)) for kind, name in _PLACES),
        pl.format("site:{}", pl.col("site").fill_null("")),
    ]
    staff = pl.col("group").cast(pl.String).is_in(_STAFF).fill_null(value=False)
    return (
        detections.with_columns(
            _category=pl.col("category").fill_null(""),
            _outcome=pl.col("outcome").cast(pl.String).fill_null(""),
            _level=pl.col("level").cast(pl.String),
            site=pl.col("site").fill_null(""),
        )
        .join(table, on=["rule", "_category", "_outcome", "_level"], how="left")
        .with_columns(
            who=pl.coalesce(who),
            compartment=pl.when("protocol")
            .then(pl.lit("illegal"))
            .when(staff)
            .then(pl.lit("staff"))
            .otherwise(pl.lit("general")),
        )
    )


_PLACES = (("device", "device"), ("address", "client_ip"))


def _routed(family: Family, level: str, settings: Settings) -> tuple[str, str, bool]:
    return family.name, "immediate" if family.protocol else settings.route(level), family.protocol


def _sessions(
    times: Sequence[datetime], rules: Sequence[str], within: timedelta, longest: timedelta
) -> Iterator[tuple[datetime, set[str]]]:
    """Yield the begin and the rules of each session; *times* ascend."""
    first = last = times[0]
    current: set[str] = set()
    for when, rule in zip(times, rules, strict=True):
        if when - last > within or when - first > longest:
            yield first, current
            first, current = when, set()
        last = when
        current.add(rule)
    yield first, current
