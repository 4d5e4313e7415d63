"""How long each report takes over an archive, and how much memory.

    .venv/bin/python -m benchmarks.report [--events 5000000] [--days 5]

Goals: a report over 5 million archived events in 0.4 s and 150 MB; the weekly page over 50 million in 30 s and 1.5 GB.
Every report runs in a process of its own, so that its peak memory is its own; its processor time is printed beside the
time on the clock, as machines are shared.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from benchmarks.school_day import day, school
from filterwatch.archive import segments
from filterwatch.detectors import bypass, volume
from filterwatch.reports.catalogue import REPORTS, rendered
from filterwatch.reports.material import Material
from filterwatch.reports.period import Period
from filterwatch.reports.pseudonyms import Pseudonyms

FIRST = date(2026, 11, 16)
SEGMENT = 65_536
"""Events in a file, as the archive has them by default."""

ZONE = ZoneInfo("Europe/London")
VPN = ["bypass", "bypass.vpn"]


def lively(events: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return a day with what the reports look for.

    Three in a hundred requests are tunnels of half a minute to an hour, sizes have a long tail, five people download
    for a quarter of an hour, and a few try VPNs.
    """
    rng = np.random.default_rng(seed)
    rows = len(events)
    long = rng.random(rows) < 0.03
    duration = np.where(long, rng.integers(30_000, 3_600_000, rows), events["duration_ms"].to_numpy())
    size = np.where(long, np.exp(rng.normal(12, 2, rows)), events["bytes_in"].to_numpy()).astype(np.int64)
    hogs = rng.choice(rows, 5, replace=False)
    duration[hogs], size[hogs] = 900_000, 4_000_000_000
    vpn = pl.Series(rng.random(rows) < 0.0002)
    return events.with_columns(
        duration_ms=pl.Series(duration, dtype=pl.Int64), bytes_in=pl.Series(size, dtype=pl.Int64)
    ).with_columns(
        started=pl.col("time") - pl.duration(milliseconds=pl.col("duration_ms"), time_unit="us"),
        categories=pl.when(vpn).then(pl.lit(VPN)).otherwise("categories"),
    )


def fill(folder: Path, events: int, days: int) -> None:
    """Write an archive of *events* on *days* days."""
    of = school()
    for number in range(days):
        on = FIRST + timedelta(days=number)
        whole = lively(day(events // days, on, of=of), number)
        for place, start in enumerate(range(0, len(whole), SEGMENT)):
            path = f"{segments.folder('st-pauls', on)}/{place}.parquet"
            segments.write(folder, path, "st-pauls", on, whole.slice(start, SEGMENT), (place, place))


def run(folder: Path, name: str) -> None:
    """Make one report and print what it took."""
    before = memory()
    clock, processor = time.perf_counter(), time.process_time()
    events = pl.scan_parquet(sorted(map(str, folder.rglob("*.parquet"))))
    week = Period(FIRST, FIRST + timedelta(days=6), ZONE)
    material = Material(
        "st-pauls", week, datetime(2026, 11, 23, 7, tzinfo=UTC), events, Pseudonyms("secret", "st-pauls"),
        link=volume.Settings(link_mbit=1000), signs=bypass.Settings(resolvers=("10.0.0.53",)),
    )  # fmt: skip
    page = REPORTS[name].page(material)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(
        f"{name:10} {clock:6.2f} s, {processor:6.2f} s of processor; peak memory {memory():5.0f} MiB, {before:.0f} "
        f"before; {len(rendered(page, 'json')):,} characters",
        flush=True,
    )


def memory() -> float:
    """Return this process's peak memory in MiB."""
    # Not getrusage: its peak is inherited from whoever started this process.
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def main() -> None:
    """Fill an archive, then make every report that reads it, three times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--report", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="keep the archive here, and use it again")
    asked = parser.parse_args()
    if asked.report:
        run(asked.folder, asked.report)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or Path(made)
        if not any(folder.rglob("*.parquet")):
            fill(folder, asked.events, asked.days)
        for name in ("bandwidth", "bypass", "weekly"):
            for _ in range(asked.times):
                command = [sys.executable, "-m", "benchmarks.report", "--folder", str(folder), "--report", name]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
