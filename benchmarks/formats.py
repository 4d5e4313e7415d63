"""How many lines a second every format is read at on two cores, and how many lines of it take the fast path.

    .venv/bin/python -m benchmarks.formats [--lines 60000] [--logs FOLDER] [FORMAT ...]

Batches of 4 MiB, as ``filterwatch replay`` makes them, are decoded on two threads with one Polars thread each, each
by a decoder of its own.  Lines are made up where :mod:`benchmarks.decode` or :mod:`benchmarks.json_makers` can, else
those of the format's sample repeated with other numbers.  ``--logs`` names a folder of ``<format>/*.log``: the share
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
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks import decode, json_makers
from filterwatch.decoders import make, names
from filterwatch.lines import LineBatch

SAMPLES = Path(__file__).parents[1] / "sample_logs"
GOAL = 150_000
"""Lines a second on two cores.  Source: the design's budgets."""

LONDON = ZoneInfo("Europe/London")
_TAIL = re.compile(rb"(?<=[0-9])[0-9](?![0-9])")
"""The last digit of numbers: exchanged, nearly all addresses, ports, sizes and times stay what they are."""


def sample(name: str) -> tuple[list[bytes], Mapping[str, object]]:
    """Return the lines of a format's sample that are events, and the options it is read with."""
    lines = (SAMPLES / f"{name}.log").read_bytes().split(b"\n")
    heads = dict(line[2:].decode().partition(": ")[::2] for line in lines if line.startswith(b"# ") and b": " in line)
    options: Mapping[str, object] = json.loads(heads.get("options", "{}"))
    kept = [line for line in lines if line and not line.startswith(b"# ")]
    decoder = make(name, options, zone=LONDON)
    events = decoder.decode(decode.batch(b"".join(line + b"\n" for line in kept))).events["line"].to_list()
    return [line for at, line in enumerate(kept) if at in events or line.startswith(b"#")], options


def repeated(lines: list[bytes], r: random.Random) -> Iterator[bytes]:
    """Yield *lines* again and again, each time with other last digits; headers once."""
    yield from (line for line in lines if line.startswith(b"#"))
    while True:
        for line in lines:
            if not line.startswith(b"#"):
                yield _TAIL.sub(lambda _: b"%d" % r.randrange(10), line)


def given(name: str, count: int) -> tuple[bytes, Mapping[str, object], bool]:
    """Return lines of a format, its options, and whether the lines are made up by a generator."""
    maker = {**decode.MAKERS, **json_makers.MAKERS}.get(name)
    r = random.Random(7)
    if maker is not None:
        made = (line.encode() for line in islice(maker(r), count))
        return b"".join(line + b"\n" for line in made), decode.OPTIONS.get(name, {}), True
    lines, options = sample(name)
    return b"".join(line + b"\n" for line in islice(repeated(lines, r), count)), options, False


def on_two_cores(name: str, data: bytes, options: Mapping[str, object]) -> tuple[float, float]:
    """Return lines a second on the clock (best of three rounds) and the share of lines that took the exact path."""
    batches = decode.chunks(data)
    batches = batches if len(batches) > 1 else batches * 2
    decoders = [make(name, options, zone=LONDON) for _ in range(2)]
    lines = sum(len(one) for one in batches)

    def work(at: int) -> int:
        return sum(decoders[at].decode(one).counts.get("odd_lines", 0) for one in batches[at::2])

    best, odd = float("inf"), 0
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            began = time.perf_counter()
            odd = sum(pool.map(work, range(2)))
            best = min(best, time.perf_counter() - began)
    return lines / best, odd / lines


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
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--logs", type=Path, help="folder of <format>/*.log")
    arguments = parser.parse_args()
    print(
        "| format | lines/s on 2 cores | bytes a line | fast path | lines |"
        + (" given logs |" if arguments.logs else "")
    )
    print("|---|---|---|---|---|" + ("---|" if arguments.logs else ""))
    for name in arguments.formats:
        if not (SAMPLES / f"{name}.log").exists():
            continue
        data, options, made = given(name, arguments.lines)
        speed, odd = on_two_cores(name, data, options)
        told = f"| {name} | {speed:,.0f} | {len(data) / arguments.lines:.0f} | {1 - odd:.1%} | "
        told += "made up |" if made else "its sample's |"
        print(told + (f" {found(arguments.logs, name, options)} |" if arguments.logs else ""), flush=True)


if __name__ == "__main__":
    main()
