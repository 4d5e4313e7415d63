"""Squid's native ``access.log``, with or without the header blocks that ``log_mime_hdrs`` adds.

Fields, separated by blanks::

    time.ms elapsed client RESULT/status bytes method URL user HIERARCHY/peer type [request headers] [reply headers]

Source: https://wiki.squid-cache.org/Features/LogFormat and the comments of squid.conf (squid 5.7).

The user may hold blanks, so a line is split from both ends.  The header blocks hold ``Proxy-Authorization``: only the
user agent and the referrer are taken from them.  ``time`` is squid's stamp: the end of the request.  Lines in the
common format (``client - user [date] "request" status bytes``) occur in the same files and are taken too.
"""

from __future__ import annotations

import re

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.families.logformat_reader import REFERRER, USER_AGENT, header, without_headers
from filterwatch.decoders.families.logformat_values import verdict
from filterwatch.decoders.grammars import common_log
from filterwatch.decoders.reading import (
    Answer,
    Clock,
    Event,
    Rejected,
    Skipped,
    Stamp,
    Value,
    address,
    number,
    user,
    visible,
)
from filterwatch.decoders.url import Authority, asked, without_connect_credentials, without_credentials

_HEAD = re.compile(
    r"(?P<seconds>\d{9,10})\.(?P<millis>\d{3}) +(?P<elapsed>-?\d{1,18}) (?P<client>[^ ]+) "
    r"(?P<result>[A-Z][A-Z0-9_]*)/(?P<status>\d{3}) (?P<bytes>\d+|-) (?P<method>[^ ]+) "
)
_HIERARCHY = re.compile(r"(?P<code>[A-Z][A-Z0-9_]*)/(?P<peer>[^ ]+)")
_USER_AGENT, _REFERRER = re.compile(USER_AGENT), re.compile(REFERRER)


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    head = _HEAD.match(text)
    if head:
        return _native(text, head)
    if text.startswith("#"):
        return Skipped("a comment")
    common = common_log.read(text)
    if common:
        return common
    inside = open_envelope(text)
    head = _HEAD.match(inside.message) if inside.program else None
    return _native(inside.message, head) if head else Rejected("squid: expected 'time.ms elapsed client RESULT/status'")


def _native(text: str, head: re.Match[str]) -> Answer:
    rest, headers = without_headers(text[head.end() :])
    tail = _tail(rest)
    if tail is None:
        return Rejected("squid: expected 'HIERARCHY/peer type' behind URL and user")
    url, name, peer, mime = tail
    client = address(head["client"])
    if client is None and head["client"] != "-":
        return Rejected("squid: the third field is no IP address")
    values = _request(head["method"], url)
    person, domain = user(name)
    dest_ip = address(peer)
    action = verdict(head["result"], head["status"])
    if action in ("allowed", "error") and url.startswith("error:"):
        action = "error"
    values |= {
        "client_ip": client,
        "user": person,
        "user_domain": domain,
        "status": int(head["status"]) or None,
        "action": action,
        "bytes_in": number(head["bytes"]),
        "duration_ms": number(head["elapsed"]),
        "dest_ip": dest_ip or values["dest_ip"],
        "filter_reason": head["result"],
        "mime_type": None if mime == "-" else mime,
        "user_agent": header(_USER_AGENT, headers),
        "referrer": header(_REFERRER, headers),
    }
    stamp = Stamp((int(head["seconds"]) * 1000 + int(head["millis"])) * 1000, Clock.UTC)
    return Event(stamp, values)


def _request(method: str, url: str) -> dict[str, Value]:
    whom: Authority = asked(url, method)
    clean = without_credentials(url)
    return {
        "kind": "http",
        "method": None if method == "-" else method,
        "url": None if url == "-" else without_connect_credentials(clean) if method == "CONNECT" else clean,
        "host": whom.host,
        "dest_port": whom.port,
        "dest_ip": whom.ip,
    }


def _tail(rest: str) -> tuple[str, str, str, str] | None:
    """Return URL, user, peer and type of ``URL user HIERARCHY/peer type``, split from the right.

    Quoted columns that Web Safety and many custom formats add behind the type are passed over.  A user with a quote
    would mean that the line fits two grammars: it is refused, because one of the two is forged.
    """
    rest = rest.rstrip(" ")
    while rest.endswith('"') and (opening := rest.rfind(' "', 0, -1)) > 0:
        rest = rest[:opening]
    parts = rest.rsplit(" ", 2)
    found = _HIERARCHY.fullmatch(parts[1]) if len(parts) == 3 else None
    if not found or '"' in parts[2]:
        return None
    url, blank, name = parts[0].partition(" ")
    if not blank or not url or not name or '"' in name:
        return None
    if name.endswith(" -"):
        # A user is never written as "x -": with `uri_whitespace allow` the blanks belong to the URL.
        url, name = f"{url} {name[:-2]}", "-"
    return url, name, found["peer"], parts[2]
