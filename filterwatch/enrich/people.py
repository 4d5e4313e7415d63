"""What the school says about its people and devices: settings, the roster, the list of devices."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import re2
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from filterwatch.config import Duration, Part, Slug
from filterwatch.enrich.table import Row, rows
from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import GROUPS

Group = Literal["pupils", "staff", "governors", "guests", "system", "unknown"]

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "pupil": "pupils", "student": "pupils", "students": "pupils", "governor": "governors", "guest": "guests",
        "visitor": "guests", "visitors": "guests", "community": "guests", "contractor": "staff",
        "contractors": "staff", "agency": "staff", "volunteer": "staff", "volunteers": "staff",
    }
)  # fmt: skip
"""Words that a roster may use for a group.  Contractors, agency staff and volunteers are staff; visitors and
community users are guests (the policies' open point DC8)."""

_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        pass
    try:
        inside = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("write a network as address/length, e.g. 10.10.0.0/16 or fd00:1::/64") from None
    raise ValueError(f"the address has bits behind the length; did you mean {inside}?")


def pattern(text: str) -> Any:  # noqa: ANN401 - re2 publishes no types
    """Return the compiled regular expression *text*, of an engine that takes linear time on any input.

    Raises:
        ValueError: It is none (RE2 knows no look-around and no back-references).
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"no regular expression of RE2 (no look-around, no back-references): {why}") from None


def _regex(value: str) -> str:
    pattern(value)
    return value


class Range(Part):
    """Addresses that one group of people, or one kind of device, uses."""

    net: Annotated[Network, BeforeValidator(_network)] = Field(description="Network, e.g. 10.10.0.0/16.")
    group: Group = Field(default="unknown", description="Who sits there; never who a single person is.")
    device_class: Slug | None = Field(default=None, description="Kind of device: individual, projector, server, ...")
    year: str | None = Field(default=None, description="Year group, where the network is that of one.")
    shared: bool = Field(
        default=False,
        description="Several people use one address at once (terminal server, NAT): a login there names nobody.",
    )


class Pattern(Part):
    """User names that tell the group."""

    user: Annotated[str, AfterValidator(_regex)] = Field(
        description="Regular expression over the case-folded user name, e.g. '^[0-9]{2}[a-z]+$'."
    )
    group: Group
    year: str | None = None


class People(Part):
    """How people and devices are known; files are named relative to the configuration."""

    roster: Path | None = Field(
        default=None, description="CSV of people: user, person, group, year, employer. Without person it is the user."
    )
    devices: Path | None = Field(
        default=None,
        description=(
            "CSV of devices: mac, name, device, class, group, year, person, shared. A row with a mac is known by it "
            "alone; one with only a name by the name in the lease, which a device chooses for itself: less sure. "
            "shared: yes for a device that several people use at once; a login there names nobody."
        ),
    )
    ranges: tuple[Range, ...] = Field(default=(), description="Address ranges; the narrowest one counts.")
    domains: dict[str, Group] = Field(
        default_factory=dict, description="Group by user domain (DOMAIN of DOMAIN\\user, or the realm)."
    )
    patterns: tuple[Pattern, ...] = Field(
        default=(), description="Group by user name, for users that are not on the roster; the first that fits counts."
    )
    leases: tuple[Path, ...] = Field(
        default=(), description="DHCP lease files of dnsmasq, ISC dhcpd or Kea; read again when they change."
    )
    lease_length: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(days=1),
        description="How long a lease seen in a log holds unless it is renewed; the DHCP server's.",
    )
    login_length: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(hours=2),
        description=(
            "How long a login (RADIUS, Windows, VPN) names the person of an address unless it is confirmed, ended or "
            "followed by another; longer where logons are rarer, at the risk of naming somebody who has left."
        ),
    )

    @model_validator(mode="after")
    def _no_range_twice(self) -> People:
        nets = [one.net for one in self.ranges]
        for net in nets:
            if nets.count(net) > 1:
                raise ValueError(f"the range {net} is given twice; remove one")
        return self


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the roster.

    Attributes:
        name: Case-folded.
        group: Null where the roster leaves it open.
        year: Year group.
        employer: Of contractors and agency staff, who have an escalation path of their own.
    """

    name: str
    group: str | None = None
    year: str | None = None
    employer: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device the school knows.

    Attributes:
        name: Stable name.
        kind: Its class.
        group: Who uses it.
        year: Year group that uses it.
        person: The one person who uses it, case-folded.
        shared: Several people use it at once.
    """

    name: str
    kind: str | None = None
    group: str | None = None
    year: str | None = None
    person: str | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Register:
    """The roster and the devices, ready to be asked.

    Attributes:
        users: People by user and domain; the domain is null where the roster names none.
        people: People by name.
        by_mac: Devices by hardware address.
        by_name: Devices that have no hardware address on the list, by lease name.
    """

    users: Mapping[tuple[str, str | None], Person] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    by_mac: Mapping[str, Device] = field(default_factory=dict)
    by_name: Mapping[str, Device] = field(default_factory=dict)

    def user(self, user: str, domain: str | None) -> Person | None:
        """Return who logs in as *user* of *domain*, both folded."""
        return self.users.get((user, domain)) or self.users.get((user, None))

    def device(self, mac: str | None, name: str | None) -> Device | None:
        """Return the device with this hardware address, else with this name."""
        found = self.by_mac.get(mac) if mac else None
        return found or (self.by_name.get(fold(name)) if name else None)


def fold(text: str) -> str:
    """Return the form in which names of users, people and devices are compared."""
    return text.strip().casefold()


def canonical_mac(text: str) -> str | None:
    """Return a hardware address in lower case with colons; null where *text* is none."""
    digits = re.sub(r"[:.\-]", "", text.strip()).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def load(people: People, directory: Path) -> Register:
    """Read the files that *people* names, relative to *directory*.

    Raises:
        ConfigurationError: With every mistake in both files.
    """
    mistakes: list[Mistake] = []
    register = Register({}, {}, {}, {})
    for file, read in ((people.roster, _read_roster), (people.devices, _read_devices)):
        if file is not None:
            try:
                register = read(directory / file, register, mistakes)
            except ConfigurationError as error:
                mistakes += error.mistakes
    if mistakes:
        raise ConfigurationError(mistakes)
    return register


def _read_roster(path: Path, register: Register, mistakes: list[Mistake]) -> Register:
    users: dict[tuple[str, str | None], Person] = {}
    people: dict[str, Person] = {}
    for row in rows(path, ("user", "person", "group", "year", "employer"), mistakes):
        get = row.values.get
        if "user" not in row.values:
            mistakes.append(row.mistake("user", "is empty; write the name that the proxy logs"))
            continue
        user, domain = _user(row.values["user"])
        person = Person(fold(get("person") or user), _group(row, mistakes), get("year"), get("employer"))
        if (user, domain) in users:
            mistakes.append(row.mistake("user", "is on the roster twice; remove one row"))
        if people.setdefault(person.name, person).group != person.group:
            mistakes.append(
                row.mistake("group", f"differs from an earlier row of the same person, found {get('group')!r}")
            )
        users[user, domain] = person
    return Register(users, people, register.by_mac, register.by_name)


def _read_devices(path: Path, register: Register, mistakes: list[Mistake]) -> Register:
    tables: dict[str, dict[str, Device]] = {"mac": {}, "name": {}}
    for row in rows(path, ("mac", "name", "device", "class", "group", "year", "person", "shared"), mistakes):
        get = row.values.get
        column = "mac" if "mac" in row.values else "name"
        key = _key(row, column, canonical_mac if column == "mac" else fold, mistakes)
        person = fold(row.values["person"]) if "person" in row.values else None
        name = get("device") or get("name") or key or ""
        device = Device(name, get("class"), _group(row, mistakes), get("year"), person, _shared(row, mistakes))
        if device.shared and person:
            mistakes.append(row.mistake("person", "is named for a shared device; leave person or shared empty"))
        if key and key in tables[column]:
            mistakes.append(row.mistake(column, "is on the list twice; remove one row"))
        elif key:
            tables[column][key] = device
    return Register(register.users, register.people, tables["mac"], tables["name"])


def _key(row: Row, column: str, canonical: Callable[[str], str | None], mistakes: list[Mistake]) -> str | None:
    if column not in row.values:
        mistakes.append(Mistake(row.path, row.line, 1, "a device needs a mac or a name; fill one in"))
        return None
    key = canonical(row.values[column])
    if key is None:
        found = row.values[column]
        mistakes.append(row.mistake(column, f"is no hardware address, found {found!r}; write it as 00:1a:2b:3c:4d:5e"))
    return key


def _shared(row: Row, mistakes: list[Mistake]) -> bool:
    found = row.values.get("shared", "no").casefold()
    if found not in _YES and found not in _NO:
        mistakes.append(row.mistake("shared", f"is neither yes nor no, found {found!r}; write yes or leave it empty"))
    return found in _YES


def _group(row: Row, mistakes: list[Mistake]) -> str | None:
    if "group" not in row.values:
        return None
    found = row.values["group"]
    word = ALIASES.get(found.casefold(), found.casefold())
    if word not in GROUPS:
        mistakes.append(row.mistake("group", f"is unknown, found {found!r}; use one of {', '.join(GROUPS)}"))
        return None
    return word


def _user(text: str) -> tuple[str, str | None]:
    r"""Split ``DOMAIN\user`` and ``user@realm``; a plain user is one of any domain."""
    folded = fold(text)
    if "\\" in folded:
        domain, _, user = folded.partition("\\")
        return user.lstrip("\\"), domain
    user, at, realm = folded.partition("@")
    return (user, realm) if at else (folded, None)
