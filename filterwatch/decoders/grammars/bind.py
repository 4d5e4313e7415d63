r"""BIND's logs: queries, response policy zones, refusals, failures and answers.

Format::

    [syslog head][time ][category: ][severity: ]client [@0x7f... ]IP#PORT[/key NAME][ (QNAME)]: [view V: ]MESSAGE

``query: NAME CLASS TYPE FLAGS (SERVER)``, ``rpz TRIGGER POLICY rewrite NAME/TYPE/CLASS via OWNER``, ``query failed
(WHY) for NAME/CLASS/TYPE at FILE:LINE``, ``query 'NAME/TYPE/CLASS' denied``, ``answer: NAME CLASS TYPE FLAGS (SERVER)
-> RCODE ...`` and, from appliances built on BIND, ``UDP: query: NAME CLASS TYPE response: RCODE FLAGS ...``.  Source:
live lines of BIND 9.18, ARM chapter "Query Logging"; for others the lines of the sample.

Where both syslog and named wrote a time, named's counts: it is when the request was made.  A name keeps BIND's escapes
(``a\032b.test``), so it holds no blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from filterwatch.decoders.envelope import is_modern, open_envelope
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


@dataclass(frozen=True)
class Policy:
    """What the source's configuration says about rewritten answers.

    Attributes:
        block_zones: Response policy zones whose rewritten answers lead to a block page, each with a leading dot.
        blockpages: Names of block pages, which a ``CNAME`` policy leads to.
    """

    block_zones: tuple[str, ...] = ()
    blockpages: frozenset[str] = frozenset()

    def action(self, policy: str, owner: str, target: str | None) -> str | None:
        """Return the action of an RPZ *policy* of the record *owner*; null for a policy that is not known."""
        found = _ACTIONS.get(policy.upper())
        if found != "rewritten":
            return found
        walled = f".{plain(owner)}".endswith(self.block_zones) if self.block_zones else False
        return "blocked" if walled or (target is not None and plain(target) in self.blockpages) else found


_ACTIONS = {
    "NXDOMAIN": "blocked",
    "NODATA": "blocked",
    "DROP": "blocked",
    "LOCAL-DATA": "rewritten",
    "CNAME": "rewritten",
    "TCP-ONLY": "allowed",
    "PASSTHRU": "allowed",
    "NO-OP": "allowed",
}
_CODE = {"NXDOMAIN": "NXDOMAIN", "NODATA": "NOERROR"}
_ERRORS = frozenset(("SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "NOTAUTH", "BADVERS", "BADCOOKIE"))

PROGRAM = r"(?:(?:[^ ]+ ){0,2}?(?P<program>named|named-sdb|bind9?)(?:\[\d+\])?: )?"
CHANNEL = r"(?:[a-z][a-z0-9-]*: )?(?:(?:info|notice|warning|error|critical|debug \d+): )?"
_PROGRAM = re.compile(PROGRAM)
_OTHER = re.compile(r"(?:[^ ]+ )?(?P<program>[A-Za-z(-][\w./()-]{0,63})\[\d+\]: ")
_CHANNEL = re.compile(CHANNEL)
_CLIENT = re.compile(
    r"client (?:@0x[0-9a-f]+ )?(?P<ip>[^ #]+)#(?P<port>\d{1,10})(?:/key [^ ]+)?(?: \((?P<name>[^ ]+)\))?: "
    r"(?:view [^ ]+: )?"
)

FLAGS = r"[+-][^ ]*"
_ASKED = r"(?P<name>[^ ]+) (?P<cls>[^ ]+) (?P<type>[^ ]+)"
_REST = rf"(?: (?P<flags>{FLAGS}))?(?: \((?P<server>[^ )]+)\))?"
_QUERY = re.compile(rf"query: {_ASKED}{_REST}(?: \[ECS [^\]]*\])?(?: \{{[^}}]*\}})?$")
_ANSWER = re.compile(rf"answer: {_ASKED}{_REST} -> (?P<rcode>[A-Z0-9]+)(?: (?P<answer>.*))?$", re.DOTALL)
_RESPONSE = re.compile(
    rf"(?P<protocol>UDP|TCP): query: {_ASKED} response: (?P<rcode>[A-Z0-9]+)(?: (?P<flags>{FLAGS}))?"
    r"(?: (?P<answer>.*))?$",
    re.DOTALL,
)
_RPZ = re.compile(
    r"(?P<disabled>disabled )?rpz (?P<trigger>[^ ]+) (?P<policy>[^ ]+) rewrite (?P<asked>[^ ]+) via (?P<owner>[^ ]+)"
    r"(?: \(CNAME to: (?P<target>[^ )]+)\))?"
)
_FAILED = re.compile(r"query failed \((?P<why>[^)]*)\) for (?P<name>[^ ]+)/(?P<cls>[^ /]+)/(?P<type>[^ /]+) at [^ ]+")
_DENIED = re.compile(r"query (?:\(cache\) )?'(?P<asked>[^ ']+)' (?P<why>denied)")
_RPZ_FAILED = re.compile(
    r"rpz (?P<trigger>[^ ]+) rewrite (?P<asked>[^ ]+) via (?P<owner>[^ ]+)[^:]* failed: (?P<rcode>[A-Z]+)"
)
_RESOLVING = re.compile(
    r"(?P<why>[A-Za-z ]{1,60}) resolving '(?P<asked>[^ ']+)'(?: \(in '[^ ']+'\?\))?: (?P<ip>[^ #]+)#(?P<port>\d{1,10})"
)
_OWN = re.compile(
    r"(?:transfer of|zone|success resolving|validating|createfetch:|managed-keys|DNS format error|received|"
    r"dns_diff_apply:|rpz:|client|all zones|running|loading|reloading|shutting|exiting|listening|no longer) "
)
_ZONE = re.compile(
    r"(?P<what>zone transfer|bad zone transfer request:|transfer of|update|updating zone|received notify for zone) "
    r"'(?P<asked>[^ ']+)'(?::? (?P<how>[A-Z]{4} (?:started|ended)|denied|update failed|update unsuccessful))?"
)


def plain(name: str) -> str:
    """Return a DNS name in lower case without its trailing dot; the root is ``.``."""
    return name.lower().rstrip(".") or "."


def read(line: bytes, policy: Policy) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    stamp, message, known = opened(text)
    asking = _CLIENT.match(message)
    if asking is None:
        other = patterns.control(open_envelope(text)) or _resolving(stamp, message)
        if other or known or _OWN.match(message):
            return other or Skipped("bind: no line about a client's request")
        return Rejected("bind: expected a time, a category or 'client IP#PORT'")
    return asked(stamp, asking["ip"], asking["port"], asking["name"], message[asking.end() :], policy)


def head(text: str) -> tuple[Stamp, int]:
    """Return the time that syslog wrote before *text*, and where the rest begins."""
    return read_stamp(text) or (NO_STAMP, 0)


def code(policy: str) -> str | None:
    """Return the answer code that an RPZ *policy* gives; null where it gives none."""
    return _CODE.get(policy.upper())


def opened(text: str) -> tuple[Stamp, str, bool]:
    """Return the time of *text*, the message behind all heads, and whether it has a head that named may write."""
    if is_modern(text):
        envelope = open_envelope(text)
        stamp, rest, known = envelope.stamp, envelope.message, envelope.program is not None
    else:
        found = read_stamp(text)
        stamp, start = found or (NO_STAMP, 0)
        head = _PROGRAM.match(text, start)
        ours = head is not None and head["program"] is not None
        start = head.end() if head else start
        other = None if ours else _OTHER.match(text, start)
        rest, known = text[start:], found is not None or ours or other is not None
    own = read_stamp(rest)
    if own:
        stamp, rest, known = own[0], rest[own[1] :], True
    channel = _CHANNEL.match(rest)
    end = channel.end() if channel else 0
    return stamp, rest[end:], known or end > 0


def asked(stamp: Stamp, client: str, port: str, about: str | None, message: str, policy: Policy) -> Answer:
    """Read what named says about the request of *client*.

    Args:
        stamp: When.
        client: The client's address as logged.
        port: Its port, digits.
        about: The name asked for, where it stands before the message.
        message: The rest of the line.
        policy: What the configuration says.
    """
    for grammar, reader in _MESSAGES:
        found = grammar.match(message)
        if found:
            values = reader({**found.groupdict()}, policy)
            return values if isinstance(values, Skipped) else Event(stamp, with_client(values, client, port))
    if about and message.startswith("query iterations limit"):
        values = {"kind": "dns", "query": plain(about), "action": "error", "filter_reason": "query iterations limit"}
        return Event(stamp, with_client(values, client, port))
    return Skipped("bind: nothing about the answer to a client's request")


def _resolving(stamp: Stamp, message: str) -> Event | None:
    """Return what went wrong with a server that named asked: nobody's request in particular."""
    found = _RESOLVING.match(message)
    if not found:
        return None
    name, kind = _apart(found["asked"])
    why = found["why"]
    word = why.partition(" ")[0]
    server = {"dest_ip": address(found["ip"]), "dest_port": port_number(found["port"]) or None}
    told = {"rcode": word if word in _ERRORS else None, "filter_reason": why}
    return Event(stamp, _dns(name, kind, "error") | server | told)


