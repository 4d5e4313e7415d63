"""What `filterwatch replay --against` costs: two rule sets over one log, with the same lists and with others.

    .venv/bin/python -m benchmarks.against [--lines 1000000]

    alone     no other rules: the log replayed once
    rules     another rule: both judge the same events
    lists     another list too: hosts are looked up once more

Each is the command itself, in a process of its own; the processor's time is printed beside the time on the clock, as
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
from pathlib import Path

from benchmarks import squid_log
from filterwatch.app.settings import shipped

LISTED = 40_000


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        log = squid_log.write(folder, lines, LISTED)
        replay = [sys.executable, "-m", "filterwatch", "replay", "--config", str(folder / "filterwatch.yaml")]
        replay += ["--source", f"squid={log}"]
        print(measure("alone", lines, replay))
        for name in ("rules", "lists"):
            other = other_rules(folder / name, lists=name == "lists")
            print(measure(name, lines, [*replay, "--against", str(other)]))


if __name__ == "__main__":
    main()
