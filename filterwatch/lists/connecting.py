"""Connections that can be cut from outside, and where a redirect must not lead."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""What resolvers of networks without IPv4 put before public IPv4 addresses (RFC 6052)."""


class Cut(Exception):
    """It took too long."""


class Connections:
    """All connections of a fetcher.

    A socket's own timeout begins anew with every byte: a server that sends one now and then, in its greeting or in a
    header, would never be given up.
    """

    def __init__(self) -> None:
        self._open: list[socket.socket] = []
        self.cut = False

    def pools(self) -> Mapping[str, type[HTTPConnectionPool]]:
        """Return the kinds of pools, by scheme, whose connections can be cut."""
        keep = self._keep

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return keep(super()._new_conn())

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return keep(super()._new_conn())

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        return {"http": PlainPool, "https": SecurePool}

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Cut every connection that is made inside after *seconds*.

        Raises:
            Cut: It came to that; even when all seemed well, for a body of unknown length ends so.
        """
        self.cut = False
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            for one in self._open:
                one.close()
            self._open.clear()
            if self.cut:
                raise Cut

    def _keep(self, made: socket.socket) -> socket.socket:
        """Remember a connection by a handle of our own: TLS takes the socket itself over."""
        self._open.append(made.dup())
        if self.cut:
            self._cut()
        return made

    def _cut(self) -> None:
        self.cut = True
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def is_here(host: str) -> bool:
    """Say whether *host* is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_inside(host: str, *, ask: bool) -> bool:
    """Say whether *host* is this machine or one of a private network.

    Args:
        host: An address or a name.
        ask: Whether to ask the resolver what addresses a name has; where a proxy connects, its own would count.
    """
    flags = 0 if ask else socket.AI_NUMERICHOST
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)}
    except (OSError, UnicodeError):
        return False  # nothing to connect to: the connection will tell
    return any(not _public(one.partition("%")[0]) for one in found)


def _public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or (ipaddress.ip_address(address.packed[12:]) if address in NAT64 else address)
    return address.is_global and not address.is_multicast
