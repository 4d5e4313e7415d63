"""unbound's log: questions, replies, local zones, response policy zones and failures.

Format::

    TIME unbound[PID:TID] LEVEL: MESSAGE         (its own file: [epoch], Mon d HH:MM:SS or ISO 8601)
    TIME [HOST ]unbound[PID]: [PID:TID] LEVEL: MESSAGE      (syslog; the thread may be hexadecimal)

``IP NAME. TYPE CLASS`` is a question, ``IP NAME. TYPE CLASS RCODE SECONDS CACHED SIZE`` a reply; with
``log-tag-queryreply`` LEVEL is ``query`` and ``reply``, else ``info``.  ``ZONE ACTION IP@PORT NAME. TYPE CLASS`` is
what a local zone did, ``rpz: applied [LOG] TRIGGER ACTION IP@PORT NAME. TYPE CLASS`` what a response policy zone did,
and ``SERVFAIL <NAME. TYPE CLASS>: WHY`` a failure of nobody in particular.  unbound prints odd characters of a name as
``?``, so no name holds a blank.  Source: live lines of unbound 1.17, unbound.conf(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.grammars import patterns
from filterwatch.decoders.reading import (
    NO_STAMP,
    Answer,
    Event,
    Rejected,
    Skipped,
    Stamp,
    Value,
    address,
    port_number,
    visible,
)
from filterwatch.decoders.stamps import read_stamp

BLOCKS = frozenset(
    (
        "deny", "refuse", "inform_deny", "always_deny", "always_refuse", "always_nxdomain", "always_nodata",
        "always_null", "rpz-nxdomain", "rpz-nodata", "rpz-drop",
    )
)  # fmt: skip
"""What hides a name.  ``static`` does so for zones that the school added; unbound has such zones of its own."""

REWRITES = frozenset(("redirect", "inform_redirect", "rpz-local-data", "rpz-cname-override"))
"""What sends a name elsewhere: to a block page, or to a safe search."""

PASSES = frozenset(
    (
        "inform", "transparent", "typetransparent", "always_transparent", "nodefault", "noview", "truncate",
        "block_a", "static", "rpz-passthru", "rpz-tcp-only", "rpz-disabled", "rpz-no-override",
    )
)  # fmt: skip
"""What lets a request through, unless the type or the zone says otherwise."""

_CODES = {
    "always_nxdomain": "NXDOMAIN",
    "always_nodata": "NOERROR",
    "always_refuse": "REFUSED",
    "refuse": "REFUSED",
    "rpz-nxdomain": "NXDOMAIN",
    "rpz-nodata": "NOERROR",
}
ERRORS = frozenset(("SERVFAIL", "REFUSED", "FORMERR", "NOTIMPL", "NOTIMP", "NOTAUTH"))
"""Reply codes that are no answer."""


@dataclass(frozen=True)
class Policy:
    """What the source's configuration says about local zones.

    Attributes:
        block_zones: Zones and names of RPZ logs whose redirections lead to a block page.
        static_zones: Zones of the type ``static`` that the school added to block them.
    """

    block_zones: frozenset[str] = frozenset()
    static_zones: frozenset[str] = frozenset()

    def action(self, word: str, zone: str, kind: str) -> str | None:
        """Return the action of *word* in *zone* (a local zone, or the name in an RPZ's log) for the type *kind*."""
        if word in BLOCKS:
            return "blocked"
        if word in REWRITES:
            return "blocked" if zone in self.block_zones else "rewritten"
        if word == "static":
            return "blocked" if zone in self.static_zones else "allowed"
        if word == "block_a":
            return "blocked" if kind == "A" else "allowed"
        return "allowed" if word in PASSES else None


def plain(name: str) -> str:
    """Return a DNS name in lower case without its trailing dot; the root is ``.``."""
    return name.lower().rstrip(".") or "."


PROCESS = r"\[(?P<process>\d+:[0-9a-f]+)\]"
LEVEL = r"(?P<level>query|reply|info|notice|warning|error|fatal error|debug): "
HEADS = (
    rf"unbound{PROCESS} {LEVEL}",
    rf"(?:[^ ]+ ){{0,2}}?unbound(?:\[\d+\])?: {PROCESS} {LEVEL}",
    rf"{PROCESS} {LEVEL}",
)
_HEADS = tuple(re.compile(head) for head in HEADS)

_QUESTION = re.compile(r"(?P<ip>[0-9A-Fa-f.:]+) (?P<name>[^ ]+) (?P<type>[^ ]+) (?P<class>[^ ]+)$")
_REPLY = re.compile(
    r"(?P<ip>[0-9A-Fa-f.:]+) (?P<name>[^ ]+) (?P<type>[^ ]+) (?P<class>[^ ]+) (?P<rcode>[A-Z][A-Z0-9]*) "
    r"(?P<seconds>\d{1,6})\.(?P<micros>\d{6}) (?P<cached>[01]) (?P<size>\d{1,10})(?: on [^ ]+ [^ ]+ \d+)?$"
)
_LOCAL = re.compile(
    r"(?P<zone>[^ ]+) (?P<word>[a-z_]+) (?P<ip>[0-9A-Fa-f.:]+)@(?P<port>\d{1,5}) "
    r"(?P<name>[^ ]+) (?P<type>[^ ]+) (?P<class>[^ ]+)$"
)
_RPZ = re.compile(
    r"rpz: applied (?:\[(?P<zone>[^\]]*)\] )?(?:(?:qname|clientip|respip|nsdname|nsip) )?(?P<trigger>[^ ]+) "
    r"(?P<word>rpz-[a-z-]+) (?P<ip>[0-9A-Fa-f.:]+)@(?P<port>\d{1,5}) (?P<name>[^ ]+) (?P<type>[^ ]+) (?P<class>[^ ]+)$"
)
_FAILURE = re.compile(r"SERVFAIL <(?P<name>[^ >]+) (?P<type>[^ ]+) (?P<class>[^ >]+)>: (?P<why>.*)", re.DOTALL)


def read(line: bytes, policy: Policy) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    found = read_stamp(text)
    stamp, start = found or (NO_STAMP, 0)
    if text.startswith("<") and (envelope := open_envelope(text)).program == "unbound":
        stamp, text, start = envelope.stamp, envelope.message, 0
    for grammar in _HEADS:
        head = grammar.match(text, start)
        if head:
            message = text[head.end() :]
            event = _told(stamp, head["process"], head["level"], message, policy)
            return event or patterns.control(open_envelope(visible(line))) or Skipped("unbound: no line about a name")
    if found:
        return patterns.control(open_envelope(text)) or Skipped("unbound: no line of unbound's resolver")
    return Rejected("unbound: expected a time or 'unbound[process:thread]'")


def _told(stamp: Stamp, process: str, level: str, message: str, policy: Policy) -> Event | None:
    """Return what *message* tells of a name; null when it tells of none."""
    if level == "error":
        failed = _FAILURE.match(message)
        if not failed:
            return None
        why = {"action": "error", "rcode": "SERVFAIL", "filter_reason": failed["why"] or None}
        return Event(stamp, named(failed["name"], failed["type"]) | why)
    values = _message(level, message, policy)
    if values is None:
        return None
    if values["client_ip"]:
        values["request_key"] = f"{process}/{values['client_ip']}/{values['query']}/{values['query_type']}"
    return Event(stamp, values)


def _message(level: str, message: str, policy: Policy) -> dict[str, Value] | None:
    if level in ("query", "info") and (found := _QUESTION.match(message)):
        return named(found["name"], found["type"]) | {"client_ip": address(found["ip"]), "action": "unknown"}
    if level in ("reply", "info") and (found := _REPLY.match(message)):
        return named(found["name"], found["type"]) | {
            "client_ip": address(found["ip"]),
            "rcode": found["rcode"],
            "action": replied(found["rcode"]),
            "duration_ms": (int(found["seconds"]) * 1_000_000 + int(found["micros"])) // 1000,
        }
    if level != "info":
        return None
    found = _LOCAL.match(message)
    if found:
        rule, zone, reason = found["zone"], plain(found["zone"]), found["word"]
    else:
        found = _RPZ.match(message)
        if not found:
            return None
        rule, zone, reason = found["trigger"], found["zone"] or "", found["word"]
    action = policy.action(reason, zone, found["type"].upper())
    if action is None:
        return None
    return named(found["name"], found["type"]) | {
        "client_ip": address(found["ip"]),
        "client_port": port_number(found["port"]) or None,
        "action": action,
        "rcode": _CODES.get(reason),
        "filter_rule": plain(rule),
        "filter_category": (zone or None) if reason.startswith("rpz-") else None,
        "filter_reason": reason,
    }


def rcode(word: str) -> str | None:
    """Return the reply code that a zone's action *word* means; null where it means none."""
    return _CODES.get(word)


def replied(code: str) -> str:
    """Return the action of a reply with *code*: that a zone blocked it stands in another line."""
    return "error" if code in ERRORS else "allowed"


def named(name: str, kind: str) -> dict[str, Value]:
    """Return the columns of a question for *name*."""
    return {"kind": "dns", "query": plain(name), "query_type": kind.upper()}
