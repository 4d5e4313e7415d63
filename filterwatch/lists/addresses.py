"""Addresses and ranges: their one form, and what a range covers."""

from __future__ import annotations

import ipaddress
import socket

import numpy as np
import numpy.typing as npt

Packed = npt.NDArray[np.uint8]
"""Addresses, 16 bytes each; IPv4 as ``::ffff:a.b.c.d``."""

WIDEST = {4: 8, 6: 16}
"""Shortest prefix that a list may hold: a wider range is a mistake or a trick."""

_ALL_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_MAPPED = b"\0" * 10 + b"\xff\xff"


def normal(text: str) -> str | None:
    """Return an address or a range in its one form, null when it is none or wider than :data:`WIDEST`.

    A range of one address is that address; bits beyond the prefix are dropped; IPv4 in IPv6 is IPv4.
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    first, length = network.network_address, network.prefixlen
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped and length >= 96:
        first, length = first.ipv4_mapped, length - 96
    covers_all = isinstance(network, ipaddress.IPv6Network) and length < 96 and _ALL_MAPPED.subnet_of(network)
    if length < WIDEST[first.version] or covers_all:
        return None
    return str(first) if length == first.max_prefixlen else f"{first}/{length}"


def packed(host: str) -> bytes | None:
    """Return the 16 bytes of an address, null when it is none."""
    try:
        if ":" in host:
            return socket.inet_pton(socket.AF_INET6, host)
        return _MAPPED + socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return None


def prefix(network: str) -> tuple[bytes, int]:
    """Return the packed first address of a range in its one form, and its length in those 128 bits."""
    first, _, length = network.partition("/")
    raw = packed(first)
    if raw is None:
        raise ValueError(network)
    return raw, int(length) + (0 if ":" in first else 96)


def shown(host: str, length: int) -> str:
    """Return the range of *length* (of 128 bits) that *host* lies in, in its one form."""
    return str(ipaddress.ip_network(f"{host}/{length if ':' in host else length - 96}", strict=False))
