"""3proxy's default log.

``day-month-year time zone service.port error user client:port server:port up down hops request``

Error codes: 0 is success, 1 to 3 refusals by access lists, 4 to 9 failed logins, more are failed connections.

Source: ``logformat`` and the list of error codes in 3proxy's documentation (https://3proxy.org/doc/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.families.logformat_times import stamp_of
from filterwatch.decoders.families.logformat_values import event, port_of
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, address, number, visible

_LINE: Final = re.compile(
    r"(?P<time>\d\d-\d\d-\d{4} \d\d:\d\d:\d\d)(?P<zone> [+-]\d{4})? (?P<service>[A-Z0-9]+)\.\d+ (?P<code>\d{5}) "
    r"(?P<user>[^ ]+) (?P<client>[^ ]+):(?P<port>\d+) (?P<server>[^ ]+):(?P<server_port>\d+) (?P<up>\d+) (?P<down>\d+) "
    r"\d+ ?(?P<request>.*)"
)
_REQUEST: Final = re.compile(r"(?P<method>[A-Z]+) (?P<url>[^ ]+)(?: HTTP/\d\.\d)?")
_REFUSED, _LOGIN = range(1, 4), range(4, 10)


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    found = _LINE.fullmatch(text) or _LINE.fullmatch(open_envelope(text).message)
    if not found:
        return Rejected("3proxy: expected 'date time zone service.port error user client:port server:port ...'")
    zone = found["zone"] or ""
    stamp = stamp_of(found["time"] + zone, "%d-%m-%Y %H:%M:%S" + (" %z" if zone else ""), gmt=False)
    if stamp is None or address(found["client"]) is None:
        return Rejected("3proxy: no time or no client address")
    request = _REQUEST.fullmatch(found["request"])
    texts = {"client": found["client"], "client_port": found["port"], "user": found["user"]}
    answer = event(texts | (request.groupdict() if request else {}), {})
    if isinstance(answer, Rejected):
        return Rejected(f"3proxy: {answer.why}")
    server = address(found["server"])
    return Event(
        stamp,
        {
            **answer.values,
            "kind": "http" if request else "flow",
            "action": _action(int(found["code"])),
            "bytes_in": number(found["down"]),
            "bytes_out": number(found["up"]),
            "dest_ip": None if server in ("0.0.0.0", "::") else server,  # noqa: S104 - an address in a log
            "dest_port": answer.values["dest_port"] or port_of(found["server_port"]),
            "filter_reason": found["code"],
        },
    )


def _action(code: int) -> str:
    if code in _REFUSED:
        return "blocked"
    if code in _LOGIN:
        return "auth_required"
    return "error" if code else "allowed"


def _reader(name: str, _: Options) -> Reader:
    return Reader(name, read)


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    """Return whether a line is surely of this format: the service and its error code stand in no other log."""
    return bool(event)


FORMATS = {"3proxy": Format("3proxy log", "logformat", Options, of_lines(_reader), _claims)}
