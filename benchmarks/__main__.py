"""One benchmark for each budget: the figure, the budget, met or not.

    .venv/bin/python -m benchmarks [--full]

Short by default; ``--full`` takes the sizes that the budgets speak of and about an hour.  Times on the clock depend on
what else the machine does: its load is printed above the table.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import whole_pass


@dataclass(frozen=True)
class Size:
    """How much each benchmark is given."""

    lines: int
    listed: int
    times: int
    archived: int
    reported: int


SHORT = Size(lines=200_000, listed=1_000_000, times=1, archived=500_000, reported=2_000_000)
FULL = Size(lines=1_000_000, listed=5_000_000, times=3, archived=5_000_000, reported=50_000_000)


@dataclass(frozen=True)
class Figure:
    """What was measured, beside its budget."""

    what: str
    figure: float
    budget: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the budget is kept."""
        return self.figure >= self.budget if self.at_least else self.figure <= self.budget

    def __str__(self) -> str:
        bound = f"at {'least' if self.at_least else 'most'} {self.budget:,.12g}"
        shown = f"{self.figure:,.0f}" if self.figure >= 100 else f"{self.figure:.3g}"
        return f"{self.what:55}{shown:>14}{bound:>18} {self.unit:10}{'met' if self.met else 'MISSED'}"


def figures(size: Size) -> Iterator[Figure]:
    """Measure, one benchmark after another."""
    took = whole_pass.compare(size.lines, size.listed, size.times, ("start", "replay", "ingest"))
    replayed, ingested = took["replay"], took["ingest"]
    yield Figure("whole pass in replay, on the clock", round(size.lines / replayed.clock), 400_000, "lines/s", True)
    both = round(2 * size.lines / replayed.processor)
    yield Figure("whole pass in replay, by two cores' processor time", both, 400_000, "lines/s", True)
    if "goaccess" in took:
        ratio = took["goaccess"].processor / replayed.processor
        yield Figure("whole pass, times GoAccess by processor time", ratio, 5, "", True)
    yield Figure(f"peak memory of ingest, {size.listed:,} listed", round(ingested.memory), 300, "MiB")
    yield Figure("start to first line", took["start"].clock, 2, "s")
    [bytes_] = _said("archive", r"([\d.]+) bytes an event", "--events", str(size.archived), "--days", "1")
    yield Figure(f"archive, {size.archived:,} events", bytes_, 25, "B/event")
    report = ("--events", str(size.reported), "--times", "1")
    seconds, memory = _said("report", r"weekly +([\d.]+) s.*peak memory +(\d+) MiB", *report)
    share = size.reported / FULL.reported
    yield Figure(f"weekly report, {size.reported:,} events", seconds, 30 * share, "s")
    yield Figure("  its peak memory", memory, 1500, "MiB")


def _said(name: str, pattern: str, *options: str) -> list[float]:
    """Run a benchmark and return the numbers in what it prints."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(pattern, out)
    if found is None:
        raise SystemExit(f"benchmarks.{name} printed no figure that fits {pattern!r}:\n{out}")
    return [float(number) for number in found.groups()]


def main() -> int:
    """Print the table; 1 when a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the sizes that the budgets speak of")
    size = FULL if parser.parse_args().full else SHORT
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    missed = 0
    for figure in figures(size):
        missed += not figure.met
        print(figure, flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
