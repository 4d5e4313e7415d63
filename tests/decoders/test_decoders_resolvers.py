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


def test_coredns_tells_a_whole_request_in_a_line() -> None:
    line = b'[INFO] [2001:db8::7]:50760 - 9 "AAAA IN X.test. tcp 41 true 65535" NXDOMAIN qr,rd,ra 120 1.5s'
    found = event("coredns", line)

    assert (found["client_ip"], found["client_port"], found["query"]) == ("2001:db8::7", 50760, "x.test")
    assert (found["action"], found["rcode"], found["duration_ms"]) == ("allowed", "NXDOMAIN", 1500)
    assert event("coredns", line, block_codes=["nxdomain"])["action"] == "blocked"


def test_powerdns_ties_question_and_answer() -> None:
    tail = b'proto="udp" qname="x.test" qtype="A" rcode="2" remote="10.0.0.7:52348"'
    asked, said = (event("powerdns", b'msg="' + word + b'" prio="Info" ' + tail) for word in (b"Question", b"Answer"))

    assert (asked["action"], said["action"], said["rcode"]) == ("unknown", "error", "SERVFAIL")
    assert asked["request_key"] == said["request_key"]


def test_dnsdist_ties_packet_and_answer() -> None:
    asked = event("dnsdist", b"Packet from 10.0.0.7:5 for x.test. A with id 1")
    said = event("dnsdist", b"Answer to 10.0.0.7:5 for x.test. A (No Error) with id 1")

    assert (asked["action"], said["action"], said["rcode"]) == ("unknown", "allowed", "NOERROR")
    assert asked["request_key"] == said["request_key"]
