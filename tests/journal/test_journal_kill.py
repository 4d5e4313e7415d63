"""SIGKILL at any moment: every line is journalled once, with all that came of it.

``FILTERWATCH_KILLS=200`` kills more often.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from filterwatch.journal import Journal, gather

HERE = Path(__file__).parent
KILLS = int(os.environ.get("FILTERWATCH_KILLS", "6"))
LINES = KILLS * 40

INGEST = textwrap.dedent("""
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from made_up_lines import LINE, batch, detection
    from filterwatch.journal import Journal

    lines, seed = int(sys.argv[3]), int(sys.argv[4])
    import random
    rng = random.Random(seed)
    journal = Journal.open(Path(sys.argv[2]), writer=True)
    assert journal.recovered is None, journal.recovered
    known = journal.checkpoints("squid")
    number = known[0].offset // LINE if known else 0
    print("ready", flush=True)
    while number < lines:
        count = min(rng.choice([1, 2, 50]), lines - number)
        found = [detection(n) for n in range(number, number + count)]
        for one in found[1:]:
            found[0].vstack(one, in_place=True)
        journal.commit(batch(number, count, detections=found[0], state={"n": str(number + count).encode()}))
        number += count
        if rng.random() < 0.1:
            journal.merge(at_least=3)
        if rng.random() < 0.05:
            journal.backup()
""")


@pytest.mark.slow
@pytest.mark.timeout(KILLS * 10)
def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path):
    path = tmp_path / "journal.db"
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    for run in range(KILLS):
        command = [sys.executable, "-c", INGEST, str(HERE), str(path), str(LINES), str(seed + run)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ingest:
            assert "ready\n" == ingest.stdout.readline(), f"seed {seed}, run {run}: {ingest.stderr.read()}"
            time.sleep(rng.uniform(0, 0.12))
            ingest.send_signal(signal.SIGKILL)
    command = [sys.executable, "-c", INGEST, str(HERE), str(path), str(LINES), str(seed)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)

    assert 0 == done.returncode, f"seed {seed}: {done.stderr}"
    with Journal.open(path, writer=True) as journal:
        assert [n * 10 for n in range(LINES)] == gather(journal.batches())["line_offset"].to_list(), f"seed {seed}"
        assert [f"{n:032x}" for n in range(LINES)] == journal.detections(limit=LINES + 9)["id"].to_list(), (
            f"seed {seed}"
        )
        assert {"n": str(LINES).encode()} == journal.state()
        assert LINES == journal.totals()["lines"][0]
