"""What it costs to start a command: processor time until it has answered.

Usage: ``python benchmarks/starting.py [TIMES]``; prints a row for each command, tab-separated.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

COMMANDS = (
    ("--help",),
    ("explain", "--help"),
    ("explain", "bet365.com", "--group", "pupils"),
    ("explain", "--search", "buy weed", "--group", "pupils"),
    ("rules", "show", "gambling"),
)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(words: tuple[str, ...], times: int) -> list[float]:
    """Return the processor time of each of so many starts, seconds, least first."""
    found = []
    for _ in range(times):
        before = _spent()
        subprocess.run([sys.executable, "-m", "filterwatch", *words], check=True, stdout=subprocess.DEVNULL)
        found.append(_spent() - before)
    return sorted(found)


def main() -> None:
    """Print the least and the median for each command."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    sys.stdout.write("command\tleast s\tmedian s\n")
    for words in COMMANDS:
        found = measured(words, times)
        sys.stdout.write(f"{' '.join(words)}\t{found[0]:.2f}\t{statistics.median(found):.2f}\n")


if __name__ == "__main__":
    main()
