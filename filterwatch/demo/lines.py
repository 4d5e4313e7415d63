"""Lines as the real daemons write them; the demonstration's only make-believe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Client:
    """Who writes the line's history.

    Attributes:
        ip: Address on the school's network.
        mac: Hardware address.
        user: Name at the proxy; ``-`` for a device without a login.
    """

    ip: str
    mac: str
    user: str = "-"


def squid(
    at: datetime,
    client: Client,
    url: str,
    *,
    blocked: bool = False,
    size: int = 5000,
    ms: int = 80,
    connect: bool = False,
) -> str:
    """Return one line of squid's native format; *at* is when the request ended."""
    result = "TCP_DENIED/403" if blocked else "TCP_TUNNEL/200" if connect else "TCP_MISS/200"
    peer = "HIER_NONE/-" if blocked else "HIER_DIRECT/192.0.2.10"
    method = "CONNECT" if connect else "GET"
    mime = "-" if connect else "text/html"
    return (
        f"{at.timestamp():.3f} {0 if blocked else ms:6d} {client.ip} {result} {3900 if blocked else size} "
        f"{method} {url} {client.user} {peer} {mime}"
    )


def dnsmasq(
    at: datetime,
    zone: ZoneInfo,
    client: Client,
    query: str,
    *,
    serial: int,
    sink: bool = False,
    answer: str = "192.0.2.10",
) -> list[str]:
    """Return the lines of one question under ``log-queries=extra``."""
    stamp = f"{at.astimezone(zone):%b %e %H:%M:%S} dnsmasq[811]: {serial} {client.ip}/40{serial % 1000:03}"
    if sink:
        return [f"{stamp} query[A] {query} from {client.ip}", f"{stamp} config {query} is 0.0.0.0"]
    return [
        f"{stamp} query[A] {query} from {client.ip}",
        f"{stamp} forwarded {query} to 192.0.2.53",
        f"{stamp} reply {query} is {answer}",
    ]


def firewall(
    at: datetime,
    zone: ZoneInfo,
    client: Client,
    dest: str,
    port: int,
    *,
    protocol: str = "TCP",
    prefix: str = "FW BLOCK",
) -> str:
    """Return one line of the kernel's packet log."""
    return (
        f"{at.astimezone(zone):%b %e %H:%M:%S} gateway kernel: [{at.timestamp() % 100000:.6f}] [{prefix}] "
        f"IN=lan0 OUT=wan0 MAC=02:00:00:00:00:01:{client.mac}:08:00 SRC={client.ip} DST={dest} "
        f"LEN=148 TOS=0x00 PREC=0x00 TTL=63 ID=4711 DF PROTO={protocol} SPT=50123 DPT={port} LEN=128"
    )


def system(at: datetime, zone: ZoneInfo, program: str, text: str) -> str:
    """Return one line of the system log."""
    return f"{at.astimezone(zone):%b %e %H:%M:%S} gateway {program}: {text}"


def pihole(at: datetime, zone: ZoneInfo, text: str) -> str:
    """Return one line of Pi-hole's FTL.log."""
    return f"[{at.astimezone(zone):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} 812M] {text}"
