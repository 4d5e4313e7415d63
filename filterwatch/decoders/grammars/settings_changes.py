"""Changes of a watched settings file, one JSON line each: filtering switched off, an exemption, anything else.

The lines are our own: a source with ``settings`` writes them (``{"time", "service", "event", "reason", "client"}``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Clock, Event, Rejected, Stamp, Value, address, mac
from filterwatch.events import CONTROL_EVENTS

_KEYS = {"time", "service", "event", "reason", "client"}
_WRONG = Rejected("not a change of watched settings")
_EPOCH = datetime.fromtimestamp(0, UTC)
_LONGEST = 500
_DEEPEST = 4_000


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    if len(line) > _DEEPEST * 4 or not line.startswith(b"{"):
        return _WRONG
    try:
        said = json.loads(line)
        at = datetime.fromisoformat(said["time"])
        texts = {name: said[name] for name in _KEYS - {"time"} if said.get(name) is not None}
        json.dumps(texts, ensure_ascii=False).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _WRONG
    if not all(isinstance(one, str) for one in texts.values()) or texts.get("event") not in CONTROL_EVENTS:
        return _WRONG
    if at.tzinfo is None or not texts.get("service"):
        return _WRONG
    client = texts.get("client")
    values: dict[str, Value] = {
        "kind": "control",
        "control_event": texts["event"],
        "control_service": texts["service"],
        "filter_rule": "watched-settings",
        "filter_reason": texts.get("reason", "")[:_LONGEST] or None,
        "client_ip": address(client) if client else None,
        "client_mac": mac(client) if client else None,
    }
    try:
        us = (at - _EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        return _WRONG
    return Event(Stamp(us, Clock.UTC), values)


def _claims(line: bytes, event: Mapping[str, object]) -> bool:
    return event.get("filter_rule") == "watched-settings" and line.startswith(b"{")


FORMATS = {
    "settings_changes": Format(
        "Changes of a watched settings file",
        "JSON",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "our own",
    ),
}
