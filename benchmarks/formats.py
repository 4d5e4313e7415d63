"""How many lines a second every format is read at on two cores, and how many lines of it take the fast path.

    .venv/bin/python -m benchmarks.formats [--lines 20000] [--logs FOLDER] [FORMAT ...]

Batches of 4 MiB, as ``filterwatch replay`` makes them, are decoded on two threads with one Polars thread each, each
by a decoder of its own: by two cores' processor time, which other work on the machine disturbs less, and by the clock.
Lines are made up where :mod:`benchmarks.decode` or :mod:`benchmarks.json_makers` can, else they are the first event of
the format's sample, repeated with other numbers; ``mixed`` is for all of the sample's events in turns, in all dialects
and odd forms, which no real log is.  ``--logs`` names a folder of ``<format>/*.log``: the share
of those lines that take the fast path is printed too.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import json
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks import decode, json_makers, vendor_makers
from filterwatch.decoders import make, names
from filterwatch.lines import LineBatch

SAMPLES = Path(__file__).parents[1] / "sample_logs"
LONDON = ZoneInfo("Europe/London")
_TAIL = re.compile(
    rb"(?<=[0-9])(?<![+-][0-9]{3})(?<![+-][0-9]{2}:[0-9])(?<![-/][0-9])(?<![-/][0-9]{3})[0-9](?![0-9])(?![-/][0-9]{2})"
)
"""The last digit of numbers but dates and zones: exchanged, lines stay what they are."""


@dataclass(frozen=True)
class Sample:
    """A format's sample: what stands at the head of each file, the lines that are events, and the options."""

    head: bytes
    events: list[bytes]
    options: Mapping[str, object]


def sample(name: str) -> Sample:
    """Return the sample of a format; lines that name columns among the events stay there."""
    lines = (SAMPLES / f"{name}.log").read_bytes().split(b"\n")
    heads = dict(line[2:].decode().partition(": ")[::2] for line in lines if line.startswith(b"# ") and b": " in line)
    options: Mapping[str, object] = json.loads(heads.get("options", "{}"))
    kept = [line for line in lines if line and not line.startswith(b"# ")]
    events = make(name, options, zone=LONDON).decode(decode.batch(_joined(kept))).events["line"].to_list()
    first = min(events, default=0)
    return Sample(_joined(kept[:first]), [kept[at] for at in events], options)


def repeated(lines: list[bytes], r: random.Random) -> Iterator[bytes]:
    """Yield *lines* again and again, each time with other last digits."""
    while True:
        for line in lines:
            yield _TAIL.sub(lambda _: b"%d" % r.randrange(10), line)


def made(name: str, count: int) -> tuple[bytes, Mapping[str, object]] | None:
    """Return lines that a generator made up, and their options; null where there is none for the format."""
    maker = {**decode.MAKERS, **json_makers.MAKERS, **vendor_makers.MAKERS}.get(name)
    if maker is None:
        return None
    return _joined(line.encode() for line in islice(maker(random.Random(7)), count)), decode.OPTIONS.get(name, {})


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


@dataclass(frozen=True)
class Speed:
    """Lines a second on two cores, and the share of lines that took the fast path."""

    clock: float
    processor: float
    fast: float


def on_two_cores(
    name: str, data: bytes, options: Mapping[str, object], rounds: int = 3, *, head: bytes = b"", threads: int = 2
) -> Speed:
    """Measure; the best of some rounds counts.  Each batch begins with *head*, which names its columns."""
    batches = [decode.batch(head + one.data) for one in decode.chunks(data)]
    batches = batches if len(batches) > 1 else batches * 2
    decoders = [make(name, options, zone=LONDON) for _ in range(threads)]
    lines = sum(len(one) for one in batches)

    def work(at: int) -> int:
        return sum(decoders[at].decode(one).counts.get("odd_lines", 0) for one in batches[at::threads])

    clock, processor, odd = float("inf"), float("inf"), 0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            began, used = time.perf_counter(), time.process_time()
            odd = sum(pool.map(work, range(threads)))
            clock, processor = min(clock, time.perf_counter() - began), min(processor, time.process_time() - used)
    return Speed(lines / clock, 2 * lines / processor, 1 - odd / lines)


def found(folder: Path, name: str, options: Mapping[str, object]) -> str:
    """Return which share of the lines in a folder takes the fast path, and how many lines there are."""
    lines = odd = 0
    for path in sorted((folder / name).glob("*.log")):
        data = path.read_bytes().removesuffix(b"\n") + b"\n"
        one: LineBatch = decode.batch(data * 20)
        lines += len(one)
        odd += make(name, options, zone=LONDON).decode(one).counts.get("odd_lines", 0)
    return f"{1 - odd / lines:.0%} of {lines:,}" if lines else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", default=names())
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--logs", type=Path, help="folder of <format>/*.log")
    arguments = parser.parse_args()
    heads = ["format", "lines/s, processor", "clock", "bytes", "fast path", "lines", "mixed", "fast path"]
    heads += ["of given logs"] if arguments.logs else []
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in arguments.formats:
        if (SAMPLES / f"{name}.log").exists():
            print(f"| {' | '.join(row(name, arguments.lines, arguments.logs))} |", flush=True)


def row(name: str, count: int, logs: Path | None) -> list[str]:
    """Return the cells of one format."""
    found_in = sample(name)
    r = random.Random(7)
    mixed = _joined(islice(repeated(found_in.events, r), count))
    generated = made(name, count)
    if generated:
        one = on_two_cores(name, *generated)
        data = generated[0]
    else:
        data = _joined(islice(repeated(found_in.events[:1], r), count))
        one = on_two_cores(name, data, found_in.options, head=found_in.head)
    every = on_two_cores(name, mixed, found_in.options, 1, head=found_in.head)
    cells = [name, f"{one.processor:,.0f}", f"{one.clock:,.0f}", f"{len(data) / count:.0f}", f"{one.fast:.1%}"]
    cells += ["made up" if generated else "sample's", f"{every.processor:,.0f}", f"{every.fast:.0%}"]
    return cells + ([found(logs, name, found_in.options)] if logs else [])


if __name__ == "__main__":
    main()
