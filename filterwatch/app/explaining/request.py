"""The request that somebody asks about, as an event: who, when, and how we know."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from filterwatch import enrich
from filterwatch.app.explaining.address import Address, whole
from filterwatch.enrich.hosts import is_address
from filterwatch.enrich.people import canonical_mac, fold
from filterwatch.errors import FilterwatchError
from filterwatch.events import ACTIONS, DECODED_SCHEMA, GROUP, IDENTITY

KINDS = ("http", "dns", "flow")
HTTPS = 443
"""Port of a connection where the address names none."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that somebody asks about.

    Attributes:
        address: URL or host, as typed.
        at: When it begins, with a zone.
        person: Name on the roster, or a user name as the proxy logs it; null for nobody known.
        group: Group to take in place of the person's own.
        device: Name or hardware address on the list of devices, or an IP address.
        kind: Which log would say it: of a proxy (http), a resolver (dns) or a firewall (flow).
        action: What the filter decided.
    """

    address: str
    at: datetime
    person: str | None = None
    group: str | None = None
    device: str | None = None
    kind: str = "http"
    action: str = "allowed"

    def check(self) -> None:
        """Raise an error that tells of a word that nobody knows.

        Raises:
            FilterwatchError: Group, kind or verdict.
        """
        for what, said, known in (
            ("group", self.group, GROUP.categories.to_list()),
            ("kind of request", self.kind, KINDS),
            ("verdict of the filter", self.action, ACTIONS),
        ):
            if said is not None and said not in known:
                raise FilterwatchError(f"there is no {what} '{said}'; use one of {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks, as the school knows it at that time.

    Attributes:
        person: Only where the question named them: who asks by device or address is not told a name.
        withheld: Whether there is a name that is not told.
        device: Only where the list of devices or the question names it: a lease may be called after a person.
        identity: How surely the person is known.
        how: How we know, a sentence each.
    """

    person: str | None
    withheld: bool
    group: str
    year: str | None
    device: str | None
    device_class: str | None
    identity: str
    how: tuple[str, ...]


def recall(context: enrich.Enrich, state: Path) -> str:
    """Let *context* know the leases and logins that the daemon has heard of; return in words what came of it."""
    from filterwatch.journal import Reader  # noqa: PLC0415 - only where there is a configuration

    try:
        with Reader.at(state / "journal.db") as journal:
            known = journal.state()
        if "enrich" in known:
            context.restore(known["enrich"])
    except FilterwatchError:
        return "leases and logins are not known: the journal cannot be read"
    except ValueError:
        return "leases and logins are not known: another version of filterwatch wrote them down"
    return "with the leases and logins of that time"


def settled(context: enrich.Enrich, request: Request, address: Address) -> pl.DataFrame:
    """Return the request as an event with its context: one row.

    Raises:
        FilterwatchError: There is no such device.
    """
    event = _event(request, address, _asker(context.register, request))
    named = pl.lit("explain")
    event = context.settle(context.prepare(event.with_columns(source=named, stream=named, line_offset=pl.lit(0))))
    found = context.register.people.get(_name(request))
    if found is not None:
        # A name is no login: what the proxy would log is not known, so that the roster speaks for it.
        event = event.with_columns(
            person=pl.lit(found.name),
            group=pl.lit(found.group or "unknown").cast(GROUP),
            year=pl.lit(found.year, dtype=pl.String),
            identity=pl.lit("authenticated").cast(IDENTITY),
        )
    if request.group is not None:
        event = event.with_columns(group=pl.lit(request.group).cast(GROUP))
    return event


def who(context: enrich.Enrich, request: Request, row: dict[str, object], heard: str) -> Who:
    """Return who the settled event *row* says asked, and how we know; *heard* says what of leases and logins is."""

    def text(name: str) -> str | None:
        return None if row[name] is None else str(row[name])

    register, person, device = context.register, text("person"), text("device")
    listed = {fold(one.name) for one in (*register.by_mac.values(), *register.by_name.values())}
    shown = device is not None and fold(device) in {*listed, fold(request.device or "")}
    return Who(
        person=person if request.person else None,
        withheld=(person is not None and not request.person) or (device is not None and not shown),
        group=text("group") or "unknown",
        year=text("year"),
        device=device if shown else None,
        device_class=text("device_class"),
        identity=text("identity") or "unknown",
        how=(*_how(register, request, person, text("identity")), *([heard] if heard else [])),
    )


def _how(register: enrich.Register, request: Request, person: str | None, identity: str | None) -> list[str]:
    said = []
    if request.person:
        known = person is not None and (_name(request) in register.people or person in register.people)
        said.append("a person on the roster" if known else "a name that is not on the roster")
    if request.device:
        ways = {
            "authenticated": "the person has logged in there",
            "lease": "by the device that had the address, or its entry on the list of devices",
            "address": "it tells the group and never a person",
        }
        said.append(ways.get(identity or "", "nothing tells who uses that device") if not request.person else "")
    if request.group:
        said.append("the group is the one you named")
    if not (request.person or request.device or request.group):
        said.append("nobody named: --person, --group or --device tell who asks")
    return [one for one in said if one]


def _name(request: Request) -> str:
    return " ".join((request.person or "").split()).casefold()


def _asker(register: enrich.Register, request: Request) -> dict[str, str]:
    """Return what a log would say of who asks."""
    asker = {"user": whole(request.person)} if request.person else {}
    if not request.device:
        return asker
    try:
        return asker | {"client_ip": str(ipaddress.ip_address(request.device))}
    except ValueError:
        pass
    if mac := canonical_mac(request.device):
        return asker | {"client_mac": mac}
    name = fold(request.device)
    if mac := next((mac for mac, one in register.by_mac.items() if fold(one.name) == name), None):
        return asker | {"client_mac": mac}
    if name not in register.by_name:
        raise FilterwatchError(
            "no such device on the list of devices; write its name or MAC address as it stands there, or an IP address"
        )
    if request.person:
        raise FilterwatchError("a device known by name alone tells who asks; leave out --person or --device")
    return {"user": f"{name}$"}


def _event(request: Request, address: Address, asker: dict[str, str]) -> pl.DataFrame:
    """Return the request as a decoder would give it."""
    known: dict[str, object] = {"time": request.at.astimezone(UTC), "kind": request.kind, "action": request.action}
    if request.kind == "http":
        known |= {"host": address.host, "url": address.url, "method": "GET"}
    elif request.kind == "dns":
        known |= {"query": address.host, "query_type": "A"}
    else:
        place = "dest_ip" if is_address(address.host) else "host"
        known |= {place: address.host, "dest_port": address.port or HTTPS, "protocol": "tcp"}
    known |= asker
    return pl.DataFrame([{name: known.get(name) for name in DECODED_SCHEMA}], schema=DECODED_SCHEMA)
