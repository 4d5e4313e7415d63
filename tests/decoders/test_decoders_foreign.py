"""In a system log that several programs write to, another program's line means nothing and is no mistake."""

from __future__ import annotations

import pytest
from decoding import decode

from filterwatch.decoders import names

OTHERS = [
    b"Nov 22 10:00:02 gw sshd[99]: Server listening on 0.0.0.0 port 22.",
    b"Nov 22 10:00:03 gw CRON[1211]: (root) CMD (run-parts /etc/cron.hourly)",
    b"Nov 22 10:00:03 gw kernel: [12345.678] eth0: link up",
    b"2026-11-22T10:00:04.123456+00:00 gw systemd-resolved[1]: Clock change detected.",
    b"<30>Nov 22 10:00:04 gw postfix/smtpd[1]: connect from unknown[10.1.0.7]",
    b"<30>1 2026-11-22T10:00:01Z gw rsyslogd - - - rsyslogd was HUPed",
]
TABLES = {"export", "lgfl_schoolprotect", "lightspeed", "netsweeper", "rm_safetynet", "securly", "smoothwall"}
FILES = {"pihole_ftl", "settings_changes", "suricata_eve", "windows_dhcp"} | {one for one in names() if "zeek" in one}


@pytest.mark.parametrize("name", sorted({*names()} - TABLES - FILES))
def test_lines_of_the_system_are_skipped_and_not_rejected(name: str) -> None:
    found = decode(name, *OTHERS, b"no line of anything \x01")

    assert not set(found.rejected["line"]) & set(range(len(OTHERS)))
    assert not len(found.events)


@pytest.mark.parametrize("name", ["dnsmasq", "dnsmasq_extra", "freeradius", "haproxy", "kea", "bind", "unbound"])
def test_lines_of_another_daemon_are_skipped_by_those_whose_program_is_known(name: str) -> None:
    found = decode(name, b"Nov 22 10:00:08 gw squid[77]: Squid Parent: (squid-1) process 79 started")

    assert len(found.rejected) == 0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dnsmasq", b"Nov 22 10:00:01 dns: query[A] a.test from 10.1.0.7"),
        ("dnsmasq", b"query[A] a.test from 10.1.0.7"),
        ("freeradius", b"Sun Nov 22 10:00:01 2026 : Strange: Login fine: [ada]"),
        ("kea", b"2026-11-22 10:00:01.123 WHAT [kea-dhcp4.leases/1.2] DHCP4_LEASE_ALLOC"),
        ("fortigate", b"Nov 22 10:00:01 wall devname=x"),
        ("squid", b"1795311995.403 7 10.1.2.3 TCP_MISS"),
        ("dnsmasq", b"sshd: query[A] a.test from 10.1.0.7"),
    ],
)
def test_a_line_of_the_formats_own_that_cannot_be_read_is_still_rejected(name: str, line: bytes) -> None:
    assert len(decode(name, line).rejected) == 1
