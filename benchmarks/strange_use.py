"""A host that is used as pupils use unblockers, in a school that never saw it: what the detector of strange sites says.

The host stands alone: the school has learnt, remembers nothing else, and one pupil (or three in turn) goes there in
one of the :data:`WAYS`.  Nothing else is asked for meanwhile, which is the worst case for an ordinary site: its pages
load pieces from others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

import polars as pl

from filterwatch import detections
from filterwatch.detectors.seen import Seen
from filterwatch.detectors.strange_site import Settings, StrangeSite
from filterwatch.events import CATEGORY_BIT, SIGNAL_BIT, complete

BEGIN = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
BAD = CATEGORY_BIT["bypass.unblocker"]
ODD = SIGNAL_BIT["unusual_name"] | SIGNAL_BIT["stray_name"]
SHARED = SIGNAL_BIT["free_name"] | SIGNAL_BIT["platform_name"]

Row = dict[str, object]
Place = tuple[str, str, int]
"""Host, registrable domain, bits."""


def visit(place: Place, begin: int, minutes: int, who: str = "p1", **other: object) -> Iterator[Row]:
    """Yield the requests of somebody at a site, one a minute of 600 kB."""
    host, domain, bits = place
    for minute in range(begin, begin + minutes + 1):
        yield {
            "time": BEGIN + timedelta(minutes=minute), "kind": "http", "action": "allowed", "host": host,
            "domain": domain, "category_bits": bits, "device": who, "client_ip": who, "group": "pupils",
            "bytes_in": 600_000,
        } | other  # fmt: skip


def blocked(at: int) -> Iterator[Row]:
    """Yield the block of a game."""
    games = ("www.roblox.com", "roblox.com", CATEGORY_BIT["games"])
    return visit(games, at, 0, action="blocked", bytes_in=3_000)


def _stay(place: Place) -> Iterator[Row]:
    yield from visit(place, 0, 12)


def _after_block(place: Place) -> Iterator[Row]:
    yield from blocked(-2)
    yield from visit(place, 0, 3)


def _both(place: Place) -> Iterator[Row]:
    yield from blocked(-2)
    yield from visit(place, 0, 12)


def _in_turn(place: Place) -> Iterator[Row]:
    for number in range(3):
        yield from visit(place, 20 * number, 4, f"p{number}", kind="dns", bytes_in=None)


WAYS: Mapping[str, Callable[[Place], Iterator[Row]]] = {
    "12 minutes there": _stay,
    "3 minutes, after a block": _after_block,
    "12 minutes, after a block": _both,
    "3 pupils in turn, DNS only": _in_turn,
}


@cache
def told(bits: int, way: str, sibling: int | None = None) -> str:
    """Return the highest level that is told when a site is used; empty for nothing.

    Args:
        bits: What its name and the lists say: all the detector knows of a host that stands alone.
        way: How it is used, of :data:`WAYS`.
        sibling: Bits of a host below the same domain that alerts by itself, and was asked for by somebody before.
    """
    if not bits & ODD and sibling is None:
        return ""
    place = ("one.site.test", "site.test", bits)
    before = visit(("other.site.test", "site.test", sibling), -90, 0, "p9") if sibling else ()
    rows = [complete(pl.DataFrame([row], infer_schema_length=None)) for row in (*before, *WAYS[way](place))]
    events = pl.concat(rows, how="diagonal_relaxed").with_columns(
        pl.col("category_bits").cast(pl.UInt64),
        line_offset=pl.int_range(pl.len(), dtype=pl.Int64),
        started="time",
        counted=pl.lit(value=True),
    )
    detector = StrangeSite(Settings(learn_days=0), Seen())
    found = detector(events, detections.none(), BEGIN)
    return str(found["level"].max() or "")
