"""Once, two proxies in a chain: a request that the filter in front passed on counts by the filter's own line.

e2guardian in front of squid: both log the request.  The filter's line names the user and the verdict; squid's names the
filter as its client, and writes the URL in another way (``http://host`` becomes ``http://host/``, ``https://host:443``
``host:443``).  A line of the proxy behind that came through the filter never counts, whichever of the two arrives
first.  What the proxy behind blocks, though, the filter only sees as an answer: its line takes that verdict when it is
read with it or later; when it has been journalled before, the block counts by itself, with the filter's client and
user (a block that nobody counts would be a lie: decision 0129).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

import polars as pl
from pydantic import Field

from filterwatch.config import Part, Slug
from filterwatch.events import ACTION, EVENT_SCHEMA, KIND, TIME, column

BESIDE = timedelta(seconds=5)
"""How far the two lines of one request may be apart (our judgement).  Both are written at its end; e2guardian's own
formats know whole seconds, and it logs after it has scanned what squid sent."""

MOST = 10_000
"""Lines that are remembered: 1,000 requests a second for five seconds, with both their lines."""

LOOPBACK: tuple[str, ...] = ("127.0.0.0/8", "::1/128")

RECENT = pl.Schema(
    {
        "chain": pl.String(),
        "ours": pl.Boolean(),
        "place": pl.UInt64(),
        "time": TIME,
        "blocked": pl.Boolean(),
        "through": pl.Boolean(),
        "client_ip": pl.String(),
        "user": pl.String(),
        "user_domain": pl.String(),
        "filter_category": pl.String(),
        "filter_rule": pl.String(),
        "filter_reason": pl.String(),
    }
)
"""The latest lines of the filters in front (``ours``), and blocks of the proxies behind that wait for such a line;
``place`` is a hash of the URL."""

VERDICT = ("filter_category", "filter_rule", "filter_reason")
"""What the filter's line takes, with the action, from a block behind it; where it says nothing itself."""

CLIENT = ("client_ip", "user", "user_domain")
"""What a block that counts takes from the filter's line."""


_SPELT = {":80/?": "?", ":443/?": "?", ":80/": "/", ":443/": "/", ":80?": "?", ":443?": "?", "/?": "?"}
"""How a host may end, and how it is read; the first that fits counts."""


class Chain(Part):
    """One proxy behind a filter of the same gateway."""

    source: Slug = Field(description="Source with the log of the proxy behind.")
    behind: Slug = Field(description="Source with the log of the filter in front.")
    addresses: tuple[IPv4Network | IPv6Network, ...] = Field(
        tuple(ipaddress.ip_network(text) for text in LOOPBACK),
        description="From where the filter's requests come, in the log of the proxy behind.",
    )


def joined(
    events: pl.DataFrame, chains: Sequence[Chain], recent: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    """Return *events* with verdicts and users filled in, which of them do not count, and the new *recent*.

    Args:
        events: In the order of the pass.
        chains: Which source stands behind which.
        recent: Lines just before them (:data:`RECENT`).

    Returns:
        The events, row numbers of those that do not count, and what to hand in with the next batch.
    """
    none = pl.Series([], dtype=pl.UInt32)
    if not chains or "url" not in events.columns or "client_ip" not in events.columns:
        return events, none, recent
    lines = _lines(events, chains)
    if lines.is_empty():
        return events, none, recent
    # Most lines of the proxy behind: they never count and tell nothing, so nobody asks where they went.
    passed = ~pl.col("ours") & pl.col("through") & ~pl.col("blocked")
    double = [lines.filter(passed)["row"]]
    placed = lines.lazy().filter(~passed).with_columns(place=_place(pl.col("url"))).select("row", *RECENT.names())
    new = placed.collect(engine="in-memory")
    fronts, behind = new.filter("ours"), new.filter(~pl.col("ours"))
    known = pl.concat([recent.filter("ours").with_columns(row=pl.lit(None, pl.UInt32)), fronts], how="diagonal")
    waiting = recent.filter(~pl.col("ours")).with_columns(row=pl.lit(None, pl.UInt32))
    double += [behind.filter("through")["row"], _straight(behind.filter(~pl.col("through")), known)]
    blocks = pl.concat([waiting, behind.filter("blocked")], how="diagonal")
    if len(blocks):
        events, late, known, blocks = _told(events, blocks, known)
        double = [some.filter(~some.is_in(late.implode())) for some in double]
    return events, pl.concat(double), _latest([known, blocks.filter("through")])


def _told(
    events: pl.DataFrame, blocks: pl.DataFrame, known: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame, pl.DataFrame]:
    """Return *events* with what *blocks* tell of filters' lines (*known*), rows of the blocks that count by themselves,
    what is known now, and blocks that found no line.
    """  # noqa: D205 - a list of results
    blocks, known = blocks.with_row_index("number"), known.with_row_index("front")
    found = _beside(blocks, known)
    # A filter's line of this batch can still take the verdict; one that was journalled cannot.
    given = found.filter(pl.col("front_row").is_not_null() & ~pl.col("front_blocked")).unique("front", keep="first")
    told = pl.col("front_row").is_null() & ~pl.col("front_blocked") & pl.col("row").is_not_null()
    late = found.filter(told).unique("front", keep="first")
    answered = pl.concat([given["front"], late["front"]])
    known = known.with_columns(blocked=pl.col("blocked") | pl.col("front").is_in(answered.implode()))
    return _filled(events, given, late), late["row"], known, blocks.join(found, on="number", how="anti")


def _lines(events: pl.DataFrame, chains: Sequence[Chain]) -> pl.DataFrame:
    """Return the requests of both sides: :data:`RECENT`'s columns but ``place``, ``row`` and ``url``.

    A row for each chain that the line's source is of.
    """
    http = column(events, "kind") == pl.lit("http", KIND)
    asked = column(events, "action").ne_missing(pl.lit("auth_required", ACTION))
    names = {name for chain in chains for name in (chain.source, chain.behind)}
    named = column(events, "source").is_in(sorted(names))
    lines = events.lazy().with_row_index("row").filter(http & asked & named & pl.col("url").is_not_null())
    kept = [name for name in RECENT if name in EVENT_SCHEMA and name != "time"]
    chosen = lines.select(
        "row",
        "source",
        "time",
        "url",
        *(column(events, name).alias(name) for name in kept),
        blocked=(column(events, "action") == pl.lit("blocked", ACTION)).fill_null(value=False),
    ).collect(engine="in-memory")
    return pl.concat([_sides(chosen, chain) for chain in chains])


def _sides(lines: pl.DataFrame, chain: Chain) -> pl.DataFrame:
    """Return the *lines* of both sources of *chain*, with what each is in it."""
    ours = pl.col("source") == chain.behind
    through = ~ours & pl.col("client_ip").is_in(_within(lines["client_ip"], chain.addresses)).fill_null(value=False)
    mine = lines.lazy().filter(pl.col("source").is_in([chain.source, chain.behind]))
    name = pl.lit(f"{chain.source}<{chain.behind}")
    return mine.with_columns(chain=name, ours=ours, through=through).collect(engine="in-memory")


def _within(addresses: pl.Series, networks: Iterable[IPv4Network | IPv6Network]) -> list[str]:
    nets = tuple(str(net) for net in networks)
    return [address for address in addresses.drop_nulls().unique() if _is_within(address, nets)]


@lru_cache(maxsize=10_000)
def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(net) for net in networks)


