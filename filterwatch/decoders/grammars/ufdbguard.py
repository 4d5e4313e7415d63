"""ufdbGuard's log of requests: ``date time [pid] BLOCK|PASS user client acl category url METHOD``, local time.

Lines of passed requests are there with ``logpass`` or ``logall``.  What the daemon says of itself is read as system
logs are.  Source: the pattern of SquidAnalyzer; no live line was seen.  One line after the other is fast enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import filter_events
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import NO_STAMP, Answer, Event, Rejected, Value, address, known, user, visible
from filterwatch.decoders.stamps import read_stamp
from filterwatch.decoders.url import asked, without_connect_credentials, without_credentials

_HEAD = re.compile(
    r"\[[0-9]+\] (?P<verdict>BLOCK|PASS) +(?P<user>[^ ]+) +(?P<client>[^ ]+) +(?P<acl>[^ ]+) +(?P<category>[^ ]+) +"
)
_VERDICTS = {"BLOCK": "blocked", "PASS": "allowed"}
_METHOD = re.compile(r"[A-Z][A-Z0-9_-]*")


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    stamp, start = read_stamp(text) or (NO_STAMP, 0)
    head = _HEAD.match(text, start)
    if not head:
        return filter_events.read(line) if start else Rejected("ufdbguard: expected 'date time [pid] BLOCK|PASS'")
    url, _, method = text[head.end() :].rstrip(" ").rpartition(" ")
    client = address(head["client"].partition("/")[0])
    if not url or not _METHOD.fullmatch(method):
        return Rejected("ufdbguard: expected 'user client acl category url METHOD'")
    name, domain = user(head["user"])
    whom = asked(url, "CONNECT")
    values: dict[str, Value] = {
        "kind": "http",
        "client_ip": client,
        "user": name,
        "user_domain": domain,
        "method": method,
        "url": without_connect_credentials(without_credentials(url)),
        "host": whom.host,
        "dest_port": whom.port,
        "dest_ip": whom.ip,
        "action": _VERDICTS[head["verdict"]],
        "filter_category": known(head["category"]),
        "filter_rule": known(head["acl"]),
    }
    return Event(stamp, values)


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "http"


FORMATS = {
    "ufdbguard": Format(
        "ufdbGuard's log of requests",
        "columns",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "SquidAnalyzer's pattern",
    ),
}
