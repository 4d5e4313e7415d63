"""PowerDNS: the recursor's questions and answers (``quiet=no``), the server's (``log-dns-queries``), and dnsdist's.

Format::

    recursor     3 [77/1] question for 'NAME|TYPE' from IP:PORT
                 msg="Question" ... qname="NAME" qtype="TYPE" remote="IP:PORT" (structured logging, from 4.8)
    server       Remote IP wants 'NAME|TYPE', do = 0, bufsize = 512: packetcache MISS
    dnsdist      Packet from IP:PORT for NAME TYPE with id ID      (LogAction)
                 Answer to IP:PORT for NAME TYPE (RCODE) with id ID      (LogResponseAction)

Source: written from the projects' descriptions; no line was seen live.  What a response policy zone did is only in
the recursor's protocol buffers, not here.  Only an exact reader: these logs are rare in schools.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import (
    NO_STAMP,
    Answer,
    Event,
    Rejected,
    Skipped,
    Value,
    address,
    number,
    port_number,
    visible,
)
from filterwatch.decoders.stamps import read_stamp

_HEAD = r"(?:(?:[^ ]+ ){0,2}?(?:pdns_recursor|pdns-recursor|pdns_server|pdns|dnsdist)(?:\[\d+\])?: )?"
_NAME = r"'(?P<name>[^ '|]+)\|(?P<type>[^ '|]+)'"
_FROM = r"(?P<from>[^ ,]+)"
_POWERDNS = tuple(
    re.compile(_HEAD + grammar)
    for grammar in (
        rf"(?:\d+ )?\[[^\] ]+\] question for {_NAME} from {_FROM}",
        rf"Remote {_FROM} wants {_NAME}, ",
    )
)
_STRUCTURED = re.compile(_HEAD + r'msg="(?P<word>Question|Answer)" ')
_PAIR = re.compile(r'(?<= )(qname|qtype|remote|proto|rcode|totms)="([^"]*)"')
_DNSDIST = re.compile(
    _HEAD + r"(?:\[u?:?\d+[.:]?\d*\] )?(?P<word>Packet from|Answer to) (?P<from>[^ ]+) for (?P<name>[^ ]+) "
    r"(?P<type>[A-Z0-9]+)(?: \((?P<rcode>[^)]+)\))? with id \d+"
)
_CODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
_ERRORS = frozenset(("FORMERR", "SERVFAIL", "NOTIMP", "REFUSED"))
_WORDS = {"no error": "NOERROR", "non-existent domain": "NXDOMAIN", "server failure": "SERVFAIL"}


def read(line: bytes) -> Answer:
    """Read one line of the recursor or the server exactly."""
    text = visible(line)
    stamp, start = read_stamp(text) or (NO_STAMP, 0)
    for grammar in _POWERDNS:
        if found := grammar.match(text, start):
            return Event(stamp, _asked(found["name"], found["type"], found["from"]) | {"action": "unknown"})
    if structured := _STRUCTURED.match(text, start):
        pairs = dict(_PAIR.findall(text, structured.end() - 1))
        if "qname" in pairs and "qtype" in pairs:
            values = _asked(pairs["qname"], pairs["qtype"], pairs.get("remote", ""))
            values["protocol"] = pairs.get("proto") or None
            return Event(stamp, values | _said(structured["word"] == "Answer", pairs.get("rcode", "")))
    return _other("powerdns", text)


def read_dnsdist(line: bytes) -> Answer:
    """Read one line of dnsdist exactly."""
    text = visible(line)
    stamp, start = read_stamp(text) or (NO_STAMP, 0)
    found = _DNSDIST.match(text, start)
    if found is None:
        return _other("dnsdist", text)
    values = _asked(found["name"], found["type"], found["from"])
    return Event(stamp, values | _said(found["word"] == "Answer to", found["rcode"] or ""))


def _other(name: str, text: str) -> Answer:
    if open_envelope(text).program:
        return Skipped(f"{name}: no line about a question")
    return Rejected(f"{name}: expected a line about a question or its answer")


def _asked(name: str, kind: str, client: str) -> dict[str, Value]:
    """Return the columns of a question of *client*: ``IP``, ``IP:PORT`` or ``[IP]:PORT``."""
    host, colon, digits = client.rpartition(":")
    ip, port = (address(host.strip("[]")), port_number(digits)) if colon and digits.isdigit() else (None, None)
    if ip is None:
        ip, port = address(client.strip("[]")), None
    query, query_type = name.lower().rstrip(".") or ".", kind.upper()
    return {
        "kind": "dns",
        "client_ip": ip,
        "client_port": port or None,
        "query": query,
        "query_type": query_type,
        "request_key": f"{client}/{query}/{query_type}" if ip else None,
    }


def _said(answered: bool, code: str) -> dict[str, Value]:  # noqa: FBT001 - one of two kinds of line
    if not answered:
        return {"action": "unknown"}
    place = number(code)
    word = _WORDS.get(code.lower(), code.upper())
    if place is not None:
        word = _CODES[place] if place < len(_CODES) else f"RCODE{place}"
    return {"action": "error" if word in _ERRORS else "allowed", "rcode": word or None}


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "dns"


FORMATS = {
    "powerdns": Format(
        "PowerDNS recursor and server: questions and answers",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "PowerDNS documentation",
    ),
    "dnsdist": Format(
        "dnsdist: LogAction and LogResponseAction",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read_dnsdist)),
        _claims,
        "dnsdist documentation",
    ),
}
