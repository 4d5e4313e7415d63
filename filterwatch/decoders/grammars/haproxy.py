"""HAProxy's HTTP and TCP logs, and its lines about failed handshakes.

``client:port [date] frontend backend/server times status bytes cookie cookie flags connections queues
["{headers}"] "request"``; TCP has no status, cookies and request.  The flags say who ended the session: ``PR`` is
HAProxy itself.

Source: https://docs.haproxy.org/2.9/configuration.html, chapter 8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.families.logformat_times import stamp_of
from filterwatch.decoders.families.logformat_values import event
from filterwatch.decoders.foreign import FOREIGN, of_another
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, Stamp, address, number, visible

_HEAD: Final = re.compile(
    r" ?(?P<client>[^ ]+):(?P<port>\d+) \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)\.(?P<millis>\d{3})\] "
    r"(?P<frontend>[^ ]+) ?"
)
_HTTP: Final = re.compile(
    r"[^ /]+/[^ ]+ (?:[+-]?\d+/){4}\+?(?P<took>-?\d+) (?P<status>-?\d{1,3}) \+?(?P<bytes>\d+) [^ ]+ [^ ]+ "
    r'(?P<flags>[A-Za-z-]{4}) (?:\d+/){4}\+?\d+ \d+/\d+ (?:\{[^{}]*\} ){0,2}"(?P<request>[^"]*)"?(?: .*)?'
)
_TCP: Final = re.compile(
    r"[^ /]+/[^ ]+ (?:[+-]?\d+/){2}\+?(?P<took>-?\d+) \+?(?P<bytes>\d+) (?P<flags>[A-Za-z-]{2}) "
    r"(?:\d+/){4}\+?\d+ \d+/\d+(?: .*)?"
)
_REQUEST: Final = re.compile(r"(?P<method>[A-Z_-]+) (?P<url>[^ ].*?)(?: HTTP/\d{1,2}(?:\.\d{1,2})?)?")
_PROGRAM: Final = re.compile("haproxy")
_FAILED: Final = re.compile(r".*?(?:SSL handshake failure|Connection (?:error|closed|reset)|Timeout|Broken pipe).*")
_REFUSALS: Final = {"400": "error", "401": "auth_required", "407": "auth_required"}


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    inside = open_envelope(text)
    message = inside.message if inside.program == "haproxy" else text
    head = _HEAD.match(message)
    if not head:
        whole = inside.program == "haproxy" or text.startswith(("Proxy ", "Server "))
        other = FOREIGN if of_another(inside, _PROGRAM) else Rejected("haproxy: expected 'client:port [date] frontend'")
        return Skipped("a line about the service") if whole else other
    when = stamp_of(head["time"], "%d/%b/%Y:%H:%M:%S", gmt=False)
    if when is None or address(head["client"]) is None:
        return Rejected("haproxy: no time or no client address")
    stamp = Stamp(when.us + int(head["millis"]) * 1000, when.clock)
    texts = {"client": head["client"], "client_port": head["port"]}
    rest = message[head.end() :]
    if found := _HTTP.fullmatch(rest):
        request = _REQUEST.fullmatch(found["request"])
        texts |= {"status": found["status"].lstrip("-"), **(request.groupdict() if request else {})}
        return _event(stamp, texts, found, "http", _action(found["flags"], found["status"]))
    if found := _TCP.fullmatch(rest):
        return _event(stamp, texts, found, "flow", _action(found["flags"], ""))
    if _FAILED.fullmatch(rest):
        return _event(stamp, texts, None, "flow", "error")
    return Rejected("haproxy: expected 'backend/server times status bytes ... \"request\"'")


def _event(stamp: Stamp, texts: dict[str, str], found: re.Match[str] | None, kind: str, action: str) -> Answer:
    answer = event(texts, {})
    if isinstance(answer, Rejected):
        return Rejected(f"haproxy: {answer.why}")
    values = {**answer.values, "kind": kind, "action": action}
    if found:
        values |= {
            "bytes_in": number(found["bytes"]),
            "duration_ms": number(found["took"]),
            "filter_reason": None if found["flags"].strip("-") == "" else found["flags"],
        }
    return Event(stamp, values)


def _action(flags: str, status: str) -> str:
    """Return the action: ``P`` first is the proxy's own refusal, ``-`` a session that went through."""
    if flags.startswith("PR"):
        return _REFUSALS.get(status, "blocked")
    if status in ("407", "401") and flags.startswith("L"):
        return "auth_required"
    return "allowed" if flags[0] in "-CcLD" else "error"


def _reader(name: str, _: Options) -> Reader:
    return Reader(name, read)


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    """Return whether a line is surely of this format: no other begins with a port and a bracketed time."""
    return bool(event)


FORMATS = {"haproxy": Format("HAProxy HTTP and TCP logs", "logformat", Options, of_lines(_reader), _claims)}