def with_client(values: dict[str, Value], client: str, port: str) -> dict[str, Value]:
    """Return *values* with the client and the key of its request."""
    values |= {"client_ip": address(client), "client_port": port_number(port) or None}
    if values["client_ip"] and values["client_port"] and values.get("query_type"):
        values["request_key"] = (
            f"{values['client_ip']}#{values['client_port']}/{values['query']}/{values['query_type']}"
        )
    return values


Groups = dict[str, str | None]
_Read = Callable[[Groups, Policy], "dict[str, Value] | Skipped"]


def _dns(name: str, kind: str | None, action: str, **more: Value) -> dict[str, Value]:
    return {"kind": "dns", "query": plain(name), "query_type": kind.upper() if kind else None, "action": action, **more}


def transport(flags: str | None) -> str | None:
    """Return the protocol that the flags of a query tell: ``T`` stands for TCP."""
    return None if flags is None else "tcp" if "T" in flags else "udp"


def _query(parts: Groups, _: Policy) -> dict[str, Value]:
    server = parts["server"]
    return _dns(
        parts["name"] or "",
        parts["type"],
        "unknown",
        protocol=transport(parts["flags"]),
        dest_ip=address(server) if server else None,
    )


def _answered(parts: Groups, policy: Policy) -> dict[str, Value]:
    rcode = (parts["rcode"] or "").upper()
    said = {"rcode": rcode, "answer": parts["answer"] or None, "action": "error" if rcode in _ERRORS else "allowed"}
    if parts.get("protocol"):
        return _dns(parts["name"] or "", parts["type"], "", protocol=(parts["protocol"] or "").lower()) | said
    return _query(parts, policy) | said


