"""Suricata's EVE lines: who asked, in every shape of dns."""

from __future__ import annotations

import json

import pytest
from decoding import decode, event

HEAD = {"timestamp": "2026-11-22T03:04:17.5+0100", "proto": "UDP"}
USUAL = {"timestamp": "2026-11-22T03:04:17.500000+0100"}
CLIENT = {"src_ip": "10.1.2.3", "src_port": 50123, "dest_ip": "10.1.0.1", "dest_port": 53}
SERVER = {"src_ip": "10.1.0.1", "src_port": 53, "dest_ip": "10.1.2.3", "dest_port": 50123}


def _line(kind: str, ends: dict[str, object], **more: object) -> bytes:
    return json.dumps({**HEAD, "event_type": kind, **ends, **more}).encode()


@pytest.mark.parametrize(
    ("ends", "dns"),
    [
        (CLIENT, {"version": 2, "type": "query", "rrname": "A.example", "rrtype": "A"}),
        (SERVER, {"version": 2, "type": "answer", "rrname": "a.example", "rrtype": "A", "rcode": "NOERROR"}),
        (SERVER, {"type": "answer", "rrname": "a.example", "rrtype": "A", "rdata": "203.0.113.1"}),
        (CLIENT,
         {"version": 3, "type": "response", "rcode": "NOERROR", "queries": [{"rrname": "a.example", "rrtype": "A"}]}),
    ],
)  # fmt: skip
def test_the_client_is_who_asked_whatever_the_version(ends: dict[str, object], dns: dict[str, object]) -> None:
    found = event("suricata_eve", _line("dns", ends, dns=dns))
    assert found["client_ip"] == "10.1.2.3"
    assert found["dest_ip"] == "10.1.0.1"
    assert found["query"] == "a.example"
    assert str(found["time"]) == "2026-11-22 02:04:17.500000+00:00"


def test_only_the_engine_s_own_verdict_is_a_block() -> None:
    seen = event("suricata_eve", _line("alert", CLIENT, alert={"action": "allowed", "signature": "s"}))
    dropped = event("suricata_eve", _line("alert", CLIENT, alert={"action": "blocked", "signature": "s"}))
    assert (seen["action"], dropped["action"]) == ("allowed", "blocked")
    assert event("suricata_eve", _line("http", CLIENT, http={"status": 403}))["action"] == "unknown"


def test_statistics_and_dhcp_questions_are_passed_over() -> None:
    decoded = decode("suricata_eve", _line("stats", {}), _line("dhcp", CLIENT, dhcp={"dhcp_type": "discover"}), b"{}")
    assert len(decoded.skipped) == 3


def test_regular_lines_and_odd_ones_stand_in_one_batch() -> None:
    answer = {"hostname": "www.Example.org", "url": "/a", "http_method": "GET", "status": 200, "length": 7}
    plain = _line("http", CLIENT, http=answer, **USUAL)
    odd = json.dumps({**json.loads(plain), "note": "é"}, ensure_ascii=False).encode()
    decoded = decode("suricata_eve", *[plain] * 40, odd)
    assert decoded.counts["odd_lines"] == 1
    assert decoded.events["status"].to_list() == [200] * 41
    assert decoded.events["host"].unique().to_list() == ["www.example.org"]


def test_leases_take_the_exact_path_among_many_lines() -> None:
    lease = _line(
        "dhcp", CLIENT, dhcp={"dhcp_type": "ack", "assigned_ip": "10.1.2.9", "client_mac": "02:00:5e:10:00:01"}
    )
    decoded = decode("suricata_eve", *[_line("flow", CLIENT, flow={"bytes_toserver": 5}, **USUAL)] * 40, lease)
    assert decoded.counts["odd_lines"] == 1
    assert decoded.events["kind"].to_list() == ["flow"] * 40 + ["lease"]
    assert decoded.events["client_ip"].to_list()[-1] == "10.1.2.9"
