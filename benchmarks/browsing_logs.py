"""Made-up browsing as logs would tell it: what a tunnel, a decrypting filter or a resolver can see of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from zlib import crc32

from benchmarks.browsing import Request, Session

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""A Monday in term; the third day after it is a Thursday."""

Line = tuple[float, str]
"""When it is written, in seconds after the morning, and its text."""


def stamp(at: float) -> float:
    """Return seconds since 1970."""
    return MORNING.timestamp() + at


def _day(at: float, form: str) -> str:
    return (MORNING + timedelta(seconds=at)).strftime(form)


def _of(host: str, choices: Sequence[float]) -> float:
    return choices[crc32(host.encode()) % len(choices)]


def tunnels(session: Session) -> Iterator[tuple[float, Request]]:
    """Yield one request for each connection, with the time at which it is closed; a refused one is closed at once."""
    open_: dict[str, tuple[float, Request]] = {}
    for one in session.requests:
        if one.blocked:
            yield one.at, one
            continue
        last, kept_open = open_.get(one.host), _of(one.host, session.kept_open)
        if last is not None and one.at - last[0] <= kept_open:
            open_[one.host] = (one.at, replace(last[1], size=last[1].size + one.size))
            continue
        if last is not None:
            yield last[0] + kept_open, last[1]
        open_[one.host] = (one.at, one)
    for closed, first in open_.values():
        yield closed + _of(first.host, session.kept_open), first


def questions(session: Session) -> Iterator[Request]:
    """Yield the requests before which the device has to ask for the address; a refusal is kept for two seconds."""
    known: dict[str, float] = {}
    for one in session.requests:
        if one.at >= known.get(one.host, 0.0):
            known[one.host] = one.at + (2.0 if one.blocked else _of(one.host, session.cached))
            yield one


def _visible(session: Session) -> tuple[Session, Session]:
    """Return what a decrypting filter can look into, and what it cannot."""
    inside = [one for one in session.requests if not one.opaque]
    outside = [one for one in session.requests if one.opaque]
    return replace(session, requests=inside), replace(session, requests=outside)


def _squid(at: float, session: Session, one: Request, took: float = 0.08, *, tunnel: bool = False) -> str:
    result = ("TCP_DENIED/403" if one.blocked else "TCP_TUNNEL/200") if tunnel else _result(one)
    what = f"CONNECT {one.host}:443" if tunnel else f"{one.method} {one.url}"
    peer = "HIER_NONE/-" if one.blocked else "HIER_DIRECT/192.0.2.7"
    kind = "-" if tunnel else one.kind
    who = session.user or "-"
    return f"{stamp(at):.3f} {took * 1000:6.0f} {session.address} {result} {one.size} {what} {who} {peer} {kind}"


def _result(one: Request) -> str:
    return "TCP_DENIED/403" if one.blocked else "TCP_MISS/200"


def squid_tunnels(session: Session) -> Iterator[Line]:
    """Squid that does not decrypt: a line when a connection is closed."""
    for closed, one in tunnels(session):
        yield closed, _squid(closed, session, one, closed - one.at, tunnel=True)


def squid_decrypting(session: Session) -> Iterator[Line]:
    """Squid that decrypts, in its own format: media types, no referrer."""
    inside, outside = _visible(session)
    yield from squid_tunnels(outside)
    for one in inside.requests:
        yield one.at, _squid(one.at, session, one)


def squid_referrer(session: Session) -> Iterator[Line]:
    """Squid that decrypts, with media types, referrers and the clients' descriptions of themselves."""
    inside, outside = _visible(session)
    for closed, text in squid_tunnels(outside):
        yield closed, f'{text} "-" "-"'
    for one in inside.requests:
        yield one.at, f'{_squid(one.at, session, one)} "{one.referrer or "-"}" "{one.agent}"'


def squid_combined(session: Session) -> Iterator[Line]:
    """Squid that decrypts, in the combined format: referrers, no media type."""
    inside, outside = _visible(session)
    whole = [(at, one, f"CONNECT {one.host}:443") for at, one in tunnels(outside)]
    whole += [(one.at, one, f"{one.method} {one.url}") for one in inside.requests]
    for at, one, what in whole:
        words = f'"{what} HTTP/1.1" {403 if one.blocked else 200} {one.size} "{one.referrer or "-"}" "{one.agent}"'
        result = _result(one).partition("/")[0]
        day = _day(at, "%d/%b/%Y:%H:%M:%S +0000")
        yield at, f"{session.address} - {session.user or '-'} [{day}] {words} {result}:HIER_DIRECT"