def _rpz(parts: Groups, policy: Policy) -> dict[str, Value] | Skipped:
    name, kind = _apart(parts["asked"] or "")
    words = parts["policy"] or ""
    action = policy.action(words, parts["owner"] or "", parts["target"])
    if parts["disabled"] or action is None:
        return Skipped("bind: a policy that changed nothing")
    return _dns(
        name,
        kind,
        action,
        rcode=code(words),
        answer=plain(parts["target"]) if parts["target"] else None,
        filter_rule=parts["owner"],
        filter_reason=f"rpz {parts['trigger']} {words}",
    )


def _rpz_failed(parts: Groups, _: Policy) -> dict[str, Value]:
    name, kind = _apart(parts["asked"] or "")
    reason = f"rpz {parts['trigger']} failed"
    return _dns(name, kind, "error", rcode=parts["rcode"], filter_rule=parts["owner"], filter_reason=reason)


def _apart(asked: str) -> tuple[str, str | None]:
    """Return name and type of ``NAME/TYPE/CLASS``, ``NAME/CLASS`` or ``NAME``; a view may stand behind the class."""
    parts = asked.split("/")
    kinds = [part for part in parts[1:] if part not in ("IN", "CH", "HS", "ANY")]
    if "ANY" in parts[1:2]:
        return parts[0], "ANY"
    return parts[0], kinds[0] if len(parts) > 2 and kinds and parts[1] == kinds[0] else None


def _failed(parts: Groups, _: Policy) -> dict[str, Value]:
    why = parts["why"] or ""
    return _dns(
        parts["name"] or "",
        parts["type"],
        "error",
        rcode=why if why in _ERRORS or why == "NXDOMAIN" else None,
        filter_reason=why or None,
    )


def _denied(parts: Groups, _: Policy) -> dict[str, Value]:
    name, kind = _apart(parts["asked"] or "")
    return _dns(name, kind, "blocked", rcode="REFUSED", filter_reason="denied")


def _zone(parts: Groups, _: Policy) -> dict[str, Value]:
    name, kind = _apart(parts["asked"] or "")
    what, how = (parts["what"] or "").rstrip(":"), parts["how"]
    if how and how[:4] in ("AXFR", "IXFR"):
        kind = how[:4]
    refused = how == "denied" or what.startswith("bad")
    action = "blocked" if refused else "error" if how and "update" in how else "allowed"
    reason = f"{what} {how}" if how else what
    return _dns(name, kind, action, filter_reason=reason)


_MESSAGES: tuple[tuple[re.Pattern[str], _Read], ...] = (
    (_QUERY, _query),
    (_RPZ, _rpz),
    (_RPZ_FAILED, _rpz_failed),
    (_FAILED, _failed),
    (_DENIED, _denied),
    (_ANSWER, _answered),
    (_RESPONSE, _answered),
    (_ZONE, _zone),
)
