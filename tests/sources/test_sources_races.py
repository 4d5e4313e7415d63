"""Fault T19 and bar B1: a daemon of its own, killed at any moment, while a writer rotates as fast as it can."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from following import Writer, compress, copy, rename, rotated

DAEMON = """
import json, sqlite3, sys
from filterwatch.clock import SystemClock
from filterwatch.lines import Checkpoint
from filterwatch.sources import FileSource, Hints, Settings

log, database, use_inotify = sys.argv[1:]
db = sqlite3.connect(database, isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=OFF")  # a killed process loses nothing the kernel has
db.execute("CREATE TABLE IF NOT EXISTS lines (stream, offset, line)")
db.execute("CREATE TABLE IF NOT EXISTS gaps (certain, why)")
db.execute("CREATE TABLE IF NOT EXISTS checkpoints (stream PRIMARY KEY, data)")
stored = [Checkpoint(*json.loads(row[0])) for row in db.execute("SELECT data FROM checkpoints")]
settings = Settings.model_validate({"name": "s", "format": "f", "path": log, "rotate_wait": "1s"})
clock = SystemClock()
source = FileSource(settings, stored, clock)
hints = Hints(source.directories(), clock, gather=0, use_inotify=use_inotify == "yes")
print("up", flush=True)
while True:
    batch = source.read(20_000)
    if batch is None:
        hints.wait(0.01)
        continue
    point = batch.checkpoint
    db.execute("BEGIN")
    rows = [(batch.stream, int(offset), batch.line(i)) for i, offset in enumerate(batch.line_offsets)]
    db.executemany("INSERT INTO lines VALUES (?, ?, ?)", rows)
    db.executemany("INSERT INTO gaps VALUES (?, ?)", [(gap.certain, gap.why) for gap in batch.gaps])
    data = json.dumps([point.source, point.stream, point.offset, point.data])
    db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (point.stream, data))
    db.execute("COMMIT")
"""


def start(log: Path, database: Path, inotify: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(log), str(database), inotify], stdout=subprocess.PIPE, text=True
    )


def rotate(writer: Writer, chance: random.Random, written: list[bytes]) -> None:
    """Rotate in one of the ways there are, writing while at it."""
    log = writer.path
    if chance.random() < 0.6:
        rename(log)
        written += writer.write(chance.randint(0, 5))
        writer.reopen()
    elif not rotated(log, 1) or log.stat().st_size:
        copy(log)
        os.truncate(log, 0)  # at once: what is written in between nobody can save
    old = rotated(log, chance.randint(2, 4))
    if old and old.suffix[1:].isdigit():
        compress(old, chance.choice([".gz", ".xz", ".zst"]))


def stored(database: Path) -> list[bytes]:
    with sqlite3.connect(database) as db:
        return [row[0] for row in db.execute("SELECT line FROM lines")]


@pytest.mark.parametrize("inotify", ["yes", "no"])
def test_b1_killed_at_any_moment_under_load_and_rotation_nothing_is_lost_or_repeated(tmp_path, inotify):
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    chance = random.Random(seed)
    log, database = tmp_path / "access.log", tmp_path / "journal.db"
    writer, written = Writer(log, width=80), []
    daemon = start(log, database, inotify)
    assert daemon.stdout
    daemon.stdout.readline()
    time.sleep(0.05)
    for _ in range(7):
        until = time.monotonic() + chance.uniform(0.01, 0.15)
        while time.monotonic() < until:
            written += writer.write(chance.randint(1, 30))
            if chance.random() < 0.1:
                rotate(writer, chance, written)
            time.sleep(0.0005)
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.communicate()
        if chance.random() < 0.3:
            rotate(writer, chance, written)
        daemon = start(log, database, inotify)
        daemon.stdout.readline()
    end = time.monotonic() + 30
    while time.monotonic() < end and len(stored(database)) < len(written):
        time.sleep(0.1)
    time.sleep(0.2)
    daemon.kill()
    daemon.communicate()

    found = stored(database)
    assert len(found) == len(set(found))
    assert set(found) == set(written)
    with sqlite3.connect(database) as db:
        assert db.execute("SELECT why FROM gaps WHERE certain").fetchall() == []
        last = [json.loads(row[0]) for row in db.execute("SELECT data FROM checkpoints")]
    assert all(point[0] == "s" for point in last)