def e2guardian(session: Session) -> Iterator[Line]:
    """e2guardian that decrypts: media types, no referrer."""
    inside, outside = _visible(session)
    whole = [(at, one, f"https://{one.host}:443", "CONNECT", "-") for at, one in tunnels(outside)]
    whole += [(one.at, one, one.url, one.method, one.kind) for one in inside.requests]
    for at, one, url, method, kind in whole:
        said = "*DENIED* Blocked site: x " if one.blocked else " "
        when = _day(at, "%Y.%m.%d %H:%M:%S")
        yield (
            at,
            (
                f"{when} {session.user or '-'} {session.address} {url} {said}{method} {one.size} 0  1 "
                f"{403 if one.blocked else 200} {kind} {session.address} pupils year5 {one.agent} - - - -"
            ),
        )


def fortigate(session: Session) -> Iterator[Line]:
    """FortiGate's web filter with deep inspection: referrers, no media type."""
    inside, outside = _visible(session)
    whole = [(one.at, one, "/") for _, one in tunnels(outside)]
    whole += [(one.at, one, one.url) for one in inside.requests]
    for at, one, url in whole:
        led = f' reqtype="referral" referralurl="{one.referrer}"' if one.referrer else ' reqtype="direct"'
        yield (
            at,
            (
                f'date={_day(at, "%Y-%m-%d")} time={_day(at, "%H:%M:%S")} devname="gw" devid="FGT60F0000000001" '
                f'eventtime={int(stamp(at) * 1e9)} tz="+0000" logid="0317013312" type="utm" subtype="webfilter" '
                f'eventtype="ftgd_allow" level="notice" vd="root" policyid=7 sessionid=1 user="{session.user}" '
                f"srcip={session.address} srcport=51234 dstip=192.0.2.7 dstport=443 proto=6 "
                f'service="HTTPS" hostname="{one.host}" agent="{one.agent}" profile="p" '
                f'action="{"blocked" if one.blocked else "passthrough"}"{led} url="{url}" '
                f'sentbyte=500 rcvdbyte={one.size} direction="outgoing" msg="x" cat=0 catdesc="Unrated"'
            ),
        )


def dnsmasq(session: Session) -> Iterator[Line]:
    """Pi-hole's dnsmasq: three questions for each name that the device does not remember."""
    for one in questions(session):
        day = _day(one.at, "%b %e %H:%M:%S").replace("  ", " ")
        for n, type_ in enumerate(("A", "AAAA", "HTTPS")):
            at = one.at + n / 1000
            yield at, f"{day} dnsmasq[77]: query[{type_}] {one.host} from {session.address}"
            if one.blocked:
                yield at, f"{day} dnsmasq[77]: gravity blocked {one.host} is 0.0.0.0"
            else:
                yield at, f"{day} dnsmasq[77]: forwarded {one.host} to 192.0.2.53"


def adguard(session: Session) -> Iterator[Line]:
    """AdGuard Home's query log."""
    for one in questions(session):
        for n, type_ in enumerate(("A", "AAAA", "HTTPS")):
            at = one.at + n / 1000
            found = {"IsFiltered": True, "Reason": 3, "Rules": [{"Text": "||x^"}]} if one.blocked else {}
            asked = {
                "T": (MORNING + timedelta(seconds=at)).isoformat(timespec="microseconds"), "QH": one.host, "QT": type_,
                "QC": "IN", "CP": "", "Answer": "Qz+BgAABAAEAAAAA", "IP": session.address, "Result": found,
                "Elapsed": 1_000_000,
            }  # fmt: skip
            yield at, json.dumps(asked, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Log:
    """A way to log.

    Attributes:
        format: Name of the decoder.
        lines: What it writes of a session.
        options: Of the decoder.
    """

    format: str
    lines: Callable[[Session], Iterator[Line]]
    options: Mapping[str, str] = field(default_factory=dict)


_REFERRER = '%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %un %Sh/%<a %mt "%{Referer}>h" "%{User-Agent}>h"'
LOGS: Mapping[str, Log] = MappingProxyType({
    "squid, referrer and type": Log("squid_custom", squid_referrer, {"logformat": _REFERRER}),
    "squid, combined": Log("squid_combined", squid_combined),
    "FortiGate, decrypting": Log("fortigate", fortigate),
    "squid, decrypting": Log("squid", squid_decrypting),
    "e2guardian, decrypting": Log("e2guardian_1", e2guardian),
    "squid, tunnels": Log("squid", squid_tunnels),
    "Pi-hole, dnsmasq": Log("dnsmasq", dnsmasq),
    "AdGuard Home": Log("adguard_querylog", adguard),
})  # fmt: skip


def written(log: Log, sessions: Iterable[Session]) -> list[Line]:
    """Return the lines of *sessions*, in the order in which they are written."""
    return sorted((line for session in sessions for line in log.lines(session)), key=lambda line: line[0])


def text(lines: Iterable[Line]) -> str:
    """Return *lines* as a file holds them."""
    return "".join(f"{line}\n" for _, line in lines)
