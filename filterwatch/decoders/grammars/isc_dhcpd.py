"""ISC dhcpd's log: who was given which address.

``DHCPACK on 10.0.0.5 to 00:11:22:33:44:55 (laptop) via eth0``, and OFFER, REQUEST, DISCOVER, RELEASE, DECLINE, EXPIRE,
NAK in the same style, with ``relay``, ``lease-duration``, ``uid`` and ``TransID`` behind where a vendor adds them.
Source: dhcpd 4.4, server/dhcp.c.  ``via`` is the relay or the interface, not a destination.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, address, mac, visible

_MESSAGE = re.compile(
    r"(?P<word>DHCP(?:ACK|OFFER|REQUEST|DISCOVER|RELEASE|DECLINE|EXPIRE|NAC?K))"
    r"(?: (?:on|for|of) (?P<ip>[0-9.]{7,15})(?: \([0-9.]{7,15}\))?)?(?: (?:to|from) (?P<mac>[0-9A-Fa-f:]{17})"
    # What a device calls itself may hold anything: its end is the last one.
    r"(?: \((?P<name>.{1,255})\) via |))?(?P<rest>.*)",
    re.DOTALL,
)
_PROGRAMS = frozenset(("dhcpd", "dhcpd4", None))
_OWN = b"DHCP"


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    envelope = open_envelope(visible(line))
    if envelope.program not in _PROGRAMS:
        return Skipped("isc_dhcpd: another program's line")
    found = _MESSAGE.match(envelope.message)
    hardware = mac(found["mac"]) if found and found["mac"] else None
    if not found or not hardware:
        return _other(envelope.program, known=bool(found))
    return Event(
        envelope.stamp,
        {
            "kind": "lease",
            "client_ip": address(found["ip"]) if found["ip"] else None,
            "client_mac": hardware,
            "host": found["name"].lower() if found["name"] else None,
            "filter_reason": found["word"].replace("NACK", "NAK"),
        },
    )


def _other(program: str | None, *, known: bool) -> Answer:
    if program is not None or known:
        return Skipped("isc_dhcpd: no line about a lease")
    return Rejected("isc_dhcpd: expected 'dhcpd[pid]: DHCPACK on IP to MAC' or its like")


def _claims(line: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "lease" and _OWN in line


FORMATS = {
    "isc_dhcpd": Format(
        "ISC dhcpd",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "dhcpd 4.4, server/dhcp.c",
    ),
}
