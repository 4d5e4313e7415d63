"""How fast logs are read, and what an idle poll costs.

``python benchmarks/source_read.py [MB]`` writes squid-like lines to a temporary file and reads them in each way there
is; every figure is the best of three.  One line of output for each.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import zstandard

from filterwatch.clock import ManualClock, SystemClock
from filterwatch.sources import BATCH_BYTES, FileSource, Hints, Settings, read_files


def log_lines(megabytes: int) -> bytes:
    chance = random.Random(1)
    block = b"".join(
        b"17951%05d.%03d %6d 10.4.%d.%d TCP_TUNNEL/200 %d CONNECT www.example-%d.co.uk:443 y4.sam "
        b"HIER_DIRECT/151.101.0.81 -\n"
        % (i, i % 1000, i % 7000, i % 8, i % 250, chance.randrange(100_000), chance.randrange(45_000))
        for i in range(80_000)
    )
    return block * (megabytes * 10**6 // len(block) + 1)


def followed(path: Path) -> int:
    clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
    source = FileSource(Settings(name="s", format="squid", path=(str(path),), start="history"), [], clock)
    size = 0
    while (batch := source.read(BATCH_BYTES)) is not None:
        size += len(batch.data)
    source.close()
    return size


def whole(path: Path) -> int:
    return sum(len(batch.data) for batch in read_files([path]))


def raw(path: Path) -> int:
    size = 0
    descriptor = os.open(path, os.O_RDONLY)
    while data := os.pread(descriptor, BATCH_BYTES, size):
        size += len(data)
    os.close(descriptor)
    return size


def report(what: str, read: Callable[[Path], int], path: Path, expected: int) -> None:
    best = 9e9
    for _ in range(3):
        start = time.perf_counter()
        size = read(path)
        best = min(best, time.perf_counter() - start)
        assert size == expected, (what, size, expected)
    print(f"{what:34} {expected / best / 1e6:8.0f} MB/s")


def idle(directory: Path) -> None:
    log = directory / "idle.log"
    log.write_bytes(b"x\n")
    for number in range(1, 15):
        (directory / f"idle.log.{number}.gz").write_bytes(gzip.compress(b"x %d\n" % number))
    source = FileSource(Settings(name="s", format="squid", path=(str(log),)), [], SystemClock())
    while source.read() is not None:
        pass
    start, count = time.process_time(), 2000
    for _ in range(count):
        assert source.read() is None
    print(f"idle poll, 14 rotated siblings     {(time.process_time() - start) / count * 1e6:8.0f} us")


def hints(directory: Path) -> None:
    log = directory / "busy.log"
    waiting = Hints([str(directory)], SystemClock())
    pid = os.fork()
    if pid == 0:
        with log.open("ab", buffering=0) as writer:
            for _ in range(6000):
                writer.write(b"x" * 150 + b"\n")
                time.sleep(0.0004)
        os._exit(0)
    start, hinted = time.process_time(), 0
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        hinted += waiting.wait(1)
    used = time.process_time() - start
    print(f"hints, CPU for 10,000 writes       {used / 0.6 * 1000:8.1f} ms   ({hinted} hints for 6,000 writes)")


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    data = log_lines(megabytes)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        plain = directory / "access.log"
        plain.write_bytes(data)
        report("pread alone", raw, plain, len(data))
        report("FileSource.read", followed, plain, len(data))
        report("read_files", whole, plain, len(data))
        part = data[: 60 * 10**6]
        part = part[: part.rindex(b"\n") + 1]
        for suffix, packed in {
            ".gz": gzip.compress(part, 6),
            ".xz": lzma.compress(part, preset=1),
            ".zst": zstandard.ZstdCompressor(level=3).compress(part),
            ".bz2": bz2.compress(part, 1),
        }.items():
            one = directory / f"packed{suffix}"
            one.write_bytes(packed)
            report(f"read_files {suffix}, {len(part) / len(packed):.0f} to 1", whole, one, len(part))
        plain.unlink()
        idle(directory)
        hints(directory)


if __name__ == "__main__":
    main()
