"""Watched settings files: each change of their meaning is one line, exactly once, and half a file is no change."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from filterwatch.clock import ManualClock
from filterwatch.sources import Settings, SettingsSource

TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)
ADGUARD = """
http: {address: 0.0.0.0:80}
users: [{name: admin, password: $2y$secret}]
dns: {bind_hosts: [0.0.0.0]}
filtering:
  protection_enabled: PROTECTION
  filtering_enabled: true
filters: [{enabled: true, url: https://lists.example/a.txt, name: A, id: 1}]
user_rules: [RULES]
clients:
  persistent: [CLIENTS]
schema_version: 28
"""


def adguard(protection="true", rules="", clients=""):
    return ADGUARD.replace("PROTECTION", protection).replace("RULES", rules).replace("CLIENTS", clients)


class Watched:
    def __init__(self, path, product):
        self.path, self.clock = path, ManualClock(TEN)
        self.settings = Settings.model_validate(
            {"name": "s", "format": "settings_changes", "settings": str(path), "product": product}
        )
        self.checkpoints = []
        self.start()

    def start(self):
        self.source = SettingsSource(self.settings, self.checkpoints, self.clock)

    def write(self, text):
        self.path.write_text(text)
        at = self.clock.now().timestamp()
        os.utime(self.path, (at, at))

    def told(self, *, commit=True):
        """Return what is read within two seconds."""
        lines = []
        for _ in range(4):
            batch = self.source.read(1000)
            self.clock.move(timedelta(seconds=0.5))
            if batch is not None:
                assert len(batch.data) == batch.last_offset - batch.first_offset
                lines += [json.loads(batch.line(n)) for n in range(len(batch))]
                if commit:
                    self.checkpoints = [batch.checkpoint]
        return [(line["event"], line["reason"], *([line["client"]] if "client" in line else [])) for line in lines]


@pytest.fixture
def home(tmp_path):
    watched = Watched(tmp_path / "AdGuardHome.yaml", "adguard")
    watched.write(adguard())
    assert watched.told() == []
    return watched


def test_switching_adguard_off_and_on_is_told_once(home):
    home.write(adguard("false"))
    assert home.told() == [("filter_disabled", "filtering was switched off")]
    assert home.told() == []
    home.clock.move(timedelta(seconds=9))
    home.write(adguard())
    assert home.told() == [("filter_enabled", "filtering was switched on")]


def test_switches_of_older_schemas_are_found_under_dns(tmp_path):
    watched = Watched(tmp_path / "AdGuardHome.yaml", "adguard")
    watched.write("dns: {protection_enabled: true, filtering_enabled: true}\nclients: []\n")
    assert watched.told() == []
    watched.clock.move(timedelta(seconds=9))
    watched.write("dns: {protection_enabled: true, filtering_enabled: false}\nclients: []\n")
    assert watched.told() == [("filter_disabled", "filtering was switched off")]


def test_rules_and_clients_that_let_through_are_exemptions(home):
    client = "{name: amys phone, ids: [10.0.0.7], use_global_settings: false, filtering_enabled: false}"
    home.write(adguard(rules="'@@||games.example^'", clients=client))
    assert home.told() == [
        ("exemption_added", "@@||games.example^"),
        ("exemption_added", "a client without filtering", "10.0.0.7"),
    ]
    home.clock.move(timedelta(seconds=9))
    home.write(adguard(clients=client))
    assert home.told() == [("exemption_removed", "@@||games.example^")]


def test_other_rules_are_a_changed_configuration_and_what_does_not_filter_is_nothing(home):
    home.write(adguard().replace("0.0.0.0:80", "0.0.0.0:8080"))
    assert home.told() == []
    home.write(adguard(rules="'||games.example^'"))
    assert home.told() == [("config_changed", "the settings were changed")]


@pytest.mark.parametrize("half", ["", adguard()[:90], "filtering: {protection_enabled:", "[", "filtering: {}\n"])
def test_half_a_file_is_no_change_and_is_told_as_trouble_only_when_it_stays(home, half):
    home.write(half)
    assert (home.told(), home.source.problem) == ([], None)
    home.clock.move(timedelta(seconds=10))
    home.told()
    assert "AdGuardHome.yaml" in home.source.problem
    assert "secret" not in home.source.problem
    home.write(adguard("false"))
    assert home.told() == [("filter_disabled", "filtering was switched off")]
    assert home.source.problem is None


def test_a_file_that_is_away_for_a_moment_is_no_change(home):
    home.path.unlink()
    assert home.told() == []
    home.write(adguard())
    assert (home.told(), home.source.problem) == ([], None)


def test_a_change_while_we_were_down_is_found_at_the_start(home):
    home.write(adguard("false"))
    home.start()
    assert home.told() == [("filter_disabled", "filtering was switched off")]
    home.start()
    assert home.told() == []


def test_what_was_read_and_not_journalled_is_read_again(home):
    home.write(adguard("false"))
    assert len(home.told(commit=False)) == 1
    home.start()
    assert len(home.told()) == 1


def test_filtering_that_is_off_at_the_very_first_start_is_told(tmp_path):
    watched = Watched(tmp_path / "AdGuardHome.yaml", "adguard")
    watched.write(adguard("false"))
    assert watched.told() == [("filter_disabled", "filtering was off when the settings were first read")]


def test_a_change_has_the_time_of_the_file(home):
    home.clock.move(timedelta(hours=1))
    home.write(adguard("false"))
    home.source.read()
    home.clock.move(timedelta(seconds=30))
    line = json.loads(home.source.read().line(0))
    assert line["time"] == (home.clock.now() - timedelta(seconds=30)).isoformat()


def test_pi_hole_six_and_five_tell_whether_they_block(tmp_path):
    for name, on, off in (
        ("pihole.toml", "[dns.blocking]\nactive = true\n", "[dns.blocking]\nactive = false\n"),
        ("setupVars.conf", "BLOCKING_ENABLED=true\n", "BLOCKING_ENABLED=false\n"),
    ):
        watched = Watched(tmp_path / name, "pihole")
        watched.write(on)
        assert watched.told() == []
        watched.write(off)
        assert watched.told() == [("filter_disabled", "filtering was switched off")]


def test_names_that_pi_hole_allows_are_exemptions(tmp_path):
    path = tmp_path / "gravity.db"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE domainlist (type INTEGER, domain TEXT, enabled BOOLEAN)")
    base.execute("CREATE TABLE adlist (address TEXT, enabled BOOLEAN)")
    base.commit()
    watched = Watched(path, "pihole")
    assert watched.told() == []
    base.execute("INSERT INTO domainlist VALUES (0, 'games.example', 1), (1, 'bad.example', 1)")
    base.commit()
    assert watched.told() == [
        ("exemption_added", "games.example"),
        ("config_changed", "the settings were changed"),
    ]
    base.close()


def test_sites_of_an_exception_list_are_exemptions_and_comments_are_nothing(tmp_path):
    watched = Watched(tmp_path / "exceptionsitelist", "e2guardian")
    watched.write("# ours\nbbc.co.uk\n")
    assert watched.told() == []
    watched.write("# mine\nbbc.co.uk\ngames.example\n")
    assert watched.told() == [("exemption_added", "games.example")]


def test_any_other_file_is_a_changed_configuration(tmp_path):
    watched = Watched(tmp_path / "squid.conf", "squid")
    watched.write("http_access deny blocked\n")
    assert watched.told() == []
    watched.write("http_access deny blocked # as before?\n# no\n")
    assert watched.told() == [("config_changed", "the settings were changed")]


@pytest.mark.parametrize(
    "more",
    [{"product": "adguard", "path": "x"}, {"product": "adguard", "format": "squid"}, {}, {"product": "coffee"}],
)
def test_a_section_that_makes_no_sense_is_refused(more):
    with pytest.raises(ValidationError):
        Settings.model_validate({"name": "s", "format": "settings_changes", "settings": "x"} | more)
