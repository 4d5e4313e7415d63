from __future__ import annotations

import pytest
from decoding import decode, event

HEAD = b"Nov 22 02:02:24 dnsmasq[811]: "


@pytest.mark.parametrize(
    ("message", "action"),
    [
        (b"query[A] games.test from 10.0.0.7", "unknown"),
        (b"forwarded games.test to 192.0.2.53", "allowed"),
        (b"reply games.test is 198.51.100.7", "allowed"),
        (b"cached games.test is 198.51.100.7", "allowed"),
        (b"cached-stale games.test is 198.51.100.7", "allowed"),
        (b"reply games.test is NXDOMAIN", "allowed"),
        (b"reply games.test is 0.0.0.0", "blocked"),
        (b"config games.test is 0.0.0.0", "blocked"),
        (b"config games.test is ::", "blocked"),
        (b"config games.test is NXDOMAIN", "blocked"),
        (b"config games.test is NODATA-IPv6", "blocked"),
        (b"config printer.lan is NXDOMAIN", "allowed"),
        (b"config printer is NXDOMAIN", "allowed"),
        (b"config 10.0.0.9 is NXDOMAIN", "allowed"),
        (b"config intranet.test is 10.0.0.9", "allowed"),
        (b"config www.youtube.test is 216.239.38.120", "rewritten"),
        (b"config www.google.test is <CNAME>", "rewritten"),
        (b"config version.bind is <TXT>", "allowed"),
        (b"/etc/hosts www.school.test is 10.0.0.5", "allowed"),
        (b"/etc/pihole/gravity.list ads.test is 0.0.0.0", "blocked"),
        (b"gravity blocked ads.test is 0.0.0.0", "blocked"),
        (b"gravity blocked (CNAME) ads.test is 198.51.100.7", "blocked"),
        (b"exactly denied ads.test is NODATA", "blocked"),
        (b"regex denied ads.test is ::", "blocked"),
        (b"special domain mask.icloud.test is NXDOMAIN", "blocked"),
        (b"blocked upstream with known address ads.test is 146.112.61.104", "blocked"),
        (b"reply error is SERVFAIL", "error"),
    ],
)
def test_the_source_of_an_answer_decides(message: bytes, action: str) -> None:
    assert event("dnsmasq", HEAD + message)["action"] == action


def test_a_school_names_its_own_domains_and_block_page() -> None:
    options = {"local_domains": ["stpauls.sch.uk"], "sinks": ["10.0.0.80"]}

    assert event("dnsmasq", HEAD + b"config x.stpauls.sch.uk is NXDOMAIN", **options)["action"] == "allowed"
    assert event("dnsmasq", HEAD + b"config printer.lan is NXDOMAIN", **options)["action"] == "allowed"
    assert event("dnsmasq", HEAD + b"config games.test is 10.0.0.80", **options)["action"] == "blocked"
    assert event("dnsmasq", HEAD + b"config games.test is 0.0.0.0", **options)["action"] == "blocked"


def test_a_name_with_blanks_is_whole() -> None:
    found = event("dnsmasq", HEAD + b"query[A] is from to x from 10.9.9.9 from 10.0.0.7")

    assert (found["query"], found["client_ip"]) == ("is from to x from 10.9.9.9", "10.0.0.7")


def test_a_name_that_dnsmasq_hides_still_counts() -> None:
    found = event("dnsmasq", HEAD + b"query[TXT] <name unprintable> from 10.0.0.7")

    assert (found["query"], found["query_type"], found["client_ip"]) == ("<name unprintable>", "TXT", "10.0.0.7")


def test_the_lines_of_one_request_share_a_key() -> None:
    plain = decode(
        "dnsmasq", HEAD + b"query[A] WwW.X.test from 10.0.0.7", HEAD + b"forwarded www.x.test to 192.0.2.53",
        HEAD + b"reply www.x.test is 198.51.100.7", b"Nov 22 02:02:24 dnsmasq[812]: query[A] www.x.test from 10.0.0.7",
    )  # fmt: skip
    extra = decode(
        "dnsmasq_extra", HEAD + b"7 10.0.0.7/4000 query[A] x.test from 10.0.0.7",
        HEAD + b"7 10.0.0.7/4000 config x.test is 0.0.0.0", HEAD + b"8 10.0.0.8/4000 reply error is REFUSED",
    )  # fmt: skip

    assert plain.events["request_key"].to_list() == ["811/www.x.test"] * 3 + ["812/www.x.test"]
    assert extra.events["request_key"].to_list() == ["811/7", "811/7", "811/8"]
    assert extra.events["client_ip"].to_list() == ["10.0.0.7", "10.0.0.7", "10.0.0.8"]


def test_a_reverse_answer_has_the_name_that_was_asked_for() -> None:
    found = event("dnsmasq", HEAD + b"/etc/hosts 10.0.0.5 is www.school.lan")

    assert (found["query"], found["answer"]) == ("5.0.0.10.in-addr.arpa", "www.school.lan")


def test_leases_come_from_its_dhcp_lines() -> None:
    found = event(
        "dnsmasq", b"Nov 22 02:02:26 gw dnsmasq-dhcp[7]: 12345 DHCPACK(eth0) 10.0.0.5 AA:bb:cc:dd:ee:0f Tablet-7"
    )

    assert (found["kind"], found["client_ip"], found["client_mac"], found["host"], found["filter_reason"]) == (
        "lease", "10.0.0.5", "aa:bb:cc:dd:ee:0f", "tablet-7", "DHCPACK",
    )  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [
        b"using nameserver 192.0.2.53#53",
        b"dnssec-query[DS] test to 192.0.2.53",
        b"validation result is SECURE",
        b"read /etc/hosts - 2 names",
    ],
)
def test_the_resolvers_own_business_is_skipped(message: bytes) -> None:
    assert len(decode("dnsmasq", HEAD + message).skipped) == 1


def test_another_programs_line_is_skipped() -> None:
    found = decode("dnsmasq", b"Nov 22 02:02:24 gw named[7]: query[A] x.test from 10.0.0.7")

    assert found.skipped["why"].to_list() == ["a line of another program"]
