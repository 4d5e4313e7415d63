from __future__ import annotations

import pytest
from decoding import decode, event

NAMED = b"Nov 22 02:02:06 gw named[811]: "


@pytest.mark.parametrize("name", ["infoblox", "efficientip"])
def test_an_appliance_writes_named_and_dhcp_lines(name: str) -> None:
    asked = event(name, NAMED + b"client @0x7f0c 10.0.0.7#61568 (x.test): query: x.test IN A +T (10.0.0.1)")
    leased = event(name, b"Nov 22 02:02:06 gw dhcpd[811]: DHCPACK on 10.0.0.7 to 02:00:5e:10:00:02 (IPAD) via eth1")

    assert (asked["query"], asked["client_ip"], asked["protocol"]) == ("x.test", "10.0.0.7", "tcp")
    assert (leased["kind"], leased["client_mac"], leased["host"]) == ("lease", "02:00:5e:10:00:02", "ipad")


def test_infoblox_tells_what_it_answered_and_by_which_transport() -> None:
    message = b"client 10.0.0.7#61568: TCP: query: X.test IN A response: NOERROR +A x.test. 60 IN A 192.0.2.1;"
    found = event("infoblox", NAMED + message)

    assert (found["rcode"], found["protocol"], found["answer"]) == ("NOERROR", "tcp", "x.test. 60 IN A 192.0.2.1;")


def test_an_infoblox_policy_hit_shares_the_key_of_its_question() -> None:
    hit = (
        b"CEF:0|Infoblox|NIOS|8.4.4-386831|RPZ-QNAME|NXDOMAIN|7|app=DNS dst=10.0.0.1 src=10.0.0.7 spt=61568 "
        b'view=_default qtype=A msg="rpz QNAME NXDOMAIN rewrite x.test [A] via x.test.school-rpz" CAT=RPZ'
    )
    blocked = event("infoblox", NAMED + hit)
    asked = event("infoblox", NAMED + b"client 10.0.0.7#61568 (x.test): query: x.test IN A + (10.0.0.1)")

    assert (blocked["action"], blocked["rcode"], blocked["dest_ip"]) == ("blocked", "NXDOMAIN", "10.0.0.1")
    assert blocked["request_key"] == asked["request_key"]


def test_efficientip_tells_lists_and_quarantine() -> None:
    listed = event("efficientip", NAMED + b"List Matched 10.0.0.7#46937: query: x.test IN A (10.0.0.1) {gambling}")
    armed = event("efficientip", NAMED + b"ARMING trigger on 10.0.0.7.02:00:5e:10:00:01.x1 (action:QUARANTINE) (why)")

    assert (listed["filter_category"], listed["action"], listed["query"]) == ("gambling", "unknown", "x.test")
    assert (armed["action"], armed["client_ip"], armed["filter_rule"]) == ("blocked", "10.0.0.7", "quarantine")


@pytest.mark.parametrize("name", ["infoblox", "efficientip"])
def test_an_appliance_answers_other_lines(name: str) -> None:
    decoded = decode(name, b"Nov 22 02:02:06 gw ntpd[7]: nothing", b"nothing at all")

    assert (len(decoded.skipped), len(decoded.rejected)) == (1, 1)
