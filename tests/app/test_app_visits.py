"""The whole pass over made-up traffic: widgets are no visits, a visit is one story, persistence is told."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from filterwatch.cli import make_app

LINE = "{at}.{ms:03}    120 10.10.1.7 TCP_TUNNEL/200 50000 CONNECT {host}:443 pupil1 HIER_DIRECT/192.0.2.7 -\n"
CONFIG = """
site: replay
state: state
sources: [{name: squid, format: squid, path: access.log}]
people: {ranges: [{net: 10.10.0.0/16, group: pupils}]}
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
"""
NEWS = ("www.thetimes.co.uk", "connect.facebook.net", "platform.twitter.com", "syndication.twitter.com", "i.ytimg.com",
        "scontent.xx.fbcdn.net", "px.ads.linkedin.com", "assets.pinterest.com", "ocsp.digicert.com")  # fmt: skip


@pytest.fixture
def told(tmp_path):
    """Replay tunnels: (seconds, host) each; return rule, reason and level of what is told."""
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)

    def replay(*tunnels: tuple[float, str]) -> list[tuple[str, str, str]]:
        lines = [LINE.format(at=1795600000 + int(at), ms=int(at % 1 * 1000), host=host) for at, host in tunnels]
        (tmp_path / "access.log").write_text("".join(lines))
        command = ["replay", "--config", tmp_path / "filterwatch.yaml", "--source", f"squid={tmp_path / 'access.log'}"]
        done = CliRunner().invoke(make_app(), [str(word) for word in command], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return [(row["rule"], row["level"], row["reason"]) for row in rows]

    return replay


def test_forty_pages_of_news_with_widgets_are_no_social_network(told):
    pages = [(60 * page + n / 10, host) for page in range(40) for n, host in enumerate(NEWS)]

    assert [row for row in told(*pages) if row[0] in {"social_media", "chat", "video-unsuitable"}] == []


def test_one_glance_at_a_network_is_no_use_and_half_an_hour_is(told):
    glance = [(n / 10, "www.instagram.com") for n in range(12)]
    use = [(60 * n, "www.instagram.com") for n in range(20)]

    assert [row for row in told(*glance) if row[0] == "social_media"] == []
    assert len([row for row in told(*use) if row[0] == "social_media"]) == 1


def test_a_burst_is_told_by_its_first_and_its_last(told):
    rows = [row for row in told(*((n / 10, "www.bet365.com") for n in range(30))) if row[0] == "gambling"]

    assert len(rows) == 2
    assert "accident?" in rows[0][2]
    assert "29 more in the same visit" in rows[1][2]


def test_a_single_hit_on_pornography_is_less_than_coming_back(told):
    rows = [row for row in told((0, "www.pornhub.com"), (90_000, "www.pornhub.com")) if row[0] == "adult"]

    assert [row[1] for row in rows] == ["medium", "high"]


def test_three_occasions_are_a_finding_of_their_own(told):
    rows = told(*((n * 20_000, "www.pornhub.com") for n in range(3)))

    assert [row[1] for row in rows if row[0] == "adult-again"] == ["high"]


COMBINED = (
    '10.10.1.{n} - pupil{n} [23/Nov/2026:10:15:0{n} +0000] "GET {url} HTTP/1.1" 200 5123 "{page}" "-" '
    "TCP_MISS:HIER_DIRECT\n"
)


def test_a_search_that_another_sites_page_led_to_says_so(tmp_path):
    search = "http://www.google.com/search?q=how+to+kill+myself"
    pages = ("http://evil.example.com/page", "http://www.google.com/", "https://www.google.co.uk/", "-")
    log = tmp_path / "combined.log"
    log.write_text("".join(COMBINED.format(n=n, url=search, page=page) for n, page in enumerate(pages)))

    done = CliRunner().invoke(make_app(), ["replay", "--format", "squid_combined", str(log)], catch_exceptions=False)

    said = {row["person"]: row["reason"] for row in map(json.loads, done.stdout.splitlines())}
    assert {who: "another site's page led to this search" in reason for who, reason in said.items()} == {
        "pupil0": True, "pupil1": False, "pupil2": False, "pupil3": False,
    }  # fmt: skip


def test_the_end_of_a_visit_is_printed_after_its_beginning(told):
    rows = told(*((n / 10, "www.bet365.com") for n in range(5)), (900, "www.pornhub.com"))

    said = [(rule, "more in the same visit" in reason) for rule, _, reason in rows if rule in {"gambling", "adult"}]
    assert said == [("gambling", False), ("gambling", True), ("adult", False)]
