"""How much processor time it takes to judge enriched squid events by all rules.

    .venv/bin/python benchmarks/policy.py [--rules DIR] [--rows 65536]

Without ``--rules`` sixty synthetic rules of every kind are judged.  Events are synthetic: Zipf-distributed hosts, one
in thirty of all but the best known on a list, one event in a hundred a search.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from filterwatch import policy
from filterwatch.events import ACTION, CATEGORIES, EVENT_SCHEMA, GROUP, IDENTITY, KIND

HOSTS = 20_000
PLACES = (("best", 0), ("middle", -8))


def events(rows: int, seed: int = 7) -> pl.DataFrame:
    """Return enriched events of one busy school morning."""
    random = np.random.default_rng(seed)
    names = np.array([f"www.site{n}.example{n % 97}.co.uk" for n in range(HOSTS)])
    at = random.zipf(1.2, rows) % HOSTS
    known = np.arange(HOSTS) < 200
    listed = np.where(~known & (random.random(HOSTS) < 0.03), 1 << random.integers(0, len(CATEGORIES), HOSTS), 0)
    connect = random.random(rows) < 0.7
    hosts = pl.Series("host", names[at])
    numbers = pl.Series(random.integers(0, 10**6, rows)).cast(pl.String)
    started = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    time_ = (
        pl.Series([started]).new_from_index(0, rows)
        + pl.Series(np.sort(random.integers(0, 3600, rows))).cast(pl.Duration("ms")) * 1000
    )
    searched = random.random(rows) < 0.01
    words = pl.Series(["how to tie a tie", "rivers of france", "weed killer", "buy vape", "cat video"])
    terms = words[random.integers(0, 5, rows)].zip_with(
        pl.Series(searched), pl.repeat(None, rows, dtype=pl.String, eager=True)
    )
    frame = pl.DataFrame({"host": hosts, "number": numbers, "connect": connect, "time": time_}).with_columns(
        url=pl.when("connect")
        .then(pl.col("host") + ":443")
        .otherwise("http://" + pl.col("host") + "/a/" + pl.col("number") + "/index.html?v=" + pl.col("number")),
        method=pl.when("connect").then(pl.lit("CONNECT")).otherwise(pl.lit("GET")),
        mime_type=pl.when("connect").then(None).otherwise(pl.lit("text/html")),
    )
    local = pl.col("time").dt.replace_time_zone(None)
    return frame.drop("number", "connect").with_columns(
        local.dt.time().alias("local_time"),
        local.dt.weekday().alias("weekday"),
        local.dt.date().alias("local_date"),
        pl.lit(value=True).alias("in_school_hours"),
        pl.lit(value=True).alias("counted"),
        pl.lit("http").cast(KIND).alias("kind"),
        pl.Series("action", random.choice(["allowed", "blocked"], rows, p=[0.97, 0.03])).cast(ACTION),
        pl.Series("group", random.choice(["pupils", "staff", "guests"], rows, p=[0.8, 0.15, 0.05])).cast(GROUP),
        pl.Series("identity", random.choice(["lease", "authenticated"], rows)).cast(IDENTITY),
        pl.Series("person", random.integers(0, 900, rows)).cast(pl.String),
        pl.Series("year", random.integers(1, 7, rows)).cast(pl.String),
        pl.Series("device_class", random.choice(["individual", "projector", "phone"], rows, p=[0.97, 0.02, 0.01])),
        pl.Series("bytes_in", random.integers(0, 10**6, rows)),
        pl.Series("bytes_out", random.integers(0, 10**4, rows)),
        pl.Series("duration_ms", random.integers(0, 10**5, rows)),
        terms.alias("search_terms"),
        pl.Series("category_bits", listed[at].astype(np.uint64)),
        pl.lit("school").alias("site"),
        pl.lit("squid").alias("source"),
        pl.lit("stream").alias("stream"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("line_offset"),
        pl.lit(150, dtype=EVENT_SCHEMA["line_length"]).alias("line_length"),
    )


def write_rules(directory: Path) -> None:
    """Write sixty rules that look like a school's."""
    (directory / "terms").mkdir()
    for pack in ("self_harm", "drugs", "adult"):
        terms = "".join(f"  - {{term: 'term{n} {pack}'}}\n" for n in range(300))
        (directory / "terms" / f"{pack}.yaml").write_text(f"id: {pack}\nlanguage: en\nterms:\n{terms}  - weed\n")
    extra = {
        "video": "when: {windows: [{from: '08:30', to: '15:30'}]}",
        "webmail": "who: {groups: [staff]}\nwhen: {during: school_hours}",
        "games": "who: {groups: [pupils], except: {device_classes: [projector]}, years: [5, 6]}",
        "bandwidth": "count: {at_least: 20, within: 10m, by: person}",
    }
    for number in range(60):
        category = [*CATEGORIES][number % len(CATEGORIES)]
        hosts = ", ".join(f"site{n}.example{n % 97}.co.uk" for n in range(number * 5 + 5000, number * 5 + 5012))
        other = [
            f"host: [{hosts}]",
            "search_terms: {pack: [drugs, adult, self_harm][0]}".replace("[drugs, adult, self_harm][0]", "drugs"),
            "all: [{host: [example5.co.uk]}, {url: {path_prefix: [/a/1]}}]",
            "filter_category: ['Gambling*']",
            "url: {contains: ['browse.php?u=', '/cgi-proxy/']}"
            if number % 20 == 4
            else "dest_port: [1194, '6881-6999']",
            "mime_type: ['application/x-msdownload']",
        ][number % 6]
        text = (
            f"id: rule_{number}\ntitle: Rule\nlevel: medium\ncategory: {category}\noutcome: breach\n"
            f"policy: {{text: T, section: S}}\n{extra.get(category, 'who: {groups: [pupils, staff, guests]}')}\n"
            f"match:\n  any:\n  - categories: [{category}]\n  - {{{other}}}\n"
            "examples: {holds: [{host: a.test}], does_not_hold: [{host: b.test}]}\n"
        )
        (directory / f"rule_{number}.yaml").write_text(text)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rules", type=Path)
    arguments.add_argument("--rows", type=int, default=65_536)
    arguments.add_argument("--repeat", type=int, default=15)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not given.rules:
            write_rules(Path(folder))
        started = time.process_time()
        rules = policy.load(given.rules or Path(folder))
    print(f"{len(rules.rules)} rules loaded in {time.process_time() - started:.2f} s")
    frame = events(given.rows)
    took, found = [], 0
    for _ in range(given.repeat):
        started = time.process_time()
        judged = rules.evaluate(frame)
        took.append(time.process_time() - started)
        found = len(judged.detections) + len(judged.hits)
    took.sort()
    each = [f"{name} {took[at] * 1e3:.1f} ms = {took[at] / given.rows * 1e6:.3f} us an event" for name, at in PLACES]
    print(f"{given.rows} events, {found} held: {'; '.join(each)}")


if __name__ == "__main__":
    main()
