"""The events that strange sites are known by, as narrow rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from filterwatch.detectors import spread
from filterwatch.detectors.signs import search_for_ways
from filterwatch.detectors.strange_use import MINUTE
from filterwatch.events import CATEGORY_BIT, EVENT_SCHEMA, SIGNAL_BIT, column

DAY = 24 * 60 * MINUTE
BAD = CATEGORY_BIT["bypass.unblocker"]
LISTED = sum(CATEGORY_BIT.values())
UNUSUAL, STRAY = SIGNAL_BIT["unusual_name"], SIGNAL_BIT["stray_name"]
FREE, PLATFORM = SIGNAL_BIT["free_name"], SIGNAL_BIT["platform_name"]
"""What lists and names say of a host, as bits."""


class Row(NamedTuple):
    """An event that went to a site; times in microseconds since 1970.

    Attributes:
        row: Its number in the batch.
        site: The registered domain, or the host where strangers get names below that.
        shared: Whether that is a platform that many projects share.
        who: Person, else device, else address.
        sure: Whether the log or a lease says who it is; an address alone can be forged.
        teaches: Whether that is surely a member of staff or a governor.
        searched: Whether it is a search for ways round the filter.
        asks: Whether it is a question of DNS, which has no size.
        day: Since 1970, UTC.
        news: Whether it may note the site.
        bears: Whether it may bear on strange sites.
    """

    row: int
    at: int
    end: int
    site: str
    shared: bool
    bits: int
    who: str | None
    sure: bool
    watched: bool
    teaches: bool
    blocked: bool
    embedded: bool
    searched: bool
    asks: bool
    size: int
    day: int
    news: bool
    bears: bool

    @property
    def platform(self) -> str:
        """What the site lies below, where many projects do; else empty."""
        return platform_of(self.site, shared=self.shared)


def platform_of(site: str, *, shared: bool) -> str:
    """Return what *site* lies below where it is *shared* by many projects; else nothing."""
    return site.partition(".")[2] if shared else ""


NEEDED = (
    "time", "started", "kind", "action", "counted", "group", "person", "identity", "device", "client_ip", "host",
    "query", "domain", "bytes_in", "bytes_out", "search_terms", "category_bits", "embedded", "rcode",
)  # fmt: skip
"""The event columns, internal ones among them, that strange sites are known by."""

_INTERNAL = {"category_bits": pl.UInt64(), "embedded": pl.Boolean()}


def places_of(events: pl.DataFrame, groups: Sequence[str]) -> pl.DataFrame:
    """Return events that went to a site: the fields of :class:`Row` and, besides, ``place`` (number of the row here),
    ``marked`` (a block or a search), ``strange`` (a name that may be an unblocker's) and ``project`` (an odd one below
    a platform, opened by itself).
    """  # noqa: D205 - the columns are the promise
    types = dict(EVENT_SCHEMA) | _INTERNAL
    bits = pl.col("category_bits").fill_null(0)
    host = pl.coalesce("host", "query")
    below = bits & (FREE | PLATFORM) != 0
    at = spread.moment(pl, "started").fill_null(spread.moment(pl, "time"))
    goes = pl.col("kind").is_in(["http", "dns", "flow"]).fill_null(value=True)
    counts = pl.col("counted").fill_null(value=True) & (pl.col("action") != "auth_required").fill_null(value=True)
    exists = pl.col("rcode").is_null() | (pl.col("rcode") == "NOERROR") | (pl.col("action") == "blocked")
    size = pl.col("bytes_in").fill_null(0) + pl.col("bytes_out").fill_null(0)
    group = pl.col("group")
    return (
        events.lazy()
        .select(column(events, name, types) for name in NEEDED)
        .with_row_index("row")
        .filter(goes & counts & exists & pl.col("domain").is_not_null() & pl.col("time").is_not_null())
        .with_columns(**spread.users(pl))
        .select(
            "row",
            at=at,
            end=pl.max_horizontal(at, spread.moment(pl, "time")),
            site=pl.when(below).then(host).otherwise("domain"),
            shared=bits & PLATFORM != 0,
            bits=bits,
            who="who",
            sure=spread.is_sure(pl),
            watched=group.is_in(list(groups)).fill_null("unknown" in groups),
            teaches=group.is_in(["staff", "governors"]).fill_null(value=False) & pl.col("is_person"),
            blocked=(pl.col("action") == "blocked").fill_null(value=False),
            embedded=pl.col("embedded").fill_null(value=False),
            searched=search_for_ways(pl).fill_null(value=False),
            asks=(pl.col("kind") == "dns").fill_null(value=False),
            size=size,
            day=at // DAY,
        )
        .with_columns(
            marked=(pl.col("blocked") & (pl.col("bits") & LISTED != 0)) | pl.col("searched"),
            strange=pl.col("bits") & (UNUSUAL | STRAY | BAD) != 0,
            project=pl.col("shared") & (pl.col("bits") & (UNUSUAL | STRAY) != 0) & ~pl.col("embedded"),
        )
        .with_row_index("place")
        .collect(engine="in-memory")
    )
