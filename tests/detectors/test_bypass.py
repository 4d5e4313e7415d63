import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch.detections import none
from filterwatch.detectors.bypass import Bypass, Settings
from filterwatch.detectors.signs import NEEDED, Network, Signs, known
from filterwatch.events import BYPASS_KINDS, DETECTION_SCHEMA, complete
from filterwatch.reports.engine import read

NOW = datetime(2026, 11, 17, 11, tzinfo=UTC)


def found(events: pl.DataFrame, **changed) -> list[tuple]:
    out = Bypass(Settings.model_validate(changed))(events, none(), NOW)
    assert out.schema == DETECTION_SCHEMA
    return out.select("rule", "kind", "line_offset", "count").rows()


def signs(events: pl.DataFrame, **changed) -> list[str | None]:
    all_ = Signs(Network.model_validate(changed)).found(pl, events)
    by_offset = dict(all_.select("line_offset", "sign").iter_rows())
    return [by_offset.get(offset) for offset in events["line_offset"]]


def data(number: int) -> str:
    """A label as dns2tcp and iodine make them: base32 of encrypted bytes."""
    return base64.b32encode(hashlib.sha256(str(number).encode()).digest()[:31]).decode().strip("=").lower()


def asked(number: int, domain: str = "tunnel.test", **other) -> dict:
    query = f"{data(number)}.{domain}"
    return {"at": number, "kind": "dns", "query": query, "domain": domain, "query_type": "TXT"} | other


def test_what_each_sign_looks_like(frame):
    flow = {"kind": "flow", "host": None, "protocol": "udp"}
    cases = [
        ({"categories": ["bypass", "bypass.vpn"], "host": "nordvpn.com", "domain": "nordvpn.com"}, "vpn"),
        ({"categories": ["bypass"], "host": "x.test", "domain": "x.test"}, "bypass"),
        (flow | {"dest_ip": "203.0.113.9", "dest_port": 51820}, "vpn"),
        (flow | {"dest_ip": "203.0.113.9", "dest_port": 9001}, "tor"),
        (flow | {"dest_ip": "9.9.9.9", "dest_port": 853}, "dot"),
        (flow | {"dest_ip": "8.8.8.8", "dest_port": 53}, "foreign_dns"),
        ({"kind": "dns", "dest_ip": "8.8.8.8", "dest_port": 53, "query": "bbc.co.uk"}, "foreign_dns"),
        ({"host": "203.0.113.9"}, "direct_ip"),
        ({"host": "[2001:db8::9]"}, "direct_ip"),
        ({"host": "2001:db8::9"}, "direct_ip"),
        (asked(1), "long_name"),
        ({"kind": "dns", "query": "<name unprintable>"}, "long_name"),
        ({"host": "www.google.com", "domain": "google.com", "search_terms": "free VPN for school"}, "search"),
    ]  # fmt: skip
    assert signs(frame(*(row for row, _ in cases))) == [sign for _, sign in cases]


def test_what_is_no_sign(frame):
    flow = {"kind": "flow", "host": None, "protocol": "udp"}
    ordinary = [
        {"host": "www.bbc.co.uk", "domain": "bbc.co.uk"},
        {"host": "intranet"},
        {"host": "10.1.2.3"},
        {"host": "192.168.0.1"},
        flow | {"dest_ip": "10.0.0.53", "dest_port": 53},
        flow | {"dest_ip": "203.0.113.9", "dest_port": 443},
        flow | {"dest_ip": "10.1.0.9", "dest_port": 3389},
        flow | {"client_ip": "198.51.100.7", "dest_ip": "203.0.113.9", "dest_port": 3389},  # a scan from outside
        flow | {"dest_ip": "198.51.100.53", "dest_port": 53},  # the school's provider
        flow | {"client_ip": "10.0.0.53", "dest_ip": "8.8.8.8", "dest_port": 53},  # the school's resolver at work
        {"kind": "dns", "query": "e-0009.e-msedge.net", "domain": "e-msedge.net"},
        {"kind": "dns", "query": "a-very-long-name-of-a-shop.co.uk", "domain": "a-very-long-name-of-a-shop.co.uk"},
        {"kind": "dns", "query": f"{data(1)}.sophosxl.net", "domain": "sophosxl.net"},
        {"kind": "dns", "query": "9.0.0.0." * 8 + "ip6.arpa", "domain": "0.ip6.arpa"},
        {"host": "www.google.com", "domain": "google.com", "search_terms": "the approximate proximity of proxima"},
        {"categories": ["bypass", "bypass.vpn"], "host": "nordvpn.com", "counted": False},
        {"categories": ["bypass", "bypass.vpn"], "host": "nordvpn.com", "action": "auth_required"},
        {"categories": ["bypass", "bypass.vpn"], "host": "nordvpn.com", "group": "system"},
    ]  # fmt: skip
    found_ = signs(frame(*ordinary), resolvers=["10.0.0.53", "198.51.100.53"])
    assert found_ == [None] * len(ordinary)


