"""Who one asker is: the rules of identity, surest first.

A user that the proxy authenticated, or who had logged in from that address (RADIUS accounting, Windows, a VPN); who had
logged in with the device that had the address by DHCP, or whose device the school says it is; the range the address is
in, which tells a group and never a person; else unknown, which is counted too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

from filterwatch.enrich.asof import SEVERAL, Holder
from filterwatch.enrich.leases import Lease
from filterwatch.enrich.people import Device, People, Person, Range, Register, fold, pattern

REMEMBERED = 50_000
"""Answers that are kept from batch to batch."""

NO_LEASE = Lease(0, 0, None, None)
_NO_DEVICE = Device("")
_NO_RANGE = Range(net=ipaddress.ip_network("0.0.0.0/32"))


class Known(NamedTuple):
    """What is known of who asked: the columns of these names."""

    person: str | None
    group: str
    year: str | None
    device: str | None
    device_class: str | None
    identity: str


class Logged(NamedTuple):
    """Who had logged in: user and domain, :data:`SEVERAL` where more than one had, null where nobody is known to have.

    Attributes:
        here: From the address.
        with_device: With the device.
    """

    here: Holder | None
    with_device: Holder | None


NOBODY = Logged(None, None)


class Asker(NamedTuple):
    """What an event itself says of who asked, null where it does not."""

    user: str | None
    domain: str | None
    ip: str | None
    mac: str | None


class Identity:
    """Tells who an asker is, and remembers it.

    Args:
        people: The settings: ranges, domains, patterns.
        register: The roster and the devices.
    """

    def __init__(self, people: People, register: Register) -> None:
        self._register = register
        self._domains = {fold(domain): group for domain, group in people.domains.items()}
        self._patterns = [(pattern(one.user), one) for one in people.patterns]
        self._ranges = _by_length(people.ranges)
        self._memory: dict[tuple[Asker, str | None, str | None, Logged], Known] = {}

    def of(self, asker: Asker, lease: Lease | None, logged: Logged = NOBODY) -> Known:
        """Return who *asker* is, whose address had *lease* at the time, and who had *logged* in."""
        lease = lease or NO_LEASE
        key = (asker, lease.mac, lease.name, logged)
        known = self._memory.get(key)
        if known is None:
            if len(self._memory) >= REMEMBERED:
                self._memory.clear()
            known = self._memory[key] = self._resolve(asker, lease, logged)
        return known

    def _resolve(self, asker: Asker, lease: Lease, logged: Logged) -> Known:
        user = fold(asker.user) if asker.user else ""
        machine = _machine(user)
        device = self._device(asker, lease, machine)
        place = self._range(asker.ip)
        name = _first(device.name, machine, lease.name, asker.mac, lease.mac, asker.ip)
        kind = _first(device.kind, place.device_class)
        year = _first(device.year, place.year)
        if user and not machine:
            logged = Logged(Holder(user, fold(asker.domain) if asker.domain else None), None)
        elif place.shared or device.shared:
            logged = NOBODY
        login = logged.with_device if logged.here is None else logged.here
        if login is not None and login.name:
            person = self._person(login.name, login.more)
            group = _first(person.group, device.group, place.group) or "unknown"
            return Known(
                person.name,
                group,
                _first(person.year, year),
                name,
                kind,
                "lease" if logged.here is None else "authenticated",
            )
        if (device.person or device.group) and not (login == SEVERAL and device.person):
            owner = self._register.people.get(device.person or "", Person(""))
            group = _first(device.group, owner.group, place.group) or "unknown"
            return Known(device.person, group, _first(owner.year, year), name, kind, "lease")
        return Known(None, place.group, year, name, kind, "unknown" if place is _NO_RANGE else "address")

    def _device(self, asker: Asker, lease: Lease, machine: str | None) -> Device:
        """Return the device, known by the address in the line, by its account, or by its lease."""
        if asker.mac and (found := self._register.device(asker.mac, None)):
            return found
        if machine and (found := self._register.device(None, machine)):
            return found
        return self._register.device(lease.mac, lease.name) or _NO_DEVICE

    def _person(self, user: str, domain: str | None) -> Person:
        """Return who logs in as *user*, with the group that the roster, the domain or the name itself tells."""
        person = self._register.user(user, domain) or Person(user)
        if person.group:
            return person
        if domain in self._domains:
            return Person(person.name, self._domains[domain], person.year)
        for regex, one in self._patterns:
            if regex.search(user):
                return Person(person.name, one.group, _first(person.year, one.year))
        return person

    def _range(self, ip: str | None) -> Range:
        try:
            address = ipaddress.ip_address(ip or "")
        except ValueError:
            return _NO_RANGE
        for (version, length), ranges in self._ranges.items():
            if version == address.version:
                found = ranges.get(int(address) >> (address.max_prefixlen - length))
                if found:
                    return found
        return _NO_RANGE


def _by_length(ranges: tuple[Range, ...]) -> Mapping[tuple[int, int], dict[int, Range]]:
    """Return ranges by IP version and length, narrowest first, then by their leading bits."""
    lengths: dict[tuple[int, int], dict[int, Range]] = {}
    for one in sorted(ranges, key=lambda one: -one.net.prefixlen):
        net = one.net
        bits = int(net.network_address) >> (net.max_prefixlen - net.prefixlen)
        lengths.setdefault((net.version, net.prefixlen), {})[bits] = one
    return lengths


def _machine(user: str) -> str | None:
    """Return the name of the device whose account *user* is (``host/laptop12.school.lan``, ``laptop12$``)."""
    if user.startswith("host/"):
        return user.removeprefix("host/").partition(".")[0] or None
    return user.removesuffix("$") or None if user.endswith("$") else None


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value), None)
