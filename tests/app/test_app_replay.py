"""filterwatch replay: the whole pass over old logs, one JSON line for each detection."""

from __future__ import annotations

import gzip
import json

import pytest
from typer.testing import CliRunner

from filterwatch.cli import make_app

KEYS = [
    "time", "rule", "level", "category", "kind", "person", "user", "client_ip", "host", "action", "outcome", "reason",
    "source", "line",
]  # fmt: skip
VPN = "1795600{:03}.000    120 10.10.1.7 TCP_TUNNEL/200 5000 CONNECT nordvpn.com:443 pupil1 HIER_DIRECT/192.0.2.7 -\n"
NEWS = VPN.replace("TCP_TUNNEL", "TCP_MISS").replace("CONNECT nordvpn.com:443", "GET http://www.bbc.co.uk/")
CONFIG = """
site: replay
state: state
sources: [{name: squid, format: squid, path: access.log}]
people: {ranges: [{net: 10.10.0.0/16, group: pupils}]}
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
"""


@pytest.fixture
def school(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)
    (tmp_path / "access.log").write_text(NEWS.format(1) + VPN.format(2) + NEWS.format(3))
    return tmp_path


def run(*words):
    done = CliRunner().invoke(make_app(), ["replay", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_detection_is_one_line_with_the_keys_of_the_contract(school):
    held = run("--config", school / "filterwatch.yaml", "--source", f"squid={school / 'access.log'}")

    vpn = [one for one in held if one["rule"] == "bypass-vpn"]
    assert [KEYS] == [list(one) for one in vpn]
    assert ("nordvpn.com", "squid", 2, "allowed", "bypass") == tuple(
        vpn[0][key] for key in ("host", "source", "line", "action", "category")
    )
    assert "2026-11-25T09:46:41.880000Z" == vpn[0]["time"], "the start of the request, not the end that squid logs"


def test_compressed_logs_of_several_sources_are_merged_by_time(school):
    packed = school / "old.gz"
    packed.write_bytes(gzip.compress(VPN.format(1).encode()))

    held = run(
        "--config",
        school / "filterwatch.yaml",
        "--source",
        f"squid={school / 'access.log'}",
        "--format",
        "squid",
        packed,
    )

    times = [one["time"] for one in held if one["rule"] == "bypass-vpn"]
    assert 2 == len(times)
    assert sorted(times) == times


def test_a_cut_compressed_log_is_said_and_what_is_there_is_read(school, caplog):
    whole = gzip.compress("".join(VPN.format(n) for n in range(900)).encode(), 1)
    cut = school / "cut.gz"
    cut.write_bytes(whole[:-20])

    run("--config", school / "filterwatch.yaml", "--format", "squid", cut)

    assert any("cut" in message for message in caplog.messages)