def test_a_public_network_of_the_schools_own_is_watched(frame):
    flow = {"kind": "flow", "host": None, "dest_port": 1194, "dest_ip": "203.0.113.9"}
    clients = ["198.51.100.7", "198.51.99.7", "2001:db8:12:3::9", "2001:db8:13::9", "198.51.100.130"]
    events = frame(*(flow | {"client_ip": client} for client in clients))
    networks = ["198.51.100.0/25", "2001:db8:12::/48"]
    assert signs(events, networks=networks) == ["vpn", None, "vpn", None, None]


def test_narwhals_and_polars_see_the_same_signs(frame):
    events = frame(asked(1), {"host": "203.0.113.9"}, {"categories": ["bypass", "bypass.tor"]}, {"host": "bbc.co.uk"})
    one = Signs(Network()).found(pl, events)
    other = Signs(Network()).found(nw, read(events.lazy(), events.columns)).collect().to_native()
    columns = ["sign", "at", "target", "who", "length"]
    assert one.select(columns).equals(other.select(columns))
    assert len(one) == 3


def test_the_shipped_data_is_sound():
    assert {port.kind for port in known().ports} <= set(BYPASS_KINDS)
    numbers = [port.port for port in known().ports]
    assert len(numbers) == len(set(numbers))


def test_forty_different_names_full_of_data_are_a_dns_tunnel(frame):
    [row] = found(frame(*(asked(n) for n in range(45))))
    assert row == ("dns_tunnel", "dns_tunnel", 39 * 100, 40)


def test_the_same_name_again_and_again_is_no_tunnel(frame):
    assert found(frame(*(asked(1, at=n) for n in range(100)))) == []


def test_long_names_of_one_letter_are_no_tunnel(frame):
    queries = ["q" * (30 + n) + ".t.tunnel.test" for n in range(50)]
    rows = ({"at": n, "kind": "dns", "query": query, "domain": "tunnel.test"} for n, query in enumerate(queries))
    assert found(frame(*rows)) == []


def test_many_long_names_over_many_domains_are_no_tunnel(frame):
    assert found(frame(*(asked(n, domain=f"cdn{n}.test") for n in range(100)))) == []


def test_long_names_spread_over_a_day_are_no_tunnel(frame):
    assert found(frame(*(asked(n, at=n * 120) for n in range(100)))) == []


DNS2TCP = (Path(__file__).parent / "data" / "dns2tcp_queries.txt").read_text().splitlines()
"""What dns2tcp 0.5.2 asked of dnsmasq 2.90 while it fetched a file of 300 kB over HTTP: type and name, in order."""


def test_a_real_tunnel_is_found_within_its_first_four_hundred_questions(frame):
    rows = [
        {"at": n / 50, "kind": "dns", "query_type": type_, "query": name.lower(), "domain": "tunnel.test"}
        for n, (type_, name) in enumerate(line.split() for line in DNS2TCP)
    ]
    [row] = found(frame(*rows))
    assert row[:2] == ("dns_tunnel", "dns_tunnel")


def test_rare_types_without_data_are_no_tunnel(frame):
    names = ["_dmarc", "default._domainkey", "_spf", "selector1._domainkey", "www", "mail"] * 20
    rows = ({"at": n, "kind": "dns", "query_type": "TXT", "query": f"{name}.shop.test", "domain": "shop.test"}
            for n, name in enumerate(names))  # fmt: skip
    assert found(frame(*rows)) == []


def test_many_unprintable_names_are_a_tunnel(frame):
    events = frame(*({"at": n, "kind": "dns", "query": "<name unprintable>"} for n in range(50)))
    assert [row[0] for row in found(events)] == ["dns_tunnel"]


VPN = {"host": "nordvpn.com", "domain": "nordvpn.com", "categories": ["bypass", "bypass.vpn"]}


def attempt(minute: int, **other) -> dict:
    return VPN | {"at": minute * 60, "action": "blocked"} | other


def test_going_on_after_a_block_is_detected_and_told_once(frame):
    rows = found(frame(*(attempt(n) for n in range(10))))
    assert rows == [("bypass_persistence", "vpn", 500, 5)]


def test_attempts_that_nobody_blocked_are_not_going_on(frame):
    assert found(frame(*(attempt(n, action="allowed") for n in range(10)))) == []


def test_a_program_that_reconnects_many_times_a_minute_makes_one_attempt(frame):
    assert found(frame(*(attempt(0) | {"at": n} for n in range(60)))) == []


def test_an_old_block_is_forgotten(frame):
    assert found(frame(attempt(0), *(attempt(40 + n, action="allowed") for n in range(10)))) == []


def test_each_device_is_counted_for_itself(frame):
    assert found(frame(*(attempt(n, device=f"cb-{n}") for n in range(10)))) == []


def test_dns_asked_of_other_servers_is_detected_in_numbers(frame):
    flow = {"kind": "flow", "host": None, "dest_ip": "8.8.8.8", "dest_port": 53}
    assert found(frame(*(flow | {"at": n} for n in range(4)))) == []
    assert found(frame(*(flow | {"at": n} for n in range(6)))) == [("foreign_dns", "foreign_dns", 400, 5)]


