"""CoreDNS's log plugin, formats ``common`` and ``combined``.

Format::

    [head][LEVEL] IP:PORT - ID "TYPE CLASS NAME PROTO SIZE DO BUFSIZE" RCODE RFLAGS RSIZE DURATION[ "OPCODE"]

One line is a whole request.  What blocked a name is not said: a school that blocks with ``template`` or ``hosts`` names
its answers with ``block_codes``.  Source: CoreDNS, plugin "log".  Only an exact reader: some 100,000 lines a second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field

from filterwatch.decoders.envelope import is_modern, open_envelope
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import (
    NO_STAMP,
    Answer,
    Event,
    Rejected,
    Skipped,
    Stamp,
    address,
    port_number,
    visible,
)
from filterwatch.decoders.stamps import read_stamp

_LEVEL = re.compile(r"(?:(?:[^ ]+ ){0,2}?coredns(?:\[\d+\])?: )?\[(?:INFO|WARNING|ERROR|FATAL|DEBUG)\] ")
_ASKED = re.compile(
    r"\[?(?P<ip>[0-9A-Fa-f.:]+)\]?:(?P<port>\d{1,5}) - (?P<id>\d+) "
    r'"(?P<type>[^ ]+) (?P<cls>[^ ]+) (?P<name>[^ ]+) (?P<protocol>[a-z-]+) (?P<size>\d+) '
    r'(?P<do>[^ ]+) (?P<buf>[^ "]+)" '
    r"(?P<rcode>[A-Z0-9-]+) (?P<flags>[^ ]+) (?P<answered>\d+) (?P<seconds>\d{1,6}(?:\.\d{1,12})?)s(?: \"[^\"]*\")?$"
)
_ERRORS = frozenset(("SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "NOTIMPL"))


class CorednsOptions(Options):
    """Options of ``coredns``."""

    block_codes: list[str] = Field(
        default=[], description="Answer codes that mean a block, as in the template that blocks: REFUSED, NXDOMAIN."
    )


def read(line: bytes, blocks: frozenset[str]) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    stamp, message = _opened(text)
    level = _LEVEL.match(message)
    found = _ASKED.match(message, level.end() if level else 0)
    if found is None:
        if level:
            return Skipped("coredns: no line of the log plugin")
        return Rejected("coredns: expected '[INFO] IP:PORT - ID \"TYPE CLASS NAME ...\" RCODE ...'")
    rcode = found["rcode"].upper()
    action = "blocked" if rcode in blocks else "error" if rcode in _ERRORS else "allowed"
    return Event(
        stamp,
        {
            "kind": "dns",
            "client_ip": address(found["ip"]),
            "client_port": port_number(found["port"]) or None,
            "query": found["name"].lower().rstrip(".") or ".",
            "query_type": found["type"].upper(),
            "protocol": found["protocol"],
            "rcode": rcode if rcode != "-" else None,
            "action": action,
            "duration_ms": int(float(found["seconds"]) * 1000),
        },
    )


def _opened(text: str) -> tuple[Stamp, str]:
    if is_modern(text):
        envelope = open_envelope(text)
        return envelope.stamp, envelope.message
    stamp, start = read_stamp(text) or (NO_STAMP, 0)
    return stamp, text[start:]


def _reader(name: str, options: Options) -> Reader:
    codes = options.block_codes if isinstance(options, CorednsOptions) else []
    blocks = frozenset(code.upper() for code in codes)
    return Reader(name, lambda line: read(line, blocks))


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "dns"


FORMATS = {
    "coredns": Format(
        "CoreDNS: log plugin, common and combined",
        "syslog",
        CorednsOptions,
        of_lines(_reader),
        _claims,
        "CoreDNS, plugin log",
    ),
}
