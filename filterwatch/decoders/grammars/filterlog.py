"""The packet filter's log of pfSense and OPNsense, behind syslog's header (old or RFC 5424) or bare.

``rule,sub rule,anchor,tracker,interface,reason,action,direction,4|6,...`` then, for IPv4, ``tos,ecn,ttl,id,offset,
flags,protocol id,protocol,length,source,destination`` or, for IPv6, ``class,flow label,hop limit,protocol,protocol
id,length,source,destination``, then what the protocol adds: TCP and UDP begin with the ports.  Free text of an ICMP row
holds commas of its own.  ``client_ip`` is the sender of the packet, ``bytes_out`` its length.

Source: docs.netgate.com, Raw Filter Log Format; OPNsense, ports/opnsense/filterlog/description.txt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.format import Options
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, Value, address, number, port_number, visible

ACTIONS: Mapping[str, str] = {"pass": "allowed", "block": "blocked", "reject": "blocked"}
"""What the filter did -> action; translations (nat, rdr ...) are no verdict."""


class Shape(NamedTuple):
    """Where the columns of an IP version stand; ports follow the destination."""

    protocol: int
    length: int
    source: int
    destination: int


SHAPES = {"4": Shape(16, 17, 18, 19), "6": Shape(12, 14, 15, 16)}
_SWAPPED = Shape(15, 17, 18, 19)
"""Some senders put IPv6 packets into the columns of IPv4, protocol and its number changed round."""

WITH_PORTS = frozenset(("tcp", "udp", "sctp"))
RULE, TRACKER, REASON, ACTION, VERSION = 0, 3, 5, 6, 8
_BARE = re.compile(r"[0-9]+,[^ ,]*,")


class FilterlogOptions(Options):
    """Options of ``filterlog``."""

    rule: Literal["number", "tracker"] = Field(
        default="number",
        description="What stands in filter_rule: the rule's number, which moves when rules are added, or its tracker,"
        " which stays (on OPNsense the rule's own id).",
    )


def rule_column(options: Options) -> int:
    """Return which column names the rule."""
    return TRACKER if isinstance(options, FilterlogOptions) and options.rule == "tracker" else RULE


def read(line: bytes, rule: int) -> Answer:
    """Read one line exactly; *rule* is the column that names the rule."""
    text = visible(line)
    envelope = open_envelope(text)
    if envelope.program != "filterlog" and not (envelope.program is None and _BARE.match(envelope.message)):
        if envelope.program:
            return Skipped("filterlog: a line of another program")
        return Rejected("filterlog: expected 'rule,sub rule,anchor,tracker,interface,reason,action,direction,4|6'")
    parts = envelope.message.split(",", 24)
    values = _packet(parts)
    if values is None:
        return Rejected("filterlog: expected source and destination of an IP packet")
    values |= {
        "kind": "flow",
        "action": ACTIONS.get(parts[ACTION], "unknown"),
        "filter_rule": parts[rule] or None,
        "filter_reason": parts[REASON] or None,
    }
    return Event(envelope.stamp, values)


def _packet(parts: list[str]) -> dict[str, Value] | None:
    shape = SHAPES.get(parts[VERSION]) if len(parts) > VERSION else None
    for one in (shape, _SWAPPED) if shape else ():
        if len(parts) <= one.destination:
            continue
        source, destination = address(parts[one.source]), address(parts[one.destination])
        if source and destination:
            protocol = parts[one.protocol].lower()
            ports = (
                [*parts[one.destination + 1 : one.destination + 3], "", ""][:2] if protocol in WITH_PORTS else ["", ""]
            )
            return {
                "client_ip": source,
                "dest_ip": destination,
                "protocol": protocol or None,
                "bytes_out": number(parts[one.length]),
                "client_port": port_number(ports[0]),
                "dest_port": port_number(ports[1]),
            }
    return None
