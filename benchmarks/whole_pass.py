"""The whole pass over a squid log: how many lines a second, where the time goes, and GoAccess over the same lines.

    .venv/bin/python -m benchmarks.whole_pass [--lines 1000000] [--listed 5000000] [--times 3]

Every figure is measured in a process of its own, so that its peak memory is its own.  The processor's time is printed
beside the time on the clock, as machines are shared: lines a processor second say what the pass costs, the clock what
a busy machine made of it.  Figures are medians of ``--times`` runs; the lists are compiled beforehand, as in a daemon
that was started before.

    start     a new process until its first batch of one line went through the pass: the clock counts from its birth
    decode    the decoder alone, one thread
    stages    decode, prepare (times, searches, furniture by themselves), settle, rules, company, visits and detectors,
              one after another, one thread; ``--stages`` for these alone
    replay    as ``filterwatch replay`` runs it: prepares on a second thread
    ingest    as the daemon runs it: each batch is committed to a journal with the pass's state
    goaccess  all panels of GoAccess to JSON
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import polars as pl

from benchmarks import squid_log
from filterwatch.app.ingest import BATCH_BYTES, commit_of
from filterwatch.app.parts import School
from filterwatch.app.replay import CHUNK, Input, as_json_lines, replay
from filterwatch.app.settings import load
from filterwatch.decoders import Decoded, Decoder
from filterwatch.enrich.furniture import Furniture
from filterwatch.enrich.search import Engines
from filterwatch.enrich.when import When
from filterwatch.journal import Journal
from filterwatch.lines import LineBatch
from filterwatch.pipeline import Feed, Pass
from filterwatch.sources import read_files

T = TypeVar("T")

GOAL = 400_000
"""Lines a second of the whole pass.  Source: the design's budgets."""

MODES = ("start", "decode", "stages", "replay", "ingest")
NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
GOACCESS = ("--log-format=%x.%^ %~%L %h %^/%s %b %m %U %e %^", "--datetime-format=%s", "--no-global-config",
            "--no-progress")  # fmt: skip


@dataclass
class Took:
    """What one run took.

    Attributes:
        clock: Seconds on the clock.
        processor: Seconds of processor, all threads.
        memory: Most resident memory, MiB.
        seen: Lines (GoAccess: valid ones).
        stages: Processor seconds by stage.
    """

    clock: float
    processor: float
    memory: float
    seen: int
    stages: dict[str, float] = field(default_factory=dict)


class Stages:
    """Adds up processor seconds by name."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        """Return what *work* returns, and book its time."""
        began = time.process_time()
        out = work()
        self.took[name] = self.took.get(name, 0.0) + time.process_time() - began
        return out


def measure(mode: str, folder: Path) -> Took:
    """Run one mode in this process."""
    school = School(load(folder / "filterwatch.yaml"))
    feeds = school.feeds()
    work = Pass(feeds, school.enrichment(), school.bench())
    log, stages = folder / "access.log", Stages()
    began, processor = time.perf_counter(), time.process_time()
    if mode == "start":
        seen = len(work.process(next(read_files([log], 1, source="squid")), NOW).events)
    elif mode == "decode":
        batches = read_files([log], CHUNK, source="squid")
        seen = sum(len(feeds["squid"].decoder.decode(batch).events) for batch in batches)
    elif mode == "stages":
        seen = _by_stages(work, log, stages)
    elif mode == "replay":
        seen = 0

        def count(events: pl.DataFrame) -> None:
            nonlocal seen
            seen += len(events)

        for found in replay(work, [Input("squid", feeds["squid"], [log])], keep=count):
            as_json_lines(found)
    else:
        seen = _ingested(work, folder)
    return Took(time.perf_counter() - began, time.process_time() - processor, memory(), seen, stages.took)


@dataclass
class Timed:
    """A decoder whose time is booked."""

    decoder: Decoder
    stages: Stages

    @property
    def name(self) -> str:
        """The decoder's name."""
        return self.decoder.name

    def decode(self, batch: LineBatch) -> Decoded:
        """Decode *batch*."""
        return self.stages("decode", partial(self.decoder.decode, batch))


_INSIDE: Mapping[str, tuple[type, str]] = {
    "times": (When, "add"),
    "searches": (Engines, "look"),
    "furniture": (Furniture, "embedded"),
}
"""What of prepare is told by itself; the rest of it is hosts: domains, lists and addresses inside addresses."""


def _by_stages(work: Pass, log: Path, stages: Stages) -> int:
    feed = work.feeds["squid"]
    work = Pass({"squid": Feed(Timed(feed.decoder, stages), feed.site)}, work.context, work.bench)
    for name, (owner, method) in _INSIDE.items():  # deep inside of prepare; this process measures nothing else
        setattr(owner, method, _booked(name, getattr(owner, method), stages))
    seen = 0
    for batch in read_files([log], CHUNK, source="squid"):
        prepared = stages("prepare", partial(work.prepare, batch))
        events = stages("settle", partial(work.context.settle, prepared.events))
        judged = stages("rules", partial(work.bench.rules.evaluate, events))
        held, hits = judged.detections, judged.hits
        if work.bench.company is not None:
            held, hits = stages("company", partial(work.bench.company, events, held, hits))
        if work.bench.visits is not None:
            stages("visits", partial(work.bench.visits, events, held, NOW))
        for detector in work.bench.detectors:
            stages(f"detector {detector.name}", partial(detector, events, hits, NOW))
        stages("state", work.state)
        seen += len(events)
    stages.took["prepare"] -= stages.took["decode"] + sum(stages.took[name] for name in _INSIDE)
    return seen


