"""The page on getting round the filter."""

from __future__ import annotations

import polars as pl

from filterwatch.reports.bypass import NAMES, STAGES, bypass
from filterwatch.reports.material import Material
from filterwatch.reports.page import Chart, Column, Fact, Page, Section, Table
from filterwatch.reports.pages import statements
from filterwatch.reports.pages.bandwidth import confidential
from filterwatch.reports.pseudonyms import Pseudonyms

STORIES = (
    Column("device", "Device"),
    Column("person", "Person", is_detail=True),
    Column("group", "Group", is_detail=True),
    Column("stage", "How far"),
    Column("kinds", "Ways"),
    Column("attempts", "Attempts", "count"),
    Column("blocked", "Blocked", "count", is_detail=True),
    Column("allowed", "Let through", "count"),
    Column("searches", "Searches", "count", is_detail=True),
    Column("days", "Days", "count", is_detail=True),
    Column("first", "First", "time", is_detail=True),
    Column("last", "Last", "time", is_detail=True),
    Column("evidence", "Strongest sign"),
    Column("level", "Detected", is_detail=True),
)
KINDS = (
    Column("way", "Way"),
    Column("devices", "Devices", "count"),
    Column("attempts", "Attempts", "count"),
    Column("blocked", "Blocked", "count"),
    Column("allowed", "Let through", "count"),
    Column("first", "First", "time", is_detail=True),
    Column("last", "Last", "time", is_detail=True),
)


def page(material: Material) -> Page:
    """Return who tried to get round the filter, and how far they got."""
    found = bypass(material.events, material.detections, material.period, material.signs)
    through = len(found.stories.filter(pl.col("stage") == STAGES[-1]))
    foreign = (
        "" if material.signs.resolvers else " DNS servers of the school are not configured (detectors, resolvers)."
    )
    return Page(
        name="bypass",
        title="Getting round the filter",
        site=material.site,
        period=material.period,
        made=material.made,
        sections=(
            Section(
                "By way",
                (
                    Fact("Devices", f"{len(found.stories):,}"),
                    Fact("Got through after a block", f"{through:,}", "bad" if through else "good"),
                ),
                (kinds(found.kinds),),
            ),
            Section(
                "By device",
                tables=(
                    Table(
                        "stories",
                        "One story a device, the furthest gone first",
                        STORIES,
                        named(found.stories, material.names),
                        "Went on, got through: within half an hour after a block." + foreign,
                        "No device tried.",
                    ),
                ),
            ),
        ),
        statements=(
            "Signs are lists, ports, names and searches; a new site or a tunnel on port 443 may show none.",
            "Some programs try such ways by themselves: telephones, games, virus scanners.",
            statements.GATEWAY,
            statements.GUILT,
            *statements.coverage(material.registers.coverage),
        ),
        confidential=confidential(material.names),
    )


def named(stories: pl.DataFrame, names: Pseudonyms) -> pl.DataFrame:
    """Return *stories* with devices and people as they are to be called."""
    return stories.with_columns(names.column(stories["device"], "device"), names.column(stories["person"], "person"))


def kinds(rows: pl.DataFrame) -> Table:
    """Return the ways that were tried."""
    rows = rows.with_columns(way=pl.col("kind").replace(NAMES))
    drawn = pl.concat(
        [
            rows.select("way", count="blocked", verdict=pl.lit("blocked")),
            rows.select("way", count=pl.col("attempts") - pl.col("blocked"), verdict=pl.lit("not blocked")),
        ]
    )
    says = "; ".join(f"{row['way']}: {row['attempts']:,}, {row['blocked']:,} blocked" for row in rows.to_dicts())
    chart = Chart("stacked", "way", "count", "Attempts by way", says or "No attempts.", "verdict")
    return Table("kinds", "Ways", KINDS, rows, empty="No way was tried.", chart=chart, chart_rows=drawn)
