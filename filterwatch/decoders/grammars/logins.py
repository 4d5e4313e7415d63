"""Logins at the gateway itself: what sshd writes, where a firewall's log is a whole system log."""

from __future__ import annotations

import re

from filterwatch.decoders.envelope import Envelope
from filterwatch.decoders.reading import Event, address, number

_SSHD = re.compile(
    # The user name is the attacker's: what stands behind the last " from " is sshd's own.
    r"(?P<result>Failed|Accepted) (?P<method>[^ ]+) for (?:invalid user )?(?P<user>.*) from (?P<ip>[^ ]+) "
    r"port (?P<port>\d{1,5})(?: ssh2)?(?:: .*)?"
)


def read(envelope: Envelope) -> Event | None:
    """Return the event of a login that sshd accepted or refused; null for other lines."""
    if envelope.program not in ("sshd", "sshd-session"):
        return None
    found = _SSHD.fullmatch(envelope.message)
    client = address(found["ip"]) if found else None
    if not found or client is None:
        return None
    return Event(
        envelope.stamp,
        {
            "kind": "auth",
            "client_ip": client,
            "client_port": number(found["port"]),
            "user": found["user"] or None,
            # A refused login is a challenge, not a verdict of the filter.
            "action": "allowed" if found["result"] == "Accepted" else "auth_required",
            "filter_reason": f"sshd {found['method']}",
        },
    )
