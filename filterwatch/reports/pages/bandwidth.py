"""The page on bandwidth."""

from __future__ import annotations

import polars as pl

from filterwatch.reports.bandwidth import Bandwidth, bandwidth
from filterwatch.reports.material import Material
from filterwatch.reports.page import Chart, Column, Fact, Page, Section, Table
from filterwatch.reports.pages import statements
from filterwatch.reports.pseudonyms import Pseudonyms
from filterwatch.reports.render.cells import percent, size

USERS = (
    Column("user", "User"),
    Column("group", "Group", is_detail=True),
    Column("down", "Down", "bytes"),
    Column("up", "Up", "bytes", is_detail=True),
    Column("share", "Share", "share"),
    Column("peak_mbit", "Peak Mbit/s", "mbit", is_detail=True),
    Column("peak_share", "Peak of link", "share"),
    Column("peak_at", "Peak at", "time", is_detail=True),
    Column("sustained_minutes", "Sustained", "minutes"),
    Column("link_use", "Link then", "share", is_detail=True),
    Column("others", "Others then", "count"),
    Column("verdict", "Over limit"),
)
PLACES = (
    Column("user", "User"),
    Column("rank", "#", "count"),
    Column("destination", "Destination"),
    Column("down", "Down", "bytes"),
    Column("up", "Up", "bytes"),
    Column("share", "of own", "share"),
)
HOURS = (
    Column("hour", "Hour", "hour"),
    Column("down", "Down", "bytes"),
    Column("up", "Up", "bytes", is_detail=True),
    Column("mean_mbit", "Mean Mbit/s", "mbit"),
    Column("peak_mbit", "Peak Mbit/s", "mbit"),
    Column("peak_use", "Fullest minute", "share"),
    Column("full_minutes", "Minutes full", "count", is_detail=True),
)


def page(material: Material) -> Page:
    """Return who used the link, when, for what and whom that hindered."""
    found = bandwidth(material.events, material.period, material.link)
    order = found.users.select("who", "is_person").with_row_index("place")
    ordered = found.destinations.join(order, on=["who", "is_person"]).sort("place", "rank")
    users, places = (named(frame, material.names) for frame in (found.users, ordered))
    notes = (
        "Bytes stand in the minutes a transfer ran in. Peak: one minute. Sustained: minutes in a row, together at "
        f"{material.link.sustained_share:.0%} of the link or more, for {material.link.width} minutes or more. "
        "Link then, Others then: how full the link was in the minutes over a limit, and how many others were on it."
    )
    return Page(
        name="bandwidth",
        title="Who used the internet link",
        site=material.site,
        period=material.period,
        made=material.made,
        sections=(
            Section("The link", facts(found), (hours(found.hours),)),
            Section(
                "Who",
                tables=(
                    Table("users", "Users", USERS, users, notes, "Nobody moved a byte."),
                    Table("destinations", "Where to", PLACES, places, empty="Nowhere."),
                ),
            ),
        ),
        statements=(
            "Bytes of the filter's own pages are left out; a tunnel shows its host, not what was fetched.",
            statements.GATEWAY,
            *statements.coverage(material.registers.coverage),
        ),
        confidential=confidential(material.names),
    )


def confidential(names: Pseudonyms) -> str:
    """Return who may read a page about people."""
    if names.secret is None:
        return "Confidential: names people. For the coordinator and the technician who was asked to look."
    return "Confidential: about people, under pseudonyms that stay the same."


def named(frame: pl.DataFrame, names: Pseudonyms) -> pl.DataFrame:
    """Return *frame* with ``user``: what ``who`` is called."""
    what = pl.Series(["person" if is_person else "device" for is_person in frame["is_person"]], dtype=pl.String)
    return frame.with_columns(names.column(frame["who"], what).alias("user"))


def facts(found: Bandwidth) -> tuple[Fact, ...]:
    """Return how the link was used."""
    link = found.link
    over = found.users.filter(pl.col("verdict").is_not_null())
    capacity = f"{link.capacity_mbit:.3g} Mbit/s"
    if link.is_measured:
        size_of = Fact("Link", f"{capacity} seen", "unknown", "set link_mbit under detectors: shares are of the peak")
    else:
        full = f"{link.full_minutes:,} minutes at four fifths or more"
        size_of = Fact("Link", capacity, "attention" if link.full_minutes else "good", full)
    return (
        Fact("Down, up", f"{size(link.down)}, {size(link.up)}"),
        Fact("Users", f"{link.users:,}"),
        size_of,
        Fact("Over a limit", f"{len(over):,}", "attention" if len(over) else "good"),
    )


def hours(rows: pl.DataFrame) -> Table:
    """Return the link by hour of the day."""
    says = "No bytes."
    if len(rows):
        top = rows.sort("peak_mbit", "hour", descending=[True, False]).row(0, named=True)
        hour, fullest, use = top["hour"], top["peak_mbit"], percent(top["peak_use"])
        says = f"The fullest minute lay in the hour from {hour:02}:00: {fullest:.3g} Mbit/s, {use} of the link."
    kinds = [("mean_mbit", "mean"), ("peak_mbit", "fullest minute")]
    drawn = pl.concat(
        [rows.select("hour", pl.col(name).alias("mbit"), pl.lit(word).alias("rate")) for name, word in kinds]
    )
    chart = Chart("lines", "hour", "mbit", "Download by hour of the day, Mbit/s", says, "rate")
    return Table("hours", "By hour of the day", HOURS, rows, empty="No bytes.", chart=chart, chart_rows=drawn)