def _place(url: pl.Expr) -> pl.Expr:
    """Return the same number for one URL as either proxy writes it.

    Literal texts only: patterns cost three times as much.  URLs that differ in more than spelling and still get the
    same number (in case, say) are none that one client asks for within seconds.
    """
    bare = url.str.to_lowercase()
    for scheme in ("http://", "https://", "tunnel://"):
        bare = bare.str.strip_prefix(scheme)
    bare = bare.str.replace_many(_SPELT, leftmost=True).str.strip_suffix("/")
    return bare.str.strip_suffix(":80").str.strip_suffix(":443").hash()


def _beside(blocks: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return *blocks* that have a filter's line beside them, with that line's columns as ``front_…``."""
    right = known.lazy().sort("time", maintain_order=True)
    right = right.select(
        "front",
        "chain",
        "place",
        "time",
        front_row="row",
        front_blocked="blocked",
        **{f"front_{name}": name for name in CLIENT},
    )
    left = blocks.lazy().filter(pl.col("time").is_not_null()).sort("time", maintain_order=True)
    nearest = left.join_asof(
        right.filter(pl.col("time").is_not_null()),
        on="time",
        by=["chain", "place"],
        strategy="nearest",
        tolerance=BESIDE,
        check_sortedness=False,
    )
    same = pl.col("through") | (pl.col("client_ip") == pl.col("front_client_ip"))
    return nearest.filter(pl.col("front").is_not_null() & same).collect(engine="in-memory")


def _straight(lines: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Return rows of *lines*, which name a client of their own and yet have a filter's line of it beside them."""
    if lines.is_empty():
        return lines["row"]
    straight = lines.lazy().filter(pl.col("time").is_not_null())
    fronts = known.lazy().filter(pl.col("time").is_not_null()).sort("time", maintain_order=True)
    nearest = straight.sort("time", maintain_order=True).join_asof(
        fronts.select("chain", "place", "client_ip", "time", found=True),
        on="time",
        by=["chain", "place", "client_ip"],
        strategy="nearest",
        tolerance=BESIDE,
        check_sortedness=False,
    )
    return nearest.filter("found").collect(engine="in-memory")["row"]


def _filled(events: pl.DataFrame, given: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    """Return *events* with verdicts at the filter's lines and clients at the blocks that count by themselves."""
    if len(given):
        to = given["front_row"]
        blocked = pl.Series(["blocked"] * len(given), dtype=ACTION)
        events = events.with_columns(events["action"].scatter(to, blocked))
        events = _set(events, to, {name: given[name] for name in VERDICT}, over=False)
    if len(late):
        events = _set(events, late["row"], {name: late[f"front_{name}"] for name in CLIENT}, over=True)
    return events


def _set(events: pl.DataFrame, rows: pl.Series, values: dict[str, pl.Series], *, over: bool) -> pl.DataFrame:
    changed = []
    for name, new in values.items():
        if new.null_count() == len(new):
            continue
        old = events[name] if name in events.columns else None
        old = pl.Series(name, [None], dtype=EVENT_SCHEMA[name]).new_from_index(0, len(events)) if old is None else old
        said = pl.DataFrame({"old": old[rows], "new": new})
        order = ("new", "old") if over else ("old", "new")
        changed.append(old.scatter(rows, said.select(pl.coalesce(*order))[order[0]]))
    return events.with_columns(changed)


def _latest(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return what a line of the next batch may belong to: within five seconds of each chain's last."""
    lines = pl.concat([part.select(RECENT.names()) for part in parts])
    near = pl.col("time") >= pl.col("time").max().over("chain") - BESIDE
    return lines.lazy().filter(near).sort("time", maintain_order=True).tail(MOST).collect(engine="in-memory")
