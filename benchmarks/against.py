"""What `filterwatch replay` costs, with `--against` too: over one log, and over the same day out of the archive.

    .venv/bin/python -m benchmarks.against [--lines 1000000] [--archive]

    alone     no other rules: the day replayed once
    rules     another rule: both judge the same events
    lists     another list too: hosts are looked up once more

``--archive`` reads and seals the log first, as the daemon does, and replays the day from there (goal: 500 MiB).  Each
replay is the command itself, in a process of its own; the processor's time is printed beside the time on the clock, as
machines are shared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import squid_log
from filterwatch import archive
from filterwatch.app.ingest import commit_of
from filterwatch.app.parts import School
from filterwatch.app.places import shipped
from filterwatch.app.replay import CHUNK
from filterwatch.app.settings import load
from filterwatch.journal import Journal
from filterwatch.sources import read_files

LISTED = 40_000
DAY = "2026-11-23"


def other_rules(folder: Path, *, lists: bool) -> Path:
    """Copy the shipped rules to *folder* with one rule changed, and with *lists* a list."""
    shutil.copytree(shipped("rules"), folder)
    rule = folder / "gambling.yaml"
    rule.write_text(rule.read_text().replace("level: medium", "level: high"))
    if lists:
        with (folder / "lists" / "games.txt").open("a") as file:
            file.write("games.example\n")
    return folder


def measure(what: str, lines: int, command: list[str]) -> str:
    """Run *command* and return a line with its figures."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    clock, processor = time.monotonic() - began, used.ru_utime + used.ru_stime
    if os.waitstatus_to_exitcode(status) not in {0, 1}:
        raise SystemExit(f"{what}: failed")
    memory = used.ru_maxrss / 1024
    return f"{what:8}{clock:8.1f} s{processor:8.1f} s processor{lines / clock:12,.0f} lines/s{memory:8.0f} MiB"


def seal(folder: Path) -> None:
    """Read the log in *folder* as the daemon does and seal its events."""
    configuration = load(folder / "filterwatch.yaml")
    work = School(configuration, configuration.rules).work()
    now = datetime(2027, 1, 1, tzinfo=UTC)
    with Journal.open(configuration.state / "journal.db", writer=True) as journal:
        for batch in read_files([folder / "access.log"], CHUNK, source="squid"):
            journal.commit(commit_of(batch, work.process(batch, now), {}))
            archive.seal(journal, configuration.state / "archive", now=now)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--archive", action="store_true", help="from the archive instead of the log")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    lines: int = asked.lines
    if asked.folder:
        squid_log.write(asked.folder, lines, LISTED)
        if asked.archive:
            seal(asked.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # In a process of its own: what is measured inherits the peak memory of whoever starts it.
        subprocess.run([sys.executable, "-m", "benchmarks.against", "--folder", scratch, *sys.argv[1:]], check=True)
        replay = [sys.executable, "-m", "filterwatch", "replay", "--config", str(folder / "filterwatch.yaml")]
        replay += ["--from", DAY, "--to", DAY] if asked.archive else ["--source", f"squid={folder / 'access.log'}"]
        print(measure("alone", lines, replay))
        for name in ("rules", "lists"):
            other = other_rules(folder / name, lists=name == "lists")
            print(measure(name, lines, [*replay, "--against", str(other)]))


if __name__ == "__main__":
    main()
