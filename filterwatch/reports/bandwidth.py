"""Who used the internet link, when, for what, and whom that hindered.

Policy: "Carrying out sustained or instantaneous high volume network traffic (downloading / uploading files) that causes
network congestion and hinders others in their use of the internet".

Bytes belong to the minutes in which a transfer ran (:mod:`filterwatch.detectors.spread`).  Where several sources tell
of one user's bytes in one minute (a proxy and the firewall behind it), the one that tells of most counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals.stable.v2 as nw
import polars as pl

from filterwatch.detectors import spread
from filterwatch.detectors.spread import DIRECTIONS
from filterwatch.detectors.volume import Limits, Settings
from filterwatch.events import TIME
from filterwatch.reports.engine import Events, read, shaped, small
from filterwatch.reports.period import Period

USERS = pl.Schema({
    "who": pl.String(), "is_person": pl.Boolean(), "group": pl.String(), "device": pl.String(),
    "down": pl.Int64(), "up": pl.Int64(), "share": pl.Float64(),
    "peak_at": TIME, "peak_mbit": pl.Float64(), "peak_share": pl.Float64(),
    "sustained_minutes": pl.Int64(), "sustained_mbit": pl.Float64(), "sustained_from": TIME, "sustained_to": TIME,
    "over_minutes": pl.Int64(), "link_use": pl.Float64(), "others": pl.Int64(), "verdict": pl.String(),
})  # fmt: skip
"""One row a user, most bytes first.

``down``, ``up``: bytes; ``share``: of all bytes; ``peak_*``: the best minute, its rate in Mbit/s and share of the link;
``sustained_*``: minutes in sustained loads, their mean rate, the first and the end of the last; ``over_minutes``:
minutes in a sustained load or peak; ``link_use``: how full the link was in them on average; ``others``: how many other
users were on it then; ``verdict``: ``sustained``, ``peak``, ``sustained and peak`` or null.  Times UTC.
"""

DESTINATIONS = pl.Schema({
    "who": pl.String(), "is_person": pl.Boolean(), "rank": pl.Int64(), "destination": pl.String(),
    "down": pl.Int64(), "up": pl.Int64(), "share": pl.Float64(),
})  # fmt: skip
"""One row a user and registrable domain (host or address where there is none); ``share``: of that user's bytes."""

HOURS = pl.Schema({
    "hour": pl.Int64(), "down": pl.Int64(), "up": pl.Int64(), "mean_mbit": pl.Float64(), "peak_mbit": pl.Float64(),
    "peak_use": pl.Float64(), "full_minutes": pl.Int64(),
})  # fmt: skip
"""One row a local hour of the day with bytes; ``mean_mbit``: over the minutes with bytes; ``peak_*``: of the fullest
minute; ``full_minutes``: minutes in which the link was at least four fifths full.  Rates are downloads."""

FULL = 0.8
"""Use of a link from which others feel it: queues grow without bound towards 1 (our judgement)."""

NOBODY = "(no device)"
"""Bytes of lines that name no device at all."""

KEYS = ("who", "is_person")
USER = list(KEYS)


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """What the report found.

    Attributes:
        users: :data:`USERS`.
        destinations: :data:`DESTINATIONS`, of the same users.
        hours: :data:`HOURS`.
        link: How the link was used.
    """

    users: pl.DataFrame
    destinations: pl.DataFrame
    hours: pl.DataFrame
    link: Link


@dataclass(frozen=True, slots=True)
class Link:
    """How the link was used in the whole period.

    Attributes:
        down: Bytes to the school.
        up: Bytes from it.
        users: How many people and devices.
        capacity_mbit: Of the link towards the school; where not configured the fullest minute seen.
        is_measured: Whether it is only the fullest minute seen.
        full_minutes: Minutes at four fifths or more of the capacity.
    """

    down: int
    up: int
    users: int
    capacity_mbit: float
    is_measured: bool
    full_minutes: int


COLUMNS = (
    "time", "started", "source", "kind", "action", "counted", "bytes_in", "bytes_out", "person", "group", "identity",
    "device", "client_ip", "domain", "host", "dest_ip",
)  # fmt: skip


def bandwidth(events: Events, period: Period, settings: Settings, *, top: int = 10, places: int = 5) -> Bandwidth:
    """Return who used the link in *period*.

    Args:
        events: Events of one site; those that ended after the period matter too, as they may have begun in it.
        period: Which days.
        settings: The link and the limits.
        top: How many users by bytes; those over a limit are listed besides.
        places: How many destinations of each.
    """
    start, end = period.microseconds()
    frame = read(events, COLUMNS).with_columns(**spread.users(nw))
    frame = frame.with_columns(who=nw.col("who").fill_null(NOBODY))
    moved = spread.transfers(nw, frame, start, end)
    named, rates = _rates(moved, period)
    link = rates.group_by("minute").agg(pl.col(way).sum() for way in DIRECTIONS)
    capacity = _capacity(settings, link)
    totals = _totals(rates, capacity)
    limits = Limits.of(settings, capacity)
    chosen = _chosen(totals, limits, top)
    over = _over(rates.join(chosen, on="user", how="semi"), limits)
    chosen = chosen.join(named, on="user")
    places_ = _destinations(moved, chosen, start, end)
    users = _users(chosen.join(totals, on="user"), over, link, rates, capacity)
    users = users.join(_devices(places_), on=KEYS, how="left")
    users = users.with_columns(share=(pl.col("down") + pl.col("up")) / max(int(link.select(_BYTES.sum()).item()), 1))
    return Bandwidth(
        shaped(users.sort(_BYTES, *KEYS, descending=[True, False, False]), USERS),
        shaped(_ranked(places_, places), DESTINATIONS),
        shaped(_hours(link, period, capacity), HOURS),
        _link(link, totals, settings, capacity),
    )


