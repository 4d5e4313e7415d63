"""A switched-off AdGuard Home and a proxy behind a filter, through the configuration and the whole pass."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from filterwatch.app.ingest import Ingest, sources_of
from filterwatch.app.parts import School
from filterwatch.app.settings import load
from filterwatch.clock import ManualClock
from filterwatch.errors import ConfigurationError
from filterwatch.journal import Journal, gather
from filterwatch.metrics import Metrics
from filterwatch.pipeline import Pass

CONFIG = """
site: school
timezone: UTC
state: state
lists: {shipped: false}
sources:
- {name: adguard-settings, format: settings_changes, settings: AdGuardHome.yaml, product: adguard}
- {name: squid, format: squid, path: access.log, behind: FRONT}
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
"""


def test_switching_adguard_home_off_in_its_settings_reaches_the_gauge(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG.replace("FRONT", "adguard-settings"))
    (tmp_path / "state").mkdir()
    (tmp_path / "AdGuardHome.yaml").write_text("dns: {protection_enabled: true, filtering_enabled: true}\n")
    configuration = load(tmp_path / "filterwatch.yaml")
    clock = ManualClock(datetime.now(UTC) + timedelta(minutes=1))
    school = School(configuration)
    journal = Journal.open(tmp_path / "state" / "journal.db", writer=True, clock=clock)
    metrics = Metrics()
    work = Pass(school.feeds(), school.enrichment(), school.bench(live=True))
    ingest = Ingest(list(sources_of(configuration, journal, clock)), work, journal, clock, metrics)
    for protection in ("true", "false"):
        (tmp_path / "AdGuardHome.yaml").write_text(
            f"dns: {{protection_enabled: {protection}, filtering_enabled: true}}\n"
        )
        for _ in range(4):
            ingest.step()
            clock.move(timedelta(seconds=1))
    assert metrics.registry.get_sample_value("filterwatch_filter_enabled", {"filter": "adguardhome"}) == 0
    journal.close()


def test_a_filter_in_front_must_be_a_source(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG.replace("FRONT", "coffee"))
    with pytest.raises(ConfigurationError, match="no other source is called 'coffee'"):
        load(tmp_path / "filterwatch.yaml")


def test_the_rows_of_pi_holes_database_go_through_the_whole_pass_once(tmp_path):
    config = CONFIG.replace("behind: FRONT", "")
    config = config.replace(
        "- {name: squid,", "- {name: pihole, format: pihole_ftl, database: pihole-FTL.db}\n- {name: squid,"
    )
    (tmp_path / "filterwatch.yaml").write_text(config)
    (tmp_path / "state").mkdir()
    now = datetime.now(UTC)
    with closing(sqlite3.connect(tmp_path / "pihole-FTL.db")) as database, database:
        database.execute(
            "CREATE TABLE queries (id INTEGER PRIMARY KEY, timestamp INTEGER, type INTEGER, status INTEGER, "
            "domain TEXT, client TEXT, forward TEXT, additional_info BLOB, reply_type INTEGER, reply_time REAL, "
            "dnssec INTEGER, list_id INTEGER)"
        )
        rows = [(n, int(now.timestamp()) - 60, 1, 1 + n % 2, f"site{n}.test", "10.0.0.7") for n in range(1, 41)]
        database.executemany(
            "INSERT INTO queries (id, timestamp, type, status, domain, client) VALUES (?, ?, ?, ?, ?, ?)", rows
        )
    configuration = load(tmp_path / "filterwatch.yaml")
    school = School(configuration)
    for _ in range(2):
        clock = ManualClock(now + timedelta(minutes=1))
        journal = Journal.open(tmp_path / "state" / "journal.db", writer=True, clock=clock)
        work = Pass(school.feeds(), school.enrichment(), school.bench(live=True))
        ingest = Ingest(list(sources_of(configuration, journal, clock)), work, journal, clock, Metrics())
        for _ in range(3):
            ingest.step()
            clock.move(timedelta(seconds=1))
        events = gather(journal.batches())
        journal.close()
        assert sorted(events["query"].to_list()) == sorted(f"site{n}.test" for n in range(1, 41))
        assert events["action"].value_counts().sort("action")["count"].to_list() == [20, 20]


def test_a_database_needs_its_format(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(
        CONFIG.replace("behind: FRONT", "").replace("path: access.log", "database: x.db")
    )
    with pytest.raises(ConfigurationError, match="a database needs `format: pihole_ftl`"):
        load(tmp_path / "filterwatch.yaml")
