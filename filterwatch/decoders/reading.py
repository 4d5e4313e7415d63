"""One line read: the answers an exact reader gives, and the values they are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

MOST_DIGITS = 18
"""Digits of a count that an event column surely holds; a longer one in a log is nonsense and becomes null."""

MOST_PORT = 65_535

PROTOCOLS = {
    "1": "icmp", "2": "igmp", "4": "ipip", "6": "tcp", "17": "udp", "41": "ipv6", "47": "gre", "50": "esp",
    "51": "ah", "58": "icmpv6", "89": "ospf", "103": "pim", "112": "vrrp", "132": "sctp", "136": "udplite",
}  # fmt: skip
"""IANA protocol numbers that firewalls print instead of names."""

IPV4 = r"^(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$"
"""What :func:`address` returns as it stands, as a regular expression."""


class Clock(IntEnum):
    """What a time stamp in a log says."""

    UTC = 0
    """An instant: microseconds since 1970."""
    WALL = 1
    """Local date and time without a zone: microseconds since 1970 as if the zone were UTC."""
    YEARLESS = 2
    """The same without a year: as if the year were 2000."""
    NONE = 3
    """The line has no time; when it was read stands for it."""


class Stamp(NamedTuple):
    """A time as a line gives it."""

    us: int
    clock: Clock


NO_STAMP = Stamp(0, Clock.NONE)

Value = str | int | None


@dataclass(frozen=True, slots=True)
class Event:
    """A line that became an event: its stamp and its columns; null ones may be left out."""

    stamp: Stamp
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line the reader cannot take; *why* never quotes the line."""

    why: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that means nothing to us."""

    why: str


Answer = Event | Rejected | Skipped


_PERCENT = {0xDC00 + byte: f"%{byte:02X}" for byte in range(0x80, 0x100)}


def visible(line: bytes) -> str:
    """Return *line* as text; bytes that are not UTF-8 become ``%XX``, so that nothing is lost or replaced."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        # An error handler of our own would be called for each byte: 50 ms for a line full of them.
        return line.decode(errors="surrogateescape").translate(_PERCENT)


def number(digits: str) -> int | None:
    """Return a count; null for ``-``, an empty string or what no column can hold."""
    return int(digits) if len(digits) <= MOST_DIGITS and digits.isascii() and digits.isdigit() else None


def port_number(digits: str) -> int | None:
    """Return a port, 0 to 65535; null where *digits* are none."""
    value = number(digits)
    return value if value is not None and value <= MOST_PORT else None


def known(text: str | None) -> str | None:
    """Return *text*; null for ``-`` and the empty text."""
    return None if not text or text == "-" else text


@lru_cache(maxsize=65_536)
def address(text: str) -> str | None:
    """Return an IP address in its canonical spelling; null when *text* is none.

    A scope (``%eth0``) is cut: it says nothing outside the gateway.  What a program with one socket for both kinds
    writes as ``::ffff:10.0.0.7`` is that IPv4 address.
    """
    if len(text) > 64:
        return None
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str((found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found)


_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


def mac(text: str) -> str | None:
    """Return a hardware address in lower case with colons; null when *text* is none or all zeros."""
    plain = text.lower().replace("-", ":")
    return plain if _MAC.fullmatch(plain) and plain != "00:00:00:00:00:00" else None


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HEX = re.compile(rb"%([0-9A-Fa-f]{2})")


def _decoded(text: str) -> str:
    """Return *text* with ``%xx`` decoded, once; unchanged where that gives no clean UTF-8."""
    if "%" not in text:
        return text
    raw = _HEX.sub(lambda found: bytes([int(found[1], 16)]), text.encode())
    try:
        plain = raw.decode()
    except UnicodeDecodeError:
        return text
    return text if _CONTROL.search(plain) else plain


@lru_cache(maxsize=65_536)
def user(text: str) -> tuple[str | None, str | None]:
    r"""Return name and domain of a proxy user as squid writes it.

    ``-`` is nobody; ``%xx`` is UTF-8; the backslash of ``DOMAIN\user`` is doubled; ``user@REALM`` has a realm.
    """
    if text in ("", "-"):
        return None, None
    plain = _decoded(text)
    domain, backslash, name = plain.partition("\\")
    if backslash and domain and (name := name.lstrip("\\")):
        return name, domain
    name, at, realm = plain.rpartition("@")
    if at and name and realm and " " not in realm:
        return name, realm
    return plain, None
