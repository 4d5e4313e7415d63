from __future__ import annotations

import pytest
from decoding import decode, event

REST = b"IN=eth0 OUT=eth1 SRC=10.0.0.7 DST=192.0.2.1 LEN=60 PROTO=TCP SPT=4000 DPT=443 "


@pytest.mark.parametrize(
    ("prefix", "action", "rule"),
    [
        (b"gw kernel: [1.5] [UFW BLOCK] ", "blocked", "[UFW BLOCK]"),
        (b"gw kernel: [UFW ALLOW] ", "allowed", "[UFW ALLOW]"),
        (b"gw kernel: [UFW AUDIT] ", "unknown", "[UFW AUDIT]"),
        (b"gw kernel: IPTABLES-DROP: ", "blocked", "IPTABLES-DROP"),
        (b"gw kernel: DROP:", "blocked", "DROP"),
        (b"gw kernel: REJECT_guest ", "blocked", "REJECT_guest"),
        (b"gw kernel: DENY ", "blocked", "DENY"),
        (b"gw kernel: ACCEPT ", "allowed", "ACCEPT"),
        (b"gw kernel: blocklist: ACCEPT ", "allowed", "blocklist: ACCEPT"),
        (b'gw gw [WAN_LOCAL-D-7] DESCR="Drop all" ', "blocked", '[WAN_LOCAL-D-7] DESCR="Drop all"'),
        (b"gw gw [LAN_IN-A-7] ", "allowed", "[LAN_IN-A-7]"),
        (b"gw gw [LAN_IN-R-7] ", "blocked", "[LAN_IN-R-7]"),
        (b"gw kernel: ", "unknown", None),
        (b"gw DoT drop  ", "blocked", "DoT drop"),
    ],
)  # fmt: skip
def test_the_prefix_tells_the_action(prefix: bytes, action: str, rule: str | None) -> None:
    found = event("netfilter", b"Nov 22 20:56:38 " + prefix + REST)

    assert (found["action"], found.get("filter_rule")) == (action, rule)


def test_a_source_may_say_what_its_prefixes_mean() -> None:
    line = b"Nov 22 20:56:38 gw kernel: GUEST drop soon " + REST

    assert event("netfilter", line)["action"] == "blocked"
    assert event("netfilter", line, prefixes={"GUEST": "allowed", "GUEST drop": "unknown"})["action"] == "unknown"


def test_the_packet_inside_an_icmp_error_is_not_the_packet() -> None:
    found = event(
        "netfilter",
        b"Nov 22 20:56:38 gw kernel: [FW DROP] IN=eth0 OUT= SRC=10.0.0.7 DST=192.0.2.1 LEN=76 PROTO=ICMP TYPE=3 "
        b"[SRC=192.0.2.1 DST=10.0.0.9 LEN=40 PROTO=TCP SPT=443 DPT=5555 ] ",
    )

    assert (found["client_ip"], found["dest_ip"], found["bytes_out"], found["protocol"]) == (
        "10.0.0.7", "192.0.2.1", 76, "icmp",
    )  # fmt: skip
    assert "dest_port" not in found


@pytest.mark.parametrize(
    ("mac", "client"),
    [
        (b"24:8a:07:50:2c:ef:5E:29:c3:7c:13:a3:86:dd", "5e:29:c3:7c:13:a3"),
        (b"00:00:00:00:00:00:00:00:00:00:00:00:08:00", None),
        (b"24:8a:07:50:2c:ef", None),
        (b"", None),
    ],
)
def test_the_clients_hardware_address_is_the_second(mac: bytes, client: str | None) -> None:
    assert event("netfilter", b"Nov 22 20:56:38 gw kernel: MAC=" + REST.replace(b" SRC", b" MAC=" + mac + b" SRC")).get(
        "client_mac"
    ) == client  # fmt: skip


def test_numbers_and_ipv6_get_their_usual_spelling() -> None:
    found = event(
        "netfilter",
        b"Nov 22 20:56:38 gw kernel: DROP IN=eth0 OUT= SRC=2001:0db8:0000:0000:0000:0000:0000:000a DST=ff02::1 "
        b"LEN=40 PROTO=58",
    )

    assert (found["client_ip"], found["protocol"]) == ("2001:db8::a", "icmpv6")


@pytest.mark.parametrize(
    "line",
    [
        b"Nov 22 20:56:38 gw sshd[7]: Failed password for IN=eth0 SRC=10.9.9.9 DST=1.1.1.1 from 192.0.2.66 port 5",
        b"Nov 22 20:56:38 gw hostapd: wlan0: STA IN=eth0 OUT= SRC=10.9.9.9 DST=1.1.1.1 LEN=1 PROTO=TCP",
        b"<13>1 2026-11-22T20:56:38Z gw app 7 - - DROP IN=eth0 OUT= SRC=10.9.9.9 DST=1.1.1.1 LEN=1 PROTO=TCP",
    ],
)
def test_another_programs_line_is_no_packet_whatever_somebody_wrote_into_it(line: bytes) -> None:
    rows = decode("netfilter", line).events.to_dicts()

    assert all(row["kind"] != "flow" and row["client_ip"] != "10.9.9.9" for row in rows)


def test_a_refused_login_at_the_gateway_is_seen() -> None:
    line = b"Nov 22 20:56:38 gw sshd[7]: Failed password for invalid user a from b from 192.0.2.66 port 5 ssh2"

    found = event("netfilter", line)

    assert (found["kind"], found["user"], found["client_ip"], found["action"]) == (
        "auth", "a from b", "192.0.2.66", "auth_required",
    )  # fmt: skip


def test_rfc_5424_is_read_too() -> None:
    found = event("netfilter", b"<4>1 2026-11-22T20:56:38.5+01:00 gw kernel - - - [1.2] [UFW BLOCK] " + REST)

    assert (str(found["time"]), found["filter_rule"]) == ("2026-11-22 19:56:38.500000+00:00", "[UFW BLOCK]")
