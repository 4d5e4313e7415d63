"""Pi-hole FTL's database of queries, as the database source gives its rows: one JSON object a row.

Source: the table ``queries`` (a view since FTL 5.14) and its codes, docs.pi-hole.net/database/query-database.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from filterwatch.decoders.families import jsonlines
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader, rows_of
from filterwatch.decoders.reading import Answer, Clock, Event, Rejected, Stamp, Value, address, number, visible
from filterwatch.decoders.screen import Lines
from filterwatch.decoders.stamps import SECOND

_KEYS = (
    "id", "timestamp", "type", "status", "domain", "client", "forward", "additional_info", "reply_type", "reply_time",
    "list_id",
)  # fmt: skip
_TYPES = (
    "A", "AAAA", "ANY", "SRV", "SOA", "PTR", "TXT", "NAPTR", "MX", "DS", "RRSIG", "DNSKEY", "NS", "OTHER", "SVCB",
    "HTTPS",
)  # fmt: skip
_OTHER_TYPES = 100
"""A type beyond is the record's own number and this."""

_STATUS: Mapping[str, tuple[str, str]] = {
    "0": ("unknown", "unknown"),
    "1": ("blocked", "gravity"),
    "2": ("allowed", "forwarded"),
    "3": ("allowed", "cached"),
    "4": ("blocked", "regex denied"),
    "5": ("blocked", "exactly denied"),
    "6": ("blocked", "blocked upstream: address"),
    "7": ("blocked", "blocked upstream: null address"),
    "8": ("blocked", "blocked upstream: NXDOMAIN"),
    "9": ("blocked", "gravity (CNAME)"),
    "10": ("blocked", "regex denied (CNAME)"),
    "11": ("blocked", "exactly denied (CNAME)"),
    "12": ("allowed", "retried"),
    "13": ("allowed", "retried"),
    "14": ("unknown", "in progress"),
    "15": ("blocked", "database busy"),
    "16": ("blocked", "special domain"),
    "17": ("allowed", "cached-stale"),
    "18": ("blocked", "blocked upstream: EDE"),
}
_RCODES = {"1": "NOERROR", "2": "NXDOMAIN", "3": "NOERROR", "4": "NOERROR", "5": "NOERROR", "6": "NOERROR",
           "7": "SERVFAIL", "8": "REFUSED", "9": "NOTIMP", "13": "NOERROR"}  # fmt: skip
_BY_CNAME = ("9", "10", "11")


def read(line: bytes) -> Answer:
    """Read one row exactly."""
    texts = jsonlines.exact(visible(line))
    return Rejected("no JSON object") if texts is None else _answer(texts)


def _answer(texts: Mapping[str, str]) -> Answer:
    whole, _, fraction = texts.get("timestamp", "").partition(".")
    seconds = number(whole)
    if seconds is None or len(whole) not in (9, 10) or (fraction and not (fraction.isascii() and fraction.isdigit())):
        return Rejected("no time in the member timestamp")
    domain, status = texts.get("domain", ""), texts.get("status", "")
    action, reason = _STATUS.get(status, ("unknown", "unknown"))
    rule = texts.get("list_id") or (texts.get("additional_info") if status not in _BY_CNAME else None)
    values: dict[str, Value] = {
        "kind": "dns",
        "action": action,
        "client_ip": address(texts.get("client", "")),
        "query": domain if domain == "." else domain.lower().removesuffix(".") or None,
        "query_type": _type(number(texts.get("type", ""))),
        "rcode": _RCODES.get(texts.get("reply_type", "")),
        "duration_ms": _milliseconds(texts.get("reply_time", "")),
        "filter_reason": reason,
        "filter_rule": rule if action == "blocked" else None,
        "answer": texts.get("additional_info") if status in _BY_CNAME else None,
    }
    return Event(Stamp(seconds * SECOND + int(f"{fraction}000000"[:6]), Clock.UTC), values)


def _type(code: int | None) -> str | None:
    if code is None or code == 0:
        return None
    if code <= len(_TYPES):
        return _TYPES[code - 1]
    return f"TYPE{code - _OTHER_TYPES}" if code > _OTHER_TYPES else None


def _milliseconds(seconds: str) -> int | None:
    whole, _, fraction = seconds.partition(".")
    count = number(whole)
    if count is None or count > 10**6 or (fraction and number(fraction[:6]) is None):
        return None
    return count * 1000 + int(f"{fraction}000"[:3])


def fast(lines: Lines) -> pl.DataFrame:
    """Read rows at once: Polars takes them apart."""
    texts, places = jsonlines.objects(lines)
    found = jsonlines.fast(texts, _KEYS)
    columns = [found[name].to_list() for name in _KEYS]
    events: list[tuple[int, Event]] = []
    for place, sure, *row in zip(places.tolist(), found[jsonlines.SURE].to_list(), *columns, strict=True):
        answer = (
            _answer({name: text for name, text in zip(_KEYS, row, strict=True) if text is not None}) if sure else None
        )
        if isinstance(answer, Event):
            events.append((place, answer))
    return rows_of(events)


FORMATS = {
    "pihole_ftl": Format(
        "Pi-hole FTL's database",
        "SQLite",
        Options,
        of_lines(lambda name, _: Reader(name, read, fast)),
        lambda line, _: b'"domain"' in line and b'"additional_info"' in line and b'"client"' in line,
        "docs.pi-hole.net/database/query-database",
    ),
}
