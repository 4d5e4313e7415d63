"""What the fields of a ``logformat`` line mean: from their texts to the columns of an event."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from filterwatch.decoders.families.logformat_times import stamp_of
from filterwatch.decoders.reading import (
    NO_STAMP,
    Clock,
    Event,
    Rejected,
    Stamp,
    Value,
    address,
    known,
    mac,
    number,
    port_number,
    user,
)
from filterwatch.decoders.url import (
    NOBODY,
    Authority,
    asked,
    authority,
    without_connect_credentials,
    without_credentials,
)

BETWEEN: Final = "\x1f"
"""Stands between the texts of several fields with one role (user names), best first."""

TIMES: Final = ("gmt", "local")
"""Roles of written times; the first one that a definition has counts."""

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LETTERS = {"r": "\r", "n": "\n", "t": "\t"}
_HEX = re.compile(rb"%([0-9A-Fa-f]{2})")


def decoded(text: str, encoding: str) -> str:
    """Return *text* as it was before squid encoded it; unchanged where that would be no UTF-8."""
    if encoding == "/" and len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if encoding in ('"', "/", "[") and "\\" in text:
        text = _ESCAPED.sub(lambda found: _LETTERS.get(found[1], found[1]), text)
    if encoding in ("[", "#") and "%" in text:
        try:
            return _HEX.sub(lambda found: bytes([int(found[1], 16)]), text.encode()).decode()
        except UnicodeDecodeError:
            return text
    return text


@lru_cache(maxsize=4096)
def verdict(result: str, status: str) -> str:
    """Return the action that squid's result code and status mean; an ``error:`` URL is the caller's business.

    Source: the results of squid 5.7 with ssl-bump and authentication, line by line.
    """
    if status == "407":
        return "auth_required"
    if result.startswith(("TCP_DENIED", "UDP_DENIED")):
        return "blocked"
    if status == "403" and result.startswith(("NONE", "TAG_NONE")):
        return "blocked"
    return "error" if status == "000" else "allowed"


_ERRORS: Final = {"ERR_ACCESS_DENIED": "blocked", "ERR_CACHE_ACCESS_DENIED": "auth_required"}
"""What squid's own error pages say about who refused, where a format has no result code."""


def action(result: str | None, status: str | None, error: str | None) -> str:
    """Return the action; without a result code nobody can say who refused, unless squid names its error page."""
    padded = (status or "").zfill(3) if status and status != "-" else "000"
    if result is not None and result != "-":
        return verdict(result, padded if status is not None else "200")
    if status == "407":
        return "auth_required"
    return _ERRORS.get(error or "", "unknown")


def port_of(text: str | None) -> int | None:
    """Return a port; null for 0, ``-`` or what is none."""
    return port_number(text or "") or None


def count_of(text: str | None) -> int | None:
    """Return a count; null for ``-``."""
    return number(text) if text else None


@lru_cache(maxsize=65_536)
def person(texts: str) -> tuple[str | None, str | None]:
    """Return user and domain of the first of *texts* (:data:`BETWEEN` them) that names one."""
    for text in texts.split(BETWEEN):
        found = user(text)
        if found[0]:
            return found
    return None, None


def name_of(text: str | None) -> str | None:
    """Return a host name from a field of its own: no address, no ``-``; a port behind it is cut."""
    if not text or text == "-":
        return None
    found = authority(text)
    return None if found.ip else found.host


def stamp(texts: Mapping[str, str], layouts: Mapping[str, str]) -> Stamp | None:
    """Return the time of a line; null where a time was written that no clock shows.

    Args:
        texts: Texts by role.
        layouts: The format of the roles ``local`` and ``gmt``.
    """
    if "seconds" in texts:
        return Stamp((int(texts["seconds"]) * 1000 + int(texts.get("millis", "0"))) * 1000, Clock.UTC)
    for role in TIMES:
        if role in texts:
            return stamp_of(texts[role], layouts[role], gmt=role == "gmt")
    start = texts.get("start", "-")
    if start == "-":
        return NO_STAMP
    whole, _, part = start.partition(".")
    # What squid gives is the start; our `time` is the end, as with the other codes.
    took = (count_of(texts.get("elapsed")) or 0) * 1000
    return Stamp(int(whole) * 1_000_000 + int(f"{part}000000"[:6]) + took, Clock.UTC)


def event(texts: Mapping[str, str], layouts: Mapping[str, str]) -> Event | Rejected:
    """Return the event that the decoded *texts* (by role) say."""
    when = stamp(texts, layouts)
    if when is None:
        return Rejected("a time that no clock shows")
    client = texts.get("client")
    client_ip = address(client) if client else None
    if client and client_ip is None and client != "-":
        return Rejected("no IP address where the client's stands")
    method = known(texts.get("method"))
    url, whom = _request(texts, method)
    peer_ip = address(texts.get("peer", "-"))
    host = whom.host
    if whom.ip or not host:
        host = name_of(texts.get("sni")) or host or name_of(texts.get("host"))
    name, domain = person(texts.get("user", "-"))
    status = texts.get("status")
    decision = action(texts.get("result"), status, texts.get("error"))
    if decision in ("allowed", "error", "unknown") and (url or "").startswith("error:"):
        decision = "error" if "result" in texts else decision
    reason = texts.get("result", texts.get("error"))
    values: dict[str, Value] = {
        "kind": "http",
        "client_ip": client_ip,
        "client_port": port_of(texts.get("client_port")),
        "client_mac": mac(texts.get("mac", "")),
        "user": name,
        "user_domain": domain,
        "method": method,
        "url": url,
        "host": host,
        "dest_port": whom.port or port_of(texts.get("peer_port")),
        "dest_ip": peer_ip or whom.ip,
        "status": count_of(status) or None,
        "action": decision,
        "bytes_in": count_of(texts.get("size_in")),
        "bytes_out": count_of(texts.get("size_out")),
        "duration_ms": count_of(texts.get("elapsed")),
        "filter_reason": known(reason),
        "mime_type": known(texts.get("mime")),
        "user_agent": shown(texts.get("agent")),
        "referrer": shown(texts.get("referrer")),
    }
    return Event(when, values)


def shown(text: str | None) -> str | None:
    """Return a header's text without credentials; null for none."""
    said = known(text)
    return without_credentials(said) if said else None


def _request(texts: Mapping[str, str], method: str | None) -> tuple[str | None, Authority]:
    """Return the URL without credentials, and whom it asks."""
    url = known(texts.get("url"))
    if url is not None:
        whom = asked(url, method or "")
        clean = without_credentials(url)
        if method == "CONNECT":
            return without_connect_credentials(clean), whom
        if whom is not NOBODY:
            return clean, whom
        url = clean
    domain, port = known(texts.get("domain")), texts.get("port")
    whom = authority(domain) if domain else NOBODY
    if domain and port_of(port):
        whom = whom._replace(port=port_of(port))
    path, scheme = known(texts.get("path")), known(texts.get("scheme"))
    if url is None and path is not None:
        clean = without_credentials(path)
        url = f"{scheme}://{domain}{clean}" if scheme and domain and clean.startswith("/") else clean
    return url, whom
