"""Lease files of DHCP servers, read again when they change: dnsmasq's, ISC dhcpd's, Kea's.

Which of the three a file is, its content shows.  Each is read as far as it is whole: a server may be writing it.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from filterwatch.enrich.leases import FOREVER, Lease, Leases
from filterwatch.enrich.people import canonical_mac
from filterwatch.errors import ConfigurationError, Mistake

SECOND = 1_000_000


class Grant(NamedTuple):
    """What a file says of one address.

    Attributes:
        start: Microseconds since 1970, UTC; null where the file does not say since when.
        end: Not any more from then on.
        mac: Hardware address, lower case with colons.
        name: What the device calls itself.
    """

    start: int | None
    end: int
    mac: str
    name: str | None


class LeaseFiles:
    """Lease files, read again when they change.

    A lease counts from the time the file gives for it, else from the time the file was written that first showed it;
    one that is gone ends when the file was written without it.

    Args:
        paths: A file that is not there yet (the server has not started) is looked for again.

    Raises:
        ConfigurationError: A file is there and may not be read.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._seen: dict[Path, tuple[int, int, int]] = dict.fromkeys(paths, (0, 0, 0))
        self._granted: dict[Path, dict[str, Grant]] = {}
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
        before = self._granted.get(path, {})
        for ip in before.keys() - found.keys():
            leases.ends(ip, written)
        for ip, grant in found.items():
            if grant != before.get(ip):
                start = written if grant.start is None else min(grant.start, written)
                leases.holds(ip, Lease(start, grant.end, grant.mac, grant.name))
        self._granted[path] = found


def parse(text: str) -> dict[str, Grant]:
    """Return what a lease file says by address; where it has several entries of one, the last.

    Half entries, leases without a hardware address (DHCPv6 of dnsmasq and ISC) and leases that are no longer held are
    left out.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.startswith("address,"):
        return _kea(text)
    if _ISC_FILE.search(text):
        return _isc(text)
    return _dnsmasq(text)


def _dnsmasq(text: str) -> dict[str, Grant]:
    """Read ``expiry mac ip name client-id``; source: dnsmasq 2.90 src/lease.c."""
    found: dict[str, Grant] = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        expiry, hardware, ip, name = fields[:4]
        end = _seconds(expiry)
        mac = canonical_mac(hardware.rpartition("-")[2] if hardware.count("-") == 1 else hardware)
        if mac and end is not None:
            found[ip] = Grant(None, end or FOREVER, mac, None if name == "*" else name)
    return found


_ISC_FILE = re.compile(
    r"^(?:lease [0-9.]+ \{|server-duid |authoring-byte-order |# The format of this file is)", re.MULTILINE
)
_ISC_BLOCK = re.compile(r"^lease (?P<ip>[0-9.]{7,15}) \{\n(?P<body>(?:[ \t][^\n]*\n)*)\}", re.MULTILINE)
_ISC_LINE = re.compile(
    r'^\s+(?P<key>starts|ends|binding state|hardware ethernet|client-hostname) "?(?P<value>[^;"\n]*)"?;', re.MULTILINE
)
_ISC_TIME = re.compile(r"\d (?P<when>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)|epoch (?P<epoch>\d{1,12})|(?P<never>never)")


def _isc(text: str) -> dict[str, Grant]:
    """Read ``lease IP { ... }``, times in UTC; the last block of an address counts.  Source: dhcpd.leases(5)."""
    found: dict[str, Grant] = {}
    for block in _ISC_BLOCK.finditer(text):
        said = {one["key"]: one["value"] for one in _ISC_LINE.finditer(block["body"])}
        found.pop(block["ip"], None)
        start, end = _isc_time(said.get("starts", "")), _isc_time(said.get("ends", ""))
        mac = canonical_mac(said.get("hardware ethernet", ""))
        if mac and end is not None and said.get("binding state", "active") == "active":
            found[block["ip"]] = Grant(start, end, mac, said.get("client-hostname") or None)
    return found


def _isc_time(text: str) -> int | None:
    found = _ISC_TIME.match(text)
    if not found:
        return None
    if found["never"]:
        return FOREVER
    if found["epoch"]:
        return int(found["epoch"]) * SECOND
    try:
        moment = datetime.strptime(found["when"], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * SECOND


def _kea(text: str) -> dict[str, Grant]:
    """Read the memfile of Kea's DHCPv4 or DHCPv6 server; a later row of an address wins.

    State 0 is a lease, 1 declined, 2 expired, 3 released; a lifetime of 0 deletes.  Source: Kea 2.6,
    src/lib/dhcpsrv/csv_lease_file4.cc.
    """
    found: dict[str, Grant] = {}
    for row in _kea_rows(text):
        ip = row.get("address", "")
        found.pop(ip, None)
        end, lifetime = _seconds(row.get("expire", "")), _seconds(row.get("valid_lifetime", ""))
        mac = canonical_mac(row.get("hwaddr", ""))
        if not mac or not end or not lifetime or row.get("state", "0") != "0":
            continue
        name = row.get("hostname", "").replace("&#x2c", ",").rstrip(".")
        forever = lifetime >= 0xFFFFFFFF * SECOND
        found[ip] = Grant(max(end - lifetime, 0), FOREVER if forever else end, mac, name or None)
    return found


def _kea_rows(text: str) -> Iterator[dict[str, str]]:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()  # half written
    header: list[str] = []
    for line in lines:
        try:
            cells = next(csv.reader([line]), [])
        except csv.Error:
            continue
        if cells[:1] == ["address"]:
            header = cells
        elif cells:
            yield dict(zip(header, cells, strict=False))


def _seconds(digits: str) -> int | None:
    """Return microseconds of a count of seconds; null where it is none."""
    return int(digits) * SECOND if digits.isascii() and digits.isdigit() and len(digits) <= 12 else None
