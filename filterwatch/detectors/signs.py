"""Signs of a way round the filter in one event: what the live detector counts and the report on bypass lists.

Besides what the category lists say of a host: firewall lines to ports that VPNs, Tor and DNS servers answer on, DNS
asked of servers that are not the school's, addresses opened without a name, names that carry data, and searches for all
this.

Like :mod:`filterwatch.detectors.spread`, the functions take ``x``, the module polars or narwhals.
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache
from importlib.resources import as_file, files
from types import ModuleType
from typing import Literal

from pydantic import Field, field_validator

from filterwatch.config import Part, read, validate
from filterwatch.detectors.spread import Expr, Frame, moment
from filterwatch.events import BYPASS_KINDS

RARE_AT_LEAST = 6
"""The same for a question of a type that devices hardly ever ask: dns2tcp fetches with TXT questions of ten characters
(seen on a tunnel through dnsmasq)."""

ORDINARY = ("A", "AAAA", "HTTPS", "SVCB", "PTR", "SRV", "SOA", "NS")
"""Types that devices ask all day."""

UNPRINTABLE = "<name unprintable>"
"""What dnsmasq writes for a name with bytes that are no text, as DNS tunnels send."""

LONG_NAME = 25
"""Characters before the registrable domain from which a DNS name may carry data.  Content networks' names stay below;
iodine and dnscat2 fill 60 and more."""

USUAL = 60
"""Characters that tunnels put into a name; taken for the length of a name that dnsmasq could not print."""

PRIVATE = (
    r"^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\."
    r"|22[4-9]\.|2[34]\d\.|25[0-5]\.|0\.|::1$|::$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:)"
)
"""Addresses in canonical text that no router carries to the internet (RFC 1918, 6598, 4193, link-local, multicast)."""

ADDRESS = r"^(?:\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-f]*:[0-9a-f:.]*\]?)$"
"""A host that is an IPv4 or IPv6 address."""

Kind = Literal[
    "vpn", "web_proxy", "doh", "dot", "foreign_dns", "tor", "direct_ip", "dns_tunnel", "private_relay", "remote_access"
]
Group = Literal["pupils", "staff", "governors", "guests", "system", "unknown"]


class Port(Part):
    """A port that one program or protocol is known by."""

    port: int = Field(ge=1, le=65_535)
    kind: Kind
    what: str


class Known(Part):
    """What ``bypass.yaml`` holds."""

    ports: tuple[Port, ...]
    phrases: tuple[str, ...]
    quiet: tuple[str, ...]


@cache
def known() -> Known:
    """Return what ``bypass.yaml`` says."""
    with as_file(files("filterwatch.detectors") / "bypass.yaml") as path:
        return validate(read(path), Known)


class Network(Part):
    """Which servers and devices are the school's own."""

    resolvers: tuple[str, ...] = Field(
        (), description="addresses of the school's DNS servers; DNS to any other public address is foreign"
    )
    networks: tuple[str, ...] = Field(
        (), description="public networks of the school's devices, CIDR; private addresses are always its own"
    )
    except_groups: tuple[Group, ...] = Field(("system",), description="groups that are not watched")
    except_domains: tuple[str, ...] = Field(
        (), description="registrable domains whose long DNS names are in order, beside the shipped ones"
    )

    @field_validator("resolvers")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_address(address)) for address in value)

    @field_validator("networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(network)) for network in value)


NEEDED = (
    "time", "started", "kind", "action", "counted", "group", "person", "device", "client_ip", "host", "domain",
    "dest_ip", "dest_port", "query", "query_type", "search_terms", "categories",
)  # fmt: skip
"""The event columns that signs depend on."""


class Signs:
    """The signs in events, as expressions.

    Args:
        network: What is the school's own.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._made: dict[ModuleType, tuple[Expr, Expr, dict[str, Expr]]] = {}

    def found(self, x: ModuleType, frame: Frame) -> Frame:
        """Return the events with a sign, with these columns more.

        ``sign`` (a bypass kind; ``bypass`` where a list gives no kind; ``long_name`` for a DNS name that may carry
        data, a sign only in numbers; ``search`` for a search), ``at`` (start, microseconds since 1970), ``target``
        (host, name asked for, or address and port), ``who`` (device, else address, else person), ``length``
        (characters before the registrable domain).
        """
        if x not in self._made:
            self._made[x] = self._expressions(x)
        watched, candidate, columns = self._made[x]
        frame = frame.filter(watched).filter(candidate).with_columns(**columns)
        return frame.filter(~x.col("sign").is_null() & ~x.col("who").is_null())

    def _expressions(self, x: ModuleType) -> tuple[Expr, Expr, dict[str, Expr]]:
        columns = {
            "sign": x.coalesce(*(x.when(condition).then(x.lit(sign)) for condition, sign in self._conditions(x))),
            "at": x.coalesce(moment(x, "started"), moment(x, "time")),
            "target": _target(x),
            "who": x.coalesce(x.col("device"), x.col("client_ip"), x.col("person")),
            "length": _length(x),
        }
        return self._watched(x), self._candidate(x), columns

    def _watched(self, x: ModuleType) -> Expr:
        left_out = x.col("group").is_in(list(self.network.except_groups)).fill_null(False)
        asked = x.col("action").is_in(["auth_required"]).fill_null(False)
        return ~left_out & ~asked & x.col("counted").fill_null(True)

    def _candidate(self, x: ModuleType) -> Expr:
        """Say cheaply which events to look at: most are neither listed, nor odd, nor a search."""
        nameless = (x.col("kind") == "http") & x.col("domain").is_null() & ~x.col("host").is_null()
        port = x.col("dest_port").is_in([one.port for one in known().ports])
        return (
            x.col("categories").list.contains("bypass").fill_null(False)
            | port.fill_null(False)
            | nameless.fill_null(False)
            | (x.col("query").str.len_chars() > LONG_NAME).fill_null(False)
            | (~x.col("query_type").is_in(list(ORDINARY))).fill_null(False)
            | (x.col("query") == UNPRINTABLE).fill_null(False)
            | ~x.col("search_terms").is_null()
        )

    def _conditions(self, x: ModuleType) -> list[tuple[Expr, str]]:
        """The conditions, the most telling first."""
        listed = x.col("categories").list
        away = ~x.col("dest_ip").str.contains(PRIVATE)
        flow = (x.col("kind") == "flow") & self._ours(x)
        resolvers = list(self.network.resolvers)
        # The school's own resolvers ask others all day; that is their work.
        foreign = away & ~x.col("dest_ip").is_in(resolvers) & ~x.col("client_ip").is_in(resolvers).fill_null(False)
        dns = (x.col("kind") == "dns") & (x.col("dest_port") == 53) & foreign
        nameless = (x.col("kind") == "http") & x.col("domain").is_null() & x.col("host").str.contains(ADDRESS)
        return [
            *((listed.contains(f"bypass.{kind}"), kind) for kind in BYPASS_KINDS),
            (listed.contains("bypass"), "bypass"),
            *(
                (flow & x.col("dest_port").is_in(ports) & (foreign if kind in ASKING else away), kind)
                for kind, ports in ports_by_kind().items()
            ),
            (dns, "foreign_dns"),
            (nameless & ~x.col("host").str.contains(PRIVATE), "direct_ip"),
            ((x.col("kind") == "dns") & (x.col("query") == UNPRINTABLE), "long_name"),
            ((x.col("kind") == "dns") & self._long(x), "long_name"),
            (search_for_ways(x), "search"),
        ]

    def _long(self, x: ModuleType) -> Expr:
        quiet = [*known().quiet, *self.network.except_domains]
        rare = ~x.col("query_type").is_in(list(ORDINARY))
        long = (_length(x) >= LONG_NAME) | (rare & (_length(x) >= RARE_AT_LEAST)).fill_null(False)
        return long & ~x.col("domain").is_in(quiet) & ~x.col("query").str.ends_with(".arpa")

    def _ours(self, x: ModuleType) -> Expr:
        """Whether a firewall line tells of one of our devices and not of a scan from outside."""
        own = "|".join([PRIVATE, *map(_network_pattern, self.network.networks)])
        return x.col("client_ip").str.contains(own)


def ports_by_kind() -> dict[str, list[int]]:
    """Return the ports of each bypass kind."""
    ports: dict[str, list[int]] = {}
    for one in known().ports:
        ports.setdefault(one.kind, []).append(one.port)
    return ports


ASKING = ("foreign_dns", "dot")
"""Kinds that the school's own resolvers may do, and that are no sign when the school's own resolvers are asked."""


def _length(x: ModuleType) -> Expr:
    """Characters before the domain; of an unprintable name as many as tunnels fill."""
    name, domain = (x.col(column).str.len_chars().cast(x.Int64) for column in ("query", "domain"))
    return x.when(x.col("query") == UNPRINTABLE).then(x.lit(USUAL)).otherwise(name - domain - 1)


def _target(x: ModuleType) -> Expr:
    port = x.concat_str([x.col("dest_ip"), x.col("dest_port").cast(x.String)], separator=":")
    return x.when(x.col("kind") == "flow").then(port).otherwise(x.coalesce(x.col("host"), x.col("query")))


def search_for_ways(x: ModuleType) -> Expr:
    """Return whether somebody searched for ways round the filter."""
    return x.col("search_terms").str.contains(_phrases())


def _phrases() -> str:
    return r"(?i)\b(?:" + "|".join(known().phrases) + r")\b"


def _network_pattern(network: str) -> str:
    """Return a pattern for canonical addresses of a network, exact to the octet or group its prefix ends in."""
    net = ipaddress.ip_network(network)
    if net.version == 6:
        groups = [f"{int(part, 16):x}" for part in net.network_address.exploded.split(":")[: net.prefixlen // 16]]
        while groups and groups[-1] == "0":
            groups.pop()
        return "^" + ":".join(groups) + ":"
    octets = str(net.network_address).split(".")
    whole, bits = divmod(net.prefixlen, 8)
    kept = (
        "".join(rf"{octet}\." for octet in octets[:whole]) if whole < 4 else re.escape(str(net.network_address)) + "$"
    )
    if not bits:
        return "^" + kept
    first = int(octets[whole])
    some = "|".join(str(number) for number in range(first, first + 2 ** (8 - bits)))
    return rf"^{kept}(?:{some})(?:\.|$)"
