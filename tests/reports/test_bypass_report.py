import base64
import hashlib
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from filterwatch.detections import make, none
from filterwatch.detectors.bypass import Bypass, Settings
from filterwatch.reports.bypass import ATTEMPTS, KINDS, STAGES, STORIES, bypass
from filterwatch.reports.period import Period

DAY = Period(date(2026, 11, 17), date(2026, 11, 17), ZoneInfo("Europe/London"))
VPN = {"host": "nordvpn.com", "domain": "nordvpn.com", "categories": ["bypass", "bypass.vpn"]}
SEARCH = {"host": "www.google.com", "domain": "google.com", "search_terms": "free vpn"}
BLOCKED = {"action": "blocked"}


def stories(
    events: pl.DataFrame, *columns: str, found: pl.DataFrame | None = None, period: Period = DAY
) -> list[tuple]:
    return bypass(events.lazy(), none() if found is None else found, period, Settings()).stories.select(columns).rows()


def minutes(*rows: tuple[float, dict]) -> list[dict]:
    return [row | {"at": at * 60} for at, row in rows]


@pytest.mark.parametrize(
    ("rows", "stage"),
    [
        (minutes((0, SEARCH)), "searched"),
        (minutes((0, VPN)), "tried"),
        (minutes((0, VPN | BLOCKED)), "tried"),
        (minutes((0, SEARCH), (5, VPN | BLOCKED)), "searched, then tried"),
        (minutes((0, SEARCH), (11, VPN)), "tried"),
        (minutes((0, VPN), (5, SEARCH)), "tried"),
        (minutes((0, SEARCH), (1, VPN | BLOCKED), (20, VPN | BLOCKED)), "went on after a block"),
        (minutes((0, VPN | BLOCKED), (31, VPN | BLOCKED)), "tried"),
        (minutes((0, VPN | BLOCKED), (20, VPN)), "got through after a block"),
        (minutes((0, VPN), (20, VPN | BLOCKED)), "tried"),
    ],
)
def test_how_far_a_device_went(frame, rows, stage):
    assert stories(frame(*rows), "stage") == [(stage,)]


def test_one_story_for_a_device_whatever_it_tried(frame):
    flow = {"kind": "flow", "host": None, "dest_ip": "203.0.113.9", "person": None, "identity": "unknown"}
    rows = minutes(
        (0, SEARCH), (1, VPN | BLOCKED), (2, VPN | BLOCKED), (5, flow | {"dest_port": 51820}),
        (6, flow | {"dest_port": 51820}), (7, {"host": "198.51.100.7"}),
    )  # fmt: skip
    assert stories(frame(*rows), *STORIES.names()[:-2]) == [
        (
            "cb-1", "amy", "pupils", "got through after a block", "VPN, address without a name",
            5, 2, 3, 1, 4, 3, 1,
            datetime(2026, 11, 17, 10, 0, tzinfo=UTC), datetime(2026, 11, 17, 10, 7, tzinfo=UTC),
            "VPN: 203.0.113.9:51820 (WireGuard), allowed, 2 times",
        )
    ]  # fmt: skip


def test_those_who_went_furthest_come_first(frame):
    rows = minutes(
        (0, VPN | {"device": "tried"}),
        (0, VPN | BLOCKED | {"device": "through"}),
        (1, VPN | {"device": "through"}),
        (0, SEARCH | {"device": "searched"}),
    )
    assert [row[0] for row in stories(frame(*rows), "device")] == ["through", "tried", "searched"]


def test_a_device_that_several_people_used_names_none(frame):
    rows = minutes((0, VPN), (1, VPN | {"person": "ben"}))
    assert stories(frame(*rows), "person") == [(None,)]


def test_an_address_alone_names_nobody(frame):
    assert stories(frame(VPN | {"identity": "address"}), "person") == [(None,)]


def test_what_was_searched_for_stands_nowhere(frame):
    report = bypass(frame(SEARCH), none(), DAY, Settings())
    assert "vpn" not in str([report.stories.rows(), report.attempts.rows(), report.kinds.rows()])


