"""How the internet was used: what was let through and blocked, by whom, how long; figures for a week, not findings.

Policy: "for educational purposes only, or for the purpose of fulfilling the duties of an individual's role"; "excessive
use which may impact on the social and emotional development and learning of the young person".  A gateway cannot see
purpose, so none of this raises an alert.
"""

from __future__ import annotations

from dataclasses import dataclass

import narwhals.stable.v2 as nw
import polars as pl

from filterwatch.detectors import spread
from filterwatch.events import CATEGORIES
from filterwatch.reports.engine import Events, read, shaped, small
from filterwatch.reports.period import Period

DAYS = pl.Schema({
    "day": pl.Date(), "requests": pl.Int64(), "blocked": pl.Int64(), "unknown": pl.Int64(),
})  # fmt: skip
"""One row a local day with requests; ``blocked``: by the filter; ``unknown``: of a person not surely known."""

CATEGORY_USE = pl.Schema({
    "category": pl.String(), "group": pl.String(), "allowed": pl.Int64(), "blocked": pl.Int64(),
    "in_school_hours": pl.Int64(),
})  # fmt: skip
"""One row a listed category and group: requests let through (by the filter or for want of a verdict) and blocked;
``in_school_hours``: of both.  A host with two categories counts in both."""

PEOPLE = pl.Schema({
    "who": pl.String(), "is_person": pl.Boolean(), "group": pl.String(), "days": pl.Int64(),
    "minutes_a_day": pl.Float64(), "longest_day": pl.Int64(), "late_minutes": pl.Int64(),
})  # fmt: skip
"""One row a user: on how many days, active minutes on those days on average and on the longest, and after 21:00 in all
(``late_minutes``).  An active minute has three requests or more; a device left on can be active without anyone."""

ACTIVE = 3
"""Requests in a minute from which somebody probably sits there: programs do less by themselves (our judgement)."""

LATE = 21 * 60
"""Local minute of the day from which use is late (our judgement; for schools whose devices go home)."""

YOUTUBE = ("youtube.com", "googlevideo.com", "youtu.be", "youtube-nocookie.com")
"""Registrable domains of YouTube; both policies have rules of their own for staff.  Its pictures (``ytimg.com``) are
not among them: pages of others show them."""

COLUMNS = (
    "time", "started", "kind", "action", "counted", "person", "group", "identity", "device", "client_ip", "domain",
    "categories", "local_date", "local_minute", "in_school_hours",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Usage:
    """What the events of a week say of use.

    Attributes:
        days: :data:`DAYS`.
        categories: :data:`CATEGORY_USE`.
        people: :data:`PEOPLE`, the longest first.
        staff_youtube_minutes: Minutes in school hours in which members of staff had YouTube open, added up.
        school_requests: Requests by group in school hours: what the share of a category is of.
    """

    days: pl.DataFrame
    categories: pl.DataFrame
    people: pl.DataFrame
    staff_youtube_minutes: int
    school_requests: dict[str, int]


def usage(events: Events, period: Period) -> Usage:
    """Return how the internet was used on the days of *period*, by the day a request began.

    Args:
        events: Events of one site.
        period: Which days.
    """
    frame = read(events, COLUMNS).with_columns(**spread.users(nw))
    day = (nw.col("local_date") >= period.first) & (nw.col("local_date") <= period.last)
    asked = nw.col("kind").is_in(["http", "dns"]) & ~nw.col("action").is_in(["auth_required"]).fill_null(False)
    requests = frame.filter(day & asked & nw.col("counted").fill_null(True)).with_columns(
        is_blocked=(nw.col("action") == "blocked").fill_null(False),
        lesson=nw.col("in_school_hours").fill_null(False),
    )
    return Usage(
        _days(requests),
        _categories(requests),
        _people(requests),
        _staff_youtube(requests),
        _school_requests(requests),
    )


def _days(requests: spread.Frame) -> pl.DataFrame:
    rows = small(
        requests.group_by("local_date").agg(
            requests=nw.len(),
            blocked=nw.col("is_blocked").cast(nw.Int64).sum(),
            unknown=(~nw.col("is_person")).cast(nw.Int64).sum(),
        )
    )
    return shaped(rows.rename({"local_date": "day"}).sort("day"), DAYS)


def _categories(requests: spread.Frame) -> pl.DataFrame:
    """Count each category in the rows that hold it; kinds of bypass are part of bypass."""
    listed = requests.filter(~nw.col("categories").is_null()).select(
        "group", "is_blocked", "lesson", category=nw.col("categories")
    )
    exploded = listed.explode("category").filter(nw.col("category").is_in(list(CATEGORIES)))
    blocked = nw.col("is_blocked").cast(nw.Int64)
    rows = small(
        exploded.group_by("category", "group").agg(
            allowed=(1 - blocked).sum(), blocked=blocked.sum(), in_school_hours=nw.col("lesson").cast(nw.Int64).sum()
        )
    )
    return shaped(rows, CATEGORY_USE).sort("category", "group")


def _people(requests: spread.Frame) -> pl.DataFrame:
    known = requests.filter(~nw.col("who").is_null())
    minutes = known.group_by("who", "is_person", "group", "local_date", "local_minute").agg(n=nw.len())
    active = minutes.filter(nw.col("n") >= ACTIVE)
    late = (nw.col("local_minute") >= LATE).cast(nw.Int64)
    days = small(active.group_by("who", "is_person", "group", "local_date").agg(minutes=nw.len(), late=late.sum()))
    rows = days.group_by("who", "is_person", "group").agg(
        pl.len().alias("days"),
        pl.col("minutes").mean().alias("minutes_a_day"),
        pl.col("minutes").max().alias("longest_day"),
        pl.col("late").sum().alias("late_minutes"),
    )
    return shaped(rows, PEOPLE).sort("longest_day", "who", "is_person", "group", descending=[True, False, False, False])


def _staff_youtube(requests: spread.Frame) -> int:
    seen = requests.filter(
        (nw.col("group") == "staff") & nw.col("lesson") & nw.col("domain").is_in(list(YOUTUBE)) & ~nw.col("is_blocked")
    )
    minutes = seen.group_by("who", "is_person", "local_date", "local_minute").agg(n=nw.len())
    return int(small(minutes.select(nw.col("n").len())).item())


def _school_requests(requests: spread.Frame) -> dict[str, int]:
    rows = small(requests.filter(nw.col("lesson")).group_by("group").agg(n=nw.len()))
    return {str(group or "unknown"): int(n) for group, n in rows.iter_rows()}
