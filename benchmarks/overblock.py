"""What ordinary sites would raise: which share of a list of hosts alerts above low, by rule, list and entry.

    .venv/bin/python -m benchmarks.overblock FILE... [--rules DIR] [--lists FILE...] [--fetched ID=PATH...] [--show N]

Each file holds a host a line (what follows a blank, a comma or # is left out). A pupil asks each once, on a school
morning. ``--lists`` adds category lists in our own form (``# category: ...`` at the top); ``--fetched`` adds lists of
the catalogue from files at hand, as if they had been fetched (:mod:`benchmarks.as_fetched`).
Prints a line for each host that raises anything above low, and ends with 1 when they are more than one in 2,000.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from benchmarks.as_fetched import given, take
from filterwatch import enrich, lists, policy
from filterwatch.events import DECODED_SCHEMA, GROUP, LEVEL
from filterwatch.text import printable

AT_MOST = 2_000
"""One site in so many may raise an alert; source: issue 4 of the design."""

MORNING = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ABOVE_LOW = ("medium", "high", "critical")


def read(path: Path) -> list[str]:
    """Return the hosts in *path*, each in its one form, in their order and once."""
    lines = (line.strip().replace(",", " ").split() for line in path.read_text(errors="replace").splitlines())
    found = (enrich.host_of(words[0]) for words in lines if words and not words[0].startswith("#"))
    return list(dict.fromkeys(host for host in found if host))


def raised(
    hosts: Sequence[str], index: lists.CategoryIndex, rules: policy.RuleSet, urls: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return the detections of a pupil's visits to *hosts*, those that wait for a count among them.

    Args:
        hosts: In their one form.
        index: The lists.
        rules: The policy.
        urls: The address of each visit; null for the front pages.
    """
    rows = {"time": MORNING, "kind": "http", "method": "GET", "action": "allowed", "source": "bench", "stream": "bench"}
    events = pl.DataFrame({"host": list(hosts)}).with_row_index("line_offset")
    front = pl.Series(urls, dtype=pl.String) if urls is not None else "https://" + pl.col("host") + "/"
    events = events.with_columns(url=front, **{k: pl.lit(v) for k, v in rows.items()})
    absent = [name for name in DECODED_SCHEMA if name not in events.columns]
    events = events.with_columns(pl.lit(None, DECODED_SCHEMA[name]).alias(name) for name in absent)
    events = events.with_columns(pl.col(name).cast(DECODED_SCHEMA[name]) for name in DECODED_SCHEMA)
    context = enrich.build(enrich.Settings(), index)
    settled = context.settle(context.prepare(events.with_columns(pl.col("line_offset").cast(pl.Int64))))
    pupil = settled.with_columns(
        group=pl.lit("pupils", GROUP), counted=pl.lit(value=True), in_school_hours=pl.lit(value=True)
    )
    judged = rules.evaluate(pupil)
    return pl.concat([judged.detections, judged.hits], how="diagonal")


def told(found: pl.DataFrame, index: lists.CategoryIndex) -> Iterator[tuple[str, str, str, str]]:
    """Yield host, rule, list and entry of each detection above low."""
    above = found.filter(pl.col("level").cast(LEVEL).is_in(list(ABOVE_LOW)))
    for host, rule, category, kind in above.select("host", "rule", "category", "kind").iter_rows():
        entries = [one for one in index.entries(host, f"https://{host}/") if one.used and one.mode != "allow"]
        exact = [one for one in entries if one.category == f"{category}.{kind}"]
        entry = next((one for one in exact + entries if one.category.partition(".")[0] == category), None)
        yield host, rule, entry.list if entry else "-", entry.entry if entry else "-"


def main() -> int:
    """Print what is raised; 1 when it is too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--rules", type=Path, default=Path("rules"))
    parser.add_argument("--lists", type=Path, nargs="*", default=[], help="further lists in our own form")
    parser.add_argument("--fetched", type=given, nargs="*", default=[], metavar="ID=PATH", help="of the catalogue")
    parser.add_argument("--show", type=int, default=1_000_000, help="hosts of each file to print")
    said = parser.parse_args()
    rules = policy.load(said.rules)
    late = False
    with tempfile.TemporaryDirectory() as scratch:
        fetched = [one.file for one in take(said.fetched, said.rules, Path(scratch))]
        index = lists.prepare([said.rules / "lists", *said.lists, *fetched], Path(scratch) / "lists.index")
        for path in said.file:
            hosts = read(path)
            hits = list(told(raised(hosts, index, rules), index))
            for hit in hits[: said.show]:
                print(f"{path.name}\t" + "\t".join(map(printable, hit)))
            sites = len({host for host, *_ in hits})
            late |= sites * AT_MOST > len(hosts)
            by = Counter((rule, list_) for _, rule, list_, _ in hits).most_common()
            share = f"1 in {len(hosts) / sites:,.0f}" if sites else "none"
            print(f"{path.name}: {sites:,} of {len(hosts):,} sites above low ({share})")
            for (rule, list_), count in by:
                print(f"  {count:7,}  {rule}  {list_}")
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
