"""What stands around a message: time stamp, host, program and process, as syslog and the daemons' own files have it.

Understood: a bare message; RFC 3164 with ``<pri>`` or without, the host missing or doubled; RFC 5424 with structured
data; ISO stamps as rsyslog and journald write them; the stamps of squid's cache.log, squidGuard, named, unbound and
Pi-hole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from filterwatch.decoders.reading import NO_STAMP, Stamp
from filterwatch.decoders.stamps import read_stamp


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message and what stands around it; what is not there is null.

    Attributes:
        stamp: When.
        host: The machine that logged.
        program: The program, without its process number.
        pid: Its process number, digits.
        message: The rest.
    """

    stamp: Stamp
    host: str | None
    program: str | None
    pid: str | None
    message: str


_TAGGED = re.compile(
    r"(?:(?P<host>[^ ]+) (?:(?P=host) )?)?"
    r"(?P<program>[A-Za-z(][\w./()+-]{0,63})(?:\[(?P<pid>\d+)(?::[0-9a-f]+)?\])?: ?(?P<message>.*)",
    re.DOTALL,
)
_MODERN = re.compile(
    r"(?P<host>[^ ]+) (?P<program>[^ ]+) (?P<pid>[^ ]+) [^ ]+ "
    r'(?:-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)(?: \ufeff?(?P<message>.*))?$',
    re.DOTALL,
)
_MODERN_HEAD = re.compile(r"<\d{1,3}> ?1 (?:- )?")


def tagged(text: str, stamp: Stamp = NO_STAMP, start: int = 0) -> Envelope | None:
    """Return ``[host ]program[pid]: message`` from place *start* of *text* on; null when it is not of that form."""
    parts = _TAGGED.match(text, start)
    return Envelope(stamp, *parts.groups()) if parts else None


def is_modern(text: str) -> bool:
    """Return whether *text* begins like RFC 5424: ``<pri>1 ``."""
    return _MODERN_HEAD.match(text) is not None


def open_envelope(text: str) -> Envelope:
    """Return *text* taken apart; a bare message where nothing of an envelope is recognised."""
    found = read_stamp(text)
    stamp, start = found or (NO_STAMP, 0)
    modern = _MODERN_HEAD.match(text)
    if modern:
        start = start if found else modern.end()
        parts = _MODERN.match(text, start)
        if parts:
            host, program, pid, message = (None if part in (None, "-") else part for part in parts.groups())
            return Envelope(stamp, host, program, pid, message or "")
    inside = tagged(text, stamp, start)
    return inside or Envelope(stamp, None, None, None, text[start:])