_BYTES = pl.sum_horizontal(*DIRECTIONS)


def _rates(moved: spread.Frame, period: Period) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the users (``user, who, is_person``) and ``user, minute, down, up``.

    Of several sources the one that saw most in a minute.
    """
    first, after = period.minutes()
    # A list that is emptied: what was summed up is as large as all the rest, and must not outlive its use.
    parts = _summed(moved)
    seen = pl.concat([part.select(*KEYS, "source") for part in parts]).unique().sort(*KEYS, "source")
    seen = seen.with_row_index("seen").with_columns(user=pl.struct(KEYS).rank("dense").cast(pl.UInt32))
    longer, within = (_numbered(parts.pop(), seen) for _ in range(2))
    rates = spread.booked(within, longer, "seen", start=first, end=after)
    if len(seen) == seen["user"].n_unique():
        rates = rates.with_columns(user=seen["user"].gather(rates["seen"])).drop("seen")
    else:
        rates = rates.join(seen, on="seen").group_by("user", "minute").agg(pl.col(way).max() for way in DIRECTIONS)
    return seen.select("user", *KEYS).unique(maintain_order=True), rates


def _summed(moved: spread.Frame) -> list[pl.DataFrame]:
    # Two queries: one for both shares the reading and holds all of it in memory, 350 MB more for a tenth of a second.
    return [small(part) for part in spread.summed(nw, moved, *KEYS, "source")]


def _numbered(part: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Replace names by numbers: in millions of rows they cost memory."""
    return part.join(seen, on=[*KEYS, "source"], nulls_equal=True).drop(*KEYS, "source", "user")


def _capacity(settings: Settings, link: pl.DataFrame) -> dict[str, float]:
    return {way: settings.per_minute(way) or float(link[way].max() or 0) or 1.0 for way in DIRECTIONS}  # type: ignore[arg-type]


def _totals(rates: pl.DataFrame, capacity: Mapping[str, float]) -> pl.DataFrame:
    """Return of each user the bytes and the best minute: the highest share of its direction, the earliest of equals."""
    shares = {way: pl.col(way) / capacity[way] for way in DIRECTIONS}
    best = pl.max_horizontal(*shares.values())
    way = pl.when(shares["down"] == best).then(pl.col("down")).otherwise(pl.col("up"))
    marked = rates.lazy().with_columns(peak_share=best, peak_bytes=way)
    at_best = pl.col("peak_share") == pl.col("peak_share").max()
    return (
        marked.group_by("user")
        .agg(
            pl.col("down").sum(),
            pl.col("up").sum(),
            pl.col("peak_share").max(),
            pl.col("minute").filter(at_best).min().alias("peak_minute"),
            pl.col("peak_bytes").filter(at_best).max(),
            *(pl.col(way).max().alias(f"{way}_max") for way in DIRECTIONS),
        )
        .collect()
    )


def _chosen(totals: pl.DataFrame, limits: Limits, top: int) -> pl.DataFrame:
    """Return the users with most bytes, and all who may be over a limit."""
    most = totals.sort(_BYTES, "user", descending=[True, False]).head(top)
    high = pl.any_horizontal(pl.col(f"{way}_max") >= min(limits.peak[way], limits.sustained[way]) for way in DIRECTIONS)
    return pl.concat([most, totals.filter(high)]).select("user").unique()