def test_ten_different_bare_addresses_are_a_burst_and_one_visited_ten_times_is_not(frame):
    assert found(frame(*({"at": n, "host": f"203.0.113.{n}"} for n in range(12)))) == [
        ("direct_ip", "direct_ip", 900, 10)
    ]
    assert found(frame(*({"at": n, "host": "203.0.113.9"} for n in range(12)))) == []


def test_silence_is_no_detection():
    assert found(pl.DataFrame()) == []


def test_reasons_name_nobody_and_nothing(frame):
    events = frame(*(attempt(n) for n in range(10)), *(asked(600 + n) for n in range(45)))
    out = Bypass(Settings())(events, none(), NOW)
    assert set(out["reason"]) == {
        "5 attempts to get round the filter within 30 minutes, after one was blocked",
        "40 different names full of data asked of one domain in 10 minutes",
    }
    assert out["matched"].null_count() == len(out)


hostile = st.fixed_dictionaries(
    {
        "at": st.integers(0, 5000),
        "device": st.sampled_from(["cb-1", "cb-2"]),
        "kind": st.sampled_from(["dns", "flow", "http"]),
        "action": st.sampled_from(["allowed", "blocked"]),
        "query": st.sampled_from(["<name unprintable>", *(f"{data(n)}.tunnel.test" for n in range(3))]),
        "domain": st.sampled_from([None, "tunnel.test"]),
        "host": st.sampled_from(["203.0.113.1", "203.0.113.2", "203.0.113.3", "\x1b[2J", "a" * 300]),
        "dest_ip": st.sampled_from(["8.8.8.8", "1.1.1.1"]),
        "dest_port": st.sampled_from([53, 1194, 443]),
    }
)
LOW = {"names": 5, "characters": 100, "within": "10m"}
OFTEN = {"level": "low", "at_least": 3, "within": "10m", "again_after": "20m"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(hostile, min_size=1, max_size=60), st.lists(st.integers(1, 59), max_size=5))
def test_however_lines_are_batched_and_restarts_happen_the_same_is_found(frame, rows, cuts):
    limits = Settings.model_validate({
        "dns_tunnel": LOW, "bypass_persistence": OFTEN, "foreign_dns": OFTEN, "direct_ip": OFTEN
    })  # fmt: skip
    events = frame(*(dict(row) for row in sorted(rows, key=lambda row: row["at"])))
    whole = Bypass(limits)(events, none(), NOW)
    detector, parts, begin = Bypass(limits), [], 0
    for cut in [*sorted(set(cuts)), len(events)]:
        parts.append(detector(events[begin:cut], none(), NOW))
        state, begin = detector.state(), cut
        detector = Bypass(limits)
        detector.restore(state)
        assert detector.state() == state
    assert pl.concat(parts).equals(whole)
    assert whole["id"].is_unique().all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"resolvers": ["dns.school"]}, "does not appear to be"),
        ({"networks": ["10.1.1.5/24"]}, "host bits"),
        ({"foreign_dns": {"level": "loud", "at_least": 3, "within": "10m"}}, "level"),
        ({"direct_ip": {"level": "low", "at_least": 1, "within": "10m"}}, "at_least"),
        ({"dns_tunel": {}}, "dns_tunel"),
    ],
)
def test_a_wrong_setting_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Settings.model_validate(wrong)


def test_only_the_columns_that_are_named_are_needed(frame):
    events = frame(asked(1), {"host": "203.0.113.9"})
    narrow = complete(events.select(NEEDED))
    assert Signs(Network()).found(pl, narrow)["sign"].to_list() == ["long_name", "direct_ip"]


def test_forged_addresses_stay_within_bounds_and_hide_no_one_who_is_surely_known(frame, monkeypatch):
    monkeypatch.setattr("filterwatch.detectors.bypass.MOST", 20)
    blocked = {"categories": ["bypass"], "action": "blocked", "domain": "x.test"}
    mine = [blocked | {"at": 60 * n, "host": f"a{n}.test", "identity": "lease"} for n in range(6)]
    forged = [
        row
        | {"at": second, "device": None, "person": None, "client_ip": f"10.9.9.{second % 80}", "identity": "address"}
        for second in range(1, 360)
        for row in (blocked | {"host": f"b{second}.test"}, asked(second, f"t{second}.test"), {"host": "203.0.113.9"})
    ]
    detector = Bypass(Settings())
    rows = frame(*sorted([*mine, *forged], key=lambda row: row["at"]))
    found = pl.concat([detector(part, none(), NOW) for part in rows.iter_slices(100)])
    assert found.filter(pl.col("client_ip") == "10.1.0.1")["rule"].to_list() == ["bypass_persistence"]
    _, _, seen = json.loads(detector.state())
    assert max(len(half) for halves in seen.values() for half in halves) == 20
    assert detector.forgotten > 100


def test_a_device_whose_log_was_a_few_hours_ahead_is_told_of_again(frame):
    blocked = {"categories": ["bypass"], "action": "blocked", "domain": "x.test"}
    rows = [blocked | {"at": begin + 60 * n, "host": f"a{n}.test"} for begin in (20 * 3600, 0) for n in range(7)]
    assert [rule for rule, *_ in found(frame(*rows))] == ["bypass_persistence"] * 2
