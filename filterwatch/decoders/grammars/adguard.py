"""AdGuard Home: the query log (``querylog.json``, one JSON object a line) and the application's own log.

A member of a wrong type is left out and the rest is kept.  ``Reason`` says what the filter did; a ``Result`` without
it (Go leaves zeros out) means that nothing was filtered.  The first twelve bytes of ``Answer`` (a DNS message in
base64) hold the answer's code.  Source: AdGuard Home's documentation and the meaning of its result codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.families import jsonlines
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

ACTIONS = {
    "0": "allowed",  # nothing found
    "1": "allowed",  # on the allow list
    "2": "allowed",  # the check failed: the name was resolved
    "3": "blocked",  # on a block list
    "4": "blocked",
    "5": "blocked",
    "6": "blocked",  # a question that is no question
    "7": "rewritten",
    "8": "blocked",  # a blocked service
    "9": "rewritten",
    "10": "rewritten",
    "11": "rewritten",
}
CATEGORIES = {"4": "safe browsing", "5": "parental control", "7": "safe search"}
_CODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
ERRORS = frozenset(("FORMERR", "SERVFAIL", "NOTIMP", "REFUSED"))
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

PLAIN = r"^(?:-?[0-9.]+(?:[eE][+-]?[0-9]+)?|true|false)?$"
"""A text that JSON may have written as a number or a boolean: no name, rule or client."""

ANSWERED = r"^[A-Za-z0-9+/]{16}"
"""A DNS message that has at least its head."""

ADDRESSES = r"^[0-9A-Fa-f.:]+(?:, [0-9A-Fa-f.:]+)*$"
TYPE = r"^[A-Za-z][A-Za-z0-9]*$"
ELAPSED = r"^[0-9]{1,18}$"

KEYS = (
    "T", "IP", "QH", "QT", "CP", "Answer", "Upstream", "Elapsed", "Result.IsFiltered", "Result.Reason",
    "Result.Rules.0.Text", "Result.Rule", "Result.ServiceName", "Result.IPList",
)  # fmt: skip
_OURS = frozenset(("QH", "QT", "IP"))
_TRANSPORTS = frozenset(("doh", "dot", "doq", "dnscrypt"))


def read(line: bytes) -> Answer:
    """Read one line of the query log exactly."""
    texts = jsonlines.exact(visible(line))
    if texts is None:
        return Rejected("adguard_querylog: expected a JSON object")
    if "T" not in texts or not _OURS & texts.keys():
        return Rejected("adguard_querylog: expected the members T and QH, QT or IP")
    return Event(stamp(texts["T"]), _values(texts))


def stamp(text: str) -> Stamp:
    """Return the time that *text* is; none where it is no ISO 8601 time."""
    found = read_stamp(text)
    return found[0] if found and found[1] == len(text) and "T" in text else NO_STAMP


def _values(texts: Mapping[str, str]) -> dict[str, Value]:
    query, kind, elapsed = name(texts.get("QH")), texts.get("QT", ""), texts.get("Elapsed", "")
    reason = texts.get("Result.Reason", "")
    reason = reason if re.fullmatch("[0-9]{1,3}", reason) else ""
    answered = texts.get("Answer", "")
    code = rcode(answered[4:6]) if re.match(ANSWERED, answered) else None
    addresses = texts.get("Result.IPList", "")
    server, port = upstream(texts.get("Upstream", ""))
    said = verdict(f"{reason} {texts.get('Result.IsFiltered', '')}")
    return {
        "kind": "dns",
        "client_ip": address(texts.get("IP", "")),
        "query": query,
        "query_type": kind.upper() if re.fullmatch(TYPE, kind) and not re.fullmatch(PLAIN, kind) else None,
        "action": "error" if said == "allowed" and code in ERRORS else said,
        "rcode": code,
        "answer": addresses if re.fullmatch(ADDRESSES, addresses) else None,
        "protocol": transport(texts.get("CP", "")),
        "dest_ip": server,
        "dest_port": port,
        "duration_ms": int(elapsed) // 1_000_000 if re.fullmatch(ELAPSED, elapsed) else None,
        "filter_reason": reason or None,
        "filter_category": word(texts.get("Result.ServiceName")) or CATEGORIES.get(reason),
        "filter_rule": word(texts.get("Result.Rules.0.Text")) or word(texts.get("Result.Rule")),
    }


def word(text: str | None) -> str | None:
    """Return *text*; null where it may have been a number or a boolean."""
    return None if text is None or re.fullmatch(PLAIN, text) else text


def name(text: str | None) -> str | None:
    """Return a DNS name in lower case without its trailing dot; the root is ``.``."""
    plain = text if text == "." else word(text)
    return None if plain is None else plain.lower().rstrip(".") or "."


def verdict(text: str) -> str:
    """Return the action of ``REASON ISFILTERED``, each of them empty where it is not known."""
    reason, _, filtered = text.partition(" ")
    return ACTIONS.get(reason) or ("blocked" if filtered == "true" else "unknown" if reason else "allowed")


def rcode(letters: str) -> str | None:
    """Return the answer's code from the fifth and sixth letter of the message: they hold its fourth byte."""
    if len(letters) < 2:
        return None
    high, low = (_BASE64.find(letter) for letter in letters)
    code = ((high & 3) << 2) | (low >> 4)
    return None if high < 0 or low < 0 else _CODES[code] if code < len(_CODES) else f"RCODE{code}"


