r"""FreeRADIUS: ``radius.log`` and the lines that its module ``linelog`` writes of accounting.

``Sun Nov 22 09:00:01 2026 : Auth: (7) Login OK: [ann] (from client WLAN port 7 cli 00-11-22-33-44-55 via TLS tunnel)``
and, as the shipped ``log_accounting`` of ``mods-available/linelog`` writes them, with ``%t : `` put before so that they
have a time, and ``Alive: `` with the same fields for ``Interim-Update``, which it leaves empty::

    Connect: [ann] (did AP7 cli 00-11-22-33-44-55 port 7 ip 10.0.0.5)
    Disconnect: [ann] (did AP7 cli 00-11-22-33-44-55 port 7 ip 10.0.0.5) 3600 seconds

Source: FreeRADIUS 3.2, src/main/auth.c and raddb.  ``port`` is the NAS port, not one of the client.  A ``detail`` file
has one attribute a line and is not read: ``linelog`` says the same in one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.foreign import FOREIGN, of_another
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars.ctime import read_head
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import (
    Answer,
    Event,
    Rejected,
    Skipped,
    Stamp,
    Value,
    address,
    mac,
    port_number,
    user,
    visible,
)

_HEAD = re.compile(
    r" ?(?:(?:[^ ]+ )?(?P<program>radiusd|freeradius)(?:\[\d+\])?: )?(?:: ?)?"
    r"(?:(?P<level>Auth|Info|Error|Warn|Warning|Debug|Proxy|Acct|VMPS|DHCP): )?(?:\(\d{1,20}\) )?"
)
_PROGRAM = re.compile("radiusd|freeradius")
_LOGIN = re.compile(
    # The user chooses the name: what stands behind the last "] (from client " is the server's own.
    r"(?P<word>Login OK|Login incorrect|Invalid user|Rejected in post-auth|Multiple logins)(?P<why> ?\(.*?\))?: "
    r"(?:\[(?P<mppe>[^\]]{0,20})\] )?\[(?P<user>.*)\] \(from client (?P<nas>[^ ]+) port (?P<port>[^ )]+)"
    r"(?: cli (?P<mac>[^ )]+))?(?P<tunnel> via [^)]{1,40})?\)[^\]]*",
    re.DOTALL,
)
_ACCOUNTING = re.compile(
    r"(?P<word>Connect|Disconnect|Alive): \[(?P<user>.*)\] \(did (?P<did>[^)]*?) ?cli (?P<mac>[^ )]*) "
    r"port (?P<port>[^ )]*) ip (?P<ip>[^ )]*)\)[^\]]*",
    re.DOTALL,
)
_WORDS = {"Connect": "Accounting-Start", "Disconnect": "Accounting-Stop", "Alive": "Accounting-Interim-Update"}
_IGNORED = re.compile(
    r"Ignoring request to (?P<what>auth|acct)(?: address [^ ]+ port (?P<port>\d{1,5}))?.{0,200}? "
    r"from unknown client (?P<ip>[^ ]+) port (?P<source>\d{1,5})(?: proto (?P<protocol>\w{1,8}))?"
)


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    stamp, start = read_head(text)
    head = _HEAD.match(text, start)
    message = text[head.end() if head else start :]
    for grammar, values_of in ((_LOGIN, _login), (_ACCOUNTING, _accounting), (_IGNORED, _ignored)):
        found = grammar.match(message)
        if found:
            return Event(stamp, {"kind": "auth", **values_of(found)})
    return _other(text, stamp, head)


def _other(text: str, stamp: Stamp, head: re.Match[str] | None) -> Answer:
    if head and (head["program"] or (head["level"] and stamp.us)):
        return Skipped("freeradius: no line about a login")
    if of_another(open_envelope(text), _PROGRAM):
        return FOREIGN
    return Rejected("freeradius: expected 'Login OK: [user] (from client NAS port N cli MAC)' or its like")


def _login(found: re.Match[str]) -> dict[str, Value]:
    person, domain = _user(found["user"])
    return {
        "client_mac": mac(found["mac"]) if found["mac"] else None,
        "user": person,
        "user_domain": domain,
        # A refused login is a challenge, not a verdict of the filter.
        "action": "allowed" if found["word"] == "Login OK" else "auth_required",
        "filter_reason": found["word"],
    }


def _accounting(found: re.Match[str]) -> dict[str, Value]:
    person, domain = _user(found["user"])
    return {
        "client_ip": address(found["ip"]),
        "client_mac": mac(found["mac"]),
        "user": person,
        "user_domain": domain,
        "filter_reason": _WORDS[found["word"]],
    }


def _ignored(found: re.Match[str]) -> dict[str, Value]:
    return {
        "client_ip": address(found["ip"]),
        "client_port": port_number(found["source"]),
        "dest_port": port_number(found["port"] or ""),
        "protocol": found["protocol"],
        "action": "error",
        "filter_reason": "unknown client",
    }


def _user(text: str) -> tuple[str | None, str | None]:
    """Return name and domain; a password that ``auth_badpass`` puts behind the name is cut."""
    head = "host/" if text.startswith("host/") else ""
    return user(head + text.removeprefix(head).partition("/")[0].strip())


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "auth"


FORMATS = {
    "freeradius": Format(
        "FreeRADIUS: logins, and accounting by linelog",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "FreeRADIUS 3.2, src/main/auth.c, raddb/mods-available/linelog",
    ),
}
