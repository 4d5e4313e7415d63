"""SIGKILL while batches are journalled, sealed, compacted: every event is there once.

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
from made_up_school import NOON, School

from filterwatch import archive
from filterwatch.clock import ManualClock

HERE = Path(__file__).parent
KILLS = int(os.environ.get("FILTERWATCH_KILLS", "6"))

UPKEEP = textwrap.dedent("""
    import random, sys
    from datetime import date, timedelta
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from made_up_school import School
    from filterwatch.clock import SystemClock

    rng = random.Random(int(sys.argv[3]))
    school = School(Path(sys.argv[2]), SystemClock(), segment_events=300, grace="0s")
    assert school.journal.recovered is None
    print("ready", flush=True)
    days = [date(2026, 11, day) for day in (15, 16, 17)]
    while True:
        for source in ("squid", "dns"):
            school.write(rng.randrange(1, 40), source=source, day=rng.choice(days))
        if rng.random() < 0.5:
            school.seal()
        if rng.random() < 0.3:
            assert school.compact(before=days[2])[1] == []
        if rng.random() < 0.2:
            school.journal.merge(at_least=2)
""")


@pytest.mark.slow
@pytest.mark.timeout(KILLS * 20)
def test_a_kill_at_any_moment_loses_and_doubles_no_event(tmp_path):
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    for run in range(KILLS):
        command = [sys.executable, "-c", UPKEEP, str(HERE), str(tmp_path), str(seed + run)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as upkeep:
            assert "ready\n" == upkeep.stdout.readline(), f"seed {seed}, run {run}: {upkeep.stderr.read()}"
            time.sleep(rng.uniform(0, 0.4))
            upkeep.send_signal(signal.SIGKILL)
            assert "" == upkeep.stderr.read(), f"seed {seed}, run {run}"
        school = School(tmp_path, ManualClock(NOON), segment_events=300)
        found = school.scan()
        for source in ("squid", "dns"):
            reached = [one.offset for one in school.journal.checkpoints(source)]
            offsets = sorted(found.filter(source=source)["line_offset"])
            assert list(range(0, *(reached or [0]), 10)) == offsets, f"seed {seed}, run {run}"
        school.seal()
        assert len(found) == len(school.scan()), f"seed {seed}, run {run}"
        assert [] == archive.verify(school.directory, school.journal.archive_head()), f"seed {seed}, run {run}"
        school.journal.close()
    assert len(found) > 20
