"""Which device had an address at which time: what DHCP said, in the log and in lease files.

A lease is used for events from its beginning on, up to its end or the next device on the same address, and only for
lines that come after it in the pass: what a batch holds makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

from filterwatch.enrich.asof import SEVERAL, AsOf, Fact, Holder, Says, Span

LONGEST_NAME = 255
"""Characters of a device's own name that are kept: DHCP option 12 has no more."""

FOREVER = (1 << 63) - 1
_RELEASED = ("release", "expire", "decline", "del", "recla")
_GRANTED = ("ack", "add", "old", "assign", "renew", "lease", "alloc", "reuse")


@dataclass(frozen=True, slots=True)
class Lease:
    """A device on an address for a time.

    Attributes:
        start: Microseconds since 1970, UTC.
        end: Not any more from then on.
        mac: Hardware address, lower case with colons.
        name: What the device calls itself.
    """

    start: int
    end: int
    mac: str | None
    name: str | None


class Leases:
    """The history of each address.

    Args:
        length: Microseconds for which a lease of the log holds.

    Attributes:
        history: The facts, by address; holders are hardware address and name.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self.history = AsOf()

    def at(self, ip: str, time: int) -> Lease | None:
        """Return the lease of *ip* at *time*."""
        span = self.history.at(ip, time)
        return _lease(span) if span else None

    def heard(self, ip: str, time: int, mac: str | None, name: str | None, what: str | None) -> None:
        """Take in a lease event of the log; *what* is the server's word for it, null for a lease granted."""
        word = (what or "ack").lower()
        if any(one in word for one in _RELEASED):
            self.ends(ip, time, mac)
        elif (mac or name) and any(one in word for one in _GRANTED) and "nak" not in word:
            self.holds(ip, Lease(time, time + self._length, mac, name))

    def holds(self, ip: str, lease: Lease) -> None:
        """Take in that *ip* is leased; a renewal makes the lease longer."""
        name = lease.name[:LONGEST_NAME] if lease.name else None
        self.history.add(ip, Fact(lease.start, lease.end, Says.HOLDS, Holder(lease.mac, name)))

    def ends(self, ip: str, time: int, mac: str | None = None) -> None:
        """Take in that the device *mac*, or whichever it is, has *ip* no longer from *time* on."""
        self.history.add(ip, Fact(time, time, Says.ENDS, Holder(mac, None) if mac else SEVERAL))


def _lease(span: Span) -> Lease:
    return Lease(span.start, span.end, *span.holder)
