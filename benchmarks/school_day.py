"""A synthetic school day as squid would log it and the pass would enrich it: the input of the storage benchmarks.

The shape follows what a proxy with HTTPS tunnels sees in a secondary school: about nine in ten requests are CONNECT;
hosts and people follow a power law; a person's requests come in bursts of related hosts, about forty people at once;
sizes and durations are log-normal; time stamps have milliseconds; a few are searches over plain HTTP.  Nothing is real.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.events import EVENT_SCHEMA, GROUP, IDENTITY, KIND, complete

ZONE = ZoneInfo("Europe/London")
HOSTS, PEOPLE = 20_000, 900
WORDS = ("play", "cdn", "img", "api", "static", "news", "maths", "video", "mail", "login", "edge", "assets", "game")
ENDS = ("com", "co.uk", "net", "org", "org.uk", "io")
CATEGORIES = (["games"], ["social_media", "chat"], ["video"], ["gambling"], ["generative_ai"], ["webmail"])


@dataclass(frozen=True)
class School:
    """The hosts and people of the day: the same for every batch of it."""

    hosts: pl.DataFrame
    people: pl.DataFrame


def school(seed: int = 7) -> School:
    """Return the hosts (``host, domain, dest_ip, categories``) and people of a made-up school."""
    rng = np.random.default_rng(seed)
    count = HOSTS // 3
    ends = rng.choice(ENDS, count, p=(0.55, 0.2, 0.1, 0.08, 0.05, 0.02))
    domains = [f"{rng.choice(WORDS)}{n:x}.{end}" for n, end in enumerate(ends)]
    domain = rng.integers(0, count, HOSTS)
    prefix = rng.choice(("www", "api", "cdn", "static", "m", "events", "img1", "a1b2c3"), HOSTS)
    listed = rng.random(HOSTS) < 0.15
    hosts = pl.DataFrame(
        {
            "host": [f"{p}.{domains[d]}" for p, d in zip(prefix, domain, strict=True)],
            "domain": [domains[d] for d in domain],
            "dest_ip": [".".join(map(str, quad)) for quad in rng.integers(1, 255, (HOSTS, 4)).tolist()],
            "categories": [CATEGORIES[int(rng.integers(len(CATEGORIES)))] if hit else None for hit in listed],
        },
        schema_overrides={"categories": pl.List(pl.String)},
    )
    staff = rng.random(PEOPLE) < 0.1
    people = pl.DataFrame(
        {
            "client_ip": [f"10.{10 + n // 250}.{n // 50 % 5}.{n % 250 + 2}" for n in range(PEOPLE)],
            "client_mac": [None] * PEOPLE,
            "user": [f"{'staff' if s else '22'}{chr(97 + n % 26)}.{n:04d}" for n, s in enumerate(staff)],
            "group": pl.Series(["staff" if s else "pupils" for s in staff], dtype=GROUP),
            "year": [None if s else str(7 + n % 5) for n, s in enumerate(staff)],
            "device": [f"{'lt' if s else 'cb'}-{n:04d}" for n, s in enumerate(staff)],
        },
        schema_overrides={"client_mac": pl.String},
    )
    return School(hosts, people.with_columns(person="user"))


def _popular(rng: np.random.Generator, count: int, among: int, steep: float) -> NDArray[np.int64]:
    weights = 1 / np.arange(1, among + 1) ** steep
    return rng.choice(among, count, p=weights / weights.sum())


def _who_and_where(rng: np.random.Generator, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bursts: one person opens a page, and five to forty requests to that page's dozen hosts follow."""
    sizes = rng.integers(5, 40, rows // 10)
    page = np.repeat(np.arange(len(sizes)), sizes)[:rows]
    person = _popular(rng, len(sizes), PEOPLE, 0.6)[page]
    site = _popular(rng, len(sizes), HOSTS // 8, 1.0)[page]
    host = (site * 8 + rng.geometric(0.35, rows)) % HOSTS
    mixed = np.argsort(np.arange(rows) + rng.normal(0, 40, rows))
    return person[mixed], host[mixed]


def day(rows: int, on: date = date(2026, 11, 17), seed: int = 11, of: School | None = None) -> pl.DataFrame:
    """Return *rows* enriched events of one school day, complete, in order of time."""
    rng = np.random.default_rng([seed, on.toordinal()])
    of = of or school()
    person, host = _who_and_where(rng, rows)
    # Two humps, before and after lunch, and a thin evening.
    morning = rng.random(rows) < 0.55
    hours = np.clip(np.where(morning, rng.normal(10.2, 1.0, rows), rng.normal(13.8, 1.1, rows)), 7.0, 21.9)
    tunnel = rng.random(rows) < 0.9
    status = np.where(rng.random(rows) < 0.02, 403, np.where(tunnel | (rng.random(rows) < 0.8), 200, 304))
    requests = pl.DataFrame({
        "ms": np.sort((hours * 3_600_000).astype(np.int64)),
        "duration_ms": np.exp(rng.normal(5.5, 2.0, rows)).astype(np.int64),
        "bytes_in": np.exp(rng.normal(8.3, 1.6, rows)).astype(np.int64),
        "tunnel": tunnel,
        "search": ~tunnel & (rng.random(rows) < 0.05),
        "path": rng.integers(0, 4000, rows),
        "status": status.astype(np.int32),
    })  # fmt: skip
    midnight = datetime(on.year, on.month, on.day, tzinfo=ZONE)
    return _events(
        pl.concat([requests, of.people[person.tolist()], of.hosts[host.tolist()]], how="horizontal"), midnight
    )


def _events(frame: pl.DataFrame, midnight: datetime) -> pl.DataFrame:
    blocked = pl.col("status") == 403
    url = (
        pl.when("tunnel").then(pl.col("host") + ":443")
        .when("search").then("http://" + pl.col("host") + "/search?q=" + (pl.col("path") % 500).cast(pl.String))
        .otherwise("http://" + pl.col("host") + "/a/" + pl.col("path").cast(pl.String) + ".js")
    )  # fmt: skip
    zero = pl.lit(midnight).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return complete(
        frame.with_columns(
            time=zero + pl.duration(milliseconds=pl.col("ms"), time_unit="us"),
            site=pl.lit("st-pauls"), source=pl.lit("squid"), stream=pl.lit("dev2049:ino1311042:gen77"),
            kind=pl.lit("http").cast(KIND), url=url, protocol=pl.lit("tcp"),
            method=pl.when("tunnel").then(pl.lit("CONNECT")).otherwise(pl.lit("GET")),
            action=pl.when(blocked).then(pl.lit("blocked")).otherwise(pl.lit("allowed")),
            dest_ip=pl.when(~blocked).then("dest_ip"),
            dest_port=pl.when("tunnel").then(443).otherwise(80),
            filter_reason=pl.when(blocked).then(pl.lit("TCP_DENIED")).when("tunnel").then(pl.lit("TCP_TUNNEL"))
            .otherwise(pl.lit("TCP_MISS")),
            mime_type=pl.when("tunnel").then(None).otherwise(pl.lit("application/javascript")),
            identity=pl.lit("authenticated").cast(IDENTITY), device_class=pl.lit("individual"),
            counted=pl.lit(value=True),
            search_terms=pl.when("search").then("words " + (pl.col("path") % 500).cast(pl.String)),
        )
        .with_columns(started=pl.col("time") - pl.duration(milliseconds=pl.col("duration_ms"), time_unit="us"))
        .with_columns(local=pl.col("started").dt.convert_time_zone(str(ZONE)))
        .with_columns(
            local_date=pl.col("local").dt.date(), local_time=pl.col("local").dt.time(),
            local_minute=pl.col("local").dt.hour().cast(pl.Int16) * 60 + pl.col("local").dt.minute(),
            weekday=pl.col("local").dt.weekday(),
            in_school_hours=pl.col("local").dt.time().is_between(pl.time(8, 30), pl.time(15, 30)),
            line_length=(pl.col("url").str.len_bytes() + pl.col("user").str.len_bytes() + pl.col("dest_ip")
            .fill_null("-").str.len_bytes() + 75).cast(pl.Int32),
        )
        .with_columns(line_offset=(pl.col("line_length").cast(pl.Int64) + 1).cum_sum() - pl.col("line_length") - 1)
        .drop("ms", "tunnel", "search", "path", "local")
    ).select(EVENT_SCHEMA.names())  # fmt: skip


def days(rows: int, count: int, first: date = date(2026, 11, 16)) -> list[pl.DataFrame]:
    """Return *count* days of *rows* events each."""
    of = school()
    return [day(rows, first + timedelta(days=n), of=of) for n in range(count)]
