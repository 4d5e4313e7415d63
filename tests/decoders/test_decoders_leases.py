"""DHCP servers' logs: an address, a device and what happened, whatever the device calls itself."""

import pytest
from decoding import decode, event

ACK = b"Nov 22 01:00:00 gw dhcpd[8]: DHCPACK on 10.0.0.5 to 02:00:5e:10:00:01"


@pytest.mark.parametrize(
    "name", [b"x) via eth9 (y", b"DHCPACK on 10.0.0.9 to 02:00:5e:10:00:09", b"a b", b"\xff", b")"]
)
def test_a_name_that_a_device_chose_moves_neither_address_nor_device(name):
    found = event("isc_dhcpd", ACK + b" (" + name + b") via eth1")
    assert (found["client_ip"], found["client_mac"]) == ("10.0.0.5", "02:00:5e:10:00:01")


def test_the_relay_is_no_destination():
    assert "dest_ip" not in event("isc_dhcpd", ACK + b" via 10.9.9.9 relay 10.9.9.9 lease-duration 600 uid 01:02")


@pytest.mark.parametrize(
    "line",
    [
        b"Nov 22 01:00:00 gw dhcpd[8]: DHCPACK to 10.0.0.5 (02:00:5e:10:00:01) via eth1",
        b"Nov 22 01:00:00 gw sshd[8]: DHCPACK on 10.0.0.5 to 02:00:5e:10:00:01 via eth1",
        b"Nov 22 01:00:00 gw dhcpd[8]: DHCPREQUEST for 10.0.0.5 from  via eth1: wrong network.",
    ],
)
def test_an_answer_without_a_lease_and_another_programs_line_are_skipped(line):
    assert len(decode("isc_dhcpd", line).skipped) == 1


@pytest.mark.parametrize(
    ("what", "ip"),
    [
        ("DHCP4_LEASE_REUSE {}: lease 10.0.0.5 has been reused for 600 seconds", "10.0.0.5"),
        ("DHCP4_RELEASE_EXPIRED {}: address 10.0.0.5 expired on release.", "10.0.0.5"),
        ("DHCP6_LEASE_RENEW {}: lease for address fd00::5 and iaid=1 has been allocated", "fd00::5"),
    ],
)
def test_keas_messages_give_address_and_device(what, ip):
    label = "[hwtype=1 02:00:5e:10:00:01], cid=[01:02:00:5e:10:00:01], tid=0x1"
    line = f"2026-11-22 01:00:00.000 INFO  [kea-dhcp4.leases/8.1] {what.format(label)}"
    found = event("kea", line.encode())
    assert (found["client_ip"], found["client_mac"]) == (ip, "02:00:5e:10:00:01")


def test_what_a_line_of_windows_means_its_number_tells_not_its_language():
    line = b"%d,11/22/26,01:00:00,\xe9galement,10.0.0.5,pc5,02005E100001"
    words = [event("windows_dhcp", line % number)["filter_reason"] for number in (10, 11, 12, 17)]
    assert words == ["Assign", "Renew", "Release", "Expired"]
    assert len(decode("windows_dhcp", line % 13, line % 30).skipped) == 2


def test_commas_in_a_host_name_give_no_address_to_another_device() -> None:
    line = b"10,11/22/26,09:00:01,Assign,10.10.1.5,La,02005E100009,top,02005E100001,,2846211,0,,,,,,,,,0"

    rejected = decode("windows_dhcp", line).rejected

    assert "two hardware addresses" in str(rejected["why"][0])