def transport(text: str) -> str | None:
    """Return the protocol of an encrypted question; a plain one does not say whether it came by UDP or TCP."""
    return text.lower() if text.lower() in _TRANSPORTS else None


def upstream(text: str) -> tuple[str | None, int | None]:
    """Return address and port of the server that was asked; a name is none."""
    plain = text.rpartition("://")[2].partition("/")[0]
    host, colon, digits = plain.rpartition(":")
    server = address(host.strip("[]")) if colon and digits.isdigit() else None
    if server is None:
        return address(plain.strip("[]")), None
    return server, port_number(digits) or None


_FAILED = re.compile(
    r"(?:\d+#\d+ )?\[error\] .{0,300}?/control/login: from ip (?P<ip>[0-9A-Fa-f.:]+): "
    r"(?P<why>invalid username or password)"
)
_TIME = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,9})?) ")
_STARTED = re.compile(r"(?:\d+#\d+ )?\[info\] (?:AdGuard Home, version |starting adguard home\b)", re.IGNORECASE)
_STOPPED = re.compile(r"(?:\d+#\d+ )?\[info\] stopping adguard home\b", re.IGNORECASE)
"""Starts and stops as the application words them; not seen live."""


def read_application(line: bytes) -> Answer:
    """Read one line of the application's log: failed logins, starts and stops."""
    text = visible(line)
    own = _TIME.match(text)
    when = stamp(f"{own[1]}-{own[2]}-{own[3]}T{own[4]}") if own else NO_STAMP
    envelope = open_envelope(text)
    if own is None and not envelope.program:
        return Rejected("adguard_applog: expected a time as in '2026/11/22 02:02:06.434 [info] ...'")
    message = text[own.end() :] if own else envelope.message
    when = when if own else envelope.stamp
    if failed := _FAILED.match(message):
        values: dict[str, Value] = {
            "kind": "auth",
            "client_ip": address(failed["ip"]),
            "action": "blocked",
            "filter_reason": failed["why"],
        }
        return Event(when, values)
    happened = _lifecycle(message)
    if happened:
        return Event(when, {"kind": "control", "control_event": happened, "control_service": "adguardhome"})
    return patterns.control(envelope) or Skipped("adguard_applog: no login and no start or stop")


def _lifecycle(message: str) -> str | None:
    if _STARTED.match(message):
        return "filter_started"
    return "filter_stopped" if _STOPPED.match(message) else None
