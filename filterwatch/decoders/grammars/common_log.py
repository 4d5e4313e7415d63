r"""The common log format of web servers, as squid writes it with ``logformat common`` or ``combined``.

``client ident user [22/Nov/2026:01:50:49 +0000] "METHOD URL HTTP/1.1" status bytes ["referrer" "agent"]
[RESULT:HIERARCHY]``

Source: TAG logformat in squid.conf (squid 5.7).  Some exporters write the date as ``05/02/2025 11:31:06``; the day
comes first, as in Britain, and the time is local.
"""

from __future__ import annotations

import re

from filterwatch.decoders.families.logformat_values import verdict
from filterwatch.decoders.reading import Clock, Event, Stamp, Value, address, number, user
from filterwatch.decoders.stamps import DAY, MONTHS, SECOND, days, offset_us, valid
from filterwatch.decoders.url import asked, without_connect_credentials, without_credentials

_LINE = re.compile(
    r"(?P<client>[^ ]+) (?P<ident>[^ ]+) (?P<user>[^\[]+) \[(?P<date>[^\]]{19,26})\] "
    r'"(?P<method>[A-Z_-]+) (?P<url>[^" ][^"]*?)(?: HTTP/\d{1,2}(?:\.\d{1,2})?)?" (?P<status>\d{3}) (?P<bytes>\d+|-)'
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?'
    r'(?: (?P<result>[A-Z][A-Z0-9_]*):(?P<code>[A-Z][A-Z0-9_]*))?(?: [^"]*)?'
)
_DATE = re.compile(
    r"(?P<day>\d\d)/(?:(?P<name>[A-Z][a-z]{2})|(?P<month>\d\d))/(?P<year>\d{4})[: ]"
    r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d):(?P<second>[0-5]\d|60)(?: (?P<zone>[+-]\d{4}))?"
)


def read(text: str) -> Event | None:
    """Read one line; null when it is none of this format."""
    line = _LINE.fullmatch(text)
    stamp = _stamp(line["date"]) if line else None
    client = address(line["client"]) if line else None
    if not line or not stamp or not client:
        return None
    method, url, status = line["method"], line["url"], line["status"]
    whom = asked(url, method)
    person, domain = user(line["user"])
    clean = without_credentials(url)
    values: dict[str, Value] = {
        "kind": "http",
        "client_ip": client,
        "user": person,
        "user_domain": domain,
        "method": method,
        "url": without_connect_credentials(clean) if method == "CONNECT" else clean,
        "host": whom.host,
        "dest_port": whom.port,
        "dest_ip": whom.ip,
        "status": int(status) or None,
        "action": _action(line["result"], status, url),
        "bytes_in": number(line["bytes"]),
        "filter_reason": line["result"],
        "referrer": _known(line["referrer"]),
        "user_agent": _known(line["agent"]),
    }
    return Event(stamp, values)


def _known(text: str | None) -> str | None:
    return without_credentials(text) if text and text != "-" else None


def _action(result: str | None, status: str, url: str) -> str:
    """Return the action; without a result code nobody can say who refused."""
    if result is None:
        return "auth_required" if status == "407" else "unknown"
    action = verdict(result, status)
    return "error" if action == "allowed" and url.startswith("error:") else action


def _stamp(text: str) -> Stamp | None:
    found = _DATE.fullmatch(text)
    if not found or (found["name"] and found["name"] not in MONTHS):
        return None
    month = MONTHS.index(found["name"]) + 1 if found["name"] else int(found["month"])
    year, day = int(found["year"]), int(found["day"])
    if not valid(year, month, day):
        return None
    seconds = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + int(found["second"])
    us = int(days(year, month, day)) * DAY + seconds * SECOND
    return Stamp(us - offset_us(found["zone"]), Clock.UTC) if found["zone"] else Stamp(us, Clock.WALL)
