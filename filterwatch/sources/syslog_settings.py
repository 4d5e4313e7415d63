"""What a person writes under ``listen:``: where appliances that only send may send their log to, and which may."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from filterwatch.config import Part

_ENDPOINT = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")

Kind = Literal["udp", "tcp", "tls"]
Network = IPv4Network | IPv6Network


class Endpoint(NamedTuple):
    """An address of this machine and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as it is written: ``0.0.0.0:5514``, ``[::]:5514``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(host: str) -> IPv4Address | IPv6Address:
    """Return a sender's address as the kernel tells it, without its interface; IPv4 inside IPv6 as IPv4."""
    address = ip_address(host.partition("%")[0])
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _endpoint(value: object) -> Endpoint:
    if isinstance(value, Endpoint):
        return value
    found = _ENDPOINT.fullmatch(str(value))
    try:
        address = ip_address(found["six"] or found["four"]) if found else None
    except ValueError:
        address = None
    if found is None or address is None or not 1 <= int(found["port"]) <= 65_535:
        raise ValueError("write an address of this machine and a port, e.g. 0.0.0.0:5514 or [::]:5514")
    return Endpoint(str(address), int(found["port"]))


def _network(value: object) -> Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"write an address or a network such as 10.1.0.0/16 ({error})") from None


Listening = Annotated[Endpoint, BeforeValidator(_endpoint)]
Allowed = Annotated[Network, BeforeValidator(_network)]


class Tls(Part):
    """Syslog over TLS (RFC 5425)."""

    address: Listening = Field(description="Address and port; the usual port is 6514.")
    certificate: Path = Field(description="Our certificate with its chain, PEM; read at start.")
    key: Path = Field(description="Its private key, PEM, without a passphrase; readable by filterwatch alone.")
    client_ca: Path | None = Field(
        default=None, description="Senders must show a certificate of these authorities (PEM); default: none is asked."
    )


class Listen(Part):
    """Where a source's senders send to, and which may."""

    udp: Listening | None = Field(default=None, description="Syslog over UDP; lines are lost when it is too much.")
    tcp: Listening | None = Field(default=None, description="Syslog over TCP: counted octets or one line each.")
    tls: Tls | None = Field(default=None, description="Syslog over TLS.")
    allow: tuple[Allowed, ...] = Field(
        min_length=1,
        description="Addresses and networks that may send. Sources may share an address: the first whose `allow` fits "
        "gets the line.",
    )
    connections: int = Field(default=64, ge=1, le=1024, description="Most TCP and TLS connections at once.")
    lines_per_second: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="Most lines a second from one sender; TCP waits, of UDP the rest is dropped and counted.",
    )

    def endpoints(self) -> list[tuple[Kind, Endpoint]]:
        """Return where it listens, and how."""
        tls = self.tls.address if self.tls else None
        found: list[tuple[Kind, Endpoint | None]] = [("udp", self.udp), ("tcp", self.tcp), ("tls", tls)]
        return [(kind, endpoint) for kind, endpoint in found if endpoint is not None]

    @model_validator(mode="after")
    def _listens(self) -> Listen:
        if self.udp is None and self.tcp is None and self.tls is None:
            raise ValueError("says on no address to listen; add udp, tcp or tls, e.g. udp: 0.0.0.0:5514")
        if self.tls is not None and self.tls.address == self.tcp:
            raise ValueError(f"tcp and tls have the same address {self.tcp}; give each a port of its own")
        return self