def test_detections_stand_beside_and_alone(frame):
    rules = {"rule": "bypass_shape", "rule_version": "1", "category": "bypass", "outcome": "breach", "reason": "shape"}
    rows = frame(VPN, VPN | {"device": "cb-2"}, {"device": "cb-3"}).with_columns(
        **{name: pl.lit(value) for name, value in rules.items()}
    )
    found = make(
        rows.with_columns(level=pl.Series(["low", "high", "medium"]), category=pl.Series(["bypass", "games", "bypass"]))
    )
    assert sorted(stories(rows[:2], "device", "detections", "level", "evidence", found=found)) == [
        ("cb-1", 1, "low", "VPN: nordvpn.com, allowed, once"),
        ("cb-2", 0, None, "VPN: nordvpn.com, allowed, once"),
        ("cb-3", 1, "medium", "rules and detectors only"),
    ]


def asked(number: int) -> dict:
    label = base64.b32encode(hashlib.sha256(str(number).encode()).digest()[:31]).decode().strip("=").lower()
    query = f"{label}.tunnel.test"
    return {"at": number, "kind": "dns", "host": None, "query": query, "domain": "tunnel.test", "query_type": "TXT"}


def test_report_and_live_detector_agree_on_a_dns_tunnel(frame):
    for names, tunnels in ((39, 0), (40, 1)):
        events = frame(*(asked(n) for n in range(names)))
        assert len(Bypass(Settings())(events, none(), DAY.end)) == tunnels
        found = stories(events, "kinds", "attempts", "evidence")
        assert found == [("DNS tunnel", 40, "DNS tunnel: tunnel.test, allowed, 40 times")][:tunnels]


def test_days_are_local_and_events_count_on_the_day_they_began(frame):
    events = frame(
        VPN | {"at": 13.5 * 3600},  # 23:30 local
        VPN | {"at": 14.2 * 3600, "lasted": 1200},  # ended after midnight
        VPN | {"at": 14.6 * 3600},
    )
    assert stories(events, "attempts", "days") == [(2, 1)]
    both = Period(date(2026, 11, 17), date(2026, 11, 18), DAY.zone)
    assert stories(events, "attempts", "days", period=both) == [(3, 2)]


def test_kinds_count_devices(frame):
    rows = minutes((0, VPN), (1, VPN | BLOCKED), (2, VPN | {"device": "cb-2"}), (3, {"host": "203.0.113.9"}))
    kinds = bypass(frame(*rows), none(), DAY, Settings()).kinds
    assert kinds.select("kind", "devices", "attempts", "blocked", "allowed").rows() == [
        ("vpn", 2, 3, 1, 2),
        ("direct_ip", 1, 1, 0, 1),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_lines_does_not_matter_and_frames_are_as_declared(frame, seed):
    choices = [VPN, VPN | BLOCKED, SEARCH, {"host": "203.0.113.9"}, {"host": "bbc.co.uk", "domain": "bbc.co.uk"}]
    rows = [choices[n * 7 % 5] | {"at": n * 100, "device": f"cb-{n % 3}", "person": f"p{n % 2}"} for n in range(100)]
    events = frame(*rows, *(asked(n) for n in range(45)))
    one = bypass(events, none(), DAY, Settings())
    other = bypass(events.sample(fraction=1, shuffle=True, seed=seed), none(), DAY, Settings())
    for name, schema in (("stories", STORIES), ("kinds", KINDS), ("attempts", ATTEMPTS)):
        assert getattr(one, name).equals(getattr(other, name))
        assert getattr(one, name).schema == schema
    assert set(one.stories["stage"]) <= set(STAGES)


def test_nothing_is_found_in_nothing(frame):
    report = bypass(frame(), none(), DAY, Settings())
    assert (len(report.stories), len(report.kinds), len(report.attempts)) == (0, 0, 0)
