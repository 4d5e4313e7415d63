"""kill -9 at random moments: no event and no detection is lost, none comes twice, and nobody has to do anything."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import threading
import time
from itertools import accumulate
from pathlib import Path

import polars as pl
import pytest

from filterwatch import archive
from filterwatch.app.parts import School
from filterwatch.app.replay import Input, replay
from filterwatch.app.settings import load
from filterwatch.journal import Reader
from filterwatch.pipeline import Pass

KILLS = int(os.environ.get("FILTERWATCH_KILLS", "8"))
LINES = 200_000 if KILLS >= 100 else 40_000
SEED = int(os.environ.get("FILTERWATCH_SEED", "20261122"))

CONFIG = """
site: kill
timezone: UTC
state: state
sources: [{name: squid, format: squid, path: logs/access.log, rotate_wait: 1s, start: history}]
people: {ranges: [{net: 10.10.0.0/16, group: pupils}]}
archive: {seal_after: 1s}
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
reports: {weekly: null}
"""


def squid_line(number: int) -> str:
    """Return one line; its number stands in its URL, and every hundredth is on a betting site.

    Each of those is another pupil's: when the last of a visit is told depends on the clock, not on kills.
    """
    client = f"10.10.{number % 7}.{number % 200 + 1}"
    host = "www.bet365.com" if number % 100 == 0 else f"www.site{number % 900}.example.com"
    denied = number % 100 == 0
    return (
        f"{1795500000 + number * 0.05:.3f} {0 if denied else 40 + number % 300:6d} {client} "
        f"{'TCP_DENIED/403' if denied else 'TCP_MISS/200'} {500 + number % 9000} GET http://{host}/n/{number} "
        f"pupil{number if denied else number % 40} {'HIER_NONE/-' if denied else 'HIER_DIRECT/192.0.2.7'} text/html\n"
    )


class Writer(threading.Thread):
    """squid and logrotate: writes all lines, renames the log away now and then, compresses older ones."""

    def __init__(self, log: Path, rng: random.Random, seconds: float) -> None:
        super().__init__(daemon=True)
        self.log = log
        self.rng = rng
        self.pause = seconds * 200 / LINES
        self.rotations = 0

    def run(self) -> None:
        file = self.log.open("a")
        for number in range(LINES):
            file.write(squid_line(number))
            if number % 200 == 0:
                file.flush()
                time.sleep(self.pause)
            if number and number % (LINES // 20) == 0:
                file = self.rotate(file)
        file.close()

    def rotate(self, file):
        self.rotations += 1
        for old in sorted((int(p.suffixes[1][1:]) for p in self.log.parent.glob("access.log.[0-9]*")), reverse=True):
            self.shift(old)
        self.log.rename(self.log.with_name("access.log.1"))
        # squid goes on with the old descriptor until it is told to reopen.
        file.write("")
        file.flush()
        new = self.log.open("a")
        file.close()
        return new

    def shift(self, number: int) -> None:
        folder = self.log.parent
        plain, packed = folder / f"access.log.{number}", folder / f"access.log.{number}.gz"
        if packed.exists():
            packed.rename(folder / f"access.log.{number + 1}.gz")
        elif number == 1:
            plain.rename(folder / "access.log.2")
        else:
            target = folder / f"access.log.{number + 1}.gz"
            unfinished = target.with_suffix(".tmp")
            unfinished.write_bytes(gzip.compress(plain.read_bytes(), 1))
            unfinished.rename(target)
            plain.unlink()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_killed_ingest_loses_nothing_and_repeats_nothing(tmp_path):
    rng = random.Random(SEED)
    (tmp_path / "logs").mkdir()
    config = tmp_path / "filterwatch.yaml"
    config.write_text(CONFIG)
    writer = Writer(tmp_path / "logs" / "access.log", rng, seconds=KILLS * 2)
    writer.start()
    journal = tmp_path / "state" / "journal.db"

    for _ in range(KILLS):
        kill_somewhere(start(config), rng)
    writer.join()
    process = start(config)
    try:
        wait_until_it_reads(process)
        wait_until_read(journal, process)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        process.stderr.close()
    assert code == 0

    events, detections = stored(tmp_path / "state")
    expected = {number: squid_line(number).rstrip() for number in range(LINES)}
    print(f"seed={SEED} kills={KILLS} rotations={writer.rotations} lines={LINES} events={len(events)}")
    numbers = events["number"].to_list()
    assert len(numbers) == len(set(numbers)), "an event came twice"
    assert set(numbers) == set(expected), "an event was lost"
    # A suspicion that lines may be lost is about a log, not about one of its lines.
    told = sorted(detections.filter(pl.col("rule") != "lines_lost").select("rule", "number").rows())
    assert len(told) == len(set(told)), "a detection came twice"
    assert told == uninterrupted(config, tmp_path)
    with Reader.at(journal) as reader:
        gaps = reader.gaps()
        print(f"gaps suspected={len(gaps)} certain={gaps['certain'].sum()}")
        assert not gaps["certain"].any(), "it says that lines are lost, and none is"
        assert reader.totals()["lines"].sum() == LINES


def start(config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "filterwatch", "ingest", "--config", config], stderr=subprocess.PIPE)


def wait_until_it_reads(process: subprocess.Popen[bytes]) -> None:
    while b"Reading" not in (line := process.stderr.readline()):
        assert line, "ingest ended by itself"


def kill_somewhere(process: subprocess.Popen[bytes], rng: random.Random) -> None:
    """Kill while it starts (one in eight), or at a random moment after it began to read."""
    if rng.random() < 0.125:
        time.sleep(rng.uniform(0.2, 2))
    else:
        wait_until_it_reads(process)
        time.sleep(rng.uniform(0, 1))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


def wait_until_read(journal: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "ingest ended by itself"
        with Reader.at(journal) as reader:
            totals = reader.totals()
            if len(totals) and totals["lines"].sum() >= LINES:
                return
        time.sleep(0.3)
    raise AssertionError("not everything was read in time")


NUMBER = pl.col("url").str.extract(r"/n/(\d+)$").cast(pl.Int64).alias("number")


def stored(state: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    with Reader.at(state / "journal.db") as reader:
        events = archive.scan(state / "archive", reader).with_columns(NUMBER).collect()
        parts, after = [], 0
        while len(part := reader.detections(after, 10_000)):
            parts.append(part)
            after = part["position"].max()
    place = ["source", "stream", "line_offset"]
    detections = pl.concat(parts).join(events.select(*place, "number"), on=place, how="left", nulls_equal=True)
    return events, detections


def uninterrupted(config: Path, folder: Path) -> list[tuple[str, int]]:
    """Return what one pass over the same lines without any interruption finds."""
    configuration = load(config)
    school = School(configuration, configuration.rules)
    whole = folder / "whole.log"
    lines = [squid_line(number) for number in range(LINES)]
    whole.write_text("".join(lines))
    # By offset: a detection may be of an event of an earlier batch, and then names no line.
    numbers = {offset: number for number, offset in enumerate(accumulate(map(len, lines), initial=0))}
    [(name, feed)] = school.feeds().items()
    work = Pass({name: feed}, school.enrichment(), school.bench())
    found = pl.concat(list(replay(work, [Input(name, feed, [whole])])), how="diagonal")
    return sorted((rule, numbers[offset]) for rule, offset in found.select("rule", "line_offset").rows())
