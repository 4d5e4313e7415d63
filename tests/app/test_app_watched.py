"""A switched-off AdGuard Home and a proxy behind a filter, through the configuration and the whole pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from filterwatch.app.ingest import Ingest, sources_of
from filterwatch.app.parts import School
from filterwatch.app.settings import load
from filterwatch.clock import ManualClock
from filterwatch.errors import ConfigurationError
from filterwatch.journal import Journal
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
