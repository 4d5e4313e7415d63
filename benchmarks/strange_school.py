"""How often the detector of strange sites speaks in a school where nobody, or somebody, uses unblockers.

    .venv/bin/python -m benchmarks.strange_school FILE... [--unblockers FILE] [--rules DIR] [--pupils 900] [--staff 100]
        [--days 15] [--dns] [--addresses]

The files hold ordinary hosts, one a line; the school is made up of them.  Popularity falls as in a power law, so that
new sites turn up every day; one site in five is a host below its domain, as vendors give tenants, with labels as they
stand in the files; pages load a dozen pieces from other hosts, one in four below a delivery network, but one site in
four loads hardly any; pupils are blocked three times a day; classes open a site together; staff look around too.  With
``--unblockers`` ten pupils a day use one of those hosts for a quarter of an hour, every third of them after a block,
and two friends follow every second one.
``--dns`` keeps what a resolver's log would show; ``--addresses`` tells of nobody who it is.  Nothing is real.

Prints what is told on each day after the first week, which is for learning: people and sites, by the higher level.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.overblock import read
from benchmarks.strange_use import BAD
from benchmarks.unblockers import unblockers
from filterwatch import detections, enrich, lists
from filterwatch.detectors.seen import Seen
from filterwatch.detectors.strange_site import Settings, StrangeSite
from filterwatch.events import ACTION, CATEGORY_BIT, GROUP, IDENTITY, KIND

FIRST = datetime(2026, 11, 2, tzinfo=UTC)
"""A Monday."""

SITES, PIECES = 40_000, 4_000
OPEN, CLOSE = 8.75 * 60, 15.25 * 60
VISITS = {"pupils": 25, "staff": 40}
BLOCKS, LESSONS, CLASS = 3, 40, 25
NEXT_PAGE = 0.3
GAME = "www.roblox.com"
LEARNT = 5
"""Days after which the detector has learnt."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """The sites: hosts by number, and of each the numbers of the pieces its pages load."""

    hosts: list[str]
    pieces: list[Numbers]


def world(ordinary: Sequence[str], rng: np.random.Generator) -> World:
    """Return a world of ordinary hosts; sites come first, pieces behind them."""
    suffixes = enrich.Suffixes()
    below = [host.partition(".")[0] for host in ordinary if (suffixes.registrable(host).domain or host) != host]
    labels = [label for label in below if label != "www"] or ["app"]
    sites = list(rng.permutation(np.array(ordinary, dtype=object)))[:SITES]
    own = rng.random(len(sites)) < 0.2
    chosen = rng.integers(0, len(labels), len(sites))
    sites = [f"{labels[n]}.{host}" if is_own else host for host, is_own, n in zip(sites, own, chosen, strict=True)]
    delivered = rng.random(PIECES) < 0.25
    from_ = rng.integers(0, len(ordinary), PIECES)
    pieces = [
        f"d{n:x}{rng.integers(1 << 40):x}.cloudfront.net"
        if is_delivered
        else f"{labels[n % len(labels)]}.{ordinary[at]}"
        for n, (is_delivered, at) in enumerate(zip(delivered, from_, strict=True))
    ]
    quiet = rng.random(len(sites)) < 0.25
    counts = np.where(quiet, rng.integers(0, 3, len(sites)), rng.geometric(1 / 12, len(sites)))
    loaded = [len(sites) + _popular(rng, int(count), PIECES, 0.9) for count in counts]
    return World([*sites, *pieces], loaded)


def day(of: World, number: int, people: dict[str, int], rng: np.random.Generator, bad: Sequence[str]) -> pl.DataFrame:
    """Return the requests of one day in order: ``minute, who, group, host, bytes_in, action``."""
    parts = [_group(of, group, count, rng) for group, count in people.items()]
    pupils = people["pupils"]
    at = rng.uniform(OPEN, CLOSE, pupils * BLOCKS)
    parts.append(_rows(at, np.repeat(np.arange(pupils), BLOCKS), "pupils", [GAME] * len(at), 3_000, "blocked"))
    for _ in range(LESSONS):
        site, begin = int(rng.integers(len(of.pieces))), rng.uniform(OPEN, CLOSE - 30)
        who = rng.choice(pupils, min(CLASS, pupils), replace=False)
        joined = begin + rng.uniform(0, 3, len(who))
        parts.append(_visits(of, np.full(len(who), site), joined, np.full(len(who), 20), who, "pupils", rng))
    parts += list(_bypassing(bad, pupils, rng)) if len(bad) else []
    midnight = FIRST + timedelta(days=number + number // 5 * 2)
    return (
        pl.concat(parts)
        .sort("minute")
        .with_columns(time=pl.lit(midnight) + pl.duration(microseconds=(pl.col("minute") * 60_000_000).cast(pl.Int64)))
    )


def _group(of: World, group: str, count: int, rng: np.random.Generator) -> pl.DataFrame:
    visits = count * VISITS[group]
    site = _popular(rng, visits, len(of.pieces), 0.9)
    dwell = np.clip(np.exp(rng.normal(1.1, 0.9, visits)), 0, 60).astype(np.int64)
    who = rng.integers(0, count, visits)
    return _visits(of, site, rng.uniform(OPEN, CLOSE, visits), dwell, who, group, rng)


def _visits(
    of: World, site: Numbers, at: npt.NDArray[np.float64], dwell: Numbers, who: Numbers, group: str,
    rng: np.random.Generator,
) -> pl.DataFrame:  # fmt: skip
    """Return a request a minute to the site, and its pieces with each page that is opened."""
    visit = np.repeat(np.arange(len(site)), dwell + 1)
    after = np.arange(len(visit)) - np.repeat(np.cumsum(dwell + 1) - dwell - 1, dwell + 1)
    minute = at[visit] + after
    size = np.exp(rng.normal(12.2, 1.2, len(visit))).astype(np.int64)
    parts = [_rows(minute, who[visit], group, [of.hosts[n] for n in site[visit]], size)]
    page = np.flatnonzero((after == 0) | (rng.random(len(visit)) < NEXT_PAGE))
    loads = [of.pieces[n] for n in site[visit[page]]]
    piece = np.concatenate([np.empty(0, np.int64), *loads])
    page = np.repeat(page, [len(some) for some in loads])
    size = np.exp(rng.normal(9.5, 1.5, len(page))).astype(np.int64)
    parts.append(_rows(minute[page] + 0.02, who[visit[page]], group, [of.hosts[n] for n in piece], size))
    return pl.concat(parts)


def _bypassing(bad: Sequence[str], pupils: int, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
    """Yield how ten pupils use an unblocker each, and some of their friends after them."""
    for number in range(10):
        host, begin = bad[int(rng.integers(len(bad)))], rng.uniform(OPEN, CLOSE - 90)
        who = rng.choice(pupils, 3, replace=False)
        if number % 3 == 0:
            yield _rows(np.array([begin - 2]), who[:1], "pupils", [GAME], 3_000, "blocked")
        for friend in range(3 if number % 2 else 1):
            minute = begin + 20 * friend + np.arange(15)
            yield _rows(minute, np.repeat(who[friend], 15), "pupils", [host] * 15, 600_000)


def _rows(
    minute: npt.NDArray[np.float64], who: Numbers, group: str, hosts: list[str], size: Numbers | int,
    action: str = "allowed",
) -> pl.DataFrame:  # fmt: skip
    return pl.DataFrame({"minute": minute, "who": who, "host": pl.Series(hosts, dtype=pl.String)}).with_columns(
        who=pl.lit(group[:1]) + pl.col("who").cast(pl.String),
        group=pl.lit(group).cast(GROUP),
        bytes_in=pl.Series(size) if isinstance(size, np.ndarray) else pl.lit(size, pl.Int64),
        action=pl.lit(action).cast(ACTION),
    )


def _popular(rng: np.random.Generator, count: int, among: int, steep: float) -> Numbers:
    weights = 1 / np.arange(1, among + 1) ** steep
    return rng.choice(among, count, p=weights / weights.sum())


def known(of: World, bad: Sequence[str], index: lists.CategoryIndex) -> pl.DataFrame:
    """Return ``host``, ``domain`` and ``category_bits`` of all hosts."""
    suffixes = enrich.Suffixes()
    hosts = pl.Series("host", [*{*of.hosts, *bad}], dtype=pl.String)
    bits = [
        CATEGORY_BIT["games"] if host == GAME else bit
        for host, bit in zip([*hosts, GAME], [*index.lookup(hosts), 0], strict=True)
    ]
    hosts = hosts.append(pl.Series([GAME]))
    domains = [suffixes.registrable(host).domain for host in hosts]
    frame = pl.DataFrame({"host": hosts, "domain": domains, "category_bits": pl.Series(bits, dtype=pl.UInt64)})
    return frame.unique("host", keep="last")


def events(requests: pl.DataFrame, places: pl.DataFrame, *, dns: bool, identity: str) -> pl.DataFrame:
    """Return *requests* as a proxy logs them, enriched, or as a resolver does, a name once in five minutes."""
    frame = requests.join(places, on="host", how="left", maintain_order="left").with_columns(
        started="time", person="who", device="who", client_ip="who", identity=pl.lit(identity).cast(IDENTITY),
        kind=pl.lit("http").cast(KIND), counted=pl.lit(value=True),
        line_offset=pl.int_range(pl.len(), dtype=pl.Int64),
    )  # fmt: skip
    if not dns:
        return frame
    asked = frame.with_columns(
        kind=pl.lit("dns").cast(KIND), bytes_in=pl.lit(None, pl.Int64), span=(pl.col("minute") // 5).cast(pl.Int32)
    )
    return asked.unique(["who", "host", "span"], keep="first", maintain_order=True)


def main() -> int:
    """Print what is told on each day."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--unblockers", type=Path)
    parser.add_argument("--rules", type=Path, default=Path("rules"))
    parser.add_argument("--pupils", type=int, default=900)
    parser.add_argument("--staff", type=int, default=100)
    parser.add_argument("--days", type=int, default=15)
    parser.add_argument("--dns", action="store_true")
    parser.add_argument("--addresses", action="store_true")
    given = parser.parse_args()
    rng = np.random.default_rng(7)
    of = world(list(dict.fromkeys(host for path in given.file for host in read(path))), rng)
    bad = unblockers(given.unblockers)[0] if given.unblockers else []
    with tempfile.TemporaryDirectory() as scratch:
        places = known(of, bad, lists.prepare([given.rules / "lists"], Path(scratch) / "lists.index"))
    people = {"pupils": given.pupils, "staff": given.staff}
    identity = "address" if given.addresses else "authenticated"
    days = (
        events(day(of, number, people, rng, bad if number >= LEARNT else ()), places, dns=given.dns, identity=identity)
        for number in range(given.days)
    )
    print(*_lines(days, bad), sep="\n")
    return 0


