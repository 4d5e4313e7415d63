"""The gauge ``filterwatch_filter_enabled`` follows the filter, through the whole daemon and over a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from filterwatch.app.ingest import Ingest
from filterwatch.app.parts import School
from filterwatch.app.settings import load
from filterwatch.clock import ManualClock
from filterwatch.journal import Journal
from filterwatch.metrics import Metrics
from filterwatch.pipeline import Pass
from filterwatch.sources import FileSource

CONFIG = """
site: school
timezone: UTC
state: state
lists: {shipped: false}
sources: [{name: system, format: filter_events, path: syslog}]
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
"""
TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Daemon:
    """The first half of the daemon, step by step."""

    def __init__(self, folder, clock):
        configuration = load(folder / "filterwatch.yaml")
        school = School(configuration)
        self.journal = Journal.open(folder / "state" / "journal.db", writer=True, clock=clock)
        self.metrics = Metrics()
        sources = [
            FileSource(one, self.journal.checkpoints(one.name), clock, base=folder)
            for one in configuration.settings.sources
        ]
        work = Pass(school.feeds(), school.enrichment(), school.bench(live=True))
        self.ingest = Ingest(sources, work, self.journal, clock, self.metrics)

    def run(self):
        while self.ingest.step():
            pass
        self.ingest.idle()

    def gauge(self, name):
        return self.metrics.registry.get_sample_value("filterwatch_filter_enabled", {"filter": name})


@pytest.fixture
def gateway(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)
    (tmp_path / "state").mkdir()
    (tmp_path / "syslog").write_text("Nov 23 09:00:00 gw systemd[1]: Started unbound.service - Unbound DNS server.\n")
    return tmp_path


def say(gateway, line):
    with (gateway / "syslog").open("a") as log:
        log.write(line + "\n")


def test_the_gauge_says_whether_each_filter_is_on(gateway):
    clock = ManualClock(TEN)
    daemon = Daemon(gateway, clock)
    daemon.run()
    assert daemon.gauge("unbound") == 1
    assert daemon.gauge("squid") is None, "nobody spoke of it"

    say(gateway, "Nov 23 10:00:00 gw systemd[1]: Stopped squid.service - Squid Web Proxy Server.")
    clock.move(timedelta(seconds=2))
    daemon.run()
    assert daemon.gauge("squid") == 1, "within its grace it may be restarting"
    clock.move(timedelta(seconds=61))
    daemon.run()
    assert (daemon.gauge("squid"), daemon.gauge("unbound")) == (0, 1)

    daemon.journal.close()
    daemon = Daemon(gateway, clock)
    assert daemon.gauge("squid") == 0, "a restart of ours does not switch the filter on"

    say(gateway, "Nov 23 10:05:00 gw systemd[1]: Started squid.service - Squid Web Proxy Server.")
    clock.move(timedelta(minutes=4))
    daemon.run()
    assert daemon.gauge("squid") == 1
    daemon.journal.close()


def test_the_metrics_say_how_much_each_detector_forgot_to_make_room(gateway):
    daemon = Daemon(gateway, ManualClock(TEN))
    daemon.run()
    gauge = daemon.metrics.registry.get_sample_value
    for name in ("bypass", "threshold", "strange_site"):
        assert gauge("filterwatch_detector_forgotten", {"detector": name}) == 0
    daemon.journal.close()


def test_a_filter_that_was_disabled_is_off_at_once(gateway):
    clock = ManualClock(TEN)
    daemon = Daemon(gateway, clock)
    say(
        gateway,
        "Nov 23 10:00:00 gw sudo: bob : PWD=/ ; USER=root ; COMMAND=/usr/bin/systemctl disable --now unbound.service",
    )
    daemon.run()
    assert daemon.gauge("unbound") == 0
    daemon.journal.close()
