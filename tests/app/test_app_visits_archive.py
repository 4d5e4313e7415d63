"""What the daemon told live, over kills and restarts, a replay of its logs and of its archive tells again."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from typer.testing import CliRunner

from benchmarks.browsing import Request, Session, days, insisted, network, recipes, sessions
from benchmarks.browsing_logs import LOGS, MORNING, Line, text, written
from filterwatch import archive, policy
from filterwatch.app.ingest import Ingest, sources_of
from filterwatch.app.parts import School
from filterwatch.app.settings import load
from filterwatch.cli import make_app
from filterwatch.clock import ManualClock
from filterwatch.journal import Journal
from filterwatch.metrics import Metrics
from filterwatch.pipeline import Pass

CONFIG = """
site: st-pauls
timezone: Europe/London
state: state
sources:
  - {name: proxy, format: squid, path: access.log}
  - {name: names, format: dnsmasq, path: dns.log}
people: {ranges: [{net: 10.10.0.0/16, group: pupils, device_class: individual}]}
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
"""
KEYS = ("time", "rule", "level", "user", "client_ip", "host", "action", "reason", "source")
OF_THE_CLOCK = ("source_silent", "source_speaks")
"""What depends on when lines are read."""

TOLD = {"gambling", "adult", "adult-burst", "social_media", "bypass_persistence", "direct_ip"}
STEP = 60
"""Seconds between two looks of the daemon."""


def late_at_night(_draw: random.Random) -> Session:
    """Betting and worse around midnight, in tunnels that open before and close after it."""
    at = 14 * 3600 + 50 * 60
    made = Session("late", requests=[Request(at + n * 45.0, "www.bet365.com") for n in range(30)])
    made.requests += [Request(at + n * 75.0, "www.pornhub.com") for n in range(16)]
    return made


def round_the_filter(draw: random.Random) -> Session:
    """A VPN tried again and again, and addresses without a name."""
    made = Session("round the filter")
    made.requests += [Request(3600 + n * 70.0, "nordvpn.com", blocked=True) for n in range(6)]
    made.requests += [Request(5000 + n * draw.uniform(5, 20), f"203.0.113.{n}") for n in range(12)]
    return made


class Killed(BaseException):
    """kill -9, just before a batch is committed."""


class Daemon:
    """The daemon's first half on a clock of its own; it can be killed."""

    def __init__(self, folder):
        self.folder, self.clock = folder, ManualClock(MORNING)
        self.school = School(load(folder / "filterwatch.yaml"))
        self.index, self.rules = self.school.index(), policy.load(self.school.rules)
        self.start()

    def start(self):
        self.journal = Journal.open(self.folder / "state" / "journal.db", writer=True, clock=self.clock)
        bench = self.school.bench(self.rules, live=True)
        work = Pass(self.school.feeds(), self.school.enrichment(self.index), bench)
        sources = list(sources_of(self.school.configuration, self.journal, self.clock))
        self.ingest = Ingest(sources, work, self.journal, self.clock, Metrics())

    def read(self, at: float):
        """Read all there is, at *at* seconds after the morning."""
        self.clock.move(MORNING + timedelta(seconds=at) - self.clock.now())
        while self.ingest.step():
            pass
        self.ingest.idle()

    def die(self, monkeypatch, at: float):
        """Be killed between reading and committing; start again."""
        with monkeypatch.context() as dying:
            dying.setattr(Journal, "commit", _killed)
            with pytest.raises(Killed):
                self.read(at)
        self.journal.close()
        self.start()


def _killed(*_args: object) -> None:
    raise Killed


def windows(**logs: list[Line]) -> Iterator[tuple[float, dict[str, str]]]:
    """Yield the ends of times in which something is written, and what."""
    ends = sorted({(at // STEP + 1) * STEP for lines in logs.values() for at, _ in lines})
    for end in ends:
        yield end, {n: text(line for line in lines if end - STEP <= line[0] < end) for n, lines in logs.items()}


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A school whose daemon read two logs as they were written, and was killed forty times."""
    folder, draw = tmp_path_factory.mktemp("school"), random.Random(5)
    (folder / "filterwatch.yaml").write_text(CONFIG)
    (folder / "state").mkdir()
    for name in ("access.log", "dns.log"):
        (folder / name).touch()
    makers = (recipes, network, days, insisted, late_at_night, round_the_filter)
    made = list(sessions(1, makers=makers))
    # What two sources tell of one device in one second is told by whichever is read first.
    proxy, names = written(LOGS["squid, tunnels"], made), written(LOGS["Pi-hole, dnsmasq"], made[:-1])
    daemon, end = Daemon(folder), 0.0
    daemon.read(end)
    with pytest.MonkeyPatch.context() as monkeypatch:
        for end, parts in windows(proxy=proxy, names=names):
            for name, path in (("proxy", "access.log"), ("names", "dns.log")):
                with (folder / path).open("a") as log:
                    log.write(parts[name])
            if draw.random() < 0.1:
                daemon.die(monkeypatch, end)
            daemon.read(end)
    daemon.read(end + 600)
    live = daemon.journal.detections(0)
    archive.seal(daemon.journal, folder / "state" / "archive", now=datetime(2027, 1, 1, tzinfo=UTC))
    daemon.journal.close()
    return folder, live.filter(~pl.col("rule").is_in(OF_THE_CLOCK)).to_dicts()


def comparable(rows: list[dict]) -> list[tuple]:
    def time(row: dict) -> str:
        return row["time"] if isinstance(row["time"], str) else f"{row['time']:%Y-%m-%dT%H:%M:%S.%fZ}"

    return sorted(tuple(time(row) if key == "time" else row[key] or "" for key in KEYS) for row in rows)


def replayed(folder, *words: object) -> list[tuple]:
    command = ["replay", "--config", folder / "filterwatch.yaml", *words]
    done = CliRunner().invoke(make_app(), [str(word) for word in command], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return comparable([json.loads(line) for line in done.stdout.splitlines()])


WAYS = {
    "the archive": ("--from", "2026-11-23", "--to", "2026-11-27"),
    "the logs": ("--source", "proxy={}/access.log", "--source", "names={}/dns.log"),
}


@pytest.mark.parametrize("words", WAYS.values(), ids=WAYS)
def test_what_was_told_live_is_told_again_from(school, words):
    folder, told = school
    live = comparable(told)

    again = replayed(folder, *(word.format(folder) for word in words))

    assert TOLD <= {row[1] for row in live}
    again = [row for row in again if row[1] not in OF_THE_CLOCK]
    assert [row for row in again if row not in live] == []
    assert [row for row in live if row not in again] == []
    assert again == live


def test_no_request_of_a_visit_is_lost_or_told_twice_over_kills(school):
    folder, told = school

    assert len({row["id"] for row in told}) == len(told)
    lines = [line.split() for line in (folder / "access.log").read_text().splitlines()]
    asked = Counter(line[7] for line in lines if line[6] == "www.bet365.com:443")
    counted = Counter()
    for row in told:
        if row["rule"] == "gambling" and row["source"] == "proxy":
            counted[row["user"]] += row["count"]
    assert counted == asked
