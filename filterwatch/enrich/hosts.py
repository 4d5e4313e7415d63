"""The one form a host has, however it was written: what lists, domains and rules compare.

The rules are those of WHATWG URLs and UTS 46, as browsers follow them: case, trailing dot, port, user information,
tabs and line ends, backslashes, missing slashes, percent-encoding, full-width letters, IDN to punycode, and the many
ways to write an IPv4 or IPv6 address.  Names of real DNS logs (underscores, labels of 64 characters) are taken as they
are, and an IPv4 address inside an IPv6 one (``::ffff:0:0/96``, NAT64) is that address.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import unquote

import idna
import polars as pl

from filterwatch.text import LOOKALIKES

LONGEST_NAME = 253
"""Characters of a DNS name without its last dot.  Source: RFC 1035 section 3.1."""

LONGEST_WRITTEN = 8_192
"""Characters in which a host or an address inside another may be written: squid's longest URL (MAX_URL)."""

_PLAIN = r"^(?:[a-z0-9_-]+\.)*[a-z_-][a-z0-9_-]*$"
"""A name that is in its one form already: its last label begins with no digit, so it is no address."""

_QUAD = r"^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.|$)){4}$"
_TIDY = f"(?:{_PLAIN})|(?:{_QUAD})"

_ENDS_A_HOST = r"[/\\?#@]"

SCHEME = re.compile(r"^(?:(?i:https?|wss?|ftp):(?:/+|(?![0-9]*$))|[A-Za-z][A-Za-z0-9+.-]*:(?=//))")
"""Of the web's own schemes browsers take any number of slashes; ``http:80`` is a host and a port all the same."""

_END = re.compile(r"[/?#]")
BLANKS, NOT_READ = "".join(map(chr, range(33))), str.maketrans(dict.fromkeys("\t\n\r"))
"""What browsers drop at both ends of an address, and what anywhere in it.  Source: WHATWG URL."""

_NAT64 = int(IPv6Address("64:ff9b::")) >> 32
"""The well-known prefix.  Source: RFC 6052 section 2.1."""

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f#/:<>?@\[\\\]^|%\ud800-\udfff\ufffd]")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")

_ALIKE = str.maketrans(LOOKALIKES)


def normal_host(hosts: pl.Series) -> pl.Series:
    """Return each host in its one form; null where it is no host.

    Args:
        hosts: String: hosts, ``host:port`` or URLs.

    Returns:
        String, as long as *hosts*: lower-case ASCII name without its last dot, dotted quad, or IPv6 address without
        brackets as RFC 5952 writes it.
    """
    tidy = hosts.str.contains(_TIDY) & (hosts.str.len_bytes() <= LONGEST_NAME) & (hosts != "-")
    odd = hosts.filter(~tidy).unique()
    if odd.is_empty():
        return hosts
    forms = pl.Series([host_of(one) for one in odd.to_list()], dtype=pl.String)
    return hosts.replace_strict(odd, forms, default=hosts, return_dtype=pl.String).alias(hosts.name)


def normal_name(names: pl.Series) -> pl.Series:
    """Return each host or DNS name of an event in its one form; null where it is none.

    As :func:`normal_host`, but a name is no URL: whoever asks for ``a/b.site.example`` asks below ``site.example``.  A
    label with a sign that would end a URL's host is read as ``_``.
    """
    if names.str.contains(_ENDS_A_HOST).any():
        names = names.str.replace_all(f"[^.]*{_ENDS_A_HOST}[^.]*", "_")
    return normal_host(names)


def host_of(text: str) -> str | None:
    """Return the host that *text* (a host, ``host:port`` or URL) names, in its one form; null where it names none."""
    authority = _authority(text)
    if authority.startswith("["):
        inside, closed, port = authority[1:].partition("]")
        return _ipv6(inside) if closed and _is_port(port) else None
    if authority.count(":") > 1:
        return _ipv6(authority)
    host, colon, port = authority.partition(":")
    if not _is_port(colon + port):
        return None
    return _name(host)


def is_address(host: str) -> bool:
    """Say whether *host*, in its one form, is an IP address."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def looks_like(host: str) -> str | None:
    """Return the ASCII name that *host*, in its one form, is a look-alike of; null for a name that is none.

    A look-alike is a name of its own: it is told of, and never taken for the other.
    """
    labels = [_seen(label) for label in host.split(".")]
    if not any(label.startswith("xn--") for label in host.split(".")):
        return None
    seen = ".".join(labels)
    return seen if seen.isascii() and "xn--" not in seen else None


def _seen(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        seen = label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return label if seen.isascii() else seen.translate(_ALIKE)


def _authority(text: str) -> str:
    rest = text.strip(BLANKS).translate(NOT_READ).replace("\\", "/")
    rest = SCHEME.sub("", rest, count=1).removeprefix("//")
    return _END.split(rest, maxsplit=1)[0].rpartition("@")[2]


def _is_port(text: str) -> bool:
    return re.fullmatch(r"(:[0-9]*)?", text) is not None


def _ipv6(text: str) -> str | None:
    try:
        address = IPv6Address(text.partition("%")[0])
    except AddressValueError:
        return None
    if int(address) >> 32 == _NAT64:
        return str(IPv4Address(int(address) & 0xFFFFFFFF))
    return str(address.ipv4_mapped or address)


def _name(host: str) -> str | None:
    if len(host) > LONGEST_WRITTEN:
        return None
    if "%" in host:
        host = unquote(host, errors="replace")
    try:
        host = host.lower() if host.isascii() else idna.uts46_remap(host, std3_rules=False, transitional=False)
    except (idna.IDNAError, UnicodeError):
        return None
    host = host.removesuffix(".")
    labels = host.split(".")
    if host == "-" or not all(labels) or _FORBIDDEN.search(host):
        return None
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels)
    host = ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}" for label in labels)
    return host if len(host) <= LONGEST_NAME else None


def _ipv4(parts: list[str]) -> str | None:
    """Return the dotted quad that one to four decimal, octal or hexadecimal parts mean (WHATWG URL, 3.5)."""
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    *front, last = numbers
    if len(front) > 3 or any(part > 255 for part in front) or last >= 256 ** (4 - len(front)):
        return None
    return str(IPv4Address(last + sum(part << 8 * (3 - n) for n, part in enumerate(front))))


def _number(part: str) -> int:
    if not _NUMBER.fullmatch(part):
        raise ValueError(part)
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    if len(part) > 1 and part.startswith("0"):
        return int(part, 8)
    if len(part) > 10:  # longer than any 32-bit number: Python refuses to read very long ones
        raise ValueError(part)
    return int(part)
