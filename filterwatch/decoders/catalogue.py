"""Every format we can read: its name, its options, and how to make its decoder."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from filterwatch.config import Document, Part, validate
from filterwatch.decoders import dnsmasq, dnsmasq_fast, filter_events, netfilter, squid, squid_fast
from filterwatch.decoders.decoded import Decoder
from filterwatch.decoders.line_decoder import LineDecoder, Reader
from filterwatch.decoders.reading import address
from filterwatch.errors import FilterwatchError


class UnknownFormat(FilterwatchError):
    """A source names a format that does not exist."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; write it as in Europe/London") from None
    return name


def _address(text: str) -> str:
    canonical = address(text)
    if canonical is None:
        raise ValueError("no IP address")
    return canonical


Zone = Annotated[str, AfterValidator(_zone)]
Action = Literal["allowed", "blocked", "auth_required", "rewritten", "error", "unknown"]


class Options(Part):
    """Options that every format takes."""

    zone: Zone | None = Field(default=None, description="Time zone of stamps that have none; default: the site's.")
    year: int | None = Field(
        default=None,
        ge=1970,
        le=2199,
        description="Year of stamps that have none; default: the one nearest to the time of reading.",
    )


class DnsmasqOptions(Options):
    """Options of ``dnsmasq`` and ``dnsmasq_extra``."""

    sinks: list[Annotated[str, AfterValidator(_address)]] = Field(
        default=[],
        description="Addresses that mean a block (a block page), besides 0.0.0.0 and ::.",
    )
    local_domains: list[str] = Field(
        default=[],
        description="Domains for which the resolver's own NXDOMAIN is no block, besides the usual (lan, local ...).",
    )


class NetfilterOptions(Options):
    """Options of ``netfilter``."""

    prefixes: dict[str, Action] = Field(
        default={},
        description='Beginning of a log prefix -> action, e.g. {"GUEST": blocked}; by default its own words tell.',
    )


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        title: What it is, for people.
        options: The model of its options.
        reader: Makes its reader from its options.
    """

    title: str
    options: type[Options]
    reader: Callable[[str, Options], Reader]


def _squid(name: str, _: Options) -> Reader:
    return Reader(name, squid.read, squid_fast.read)


def _dnsmasq(name: str, options: Options) -> Reader:
    own = options if isinstance(options, DnsmasqOptions) else DnsmasqOptions()
    domains = {domain.lower().strip(".") for domain in own.local_domains}
    policy = dnsmasq.Policy(
        sinks=frozenset({*dnsmasq.SINKS, *own.sinks}),
        local_domains=frozenset({*dnsmasq.LOCAL_DOMAINS, *domains} - {""}),
    )
    return Reader(name, lambda line: dnsmasq.read(line, policy), lambda lines: dnsmasq_fast.read(lines, policy))


def _netfilter(name: str, options: Options) -> Reader:
    own = options if isinstance(options, NetfilterOptions) else NetfilterOptions()
    prefixes = netfilter.Prefixes(own.prefixes)
    return Reader(name, lambda line: netfilter.read(line, prefixes), lambda lines: netfilter.read_fast(lines, prefixes))


def _filter_events(name: str, _: Options) -> Reader:
    return Reader(name, filter_events.read, passed_over=filter_events.passed_over)


FORMATS: Mapping[str, Format] = {
    "dnsmasq": Format("dnsmasq or Pi-hole query log", DnsmasqOptions, _dnsmasq),
    "dnsmasq_extra": Format("dnsmasq or Pi-hole query log with log-queries=extra", DnsmasqOptions, _dnsmasq),
    "filter_events": Format("System logs and filters' own logs: stops, starts, changes", Options, _filter_events),
    "netfilter": Format("Netfilter kernel log (nftables, iptables, ufw, UniFi, Proxmox)", NetfilterOptions, _netfilter),
    "squid": Format("Squid native access.log", Options, _squid),
    "squid_mimehdrs": Format("Squid native access.log with header blocks", Options, _squid),
}


def names() -> tuple[str, ...]:
    """Return the names of all formats, sorted."""
    return tuple(sorted(FORMATS))


def make(name: str, options: Mapping[str, object], *, zone: ZoneInfo) -> Decoder:
    """Make the decoder of the format *name*.

    Args:
        name: One of :func:`names`.
        options: The options of the source, as in its configuration.
        zone: Zone of times that have none, where the options name no other.

    Raises:
        UnknownFormat: There is no such format.
        ConfigurationError: An option is unknown or wrong; its place is the format's name.
    """
    found = FORMATS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, names(), 1)
        remedy = f"did you mean '{near[0]}'?" if near else f"known formats: {', '.join(names())}"
        raise UnknownFormat(f"unknown format '{name}'; {remedy}")
    own = validate(Document(f"options of format {name}", dict(options)), found.options)
    return LineDecoder(found.reader(name, own), ZoneInfo(own.zone) if own.zone else zone, own.year)
