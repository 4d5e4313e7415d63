"""``auth.log`` and the like: logins that sshd took or refused, and what somebody did to a filter through sudo.

Lines may have lost their header: then sshd's words stand for it.  Source: OpenSSH's auth.c; sudo and systemd as in
``filter_events.yaml``.  One line after the other: such logs are short.
"""

from __future__ import annotations

from dataclasses import replace

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import filter_events, logins
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, visible

_LOGIN = ("Failed ", "Accepted ")


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    if any(word in text for word in _LOGIN):
        envelope = open_envelope(text)
        if envelope.program is None and envelope.message.startswith(_LOGIN):
            envelope = replace(envelope, program="sshd")
        login = logins.read(envelope)
        if login:
            return login
    return filter_events.read(line)


FORMATS = {
    "auth_syslog": Format(
        "auth.log: logins, and what sudo did to a filter",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        source="OpenSSH auth.c",
    ),
}
