"""Which device had an address at which time: what DHCP said, in the log and in lease files.

A lease is used for events from its beginning on, up to its end or the next device on the same address, and only for
lines that come after it in the pass: what a batch holds makes no difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from filterwatch.enrich.people import canonical_mac
from filterwatch.errors import ConfigurationError, Mistake

ADDRESSES = 20_000
"""Addresses that are remembered; a /16 full of phones has fewer in a day."""

HISTORY = 8
"""Devices that are remembered for one address, the latest ones: a gateway that reads late sees only a few."""

LONGEST_NAME = 255
"""Characters of a device's own name that are kept: DHCP option 12 has no more."""

FOREVER = (1 << 63) - 1
_RELEASED = ("release", "expire", "decline", "del")
_GRANTED = ("ack", "add", "old", "assign", "renew", "lease")

SCHEMA = pl.Schema({"ip": pl.String(), "start": pl.Int64(), "end": pl.Int64(), "mac": pl.String(), "name": pl.String()})
"""The history as a frame: times in microseconds since 1970, UTC."""


@dataclass(slots=True)
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
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._of: dict[str, list[Lease]] = {}

    def __bool__(self) -> bool:
        """Return whether any lease is known."""
        return bool(self._of)

    def at(self, ip: str, time: int) -> Lease | None:
        """Return the lease of *ip* at *time*."""
        for lease in reversed(self._of.get(ip, ())):
            if lease.start <= time:
                return lease if time < lease.end else None
        return None

    def throughout(self, ip: str, first: int, last: int) -> tuple[bool, Lease | None]:
        """Return whether one answer holds from *first* to *last*, and that answer."""
        history = self._of.get(ip)
        if history is None:
            return True, None
        same = not any(first < edge <= last for lease in history for edge in (lease.start, lease.end))
        return same, self.at(ip, first) if same else None

    def heard(self, ip: str, time: int, mac: str | None, name: str | None, what: str | None) -> None:
        """Take in a lease event of the log; *what* is the server's word for it, null for a lease granted."""
        word = (what or "ack").lower()
        if any(one in word for one in _RELEASED):
            self.ends(ip, time)
        elif (mac or name) and any(one in word for one in _GRANTED) and "nak" not in word:
            self.holds(ip, Lease(time, time + self._length, mac, name[:LONGEST_NAME] if name else None))

    def holds(self, ip: str, lease: Lease) -> None:
        """Take in that *ip* is leased; a renewal makes the lease longer."""
        history = self._of.pop(ip, [])
        self._of[ip] = history  # the address heard of last stands last
        last = history[-1] if history else None
        if last and last.start <= lease.start <= last.end and last.mac == lease.mac:
            last.end = max(last.end, lease.end)
            last.name = lease.name or last.name
            return
        history.append(lease)
        history.sort(key=lambda one: one.start)
        del history[:-HISTORY]
        while len(self._of) > ADDRESSES:
            del self._of[next(iter(self._of))]

    def ends(self, ip: str, time: int) -> None:
        """Take in that nobody has *ip* from *time* on."""
        for lease in self._of.get(ip, ()):
            if lease.start <= time:
                lease.end = min(lease.end, time)

    def frame(self) -> pl.DataFrame:
        """Return the history, addresses in the order they were heard of."""
        rows = [(ip, one.start, one.end, one.mac, one.name) for ip, history in self._of.items() for one in history]
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")

    def restore(self, frame: pl.DataFrame) -> None:
        """Go on from :meth:`frame`."""
        self._of = {}
        for ip, start, end, mac, name in frame.iter_rows():
            self._of.setdefault(ip, []).append(Lease(start, end, mac, name))


class LeaseFiles:
    """Lease files of dnsmasq (``expiry mac ip name client-id``), read again when they change.

    A lease counts from the time the file was written that first showed it; one that is gone ends when the file was
    written without it.

    Args:
        paths: A file that is not there yet (dnsmasq has not started) is looked for again.

    Raises:
        ConfigurationError: A file is there and may not be read.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._seen: dict[Path, tuple[int, int, int]] = dict.fromkeys(paths, (0, 0, 0))
        self._addresses: dict[Path, frozenset[str]] = {}
        self.troubles: dict[Path, str] = {}
        mistakes = [
            Mistake(str(path), 0, 0, "may not be read; give the daemon's account read access")
            for path in self._seen
            if path.exists() and not os.access(path, os.R_OK)
        ]
        if mistakes:
            raise ConfigurationError(mistakes)

    def read(self, leases: Leases) -> None:
        """Take what changed since the last call into *leases*."""
        for path, seen in self._seen.items():
            try:
                status = path.stat()
                stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
                if stamp != seen:
                    self._take(path, status.st_mtime_ns // 1000, leases)
                    self._seen[path] = stamp
            except OSError as error:
                self.troubles[path] = f"{path}: cannot be read: {error.strerror}; the leases read before stay in use"
            else:
                self.troubles.pop(path, None)

    def _take(self, path: Path, written: int, leases: Leases) -> None:
        found = parse(path.read_text("utf-8", "replace"))
        for ip in self._addresses.get(path, frozenset()) - found.keys():
            leases.ends(ip, written)
        for ip, (expiry, mac, name) in found.items():
            leases.holds(ip, Lease(written, expiry, mac, name))
        self._addresses[path] = frozenset(found)


def parse(text: str) -> dict[str, tuple[int, str, str | None]]:
    """Return expiry (microseconds), hardware address and name by address; lines of DHCPv6 and half lines left out."""
    found: dict[str, tuple[int, str, str | None]] = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 4 or not (fields[0].isascii() and fields[0].isdigit()) or len(fields[0]) > 12:
            continue
        expiry, hardware, ip, name = fields[:4]
        mac = canonical_mac(hardware.rpartition("-")[2] if hardware.count("-") == 1 else hardware)
        if mac:
            found[ip] = (int(expiry) * 1_000_000 or FOREVER, mac, None if name == "*" else name)
    return found