def _over(rates: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Return the minutes in which users were over a limit: ``user, minute, down, up, sustained, peak``."""
    rates = rates.sort("user", "minute").with_columns(
        run=pl.col("minute") - pl.int_range(pl.len(), dtype=pl.Int32).over("user")
    )
    judged = limits.judged(rates, "user", "run")
    marks = {
        name: pl.any_horizontal(pl.col(f"{way}_{name}").fill_null(value=False) for way in DIRECTIONS)
        for name in ("sustained", "peak")
    }
    return judged.select("user", "minute", *DIRECTIONS, **marks).filter(pl.col("sustained") | pl.col("peak"))


def _users(
    totals: pl.DataFrame, over: pl.DataFrame, link: pl.DataFrame, rates: pl.DataFrame, capacity: Mapping[str, float]
) -> pl.DataFrame:
    use = pl.max_horizontal(pl.col(f"{way}_link") / capacity[way] for way in DIRECTIONS)
    over = over.join(link, on="minute", suffix="_link").with_columns(use=use)
    rate, held = pl.max_horizontal(*DIRECTIONS), pl.col("sustained")
    facts = over.group_by("user").agg(
        held.sum().alias("sustained_minutes"),
        _mbit(rate.filter(held).mean()).alias("sustained_mbit"),
        _time(pl.col("minute").filter(held).min()).alias("sustained_from"),
        _time(pl.col("minute").filter(held).max() + 1).alias("sustained_to"),
        pl.len().alias("over_minutes"),
        pl.col("use").mean().clip(upper_bound=1).alias("link_use"),
        pl.when(held.any() & pl.col("peak").any()).then(pl.lit("sustained and peak"))
        .when(held.any()).then(pl.lit("sustained")).otherwise(pl.lit("peak")).alias("verdict"),
    )  # fmt: skip
    then = rates.filter(pl.col("minute").is_in(over["minute"].unique().implode())).select("user", "minute")
    others = [
        (user, then.filter(pl.col("minute").is_in(minutes["minute"].implode()))["user"].n_unique() - 1)
        for (user,), minutes in over.group_by("user")
    ]
    besides = pl.DataFrame(others, schema={"user": pl.UInt32, "others": pl.Int64}, orient="row")
    return (
        totals.join(facts, on="user", how="left")
        .join(besides, on="user", how="left")
        .with_columns(
            pl.col("sustained_minutes", "over_minutes").fill_null(0),
            peak_at=_time(pl.col("peak_minute")),
            peak_mbit=_mbit(pl.col("peak_bytes")),
        )
    )


def _destinations(moved: spread.Frame, chosen: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    """Return the bytes of the chosen by place and device, from each user's own best source."""
    names = chosen["who"].unique().to_list()
    place = nw.coalesce(nw.col("domain"), nw.col("host"), nw.col("dest_ip"), nw.lit("(unknown)"))
    inside = {way: spread.inside(nw, way, start, end) for way in DIRECTIONS}
    theirs = moved.filter(nw.col("who").is_in(names)).with_columns(destination=place, **inside)
    keys = [*KEYS, "source", "destination", "device", "group"]
    rows = small(theirs.group_by(*keys).agg(**{way: nw.col(way).sum() for way in DIRECTIONS}))
    rows = rows.join(chosen, on=KEYS, how="semi").with_columns(pl.col("group").cast(pl.String))
    sources = rows.group_by(*KEYS, "source").agg(_BYTES.sum().alias("bytes"))
    best = sources.sort("bytes", "source", descending=[True, False]).unique(USER, keep="first", maintain_order=True)
    return rows.join(best, on=[*KEYS, "source"], how="semi", nulls_equal=True)


def _devices(places: pl.DataFrame) -> pl.DataFrame:
    """Return each user's group and device: those with most bytes."""
    sums = places.group_by(*KEYS, "device", "group").agg(_BYTES.sum().alias("bytes"))
    order = sums.sort("bytes", "device", "group", descending=[True, False, False], nulls_last=True)
    return order.unique(USER, keep="first", maintain_order=True).drop("bytes")


def _ranked(places: pl.DataFrame, count: int) -> pl.DataFrame:
    sums = places.group_by(*KEYS, "destination").agg(pl.col(way).sum() for way in DIRECTIONS)
    order = sums.sort(*KEYS, _BYTES, "destination", descending=[False, False, True, False])
    total = _BYTES.sum().over(USER)
    ranked = order.with_columns(rank=pl.int_range(1, pl.len() + 1).over(USER), share=_BYTES / total)
    return ranked.filter(pl.col("rank") <= count)


def _hours(link: pl.DataFrame, period: Period, capacity: Mapping[str, float]) -> pl.DataFrame:
    hour = _time(pl.col("minute")).dt.convert_time_zone(str(period.zone)).dt.hour()
    use = pl.max_horizontal(pl.col(way) / capacity[way] for way in DIRECTIONS)
    rows = link.with_columns(hour=hour, use=use).group_by("hour").agg(
        *(pl.col(way).sum() for way in DIRECTIONS),
        _mbit(pl.col("down").mean()).alias("mean_mbit"),
        _mbit(pl.col("down").max()).alias("peak_mbit"),
        pl.col("use").max().alias("peak_use"),
        (pl.col("use") >= FULL).sum().alias("full_minutes"),
    )  # fmt: skip
    return rows.sort("hour")


def _link(link: pl.DataFrame, totals: pl.DataFrame, settings: Settings, capacity: Mapping[str, float]) -> Link:
    full = pl.any_horizontal(pl.col(way) >= FULL * capacity[way] for way in DIRECTIONS)
    return Link(
        down=int(link["down"].sum()),
        up=int(link["up"].sum()),
        users=len(totals),
        capacity_mbit=capacity["down"] * 8 / 60e6 if len(link) else 0.0,
        is_measured=settings.link_mbit is None,
        full_minutes=len(link.filter(full)) if settings.link_mbit else 0,
    )


def _time(minute: pl.Expr) -> pl.Expr:
    return (minute.cast(pl.Int64) * spread.MICROSECONDS).cast(TIME)


def _mbit(bytes_per_minute: pl.Expr) -> pl.Expr:
    return bytes_per_minute * 8 / 60e6
