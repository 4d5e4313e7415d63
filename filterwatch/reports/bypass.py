"""Who tries to get round the filter: one story a device, not one list a tool.

Policy: "Systems, applications, websites or other mechanisms that by pass the filtering or other safeguarding employed
by the local authority or the school".  The signs are those the live detector counts
(:mod:`filterwatch.detectors.signs`); detections of rules and detectors stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import narwhals.stable.v2 as nw
import polars as pl

from filterwatch.detectors import spread
from filterwatch.detectors.bypass import VARIED, Settings
from filterwatch.detectors.signs import NEEDED, Signs, known
from filterwatch.events import LEVEL, TIME
from filterwatch.reports.engine import Events, read, shaped, small
from filterwatch.reports.period import Period

ATTEMPTS = pl.Schema({
    "who": pl.String(), "person": pl.String(), "group": pl.String(), "kind": pl.String(), "target": pl.String(),
    "action": pl.String(), "count": pl.Int64(), "first": TIME, "last": TIME,
})  # fmt: skip
"""One row a device, person, kind, target, verdict and minute.

``kind`` is a bypass kind, ``bypass`` or ``search`` (whose target is null: what was typed stays in the archive);
``count``: events; times UTC.
"""

STORIES = pl.Schema({
    "device": pl.String(), "person": pl.String(), "group": pl.String(), "stage": pl.String(), "kinds": pl.String(),
    "attempts": pl.Int64(), "blocked": pl.Int64(), "allowed": pl.Int64(), "searches": pl.Int64(), "retries": pl.Int64(),
    "got_through": pl.Int64(), "days": pl.Int64(), "first": TIME, "last": TIME, "evidence": pl.String(),
    "detections": pl.Int64(), "level": pl.String(),
})  # fmt: skip
"""One row a device, the furthest gone first.

``person``: the one surely known, null for none or several; ``attempts``: events other than searches; ``retries`` and
``got_through``: minutes with an attempt, and with an allowed one, within half an hour after a block; ``stage``: see
:data:`STAGES`; ``detections``, ``level``: of rules and detectors with the category bypass, and the highest of them.
"""

KINDS = pl.Schema({
    "kind": pl.String(), "devices": pl.Int64(), "attempts": pl.Int64(), "blocked": pl.Int64(), "allowed": pl.Int64(),
    "first": TIME, "last": TIME,
})  # fmt: skip
"""One row a bypass kind, most devices first."""

STAGES = (
    "searched",
    "tried",
    "searched, then tried",
    "went on after a block",
    "got through after a block",
)
"""How far a device went, least first."""

VISIT = timedelta(minutes=10)
"""How soon after a search an attempt belongs to it."""

RETRY = timedelta(minutes=30)
"""How soon after a block an attempt is going on; the detector's default."""

NAMES = {
    "vpn": "VPN", "web_proxy": "web proxy", "doh": "DNS over HTTPS", "dot": "DNS over TLS",
    "foreign_dns": "another DNS server", "tor": "Tor", "direct_ip": "address without a name",
    "dns_tunnel": "DNS tunnel", "private_relay": "private relay", "remote_access": "remote access",
    "unblocker": "name like an unblocker's", "bypass": "listed for bypass",
}  # fmt: skip
"""Bypass kinds in words."""

TELLING = (
    "dns_tunnel", "tor", "vpn", "web_proxy", "remote_access", "private_relay", "doh", "dot", "foreign_dns", "bypass",
    "unblocker", "direct_ip",
)  # fmt: skip
"""Kinds by how much one attempt says, most first (our judgement): a tunnel is no accident, a bare address may be."""


COLUMNS = (*NEEDED, "identity")


@dataclass(frozen=True, slots=True)
class BypassReport:
    """What the report found.

    Attributes:
        stories: :data:`STORIES`.
        kinds: :data:`KINDS`.
        attempts: :data:`ATTEMPTS`.
    """

    stories: pl.DataFrame
    kinds: pl.DataFrame
    attempts: pl.DataFrame


def bypass(events: Events, detections: pl.DataFrame, period: Period, settings: Settings) -> BypassReport:
    """Return who tried to get round the filter in *period*.

    Args:
        events: Events of one site.
        detections: Detections of that site (DETECTION_SCHEMA); those outside the period are left out.
        period: Which days; an event counts on the day it began.
        settings: What is the school's own, and when long names are a tunnel.
    """
    attempts = _attempts(events, period, settings)
    found = detections.filter(
        pl.col("category") == "bypass", pl.col("time").is_between(period.start, period.end, closed="left")
    )
    return BypassReport(_stories(attempts, found, period), _kinds(attempts), attempts)


