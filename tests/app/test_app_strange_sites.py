"""The whole pass over made-up weeks: what a name only hints at is told once somebody uses it like an unblocker."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from filterwatch.app.parts import School
from filterwatch.app.settings import load
from filterwatch.cli import make_app
from filterwatch.sources import read_files

FIRST = 1795507200 + 9 * 3600
"""A school morning, seconds since 1970; other times count from it."""

DAY, MINUTE = 86_400, 60
SQUID = "{at}.000    900 {ip} {result} 600000 CONNECT {host}:443 {user} HIER_DIRECT/192.0.2.7 -\n"
DNSMASQ = "{stamp} gw dnsmasq[7]: query[A] {host} from {ip}\n"
CONFIG = """
site: replay
state: state
sources: [{{name: log, format: {format}, path: access.log}}]
people: {{ranges: [{{net: 10.10.0.0/16, group: pupils}}, {{net: 10.20.0.0/16, group: staff}}]}}
detectors: {{strange_site: {{learn_days: {learn}}}}}
alerts: {{recipients: {{coordinator: {{name: A, channels: [m]}}, head: {{name: B, channels: [n]}}}}}}
delivery: {{channels: {{m: {{url: "json://127.0.0.1"}}, n: {{url: "json://127.0.0.1"}}}}}}
"""
LESSONS = [(day * DAY + n, f"www.school-site-{n}.co.uk", "10.10.1.1", "TCP_TUNNEL/200")
           for day in range(-3, 0) for n in range(60)]  # fmt: skip


@pytest.fixture
def written(tmp_path):
    """Write a configuration and a log: (seconds, host, address, squid result) each."""

    def write(*rows: tuple[int, str, str, str], kind: str = "squid", learn: int = 3) -> None:
        (tmp_path / "filterwatch.yaml").write_text(CONFIG.format(format=kind, learn=learn))
        lines = []
        for after, host, ip, result in sorted(rows):
            at = FIRST + after
            line = SQUID if kind == "squid" else DNSMASQ
            stamp = datetime.fromtimestamp(at, UTC).isoformat()
            lines.append(
                line.format(at=at, stamp=stamp, ip=ip, result=result, host=host, user=f"u{ip.replace('.', '')}")
            )
        (tmp_path / "access.log").write_text("".join(lines))

    return write


@pytest.fixture
def told(tmp_path, written):
    """Replay a log; return level and reason of what the detector tells."""

    def replay(*rows: tuple[int, str, str, str], **how) -> list[tuple[str, str]]:
        written(*rows, **how)
        command = ["replay", "--config", tmp_path / "filterwatch.yaml", "--source", f"log={tmp_path / 'access.log'}"]
        done = CliRunner().invoke(make_app(), [str(word) for word in command], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return [(row["level"], row["reason"]) for row in found if row["rule"] == "strange_site"]

    return replay


def visit(host: str, begin: int = 0, minutes: int = 12, ip: str = "10.10.1.7") -> list[tuple[int, str, str, str]]:
    return [((begin + n) * MINUTE, host, ip, "TCP_TUNNEL/200") for n in range(minutes)]


def test_an_odd_name_below_dynamic_dns_is_told_when_it_is_used(told):
    [(level, reason)] = told(*LESSONS, *visit("skylight.duckdns.org"))
    assert level == "medium"
    assert reason.startswith("a site new to the school, with a name like those of unblockers: used for 10 minutes with")
    assert told(*LESSONS, *visit("skylight.duckdns.org", minutes=1)) == []
    assert told(*visit("skylight.duckdns.org")) == []  # it learns first


def test_a_name_lent_by_a_small_business_is_told_after_a_block(told):
    block = (-60, "www.roblox.com", "10.10.1.7", "TCP_DENIED/403")
    assert told(*LESSONS, block, *visit("skylight.joes-pizza.com", minutes=3)) == [
        (
            "low",
            "a site new to the school, with an odd name: opened just after a block",
        )
    ]


def test_staff_make_a_vendor_ordinary(told):
    teacher = visit("tenant.vendor.com", begin=-60, minutes=3, ip="10.20.1.1")
    assert told(*LESSONS, *teacher, *visit("tenant.vendor.com")) == []


def test_a_resolvers_log_shows_news_that_goes_round(told):
    pupils = [row for n in range(3) for row in visit("skylight.duckdns.org", n * 20, 3, ip=f"10.10.1.{n + 7}")]
    assert told(*LESSONS, *pupils, kind="dnsmasq") == [
        (
            "medium",
            "a site new to the school, with a name like those of unblockers: 3 people came in turn within 8 hours",
        )
    ]


def test_the_daemon_s_pass_finds_the_same_over_restarts_between_all_its_batches(tmp_path, written):
    written(*LESSONS, *visit("skylight.duckdns.org"))
    school = School(load(tmp_path / "filterwatch.yaml"))
    index, state, found = school.index(), {}, []
    for batch in read_files([tmp_path / "access.log"], 8_000, source="log"):
        work = school.work(school.enrichment(index))
        work.restore(state)
        found += work.process(batch, datetime(2026, 12, 1, tzinfo=UTC)).detections["rule"].to_list()
        state = work.state()
    assert found.count("strange_site") == 1
