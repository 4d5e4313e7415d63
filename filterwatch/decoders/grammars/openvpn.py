"""OpenVPN's server log: who logged in, which address of the pool they have, when they left.

``2026-11-22 09:00:01 ann/203.0.113.5:51820 MULTI: primary virtual IP for ann/203.0.113.5:51820: 10.8.0.6``.  What tells
who has an address is that line: ``client_ip`` is there the pool's address, by which the other logs know the client; in
all other lines the one the client came from.  Source: OpenVPN 2.6, src/openvpn/multi.c and ssl_verify.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars.ctime import read_head
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, Stamp, Value, address, number, user, visible

_PROGRAM = re.compile(r"(?:[^ ]+ )?(?P<program>openvpn|ovpn-[\w.-]{1,60})(?:\([\w.-]{1,60}\))?(?:\[\d+\])?: ")
_PEER = re.compile(
    r"(?:(?P<name>[^/]{1,64})/)?(?:\w{1,12}:)?(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<v4>[0-9.]{7,15}))"
    r":(?P<port>\d{1,5}) "
)
_LOGIN = re.compile(r"TLS: Username/Password authentication (?P<how>succeeded|deferred) for username '(?P<user>.*)'")
_REFUSED = re.compile(
    r"TLS Auth Error: |Auth Username/Password verification failed|(?:PUSH: )?.{0,40}AUTH_FAILED"
    r"|Incorrect password supplied for LDAP DN \"(?:CN|uid)=(?P<user>[^,\"]{1,64})"
)
_VIRTUAL = re.compile(r"MULTI: primary virtual IP(?:v6)? for (?P<who>.{1,200}): (?P<ip>[0-9A-Fa-f.:]{2,45})$")
_LEARN = re.compile(r"MULTI: Learn: [^ ]{2,64} -> (?P<who>.{1,200})$")
_LEFT = re.compile(r"(?:SIG\w{3,5}\[[^\]]{1,60}\] received, )?client-instance (?:exiting|restarting)")


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    stamp, start = read_head(text)
    program = _PROGRAM.match(text, start)
    start = program.end() if program else start
    peer = _PEER.match(text, start)
    message = text[peer.end() :] if peer else text[start:]
    values = _said(message, peer)
    if values is None:
        return _other(stamp, program=bool(program))
    return Event(stamp, {"kind": "auth", **values})


def _other(stamp: Stamp, *, program: bool) -> Answer:
    if program or stamp.us:
        return Skipped("openvpn: no line about a client")
    return Rejected("openvpn: expected a time and 'NAME/IP:PORT MESSAGE'")


def _said(message: str, peer: re.Match[str] | None) -> dict[str, Value] | None:
    """Return what a message says of a client; null where it speaks of none."""
    learned = _LEARN.match(message) if peer else None
    if learned:
        peer = _PEER.match(f"{learned['who']} ") or peer
    values: dict[str, Value] = _client(peer) if peer else {}
    login = _LOGIN.match(message)
    refused = None if login else _REFUSED.match(message)
    virtual = _VIRTUAL.match(message)
    if login:
        name, domain = user(login["user"])
        values |= {"user": name, "user_domain": domain}
        values |= {"action": "allowed" if login["how"] == "succeeded" else "unknown", "filter_reason": "vpn login"}
    elif refused:
        if refused["user"]:
            values["user"] = refused["user"]
        values |= {"action": "auth_required", "filter_reason": "vpn login"}
    elif virtual:
        values |= _client(_PEER.match(f"{virtual['who']} "))
        values |= {"client_ip": address(virtual["ip"]), "client_port": None, "filter_reason": "vpn address"}
    elif peer is None:
        return None
    elif _LEFT.match(message):
        values["filter_reason"] = "vpn disconnected"
    return values


def _client(peer: re.Match[str] | None) -> dict[str, Value]:
    if peer is None:
        return {}
    name, domain = user(peer["name"] or "")
    port = number(peer["port"])
    client = address(peer["v6"] or peer["v4"])
    return {
        "client_ip": client,
        "client_port": port if port is not None and port <= 65_535 else None,
        "user": name,
        "user_domain": domain,
    }


_MARKS = (b"MULTI: ", b"TLS: Username/", b"TLS Auth Error: ", b"peer info: ", b"client-instance ")


def _claims(line: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "auth" and any(mark in line for mark in _MARKS)


FORMATS = {
    "openvpn": Format(
        "OpenVPN server",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "OpenVPN 2.6, src/openvpn/multi.c",
    ),
}
