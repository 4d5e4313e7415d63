"""Killed at any moment and started again: every detection becomes an alert once, everybody is told once."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from filterwatch import records
from filterwatch.records import ledger
from filterwatch.records.drift import drift
from filterwatch.records.models import Alert, AlertDetection, Outbox, Position

CHILD = """
import sys
sys.path.insert(0, sys.argv[2])
from conftest import Journal, RECIPIENTS, MONDAY
from datetime import timedelta
from zoneinfo import ZoneInfo
from filterwatch import records
records.setup(sys.argv[1], "a secret for tests")
from filterwatch.alerts import Settings
from filterwatch.alerts.desk import Desk
from filterwatch.alerts.raising import raise_new
from filterwatch.clock import ManualClock
journal = Journal()
for n in range(200):
    level = ("high", "medium", "low", "critical")[n % 4]
    category, when = ("bypass", "games")[n % 2], MONDAY + timedelta(seconds=n)
    journal.add(person=f"p{n % 23}", level=level, time=when, category=category)
print("ready", flush=True)
desk = Desk(Settings.model_validate({"recipients": RECIPIENTS}), ZoneInfo("Europe/London"), "secret")
raise_new(journal, desk, ManualClock(MONDAY), batch=7)
"""


def begin(database):
    words = [sys.executable, "-c", CHILD, str(database), str(Path(__file__).parent)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.readline()
    return child


def outcome():
    return (
        sorted(Alert.objects.values_list("id", "number", "count", "level", "state")),
        sorted(Outbox.objects.values_list("id", "body")),
        AlertDetection.objects.count(),
        Position.objects.get(name="alerts").value,
    )


@pytest.mark.slow
def test_a_killed_reader_goes_on_where_it_committed(database, tmp_path, migrated):
    whole = tmp_path / "whole.db"
    whole.write_bytes(migrated.read_bytes())
    with begin(whole) as child:
        child.wait(60)
    records.setup(whole, "a secret for tests")
    expected = outcome()
    assert expected[2:] == (200, 200)
    rng, killed = random.Random(7), 0
    for _ in range(6):
        with begin(database) as child:
            time.sleep(rng.uniform(0.02, 0.3))
            child.send_signal(signal.SIGKILL)
            killed += child.wait() == -signal.SIGKILL
    with begin(database) as child:
        assert child.wait(60) == 0
    connection.close()
    records.setup(database, "a secret for tests")
    assert killed >= 2
    assert outcome() == expected
    assert ledger.verify() == []
    assert drift() == []
