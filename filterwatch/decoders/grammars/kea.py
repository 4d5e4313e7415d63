"""Kea's DHCP servers: leases given, renewed, given back.

``2026-11-22 09:00:01.123 INFO  [kea-dhcp4.leases/812.1402] DHCP4_LEASE_ALLOC [hwtype=1 00:11:22:33:44:55], cid=[...],
tid=0x1a2b: lease 10.0.0.5 has been allocated for 3600 seconds``; through syslog without its own stamp.  Source: Kea's
message manual (2.6), DHCP4_* and DHCP6_*.  Kea writes no host name there; its lease file has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.foreign import FOREIGN, of_another
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import NO_STAMP, Answer, Event, Rejected, Skipped, address, mac, visible
from filterwatch.decoders.stamps import read_stamp

_OWN_HEAD = re.compile(r"(?:DEBUG|INFO|WARN|ERROR|FATAL) {1,2}\[kea-dhcp[46][\w./-]{0,80}\] ")
_PROGRAM = re.compile("kea-dhcp[46]")
_MESSAGE = re.compile(r"(?P<id>[A-Z][A-Z0-9_]{3,60}) (?P<text>.*)", re.DOTALL)
_GRANTED = frozenset(
    f"DHCP{version}_LEASE_{what}" for version in (4, 6) for what in ("ALLOC", "RENEW", "REUSE", "REBIND")
)
_GIVEN_BACK = frozenset(
    (
        "DHCP4_RELEASE", "DHCP4_RELEASE_DELETED", "DHCP4_RELEASE_EXPIRED", "DHCP6_RELEASE_NA",
        "DHCP6_RELEASE_NA_DELETED", "DHCP6_RELEASE_NA_EXPIRED", "DHCP4_DECLINE_LEASE", "DHCP6_DECLINE_LEASE",
        "ALLOC_ENGINE_V4_LEASE_RECLAIM", "ALLOC_ENGINE_V6_LEASE_RECLAIM",
    )
)  # fmt: skip
_HARDWARE = re.compile(r"\[hwtype=\d{1,3} (?P<mac>[0-9A-Fa-f:]{17})\]")
_LEASED = re.compile(
    r"\b(?:lease|address|addr) (?:for )?(?:address )?(?P<ip>[0-9A-Fa-f][0-9A-Fa-f.:]{1,44})(?=[\s,]|$)"
)


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    stamp, start = read_stamp(text) or (NO_STAMP, 0)
    head = _OWN_HEAD.match(text, start)
    if head:
        message = text[head.end() :]
    else:
        envelope = open_envelope(text)
        if of_another(envelope, _PROGRAM):
            return FOREIGN
        if not _PROGRAM.fullmatch(envelope.program or ""):
            return Rejected("kea: expected 'INFO [kea-dhcp4...] MESSAGE_ID' or 'kea-dhcp4[pid]: '")
        stamp, message = envelope.stamp, envelope.message
        inner = _OWN_HEAD.match(message) or re.match(r"(?:DEBUG|INFO|WARN|ERROR|FATAL) {1,2}", message)
        message = message[inner.end() :] if inner else message
    found = _MESSAGE.match(message)
    if not found or found["id"] not in _GRANTED | _GIVEN_BACK:
        return Skipped("kea: no line about a lease")
    said = _LEASED.search(found["text"])
    client = address(said["ip"].rstrip(".")) if said else None
    hardware = _HARDWARE.search(found["text"])
    if client is None:
        return Skipped("kea: a lease of no address")
    return Event(
        stamp,
        {
            "kind": "lease",
            "client_ip": client,
            "client_mac": mac(hardware["mac"]) if hardware else None,
            "filter_reason": found["id"],
        },
    )


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "lease"


FORMATS = {
    "kea": Format(
        "Kea DHCPv4 and DHCPv6",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "Kea 2.6 message manual",
    ),
}
