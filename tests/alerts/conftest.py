import shutil
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from django.db import connection

from filterwatch import records
from filterwatch.alerts import Settings
from filterwatch.clock import ManualClock
from filterwatch.events import DETECTION_SCHEMA

records.setup(":memory:", "a secret for tests")  # models can be imported from here on

from filterwatch.alerts.desk import Desk  # noqa: E402 - after the set-up

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

RECIPIENTS = {
    "coordinator": {"name": "Jane Roe", "channels": ["jane-mail", "jane-push"], "logins": ["jroe"]},
    "deputy": {"name": "Dan Dee", "channels": ["dan-mail"]},
    "head": {"name": "Ann Head", "channels": ["ann-mail"], "logins": ["AHead"], "devices": ["head-laptop"]},
    "governor": {"name": "Gus Gov", "channels": ["gus-mail"]},
    "technician": {"name": "Tom Tech", "channels": ["tom-mail"]},
}


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    path = tmp_path_factory.mktemp("alerts") / "records.db"
    records.setup(path, "a secret for tests")
    records.migrate()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    records.setup(":memory:", "a secret for tests")  # so that nothing writes into the copy's original
    return path


@pytest.fixture
def database(migrated, tmp_path):
    path = tmp_path / "records.db"
    shutil.copy(migrated, path)
    records.setup(path, "a secret for tests")
    yield path
    connection.close()


@pytest.fixture
def clock():
    return ManualClock(MONDAY)


@pytest.fixture
def make_desk():
    def make(**settings):
        values = {"recipients": RECIPIENTS, "console": "https://filterwatch.example.sch.uk", **settings}
        values.setdefault("switch_offs", {"grace": "90s"})
        return Desk(Settings.model_validate(values), ZoneInfo("Europe/London"), "secret")

    return make


@pytest.fixture
def desk(make_desk):
    return make_desk()


class Journal:
    """A journal in memory: detections in the order they were added."""

    def __init__(self):
        self.rows = []
        self.reads = 0

    def add(self, **values):
        n = len(self.rows)
        row = dict.fromkeys(DETECTION_SCHEMA)
        row |= {
            "id": f"{n:032x}", "time": MONDAY, "rule": "vpn", "rule_version": "abc123", "level": "high",
            "category": "bypass", "outcome": "breach", "person": "sam.poe", "user": "sam.poe", "group": "pupils",
            "device": "trolley-12", "identity": "authenticated", "client_ip": "10.10.4.17",
            "host": "secretvpn.example", "action": "blocked", "reason": "listed as bypass", "count": 1,
            "matched": "secretvpn.example", "site": "st-pauls", "source": "squid", "stream": "f1",
            "line_offset": n * 100, "line_length": 99, "in_school_hours": True,
        }  # fmt: skip
        self.rows.append({**row, **values})
        return self

    def off(self, kind="filter_stopped", rule="filter_off", **values):
        system = dict.fromkeys(("person", "user", "device", "client_ip", "host", "identity"))
        defaults = {
            **system, "rule": rule, "kind": kind, "category": None, "outcome": "technical", "group": "system",
            "matched": "squid", "source": "syslog", "reason": f"{kind} of squid",
        }  # fmt: skip
        return self.add(**{**defaults, **values})

    def restored(self, kind="filter_started", **values):
        return self.off(kind, "filter_restored", level="informational", **values)

    def detections(self, after, limit):
        self.reads += 1
        rows = [{**row, "position": n + 1} for n, row in enumerate(self.rows)][after : after + limit]
        return pl.DataFrame(rows, schema={**DETECTION_SCHEMA, "position": pl.Int64})


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def minutes():
    return lambda count: MONDAY + timedelta(minutes=count)
