"""SoftEther VPN Server: who logged in to it and who was refused.

``2026-11-22 09:00:01.781 Connection "CID-72": User authentication failed. The user name that has been provided was
"bob", from 203.0.113.12.``  Source: SoftEther VPN 4, strtable_en.stb (LS_*, LH_*).  The log does not say which
address a session has inside, so it names nobody behind other lines; the DHCP server of the hub's network does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, Value, address, user, visible
from filterwatch.decoders.stamps import read_stamp

_REFUSED = re.compile(
    # The user name is the attacker's: the last ", from " is the server's own.
    r'(?:\[HUB "[^"]{1,128}"\] )?Connection "[^"]{1,64}": User authentication failed\. The user name that has been '
    r'provided was "(?P<user>.*)", from (?P<ip>[0-9A-Fa-f.:]{2,45})\.',
    re.DOTALL,
)
_ACCEPTED = re.compile(
    r'(?:\[HUB "[^"]{1,128}"\] )?Connection "[^"]{1,64}": Successfully authenticated as user "(?P<user>.*)"\.',
    re.DOTALL,
)


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    found = read_stamp(text)
    if not found:
        return Rejected("softether: expected a time such as 2026-11-22 09:00:01.781")
    stamp, start = found
    message = text[start:]
    refused = _REFUSED.fullmatch(message)
    login = refused or _ACCEPTED.fullmatch(message)
    if not login:
        return Skipped("softether: no line about a login")
    name, domain = user(login["user"])
    values: dict[str, Value] = {
        "kind": "auth",
        "client_ip": address(refused["ip"]) if refused else None,
        "user": name,
        "user_domain": domain,
        "action": "auth_required" if refused else "allowed",
        "filter_reason": "vpn login",
    }
    return Event(stamp, values)


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "auth"


FORMATS = {
    "softether": Format(
        "SoftEther VPN Server",
        "own",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "SoftEther VPN 4, strtable_en.stb",
    ),
}
