"""A synthetic school's squid log with its roster, configuration and lists: the input of the whole pass's benchmark.

About 45,000 hosts and 400 pupils by power laws; two lines in three are CONNECT; one in a hundred is a search, three in
a thousand go to a host on a shipped list; sizes and durations are log-normal.  Nothing is real; the seed is fixed.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.app.places import shipped

HOSTS, PUPILS = 45_000, 400
SEARCHES, LISTED = 0.01, 0.003
START = 1_795_420_800
"""23 November 2026, 08:00 UTC: a Monday in term."""

DAY = 28_800
"""Seconds over which the lines lie."""

CHUNK = 100_000
SEARCHED = ("roman+roads", "volcano+facts", "times+tables", "how+to+draw+a+cat", "weather+tomorrow", "vpn+free")
ENDS = ("com", "co.uk", "net", "org", "sch.uk", "io", "de")

CONFIGURATION = """\
site: st-pauls
state: state
lists: {own: [own]}
sources: [{name: squid, format: squid, path: access.log}]
people:
  roster: roster.csv
  ranges: [{net: 10.10.0.0/16, group: pupils, device_class: individual}]
calendar: {terms: [{from: 2026-09-01, to: 2026-12-18}]}
alerts:
  recipients:
    coordinator: {name: Coordinator, channels: [mail]}
    head: {name: Head, channels: [second]}
delivery: {channels: {mail: {url_file: mail.url}, second: {url_file: mail.url}}}
detectors: {volume: {link_mbit: 500}}
"""


def write(folder: Path, lines: int, listed: int) -> Path:
    """Write log, roster, configuration and *listed* further listed names into *folder*; return the log."""
    (folder / "state").mkdir()
    (folder / "filterwatch.yaml").write_text(CONFIGURATION)
    (folder / "mail.url").write_text("mailto://localhost\n")
    pupils = "".join(f"pupil{n:03},Pupil {n},pupils,{n % 7}\n" for n in range(PUPILS))
    (folder / "roster.csv").write_text("user,person,group,year\n" + pupils)
    own = folder / "own"
    own.mkdir()
    made = random.Random(7)
    for category in ("adult", "malware", "gambling", "piracy"):
        names = (f"x-{made.randrange(10**9):x}.{made.choice(ENDS)}\n" for _ in range(listed // 4))
        (own / f"{category}-made-up.txt").write_text(f"# category: {category}\nother.example\n" + "".join(names))
    _log(folder / "access.log", lines)
    return folder / "access.log"


def _log(path: Path, lines: int) -> None:
    rng = np.random.default_rng(7)
    listed = [
        line.strip()
        for file in sorted((shipped("rules") / "lists").glob("*.txt"))
        for line in file.read_text().splitlines()
        if line.strip() and not line.startswith(("#", "exceptions"))
    ]
    host = pl.Series([f"www{n % 7}.site{n // 5:x}.{ENDS[n % len(ENDS)]}" for n in range(HOSTS)])
    with path.open("wb") as file:
        for first in range(0, lines, CHUNK):
            count = min(CHUNK, lines - first)
            at = START + (first + np.arange(count)) * DAY / lines
            file.write("".join(_lines(rng, count, at, host, pl.Series(listed))).encode())


def _lines(
    rng: np.random.Generator, count: int, at: NDArray[np.float64], hosts: pl.Series, listed: pl.Series
) -> list[str]:
    """Return *count* lines that end at the moments *at*."""
    chance, number, pupil = rng.random(count), rng.integers(0, 10**6, count), (rng.pareto(1.2, count) * 40) % PUPILS
    to_listed = pl.Series(rng.random(count) < LISTED)
    host = listed.gather(rng.integers(0, len(listed), count)).zip_with(
        to_listed, hosts.gather(rng.zipf(1.15, count) % HOSTS)
    )
    frame = pl.DataFrame(
        {
            "at": at,
            "took": np.minimum(np.exp(rng.normal(5, 2, count)), 7.2e6).astype(np.int64),
            "size": np.minimum(np.exp(rng.normal(8.3, 1.8, count)), 5e8).astype(np.int64),
            "pupil": pupil.astype(np.int64),
            "host": host,
            "number": number,
            "chance": chance,
            "terms": pl.Series(SEARCHED).gather(rng.integers(0, len(SEARCHED), count)),
            "blocked": rng.random(count) < 0.01,
            "peer": rng.integers(1, 250, count),
        }
    )
    search, tunnel = pl.col("chance") < SEARCHES, pl.col("chance") < 2 / 3
    searched = pl.format("GET https://www.google.co.uk/search?client=firefox&q={}+{}", "terms", "number")
    plain = pl.format("GET http://{}/assets/{}/app.js?v=1", "host", "number")
    result = (
        pl.when("blocked").then(pl.lit("TCP_DENIED/403"))
        .when(tunnel & ~search).then(pl.lit("TCP_TUNNEL/200")).otherwise(pl.lit("TCP_MISS/200"))
    )  # fmt: skip
    second = pl.col("at").floor()
    return frame.select(
        pl.format(
            "{}.{} {} 10.10.{}.{} {} {} {} pupil{} {} {}\n",
            second.cast(pl.Int64),
            ((pl.col("at") - second) * 1000).cast(pl.Int64).cast(pl.String).str.zfill(3),
            pl.col("took").cast(pl.String).str.pad_start(6),
            pl.col("pupil") // 250,
            pl.col("pupil") % 250,
            result,
            "size",
            pl.when(search).then(searched).when(tunnel).then(pl.format("CONNECT {}:443", "host")).otherwise(plain),
            pl.col("pupil").cast(pl.String).str.zfill(3),
            pl.when("blocked").then(pl.lit("HIER_NONE/-")).otherwise(pl.format("HIER_DIRECT/203.0.113.{}", "peer")),
            pl.when(tunnel & ~search).then(pl.lit("-")).otherwise(pl.lit("text/html")),
        ).alias("line")
    )["line"].to_list()  # fmt: skip
