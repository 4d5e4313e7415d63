"""Cisco Secure Web Appliance (WSA): squid's native columns, the decision tag of its policies, and the verdict block.

``time elapsed client RESULT/status bytes method URL user HIERARCHY/peer type TAG-policy-... <category,...> ...``

The tag's beginning is the decision (``BLOCK_WEBCAT``, ``ALLOW_WBRS``, ``DEFAULT_CASE``, ...); the
first entry of the block is the category (``IW_...`` Cisco's, ``C_...`` the school's own, ``nc`` none).

Source: Cisco's user guide for AsyncOS, "Access Log Files".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from filterwatch.decoders.families.logformat_values import event, verdict
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, visible

_HEAD: Final = re.compile(
    r"(?:<\d{1,3}>[^\[\]\"<>]{0,80}? )??(?:Info: )?(?P<seconds>\d{9,10})\.(?P<millis>\d{3}) +(?P<elapsed>-?\d{1,18}) "
    r"(?P<client>[^ ]+) (?P<result>[A-Z][A-Z0-9_]*)/(?P<status>\d{3}) (?P<size_in>\d+|-) (?P<method>[^ ]+) "
    r"(?P<url>[^ ]+) "
    r'(?P<user>"[^"]*"|[^ ]+) [A-Z][A-Z0-9_]*/(?P<peer>[^ ]+) (?P<mime>[^ "]+) (?:[A-Z]{2,5}:[^ ]+ )*'
    r"(?P<tag>[A-Z][A-Z0-9_]*)(?:-[^ <>]*)? <(?P<block>[^<>]*)>(?: .*)?"
)
_SYSTEM: Final = re.compile(r"(?:<\d{1,3}>.{0,80}?)??(?:[A-Z][a-z]{2} )?.{0,40}? (?:Info|Warning|Critical|Debug): .*")
_UNCATEGORISED: Final = ("-", "nc", "ns", "err", "dns")


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    found = _HEAD.fullmatch(text)
    if not found:
        return (
            Skipped("a message of the appliance")
            if _SYSTEM.fullmatch(text[:4096])
            else Rejected("cisco_wsa: expected squid's columns, a decision tag and '<verdicts>'")
        )
    texts = {key: value for key, value in found.groupdict().items() if key not in ("tag", "block")}
    texts["user"] = texts["user"].strip('"')
    answer = event(texts, {})
    if isinstance(answer, Rejected):
        return Rejected(f"cisco_wsa: {answer.why}")
    category = found["block"].partition(",")[0].strip('"')
    values = {
        "action": _action(found["tag"], found["result"], found["status"]),
        "filter_rule": found["tag"],
        "filter_category": None if category in _UNCATEGORISED or not category else category,
    }
    return Event(answer.stamp, {**answer.values, **values})


def _action(tag: str, result: str, status: str) -> str:
    """Return the action that the policy's decision means; only where it says nothing squid's result decides."""
    if status == "407":
        return "auth_required"
    if tag.startswith(("BLOCK", "DROP")):
        return "blocked"
    if tag.startswith("REDIRECT"):
        return "rewritten"
    return verdict(result, status)


def _reader(name: str, _: Options) -> Reader:
    return Reader(name, read)


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    """Return whether a line is surely of this format: no other has a tag and a verdict block."""
    return bool(event)


FORMATS = {
    "cisco_wsa": Format("Cisco Secure Web Appliance access log", "logformat", Options, of_lines(_reader), _claims)
}
