"""How small sealed events become, and how quickly a report reads them again.

    .venv/bin/python -m benchmarks.archive [--events 5000000] [--days 5]

Goals: 25 bytes an event; three aggregates over 5 million events in 0.4 s and 150 MB.  Sealing and reporting run in
processes of their own, so that each one's peak memory is its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from benchmarks.school_day import day, school
from filterwatch import archive
from filterwatch.journal import Commit, Counts, Journal
from filterwatch.lines import Checkpoint

FIRST = date(2026, 11, 16)
BATCH = 65_536


def fill(folder: Path, events: int, days: int) -> None:
    """Journal *events* of *days* days, sealing as the daemon does, and compact them; print what that took."""
    of = school()
    base, sealing = 0.0, 0.0
    with Journal.open(folder / "journal.db", writer=True) as journal:
        for number in range(days):
            whole = day(events // days, FIRST + timedelta(days=number), of=of)
            base = base or memory()
            stream = f"access-{number}"
            for start in range(0, len(whole), BATCH):
                part = whole.slice(start, BATCH)
                end = int(part["line_offset"][-1]) + int(part["line_length"][-1]) + 1
                where = Checkpoint("squid", stream, end)
                count = Counts(len(part), len(part))
                journal.commit(Commit(datetime.now(UTC), where, int(part["line_offset"][0]), part, counts=count))
                began = time.perf_counter()
                archive.seal(journal, folder / "archive", now=datetime.now(UTC))
                sealing += time.perf_counter() - began
        later = datetime.now(UTC) + timedelta(days=2)
        zone = ZoneInfo("Europe/London")
        began = time.perf_counter()
        tidied = archive.tidy(journal, folder / "archive", now=later, zone=zone)
        compacting = time.perf_counter() - began
        archive.tidy(journal, folder / "archive", now=later + timedelta(hours=2), zone=zone)
    print(f"sealing: {sealing / events * 1e6:.2f} us an event; the rest and compaction: {compacting:.1f} s", end="")
    print(f" ({len(tidied.compacted)} files); peak memory {memory():.0f} MiB, of it {base:.0f} before the first batch")


def report(folder: Path) -> None:
    """Print what three aggregates over everything take."""
    for turn in ("first", "again", "again"):
        began = time.perf_counter()
        events = archive.scan(folder / "archive")
        for aggregate in (
            events.group_by("local_date", "group", "action").agg(pl.len(), pl.col("bytes_in").sum()),
            events.group_by("domain").agg(pl.col("bytes_in").sum(), pl.len()).top_k(20, by="bytes_in"),
            events.filter(pl.col("group") == "pupils").group_by("local_minute").agg(pl.len()),
        ):
            aggregate.collect()
        print(f"three aggregates, {turn}: {time.perf_counter() - began:.2f} s; peak memory {memory():.0f} MiB")


def memory() -> float:
    """Return this process's peak memory in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run both halves, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--half", choices=("fill", "report"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.half == "fill":
        fill(asked.folder, asked.events, asked.days)
    elif asked.half == "report":
        report(asked.folder)
    else:
        both(asked.events, asked.days)


def both(events: int, days: int) -> None:
    """Fill an archive, report over it, verify it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        common = [sys.executable, "-m", "benchmarks.archive", "--folder", made, "--events", str(events)]
        subprocess.run([*common, "--days", str(days), "--half", "fill"], check=True)
        live = archive.Manifest.read(folder / "archive").live.values()
        rows, size = sum(one.rows for one in live), sum(one.bytes for one in live)
        print(f"{rows:,} events in {len(live)} files: {size / rows:.1f} bytes an event (goal 25)")
        subprocess.run([*common, "--half", "report"], check=True)
        began = time.perf_counter()
        problems = archive.verify(folder / "archive")
        print(f"verify: {time.perf_counter() - began:.2f} s, {len(problems)} problems")


if __name__ == "__main__":
    main()
