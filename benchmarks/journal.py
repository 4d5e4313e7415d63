"""How long a batch takes to journal, how large it becomes, and why small and large ones are packed differently.

    .venv/bin/python -m benchmarks.journal [--codecs]

A commit is on the disk when it returns: the figures hold for the disk that the temporary directory lies on
(``TMPDIR``).  Goals: 100 events in 5 ms, 65,536 in 40 ms, median.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import zstandard

from benchmarks.school_day import day
from filterwatch.journal import Commit, Counts, Journal, gather
from filterwatch.journal import batches as blobs
from filterwatch.lines import Checkpoint

SIZES = ((1, 200), (100, 200), (1_000, 50), (8_192, 20), (65_536, 9))
GOALS_MS = {100: 5.0, 65_536: 40.0}


def batch(events: pl.DataFrame, at: int, state: bytes) -> Commit:
    """Return *events* as a batch that begins at offset *at*, with 4 KiB of state that changes every time."""
    moved = events.with_columns(line_offset=pl.col("line_offset") - events["line_offset"][0] + at)
    end = int(moved["line_offset"][-1]) + int(moved["line_length"][-1]) + 1
    count = len(events)
    return Commit(
        datetime.now(UTC),
        Checkpoint("squid", "s", end),
        at,
        moved,
        counts=Counts(count, count),
        state={"enrich": state},
    )


def commits(events: pl.DataFrame) -> None:
    """Print the time of a commit by size."""
    print(f"{'events':>8} {'median ms':>10} {'p99 ms':>8} {'cpu us/event':>13} {'bytes/event':>12}")
    for rows, times in SIZES:
        with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "journal.db", writer=True) as journal:
            at, seconds, worked = 0, [], 0.0
            for number in range(times):
                one = batch(
                    events.slice(number * 97 % (len(events) - rows), rows), at, number.to_bytes(4, "big") * 1024
                )
                began, cpu = time.perf_counter(), time.process_time()
                journal.commit(one)
                seconds.append((time.perf_counter() - began) * 1e3)
                worked += time.process_time() - cpu
                at = one.checkpoint.offset if one.checkpoint else at
            size = statistics.mean(len(kept.packed.data) for kept in journal.batches()) / rows
            median, worst = statistics.median(seconds), sorted(seconds)[int(len(seconds) * 0.99)]
            goal = f"   goal {GOALS_MS[rows]:.0f} ms" if rows in GOALS_MS else ""
            print(f"{rows:>8} {median:>10.2f} {worst:>8.2f} {worked / times / rows * 1e6:>13.2f} {size:>12.1f}{goal}")


def quiet_hour(events: pl.DataFrame) -> None:
    """Print what reading an hour of one batch a second costs, before and after batches are put together."""
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "journal.db", writer=True) as journal:
        at = 0
        for number in range(3600):
            one = batch(events.slice(number * 20, 20), at, b"")
            journal.commit(one)
            at = one.checkpoint.offset if one.checkpoint else at
            if number == 3599:
                print(f"reading 3600 batches of 20 events: {timed(lambda: gather(journal.batches())):.0f} ms")
        print(f"putting them together: {timed(lambda: list(iter(journal.merge, 0)), 1):.0f} ms")
        print(f"reading them then: {timed(lambda: gather(journal.batches())):.0f} ms")


def codecs(events: pl.DataFrame) -> None:
    """Print what other packings would cost: the figures behind docs/decisions/0060."""
    squeeze = zstandard.ZstdCompressor(level=1)

    def ipc(frame: pl.DataFrame, *, squeezed: bool) -> bytes:
        sink = io.BytesIO()
        frame.write_ipc(sink, compression="zstd" if squeezed else "uncompressed")
        return sink.getvalue()

    def stream(frame: pl.DataFrame) -> bytes:
        sink = io.BytesIO()
        frame.write_ipc_stream(sink)
        return squeeze.compress(sink.getbuffer())

    def parquet(frame: pl.DataFrame) -> bytes:
        sink = io.BytesIO()
        frame.write_parquet(sink, compression="zstd", compression_level=1, statistics=False)
        return sink.getvalue()

    known: dict[str, Callable[[pl.DataFrame], bytes]] = {
        "Arrow IPC file, zstd inside": lambda frame: ipc(frame, squeezed=True),
        "Arrow IPC stream, zstd around": stream,
        "Parquet, zstd": parquet,
        "as the journal does": lambda frame: blobs.pack(frame).data,
    }
    for rows in (1, 100, 1_000, 4_096, 65_536):
        frame = events.slice(1000, rows)
        full = frame.select(name for name in frame.columns if frame[name].null_count() < rows)
        for name, make in known.items():
            size = len(make(full))
            print(f"{rows:>8} {name:<32} {timed(lambda make=make, full=full: make(full)):>8.2f} ms {size:>10} bytes")


def timed(work: Callable[[], object], times: int = 7) -> float:
    """Return the median milliseconds of *work*."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append((time.perf_counter() - began) * 1e3)
    return statistics.median(seconds)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codecs", action="store_true", help="compare packings instead")
    asked = parser.parse_args()
    events = day(200_000)
    if asked.codecs:
        codecs(events)
    else:
        commits(events)
        quiet_hour(events)


if __name__ == "__main__":
    main()