def _lines(days: Iterable[pl.DataFrame], bad: Sequence[str]) -> Iterator[str]:
    """Yield the table, what an event costs and how much is remembered."""
    seen = Seen()
    detector = StrangeSite(Settings(), seen)
    columns = {"day": 4, "requests": 11, "sites": 8, "wrong: alerts": 15, "hints": 7, "used": 6, "by name": 9}
    yield "".join(f"{name:>{width}}" for name, width in columns.items()) + f"{'alerts':>8}{'hints':>7}"
    took, judged = 0.0, 0
    for number, frame in enumerate(days):
        started = time.process_time()
        found = pl.concat([detector(part, detections.none(), FIRST) for part in frame.iter_slices(65_536)])
        if number >= LEARNT:
            took, judged = took + time.process_time() - started, judged + len(frame)
            used = frame.filter(pl.col("host").is_in(bad)).select("who", "host", "category_bits").unique()
            yield f"{number + 1:4}{len(frame):11,}{frame['domain'].n_unique():8,}" + _told(found, used)
    yield f"{took / judged * 1e6:.2f} us of processor an event" if judged else "all days were for learning"
    yield f"state: {len(seen.state()):,} bytes, {len(detector.state()):,} of use, " + _pages(seen)
    started = time.process_time()
    for _ in range(100):
        _ = [seen.state(), *(page.state() for page in seen.pages), detector.state()]
    yield f"{(time.process_time() - started) * 10:.2f} ms to tell what is remembered"


def _pages(seen: Seen) -> str:
    sizes = [len(page.state()) for page in seen.pages if page.state()]
    return f"{sum(sizes):,} of sites in {len(sizes)} pages of {max(sizes, default=0):,}"


def _told(found: pl.DataFrame, used: pl.DataFrame) -> str:
    """Return of ordinary sites and of unblockers how many people and sites are told, by the higher level."""
    each = found.group_by(who="device", host="host").agg(pl.col("level").max())
    wrong = each.join(used, on=["who", "host"], how="anti")["level"].cast(pl.String)
    right = each.join(used, on=["who", "host"], how="semi")["level"].cast(pl.String)
    named = used.filter(pl.col("category_bits") & BAD != 0)
    counts = [int((of == level).sum()) for of in (wrong, right) for level in ("medium", "low")]
    return f"{counts[0]:15}{counts[1]:7}{len(used):6}{len(named):9}{counts[2]:8}{counts[3]:7}"


if __name__ == "__main__":
    sys.exit(main())
