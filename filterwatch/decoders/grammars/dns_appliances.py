"""Appliances built on BIND and ISC DHCP: Infoblox NIOS and EfficientIP SOLIDserver.

Their name service writes named's lines (``bind.py``); besides, Infoblox reports response policy hits as CEF, and
EfficientIP's guardian reports lists that a question was on (``List Matched IP#PORT: query: ...``) and devices it put
in quarantine.  Their DHCP server's lines are ISC dhcpd's (``isc_dhcpd.py``).  Source: the vendors' sample lines and
documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import bind, bind_fast, isc_dhcpd
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, Value, address, visible

_HEAD = r"(?:(?:[^ ]+ ){0,2}?(?:named|ipmdns)(?:\[\d+\])?: )?"
_CEF = re.compile(
    _HEAD + r"CEF: ?0\|Infoblox\|NIOS[^|]*\|[^|]*\|RPZ-(?P<trigger>[A-Z-]+)\|(?P<policy>[^|]+)\|[^|]*\|(?P<rest>.*)",
    re.DOTALL,
)
_FIELD = re.compile(r"(?:^| )(dst|src|spt|qtype|msg)=(\"[^\"]*\"|[^ ]+)")
_HIT = re.compile(r"\"?rpz [^ ]+ [^ ]+ rewrite (?P<name>[^ ]+)(?: \[[^\]]*\])? via (?P<owner>[^ \"]+)")
_LIST = re.compile(
    _HEAD + r"List Matched (?P<ip>[^ #]+)#(?P<port>\d{1,10}): query: (?P<name>[^ ]+) (?P<cls>[^ ]+) (?P<type>[^ ]+)"
    r"(?: (?P<flags>[+-][^ ]*))?(?: \((?P<server>[^ )]+)\))?(?: \{(?P<lists>[^}]*)\})?$"
)
_QUARANTINE = re.compile(
    _HEAD + r"(?P<state>ARMING|DISARMING) trigger on (?P<ip>\d{1,3}(?:\.\d{1,3}){3})[^ ]* \(action:(?P<action>[A-Z]+)\)"
    r"(?: \((?P<why>[^)]*)\))?"
)


def read(line: bytes, policy: bind.Policy) -> Answer:
    """Read one line exactly."""
    if b"DHCP" in line and isinstance(given := isc_dhcpd.read(line), Event):
        return given
    text = visible(line)
    stamp, start = bind.head(text)
    for grammar, reader in _GRAMMARS:
        found = grammar.match(text, start)
        if found:
            values = reader(found.groupdict(), policy)
            return Event(stamp, values) if values else Skipped("a policy that changed nothing")
    return bind.read(line, policy)


def _policy_hit(parts: bind.Groups, policy: bind.Policy) -> dict[str, Value] | None:
    fields = {key: value.strip('"') for key, value in _FIELD.findall(parts["rest"] or "")}
    hit = _HIT.match(fields.get("msg", ""))
    words = parts["policy"] or ""
    action = policy.action(words, hit["owner"] if hit else "", None)
    if hit is None or action is None:
        return None
    values: dict[str, Value] = {
        "kind": "dns",
        "query": bind.plain(hit["name"]),
        "query_type": fields["qtype"].upper() if "qtype" in fields else None,
        "action": action,
        "rcode": bind.code(words),
        "filter_rule": hit["owner"],
        "filter_reason": f"rpz {parts['trigger']} {words}",
        "dest_ip": address(fields.get("dst", "")),
    }
    return bind.with_client(values, fields.get("src", ""), fields.get("spt", ""))


def _listed(parts: bind.Groups, _: bind.Policy) -> dict[str, Value]:
    values: dict[str, Value] = {
        "kind": "dns",
        "query": bind.plain(parts["name"] or ""),
        "query_type": (parts["type"] or "").upper(),
        "action": "unknown",
        "protocol": bind.transport(parts["flags"]),
        "dest_ip": address(parts["server"] or ""),
        "filter_category": parts["lists"] or None,
        "filter_reason": "list matched",
    }
    return bind.with_client(values, parts["ip"] or "", parts["port"] or "")


def _quarantined(parts: bind.Groups, _: bind.Policy) -> dict[str, Value]:
    return {
        "kind": "dns",
        "client_ip": address(parts["ip"] or ""),
        "action": "blocked" if parts["state"] == "ARMING" else "allowed",
        "filter_rule": (parts["action"] or "").lower(),
        "filter_reason": parts["why"] or None,
    }


_Read = Callable[[bind.Groups, bind.Policy], "dict[str, Value] | None"]
_GRAMMARS: tuple[tuple[re.Pattern[str], _Read], ...] = (
    (_CEF, _policy_hit),
    (_LIST, _listed),
    (_QUARANTINE, _quarantined),
)


def _reader(name: str, options: Options) -> Reader:
    own = bind_fast.policy(options)

    def exact(line: bytes) -> Answer:
        answer = read(line, own)
        return (
            Rejected(f"{name}: no line that its name or DHCP service writes")
            if isinstance(answer, Rejected)
            else answer
        )

    return Reader(name, exact, bind_fast.read)


_INFOBLOX = re.compile(rb"\|Infoblox\||: (?:UDP|TCP): query: [^ ]+ IN [A-Z0-9]+ response: [A-Z]+ ")
_EFFICIENTIP = re.compile(rb"List Matched |ARMING trigger on |: answer: [^ ]+ IN [A-Z0-9]+ \([^ )]*\) -> ")


def _claims(line: bytes, event: Mapping[str, object], *, marks: re.Pattern[bytes]) -> bool:
    """Return whether a line is surely of the appliance, not of the BIND or the DHCP server inside it."""
    return bool(event) and marks.search(line) is not None


FORMATS = {
    "infoblox": Format(
        "Infoblox NIOS: queries, responses, response policy zones, leases",
        "syslog",
        bind_fast.BindOptions,
        of_lines(_reader),
        partial(_claims, marks=_INFOBLOX),
        "Infoblox NIOS Administrator Guide, syslog",
        beyond=("bind", "isc_dhcpd"),
    ),
    "efficientip": Format(
        "EfficientIP SOLIDserver: queries, guardian lists, quarantine, leases",
        "syslog",
        bind_fast.BindOptions,
        of_lines(_reader),
        partial(_claims, marks=_EFFICIENTIP),
        "EfficientIP SOLIDserver",
        beyond=("bind", "isc_dhcpd"),
    ),
}
