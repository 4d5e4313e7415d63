"""From a line that squid has written to the mail about it, while ordinary lessons go on.

    .venv/bin/python -m benchmarks.latency [--seconds 20] [--rate 500]

The daemon runs as it does at a school: ``filterwatch run`` with the shipped rules, each commit on the disk, mails over
SMTP to a server on this machine.  Once a second another pupil visits a VPN provider: each is a new alert.  The clock
begins when the line's last byte is handed to the kernel, as squid's own buffers are not ours, and ends when the server
has taken the mail.  Budget: p50 1 s, p99 3 s.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from filterwatch.demo.mailbox import Mail, Mailbox

BUDGET_P50, BUDGET_P99 = 1.0, 3.0
TICK = 0.02
"""Seconds between two writes of ordinary lines."""

MOST_WAIT = 30.0
"""Seconds that a start, or the last mail, may take."""


def configuration(box: Mailbox) -> dict[str, Any]:
    """Return a school of pupils whose coordinator may be told as often as there is something to tell."""
    return {
        "site": "bench",
        "timezone": "UTC",
        "state": "state",
        "sources": [{"name": "squid", "format": "squid", "path": "access.log"}],
        "people": {"ranges": [{"net": "10.10.0.0/16", "group": "pupils", "device_class": "individual"}]},
        "reports": {"weekly": None},
        "alerts": {
            "recipients": {
                "coordinator": {"name": "A", "channels": ["coordinator"]},
                "head": {"name": "B", "channels": ["head"]},
            },
            "limits": {"per_hour": 100_000, "per_day": 100_000},
        },
        "delivery": {"channels": {role: {"url": box.url(f"{role}@school.test")} for role in ("coordinator", "head")}},
    }


def line(client: str, host: str) -> str:
    """Return one line of squid, written now."""
    size, took = random.randint(400, 90_000), random.randint(5, 900)
    return (
        f"{time.time():.3f} {took:6d} {client} TCP_MISS/200 {size} GET http://{host}/p/{size} - "
        "HIER_DIRECT/192.0.2.7 text/html\n"
    )


def wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until both halves of the daemon are at work."""
    deadline = time.monotonic() + MOST_WAIT
    while not all(word in log.read_text() for word in ("Reading ", "Telling ")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the daemon did not start: {log.read_text()}")
        time.sleep(0.1)


def write(log: Path, seconds: float, rate: int) -> tuple[list[float], int]:
    """Write *rate* lines a second; return when each alert-worthy line was written, and how many lines there are."""
    written: list[float] = []
    lines = 0
    began = time.monotonic()
    with log.open("a", buffering=1) as file:
        while (at := time.monotonic() - began) < seconds:
            due = int(at * rate) - lines
            ordinary = [line(f"10.10.1.{one % 200}", f"www.site{one % 700}.example.com") for one in range(due)]
            file.write("".join(ordinary))
            lines += due
            # Once a second, and each time at another moment of the daemon's rounds.
            if at >= len(written) + 0.37 * (len(written) % 3):
                file.write(line(f"10.10.2.{len(written)}", "www.mullvad.net"))
                written.append(time.monotonic())
            time.sleep(TICK)
    return written, lines + len(written)


def measure(folder: Path, seconds: float, rate: int) -> tuple[list[float], int, int]:
    """Return the latencies, how many alerts should have been told, and how many lines were written."""
    arrived: list[float] = []

    def note(_mail: Mail) -> None:
        arrived.append(time.monotonic())

    box = Mailbox(note)
    config, log, said = folder / "filterwatch.yaml", folder / "access.log", folder / "daemon.log"
    config.write_text(yaml.safe_dump(configuration(box)))
    log.touch()
    with said.open("wb") as errors:
        command = [sys.executable, "-m", "filterwatch", "run", "--config", str(config)]
        process = subprocess.Popen(command, stderr=errors)
    try:
        wait_until_ready(process, said)
        written, lines = write(log, seconds, rate)
        deadline = time.monotonic() + MOST_WAIT
        while len(arrived) < len(written) and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(MOST_WAIT)
        box.close()
    # Alerts are told in the order they were raised, and mails of one channel leave one after the other.
    took = [came - went for went, came in zip(written, arrived, strict=False)]
    return took, len(written), lines


def main() -> None:
    """Measure and print; the exit code is 1 where a mail is missing or the budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=500, help="ordinary lines a second")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        took, expected, lines = measure(Path(folder), asked.seconds, asked.rate)
    p50, p99 = np.percentile(took, [50, 99]) if took else (float("inf"), float("inf"))
    print(f"{lines} lines in {asked.seconds:g} s ({asked.rate}/s), {len(took)} of {expected} alerts told")
    print(f"line to mail: p50 {p50:.2f} s, p99 {p99:.2f} s, longest {max(took, default=0):.2f} s")
    good = len(took) == expected and p50 <= BUDGET_P50 and p99 <= BUDGET_P99
    print(f"budget p50 {BUDGET_P50:g} s, p99 {BUDGET_P99:g} s: {'kept' if good else 'EXCEEDED'}")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
