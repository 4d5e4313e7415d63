"""Suricata's EVE lines: who asked, in every shape of dns."""

from __future__ import annotations

import json

import pytest
from decoding import decode, event

HEAD = {"timestamp": "2026-11-22T03:04:17.5+0100", "proto": "UDP"}
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
