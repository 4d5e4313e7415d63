"""RouterOS by MikroTik: firewall lines, logins, changes of rules, its web proxy and its resolver.

``[time host] [topics] [prefix] chain: in:IF out:IF, [connection-state:S] [src-mac M,] proto P [(flags)], a:p->b:p,
len n``; the address of IPv6 stands in brackets, an interface may be ``(unknown 0)``.  RouterOS does not say what the
rule did: as with netfilter the words of its prefix tell.

Source: crowdsecurity/hub's lines (firewall, refused login); the others from MikroTik's manual, not seen live.  One line
after the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars.netfilter import NetfilterOptions, Prefixes
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import (
    NO_STAMP,
    Answer,
    Event,
    Rejected,
    Skipped,
    Value,
    address,
    mac,
    number,
    port_number,
    visible,
)
from filterwatch.decoders.stamps import read_stamp
from filterwatch.decoders.url import asked, without_credentials

_HOST = re.compile(r"(?:(?P<host>[^ ,]+) )?(?P<topics>[a-z-]+(?:,[a-z-]+)+:?|dns|web-proxy) ")
_INTERFACE = r"(?:\([^()]{0,40}\)|[^ ,]+)"
_FIREWALL = re.compile(
    rf"(?P<chain>[^ :]+): in:{_INTERFACE} out:{_INTERFACE}, (?P<rest>.*)",
)
_PACKET = re.compile(
    r"proto (?P<proto>[A-Za-z0-9-]+)(?: \([^()]*\))?, "
    r"(?P<source>\[[0-9A-Fa-f:.]+\](?::\d+)?|[^ ,>]+)->(?P<target>\[[0-9A-Fa-f:.]+\](?::\d+)?|[^ ,]+)(?:,|$)"
)
_MAC = re.compile(r"src-mac ([0-9A-Fa-f:]{17}),")
_LENGTH = re.compile(r", len (\d{1,9})(?:$| )")
_ENDPOINT = re.compile(
    r"\[(?P<six>[^\]]+)\](?::(?P<port6>\d+))?|(?P<four>[0-9.]+)(?::(?P<port4>\d+))?|(?P<bare>[0-9A-Fa-f:.]+)"
)
# The name is the attacker's: what stands behind the last " from " is the router's own.
_REFUSED = re.compile(r"login failure for user (?P<user>.*) from (?P<ip>[^ ]+)(?: via (?P<via>[^ ]+))?")
_ACCEPTED = re.compile(r"user (?P<user>.*) logged in from (?P<ip>[^ ]+)(?: via (?P<via>[^ ]+))?")
_CHANGED = re.compile(
    r"(?:filter|nat|mangle|raw|layer7|web proxy|proxy access|dns|address list|route)(?: rule| entry| settings)? "
    r"(?:added|changed|removed|moved) by (?:[^ ]*:)?(?P<user>[^ @:]+)(?:@(?P<ip>[^ ]+))?(?: .*)?"
)
_PROXY = re.compile(r"(?P<ip>[^ ]+) (?P<method>[A-Z]+) (?P<url>[^ ]+) +action=(?P<action>[a-z]+)(?: .*)?")
_QUERY = re.compile(r"query from (?P<ip>[^ ]+): #\d+ (?P<name>[^ ]+) (?P<type>[A-Z0-9]+)")
_PROXY_ACTIONS = {"allow": "allowed", "deny": "blocked", "redirect": "blocked"}


def read(line: bytes, prefixes: Prefixes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    stamp, start = read_stamp(text) or (NO_STAMP, 0)
    head = _HOST.match(text, start)
    message = text[head.end() :] if head else text[start:]
    topics = head["topics"] if head else ""
    values = _firewall(message, prefixes, named=head is not None)
    if values is None and head:
        readers = (_login, _change, _proxy if "proxy" in topics else None, _query if topics.startswith("dns") else None)
        values = next((found for one in readers if one and (found := one(message))), None)
    if values is not None:
        return Event(stamp, values)
    return Skipped("mikrotik: nothing for us") if head else Rejected("mikrotik: expected 'topics message'")


def _firewall(message: str, prefixes: Prefixes, *, named: bool) -> dict[str, Value] | None:
    found = _FIREWALL.search(message[:1_000])
    packet = _PACKET.search(found["rest"]) if found else None
    if not found or not packet:
        return None
    (client, client_port), (target, port) = _endpoint(packet["source"]), _endpoint(packet["target"])
    if client is None and target is None:
        return None
    prefix = message[: found.start()].strip()
    if not named:
        # Without topics the router's name stands before the prefix.
        prefix = prefix.partition(" ")[2]
    hardware, length = _MAC.search(found["rest"]), _LENGTH.search(found["rest"])
    return {
        "kind": "flow",
        "client_ip": client,
        "client_port": client_port,
        "client_mac": mac(hardware[1]) if hardware else None,
        "dest_ip": target,
        "dest_port": port,
        "protocol": packet["proto"].lower(),
        "bytes_out": number(length[1]) if length else None,
        "action": prefixes.action(prefix),
        "filter_rule": f"{prefix} {found['chain']}".strip(),
    }


def _endpoint(text: str) -> tuple[str | None, int | None]:
    found = _ENDPOINT.fullmatch(text)
    if not found:
        return None, None
    host = found["six"] or found["four"] or found["bare"]
    return address(host), port_number(found["port6"] or found["port4"] or "")


def _login(message: str) -> dict[str, Value] | None:
    for pattern, action in ((_REFUSED, "auth_required"), (_ACCEPTED, "allowed")):
        found = pattern.fullmatch(message)
        client = address(found["ip"]) if found else None
        if found and client:
            reason = f"login via {found['via']}" if found["via"] else "login"
            user = found["user"] or None
            return {"kind": "auth", "client_ip": client, "user": user, "action": action, "filter_reason": reason}
    return None


def _change(message: str) -> dict[str, Value] | None:
    found = _CHANGED.fullmatch(message)
    if not found:
        return None
    client = address(found["ip"]) if found["ip"] else None
    event: dict[str, Value] = {"control_event": "config_changed", "control_service": "mikrotik"}
    return event | {"kind": "control", "user": found["user"], "client_ip": client}


def _proxy(message: str) -> dict[str, Value] | None:
    found = _PROXY.fullmatch(message)
    client = address(found["ip"]) if found else None
    if not found or not client:
        return None
    whom = asked(found["url"], found["method"])
    return {
        "kind": "http",
        "client_ip": client,
        "method": found["method"],
        "url": without_credentials(found["url"]),
        "host": whom.host,
        "dest_port": whom.port,
        "dest_ip": whom.ip,
        "action": _PROXY_ACTIONS.get(found["action"], "unknown"),
        "filter_reason": found["action"],
    }


def _query(message: str) -> dict[str, Value] | None:
    found = _QUERY.fullmatch(message)
    client = address(found["ip"]) if found else None
    if not found or not client:
        return None
    name = found["name"].lower()
    query: dict[str, Value] = {"kind": "dns", "client_ip": client, "query": name.rstrip(".") or "."}
    return query | {"query_type": found["type"], "action": "unknown", "host": name.rstrip(".") or None}


def _reader(name: str, options: Options) -> Reader:
    prefixes = Prefixes(options.prefixes if isinstance(options, NetfilterOptions) else {})
    return Reader(name, lambda line: read(line, prefixes))


_TOPICS = re.compile(rb" (?:firewall|system|web-proxy|dns),[a-z,]+ ")


def _claims(line: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "flow" or _TOPICS.search(line) is not None


FORMATS = {
    "mikrotik": Format(
        "MikroTik RouterOS: firewall, logins, web proxy, resolver",
        "regex",
        NetfilterOptions,
        of_lines(_reader),
        _claims,
        "crowdsecurity/hub; MikroTik's manual",
    ),
}
