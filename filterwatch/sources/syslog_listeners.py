"""The sockets that senders send to, and which of them may send how much to which source."""

from __future__ import annotations

import errno
import socket
import ssl
import struct
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filterwatch.errors import FilterwatchError
from filterwatch.sources.spool_writing import SpoolWriter, Taken
from filterwatch.sources.syslog_settings import Endpoint, Kind, Listen, Tls, address_of

_MOST_PEERS = 4096
"""Senders that are remembered; UDP addresses can be forged."""

_RECEIVE_BUFFER = 8 * 2**20
"""What we ask the kernel to hold of UDP; it gives no more than ``net.core.rmem_max``."""

_SO_MEMINFO, _DROPS = 55, 8
"""Linux: nine counters of a socket, the last is what was dropped (``SK_MEMINFO_DROPS``)."""


@dataclass(eq=False, slots=True)
class Inlet:
    """A source that listens.

    Attributes:
        name: Its name.
        listen: What it says of listening.
        longest: Bytes of a message that are kept.
        spool: Where its lines go.
        taken: Lines on their way there.
        connections: Open now.
        lost: Messages lost since it was last recorded.
        told: Monotonic seconds of that.
    """

    name: str
    listen: Listen
    longest: int
    spool: SpoolWriter
    taken: Taken = field(default_factory=Taken)
    connections: int = 0
    lost: int = 0
    told: float = float("-inf")


@dataclass(eq=False, slots=True)
class Peer:
    """A sender of one source.

    Attributes:
        inlet: The source.
        sender: Its address, in its canonical spelling.
        connections: Open now.
        left: Lines it may send now; below zero it owes them.
        since: Monotonic seconds when that was so.
    """

    inlet: Inlet
    sender: str
    connections: int = 0
    left: float = 0.0
    since: float = float("-inf")

    def spend(self, lines: int, now: float) -> float:
        """Take *lines* off what the sender may send; return how many seconds it is ahead of its rate."""
        rate = self.inlet.listen.lines_per_second
        self.left = min(rate, self.left + (now - self.since) * rate) - lines
        self.since = now
        return max(0.0, -self.left / rate)


@dataclass(eq=False, slots=True)
class Listener:
    """One socket and the sources that share it.

    Attributes:
        kind: How messages come.
        endpoint: Where.
        socket: Bound; it does not block.
        tls: How connections are encrypted; null for not.
        inlets: The sources, in the order of the configuration.
        dropped: What the kernel had dropped at the last look.
    """

    kind: Kind
    endpoint: Endpoint
    socket: socket.socket
    tls: ssl.SSLContext | None
    inlets: list[Inlet]
    dropped: int = 0
    peers: OrderedDict[str, Peer] = field(default_factory=OrderedDict)

    def peer(self, host: str) -> Peer | None:
        """Return the sender at address *host*; null when no source allows it."""
        known = self.peers.get(host)
        if known is None:
            address = address_of(host)
            inlet = next((one for one in self.inlets if any(address in net for net in one.listen.allow)), None)
            if inlet is None:
                return None
            known = self.peers[host] = Peer(inlet, str(address))
            if len(self.peers) > _MOST_PEERS:
                self.peers.popitem(last=False)
        return known

    def newly_dropped(self) -> int:
        """Return how many datagrams the kernel dropped since the last look; 0 where it does not say."""
        try:
            counters = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_DROPS + 1))
            total = struct.unpack(f"={_DROPS + 1}I", counters)[_DROPS]
        except (OSError, struct.error):
            return 0
        new, self.dropped = (total - self.dropped) % 2**32, total
        return int(new)


def listeners(inlets: Sequence[Inlet], base: Path) -> list[Listener]:
    """Bind every address; sources with the same one share it.

    Args:
        inlets: The sources.
        base: Folder that relative paths of certificates start from.

    Raises:
        FilterwatchError: An address or a certificate cannot be had.
    """
    found: dict[tuple[Kind, Endpoint], Listener] = {}
    try:
        for inlet in inlets:
            for kind, endpoint in inlet.listen.endpoints():
                if (kind, endpoint) in found:
                    found[kind, endpoint].inlets.append(inlet)
                    continue
                tls = inlet.listen.tls if kind == "tls" else None
                context = context_of(tls, base) if tls else None
                found[kind, endpoint] = Listener(kind, endpoint, _bound(kind, endpoint), context, [inlet])
    except FilterwatchError:
        for one in found.values():
            one.socket.close()
        raise
    return list(found.values())


def context_of(tls: Tls, base: Path) -> ssl.SSLContext:
    """Return how connections are encrypted: TLS 1.2 and later, with a certificate of the sender where one is asked.

    Raises:
        FilterwatchError: A file cannot be read or is no certificate or key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = base / tls.certificate, base / tls.key
    try:
        # A passphrase would be asked for on the terminal, which a daemon has none of.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:
        remedy = "give PEM files that belong together, without a passphrase, readable by filterwatch's account"
        raise FilterwatchError(f"tls: {certificate} and {key} cannot be used: {_why(error)}; {remedy}") from None
    if tls.client_ca is not None:
        authorities = base / tls.client_ca
        try:
            context.load_verify_locations(cafile=authorities)
        except OSError as error:
            remedy = "give the authorities' certificates as PEM"
            raise FilterwatchError(f"tls: client_ca {authorities} cannot be used: {_why(error)}; {remedy}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _why(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or "no such thing in it"


def _bound(kind: Kind, endpoint: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    try:
        one.setblocking(False)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(endpoint.host != "::"))
        if kind == "udp":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        else:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(endpoint)
        if kind != "udp":
            one.listen(128)
    except OSError as error:
        one.close()
        remedy = {
            errno.EACCES: "ports below 1024 need the unit's CAP_NET_BIND_SERVICE; or listen on 5514",
            errno.EADDRINUSE: "another program has it (ss -lnp); stop it or give another port",
            errno.EADDRNOTAVAIL: "it is no address of this machine; 0.0.0.0 is all of them",
        }.get(error.errno or 0, "give another")
        raise FilterwatchError(f"syslog: {kind} {endpoint} cannot be had: {error.strerror}; {remedy}") from None
    return one