def _attempts(events: Events, period: Period, settings: Settings) -> pl.DataFrame:
    start, end = period.microseconds()
    found = Signs(settings).found(nw, read(events, COLUMNS))
    sure = nw.when(spread.users(nw)["is_person"]).then(nw.col("person"))
    found = found.filter((nw.col("at") >= start) & (nw.col("at") < end)).with_columns(
        person=sure, minute=nw.col("at") // spread.MICROSECONDS
    )
    plain = _plain(found.filter(nw.col("sign") != "long_name"))
    return shaped(pl.concat([plain, _tunnels(found.filter(nw.col("sign") == "long_name"), settings)]), ATTEMPTS).sort(
        "first", "who", "kind", "target", "action", "person", "group"
    )


_WHO = ("who", "person", "group", "action")


def _plain(found: spread.Frame) -> pl.DataFrame:
    target = nw.when(nw.col("sign") != "search").then(nw.col("target"))
    rows = small(
        found.with_columns(target=target)
        .group_by(*_WHO, "sign", "target", "minute")
        .agg(count=nw.len(), first=nw.col("at").min(), last=nw.col("at").max())
    )
    return _typed(rows.rename({"sign": "kind"}))


def _tunnels(found: spread.Frame, settings: Settings) -> pl.DataFrame:
    """Return one row for each span of time in which one device's names under one domain carried data."""
    limit = settings.dns_tunnel
    length = limit.within // timedelta(microseconds=1)
    # An unprintable name hides what it was: each is taken for a different one.
    name = nw.when(~nw.col("domain").is_null()).then(nw.col("query")).otherwise(nw.col("at").cast(nw.String))
    rows = small(
        found.with_columns(span=nw.col("at") // length, name=name)
        .group_by(*_WHO, "domain", "span")
        .agg(
            count=nw.col("name").n_unique(),
            mean=nw.col("length").mean(),
            one=nw.col("query").min(),
            other=nw.col("query").max(),
            first=nw.col("at").min(),
            last=nw.col("at").max(),
        )
    )
    letters = pl.concat_str("one", "other").str.split("").list.n_unique()
    full = (pl.col("count") >= limit.names) & (pl.col("count") * pl.col("mean") >= limit.characters)
    tunnels = rows.filter(full & (letters >= VARIED))
    return _typed(tunnels.with_columns(kind=pl.lit("dns_tunnel"), target=pl.col("domain").fill_null("(unprintable)")))


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    times = (pl.col(name).cast(pl.Int64).cast(TIME) for name in ("first", "last"))
    words = (pl.col(name).cast(pl.String) for name in ("group", "action"))
    return shaped(rows.with_columns(*times, *words), ATTEMPTS)


def _stories(attempts: pl.DataFrame, found: pl.DataFrame, period: Period) -> pl.DataFrame:
    devices = attempts.group_by(device="who").agg(
        pl.col("person").drop_nulls().unique().alias("people"),
        pl.col("group").drop_nulls().sort().mode(maintain_order=True).first().alias("group"),
        pl.col("first").min(),
        pl.col("last").max(),
        pl.col("first").dt.convert_time_zone(str(period.zone)).dt.date().n_unique().alias("days"),
    )
    told = found.group_by(device=pl.coalesce("device", "client_ip", "person")).agg(
        pl.len().alias("detections"),
        pl.col("level").cast(LEVEL).max().cast(pl.String).alias("level"),
        pl.col("time").min().alias("told_first"),
        pl.col("time").max().alias("told_last"),
        pl.col("kind").drop_nulls().unique().alias("told_kinds"),
        pl.col("group").cast(pl.String).drop_nulls().sort().mode(maintain_order=True).first().alias("told_group"),
    )
    rows = (
        devices.join(told, on="device", how="full", coalesce=True)
        .join(_escalation(attempts), on="device", how="left")
        .join(_evidence(attempts), on="device", how="left")
        .filter(pl.col("device").is_not_null())
    )
    counts = ("attempts", "blocked", "allowed", "searches", "retries", "got_through", "detections")
    rows = rows.with_columns(
        pl.col(*counts).fill_null(0),
        pl.col("days").fill_null(1),
        pl.col("stage").fill_null(1),
        first=pl.min_horizontal("first", "told_first"),
        last=pl.max_horizontal("last", "told_last"),
        group=pl.coalesce("group", "told_group"),
        person=pl.when(pl.col("people").list.len() == 1).then(pl.col("people").list.first()),
        kinds=_words(pl.concat_list(pl.col("kinds", "told_kinds").fill_null([]))),
        evidence=pl.col("evidence").fill_null("rules and detectors only"),
    )
    order = rows.sort("stage", "got_through", "retries", "attempts", "device", descending=[True] * 4 + [False])
    stages = dict(enumerate(STAGES))
    return shaped(order.with_columns(pl.col("stage").replace_strict(stages, return_dtype=pl.String)), STORIES)


def _words(kinds: pl.Expr) -> pl.Expr:
    names = pl.element().replace(NAMES)
    return kinds.list.unique().list.eval(names).list.sort().list.join(", ")


def _escalation(attempts: pl.DataFrame) -> pl.DataFrame:
    """Return how far each device went, from the order of its searches, attempts and blocks."""
    is_search, is_blocked = pl.col("kind") == "search", pl.col("action") == "blocked"
    ordered = attempts.sort("first", "last", "kind", "target", "action")

    def since(what: pl.Expr) -> pl.Expr:
        latest = pl.when(what).then(pl.col("first")).forward_fill().shift(1).over("who")
        return pl.col("first") - latest

    after = ordered.with_columns(
        search=~is_search & (since(is_search) <= VISIT).fill_null(value=False),
        block=~is_search & (since(is_blocked & ~is_search) <= RETRY).fill_null(value=False),
    )
    got = pl.col("block") & (pl.col("action") == "allowed")
    total = pl.col("count").filter(~is_search)
    return after.group_by(device="who").agg(
        total.sum().alias("attempts"),
        pl.col("count").filter(~is_search & is_blocked).sum().alias("blocked"),
        pl.col("count").filter(~is_search & (pl.col("action") == "allowed")).sum().alias("allowed"),
        pl.col("count").filter(is_search).sum().alias("searches"),
        pl.col("block").sum().alias("retries"),
        got.sum().alias("got_through"),
        pl.when(got.any()).then(4).when(pl.col("block").any()).then(3).when(pl.col("search").any()).then(2)
        .when(total.sum() > 0).then(1).otherwise(0).alias("stage"),
        pl.col("kind").filter(~is_search).unique().alias("kinds"),
    )  # fmt: skip


def _evidence(attempts: pl.DataFrame) -> pl.DataFrame:
    """Return of each device what says most, in words: the kind, allowed before blocked, the most often."""
    tried = attempts.filter(pl.col("kind") != "search")
    weight = pl.col("kind").replace_strict({kind: n for n, kind in enumerate(TELLING)}, return_dtype=pl.Int64)
    sums = tried.group_by("who", "kind", "target", "action").agg(pl.col("count").sum()).with_columns(
        weight=weight, shut=pl.col("action") != "allowed"
    )  # fmt: skip
    order = sums.sort("weight", "shut", "count", "target", "action", descending=[False, False, True, False, False])
    best = order.unique("who", keep="first", maintain_order=True)
    ports = {str(one.port): f" ({one.what})" for one in known().ports}
    port = pl.col("target").str.extract(r":(\d+)$").replace_strict(ports, default="", return_dtype=pl.String)
    times = pl.when(pl.col("count") == 1).then(pl.lit("once")).otherwise(pl.format("{} times", "count"))
    verdict = pl.col("action").fill_null("verdict unknown")
    name = pl.col("kind").replace(NAMES)
    text = pl.format("{}: {}{}, {}, {}", name, "target", port.fill_null(""), verdict, times)
    return best.select(device="who", evidence=text)


def _kinds(attempts: pl.DataFrame) -> pl.DataFrame:
    tried = attempts.filter(pl.col("kind") != "search")
    rows = tried.group_by("kind").agg(
        pl.col("who").n_unique().alias("devices"),
        pl.col("count").sum().alias("attempts"),
        pl.col("count").filter(pl.col("action") == "blocked").sum().alias("blocked"),
        pl.col("count").filter(pl.col("action") == "allowed").sum().alias("allowed"),
        pl.col("first").min(),
        pl.col("last").max(),
    )
    return shaped(rows.sort("devices", "attempts", "kind", descending=[True, True, False]), KINDS)