def _booked(name: str, method: Callable[..., T], stages: Stages) -> Callable[..., T]:
    return lambda *given: stages(name, partial(method, *given))


def _ingested(work: Pass, folder: Path) -> int:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        journal = Journal.open(Path(made) / "journal.db", writer=True)
        seen = 0
        for batch in read_files([folder / "access.log"], BATCH_BYTES, source="squid"):
            processed = work.process(batch, NOW)
            journal.commit(commit_of(batch, processed, work.state()))
            seen += len(processed.events)
        journal.close()
    return seen


def memory() -> float:
    """Return this process's peak memory in MiB."""
    # Not getrusage: its peak is inherited from whoever started this process.
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def apart(mode: str, folder: Path) -> Took:
    """Run one mode in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.whole_pass", "--mode", mode, "--folder", str(folder)]
    environment = os.environ if mode == "ingest" else {"POLARS_MAX_THREADS": "1"} | os.environ
    born = time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    lived = time.perf_counter() - born
    took = Took(**json.loads(out.splitlines()[-1]))
    return replace(took, clock=lived) if mode == "start" else took


def goaccess(folder: Path) -> Took:
    """Run GoAccess over the same log."""
    out, errors = folder / "goaccess.json", folder / "goaccess.errors"
    command = [str(shutil.which("goaccess")), str(folder / "access.log"), *GOACCESS, "-o", str(out)]
    began = time.perf_counter()
    with errors.open("wb") as said:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
    clock = time.perf_counter() - began
    if status:
        raise SystemExit(f"goaccess: {errors.read_text()}")
    valid = int(json.loads(out.read_bytes())["general"]["valid_requests"])
    return Took(clock, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, valid)


def median(runs: Sequence[Took]) -> Took:
    """Return the median of each figure."""
    middle = statistics.median
    return Took(
        middle(run.clock for run in runs),
        middle(run.processor for run in runs),
        middle(run.memory for run in runs),
        min(run.seen for run in runs),
        {name: middle(run.stages[name] for run in runs) for name in runs[0].stages},
    )


def compare(lines: int, listed: int, times: int, modes: Sequence[str] = MODES) -> dict[str, Took]:
    """Return the median of each mode, and of GoAccess where it is installed, taking turns on one log."""
    with tempfile.TemporaryDirectory(prefix="whole-pass-") as made:
        folder = Path(made)
        squid_log.write(folder, lines, listed)
        apart("decode", folder)  # compiles the lists and warms the file cache
        ways: dict[str, Callable[[], Took]] = {mode: partial(apart, mode, folder) for mode in modes}
        if "replay" in modes and shutil.which("goaccess"):
            ways["goaccess"] = partial(goaccess, folder)
        runs: dict[str, list[Took]] = {name: [] for name in ways}
        for _ in range(times):
            for name, run in ways.items():
                runs[name].append(run())
        return {name: median(some) for name, some in runs.items()}


def table(took: Mapping[str, Took], lines: int) -> Iterator[str]:
    """Yield the lines of the printed table."""
    heads = ("lines/s", "lines/CPU s", "clock s", "CPU s", "peak MiB", "lines read")
    yield f"{'':10}" + "".join(f"{head:>14}" for head in heads)
    for name, one in took.items():
        if name == "start":
            continue
        shown = (
            f"{lines / one.clock:,.0f}", f"{lines / one.processor:,.0f}", f"{one.clock:.2f}", f"{one.processor:.2f}",
            f"{one.memory:.0f}", f"{one.seen:,}",
        )  # fmt: skip
        yield f"{name:10}" + "".join(f"{figure:>14}" for figure in shown)
    if "goaccess" in took:
        for name in ("replay", "ingest"):
            ratio = took["goaccess"].processor / took[name].processor
            yield f"{name}: {ratio:.1f} times the lines of GoAccess a processor second"
    if "start" in took:
        yield f"start to the first line judged: {took['start'].clock:.2f} s"
    if "stages" in took:
        yield "where the time goes, us of processor a line:"
        for name, seconds in sorted(took["stages"].stages.items(), key=lambda one: -one[1]):
            yield f"  {name:22} {seconds / lines * 1e6:6.3f}"


def main() -> int:
    """Measure and print; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--listed", type=int, default=5_000_000, help="names on lists beside the shipped ones")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--stages", action="store_true", help="only where the time goes, stage by stage")
    parser.add_argument("--mode", choices=MODES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, metavar="DIR", help="only write the log and its school here")
    asked = parser.parse_args()
    if asked.make:
        squid_log.write(asked.make, asked.lines, asked.listed)
        return 0
    if asked.mode:
        print(json.dumps(asdict(measure(asked.mode, asked.folder))))
        return 0
    took = compare(asked.lines, asked.listed, asked.times, ["stages"] if asked.stages else MODES)
    print(
        f"{asked.lines:,} lines, {asked.listed:,} listed names; load {os.getloadavg()[0]:.1f}; medians of {asked.times}"
    )
    print("\n".join(table(took, asked.lines)))
    if asked.stages:
        return 0
    met = asked.lines / took["replay"].clock >= GOAL
    print(f"goal {GOAL:,} lines/s in replay: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
