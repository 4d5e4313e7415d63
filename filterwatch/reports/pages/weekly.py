"""The coordinator's page: one side of A4 a week."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from filterwatch.reports.bandwidth import bandwidth
from filterwatch.reports.bypass import bypass
from filterwatch.reports.material import Material
from filterwatch.reports.page import Chart, Column, Fact, Page, Section, Table
from filterwatch.reports.pages import statements
from filterwatch.reports.pages.bandwidth import hours, named
from filterwatch.reports.pages.bypass import named as told
from filterwatch.reports.pages.trust import trust
from filterwatch.reports.registers import AlertCount, Registers
from filterwatch.reports.render.cells import minutes
from filterwatch.reports.usage import Usage, usage

FEW = 5
"""Rows of each list: the page is one side of A4; the reports of their own say more."""

GROUPS = ("pupils", "staff", "guests", "others")

LONG_DAY = 240
"""Active minutes a day from which use is called excessive (our judgement: four hours)."""

NOISY = 0.5
"""Share of false alarms from which a rule is called noisy."""


def page(material: Material) -> Page:
    """Return what the coordinator and the head should know of the week."""
    used = usage(material.events, material.period)
    registers = material.registers
    return Page(
        name="weekly",
        title="The week in online safety",
        site=material.site,
        period=material.period,
        made=material.made,
        sections=(
            Section("Can we trust this week?", trust(registers, used)),
            Section("Needs you", tables=(needs(registers),)),
            Section("What happened", tables=(alerts(registers.alerts), gaps(used))),
            Section("Bypass and bandwidth", tables=(stories(material), users(material))),
            Section("Use", use(used, material), (mix(used),)),
            Section("Unblock requests and rules", requests(registers), (rules(registers),)),
        ),
        statements=(
            *statements.coverage(registers.coverage),
            statements.READS_LOGS,
            statements.GATEWAY,
            statements.CONTENT,
            statements.PURPOSE,
            statements.GUILT,
            statements.SILENCE,
        ),
        confidential="Confidential: for the coordinator and the head. About people, under the pseudonyms of alerts.",
    )


def needs(registers: Registers) -> Table:
    """Return what waits for the reader: overdue first, then the oldest."""
    order = sorted(registers.needs, key=lambda one: (not one.overdue, one.since, one.number))
    columns = (Column("number", "Case"), Column("what", "What"), Column("since", "Since", "time"), Column("due", ""))
    rows = pl.DataFrame(
        [(one.number, one.what, one.since, "overdue" if one.overdue else "") for one in order[: FEW + 1]],
        schema={"number": pl.String, "what": pl.String, "since": pl.Datetime("us", "UTC"), "due": pl.String},
        orient="row",
    )
    more = len(order) - len(rows)
    note = f"And {more} more: filterwatch alert list." if more else ""
    return Table("needs", "Waiting for somebody", columns, rows, note, "Nothing waits.")


def alerts(counts: Sequence[AlertCount]) -> Table:
    """Return alerts by family and group, beside what is usual."""
    families = sorted({one.family for one in counts})
    rows = []
    for family in families:
        own = [one for one in counts if one.family == family]
        by_group = {group: sum(one.count for one in own if _group(one.group) == group) for group in GROUPS}
        usual = [one.usual for one in own if one.usual is not None]
        rows.append(
            {"family": family} | by_group | {"all": sum(by_group.values()), "usual": sum(usual) if usual else None}
        )
    schema = {"family": pl.String} | dict.fromkeys([*GROUPS, "all"], pl.Int64) | {"usual": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema).sort("all", "family", descending=[True, False])
    columns = (
        Column("family", "Family"),
        *(Column(group, group.capitalize(), "count") for group in GROUPS),
        Column("all", "All", "count"),
        Column("usual", "Usual", "count"),
    )
    drawn = frame.unpivot(GROUPS, index="family", variable_name="group", value_name="count").filter(pl.col("count") > 0)
    says = "; ".join(f"{row['family']}: {row['all']}" for row in frame.to_dicts()) or "No alerts."
    chart = Chart("stacked", "family", "count", "Alerts by family and group", says, "group")
    note = "Usual: mean of the four weeks before."
    return Table("alerts", "Alerts", columns, frame, note, "No alerts.", chart if rows else None, drawn)


def _group(group: str) -> str:
    return group if group in GROUPS else "others"


def gaps(used: Usage) -> Table:
    """Return listed categories by what was let through: where the filter has gaps."""
    sums = used.categories.group_by("category").agg(pl.col("allowed", "blocked").sum())
    rows = sums.sort("allowed", "blocked", "category", descending=[True, True, False]).head(FEW)
    rows = rows.with_columns(category=pl.col("category").str.replace_all("_", " "))
    columns = (
        Column("category", "Category"),
        Column("allowed", "Let through", "count"),
        Column("blocked", "Blocked", "count"),
    )
    drawn = pl.concat([rows.select("category", requests=name, verdict=pl.lit(word)) for name, word in LET_OR_BLOCKED])
    says = "; ".join(
        f"{row['category']}: {row['allowed']:,} let through, {row['blocked']:,} blocked" for row in rows.to_dicts()
    )
    chart = Chart("stacked", "category", "requests", "Requests to listed sites", says, "verdict")
    note = (
        "Listed does not mean forbidden: the rules decide for whom and when. Requests, not visits: what pages of "
        "others show of these sites is among them."
    )
    return Table(
        "gaps",
        "Listed sites: let through or blocked",
        columns,
        rows,
        note,
        "None.",
        chart if len(rows) else None,
        drawn,
    )


LET_OR_BLOCKED = (("allowed", "let through"), ("blocked", "blocked"))


def stories(material: Material) -> Table:
    """Return who went furthest in getting round the filter."""
    found = bypass(material.events, material.detections, material.period, material.signs)
    rows = told(found.stories.filter(pl.col("stage") != "searched").head(FEW), material.names)
    columns = (
        Column("device", "Device"),
        Column("stage", "How far"),
        Column("kinds", "Ways"),
        Column("attempts", "Attempts", "count"),
        Column("allowed", "Let through", "count"),
    )
    more = len(found.stories) - len(rows)
    note = f"{more} more devices: filterwatch report bypass." if more else ""
    return Table("bypass", "Getting round the filter", columns, rows, note, "No device tried.")


def users(material: Material) -> Table:
    """Return who moved most bytes, with the link by hour as picture."""
    found = bandwidth(material.events, material.period, material.link, top=FEW)
    over = pl.col("verdict").is_not_null()
    rows = named(found.users.sort(over, descending=True, maintain_order=True).head(FEW), material.names)
    columns = (
        Column("user", "User"),
        Column("down", "Down", "bytes"),
        Column("share", "Share", "share"),
        Column("peak_share", "Peak of link", "share"),
        Column("sustained_minutes", "Sustained", "minutes"),
        Column("others", "Others then", "count"),
    )
    clock = hours(found.hours)
    return Table(
        "bandwidth", "Bandwidth", columns, rows, "", "No bytes.", clock.chart if len(rows) else None, clock.chart_rows
    )


def use(used: Usage, material: Material) -> tuple[Fact, ...]:
    """Return figures that no rule judges: purpose is not in a log."""
    long = used.people.filter(pl.col("is_person") & (pl.col("longest_day") >= LONG_DAY))
    late = used.people.filter(pl.col("is_person") & (pl.col("late_minutes") > 0))
    longest = long.filter(pl.col("group") == "pupils").head(1)
    who = [material.names.of(row["who"], "person") for row in longest.to_dicts()]
    most = f"longest: {who[0]}, {minutes(longest['longest_day'][0])}" if who else ""
    business = used.categories.filter((pl.col("category") == "business") & (pl.col("group") == "staff"))
    return (
        Fact(f"People active {LONG_DAY // 60} h a day or more", f"{len(long):,}", note=most),
        Fact("People active after 21:00", f"{len(late):,}"),
        Fact("Staff YouTube in school hours", minutes(used.staff_youtube_minutes), note="added up over people"),
        Fact("Staff requests to seller sites", f"{int(business['allowed'].sum()):,}"),
    )


def mix(used: Usage) -> Table:
    """Return the share of listed categories in the requests of school hours."""
    counts = {
        (row["category"], _group(row["group"] or "unknown")): row["in_school_hours"]
        for row in used.categories.to_dicts()
    }
    totals = {group: sum(n for name, n in used.school_requests.items() if _group(name) == group) for group in GROUPS}
    categories = sorted({category for category, _ in counts})
    rows = [
        {"category": category.replace("_", " ")}
        | {group: counts.get((category, group), 0) / totals[group] if totals[group] else None for group in GROUPS[:2]}
        for category in categories
    ]
    schema = {"category": pl.String} | dict.fromkeys(GROUPS[:2], pl.Float64)
    frame = pl.DataFrame(rows, schema=schema).sort(
        "pupils", "staff", "category", descending=[True, True, False], nulls_last=True
    )
    columns = (Column("category", "Category"), *(Column(group, group.capitalize(), "share") for group in GROUPS[:2]))
    note = (
        "Share of requests in school hours, not of visits: buttons and films on pages of others are requests too. "
        "What is on no list counts as none of these."
    )
    return Table("mix", "What school hours were used for", columns, frame.head(FEW), note, "Nothing listed.")


def requests(registers: Registers) -> tuple[Fact, ...]:
    """Return unblock requests, rule changes and silences as facts."""
    unblocks = registers.unblocks
    changes = registers.rule_changes
    ends = min((one.expires for one in registers.silences), default=None)
    first = f"first: {min(registers.silences, key=lambda one: one.expires).what}" if ends else ""
    return (
        Fact("Unblock requests waiting", f"{unblocks.waiting:,}", "attention" if unblocks.waiting else "good"),
        Fact("Agreed, refused", f"{unblocks.agreed:,}, {unblocks.refused:,}"),
        Fact(
            "Agreed, not seen to work yet", f"{unblocks.unverified:,}", "attention" if unblocks.unverified else "plain"
        ),
        Fact("Unblocks that end soon", f"{unblocks.expiring:,}"),
        Fact("Changes of rules and lists", "not recorded" if changes is None else f"{changes:,}"),
        Fact("Silences that end soon", f"{len(registers.silences):,}", note=first),
    )


def rules(registers: Registers) -> Table:
    """Return the rules with most false alarms: what to put right first."""
    rows = [
        {"rule": one.rule, "alerts": one.alerts, "right": 1 - one.false_alarms / one.alerts, "noisy": ""}
        for one in registers.rules
        if one.alerts
    ]
    schema = {"rule": pl.String, "alerts": pl.Int64, "right": pl.Float64, "noisy": pl.String}
    frame = pl.DataFrame(rows, schema=schema).sort("right", "alerts", "rule", descending=[False, True, False]).head(FEW)
    noisy = frame.filter(pl.col("right") <= NOISY)["rule"].to_list()
    note = f"More false than true: {', '.join(noisy)}." if noisy else ""
    columns = (Column("rule", "Rule"), Column("alerts", "Triaged", "count"), Column("right", "Right", "share"))
    return Table("rules", "How often rules are right", columns, frame, note, "No alert was triaged.")
