"""squidGuard's log of requests, and what it writes about itself.

``2026-11-22 02:04:38 [pid] Request(source/destination/rewrite) url ip/fqdn user METHOD REDIRECT|PASS``, local time.

A redirect goes to the page that says "blocked", unless a rewrite rule made it.  Versions before 1.4 write no last
word: they log refused requests only.  Source: squidGuard 1.6.0 live and src/sgLog.c, src/main.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import polars as pl

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import filter_events
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import NO_STAMP, Answer, Event, Rejected, Value, address, user, visible
from filterwatch.decoders.screen import BLANK, SEPARATOR, Lines, kept
from filterwatch.decoders.stamps import read_stamp, read_stamps
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.decoders.url import asked, authority, without_connect_credentials, without_credentials
from filterwatch.events import ACTION, KIND

_HEAD = re.compile(r"\[[0-9]+\] Request\((?P<groups>[^ ()]*)\) ")
_GROUPS = re.compile(r"(?P<source>[^/]*)/(?P<destination>[^/]*)/(?P<rewrite>[^/]*)")
_VERDICTS = {"REDIRECT": "blocked", "PASS": "allowed"}
_METHOD = re.compile(r"[A-Z][A-Z0-9_-]*")
_PLAIN_AUTHORITY = re.compile(r"[a-z0-9][a-z0-9._-]*(?::\d{1,5})?")
_WORDS = 9
_REMEMBERED = 65_536
_NOTHING = pl.DataFrame(schema={"line": pl.UInt32()})


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    stamp, start = read_stamp(text) or (NO_STAMP, 0)
    head = _HEAD.match(text, start)
    if not head:
        return filter_events.read(line) if start else Rejected("squidguard: expected 'date time [pid] Request(...)'")
    words = text[head.end() :].split(" ")
    last = words.pop() if len(words) > 4 and words[-1] in _VERDICTS else ""
    groups = _groups(head["groups"])
    if len(words) < 4 or groups is None or not _METHOD.fullmatch(words[-1]):
        return Rejected("squidguard: expected 'url ip/fqdn user METHOD REDIRECT|PASS'")
    client, (name, domain), method = _client(words[-3]), user(words[-2]), words[-1]
    url = " ".join(words[:-3])
    if client is None:
        return Rejected("squidguard: the client is no IP address")
    whom = asked(url, "CONNECT")
    clean = without_credentials(url)
    values: dict[str, Value] = {
        "kind": "http",
        "client_ip": client,
        "user": name,
        "user_domain": domain,
        "method": method,
        "url": without_connect_credentials(clean),
        "host": whom.host,
        "dest_port": whom.port,
        "dest_ip": whom.ip,
        "action": _action(groups[2], last),
        "filter_category": groups[1],
        "filter_rule": groups[0],
    }
    return Event(stamp, values)


def _groups(text: str) -> tuple[str, str | None, bool] | None:
    """Return ``source/destination``, the destination group, and whether a rewrite rule changed the request."""
    found = _GROUPS.fullmatch(text)
    if not found:
        return None
    destination = found["destination"]
    named = None if destination in ("", "-") else destination
    return f"{found['source']}/{destination}", named, found["rewrite"] not in ("", "-")


def _action(rewritten: object, verdict: str) -> str:
    if rewritten and verdict != "PASS":
        return "rewritten"
    return _VERDICTS.get(verdict, "blocked")


@lru_cache(maxsize=_REMEMBERED)
def _client(text: str) -> str | None:
    return address(text.partition("/")[0])


_COLUMNS = ("date", "time", "pid", "request", "url", "client", "name", "method", "verdict")


def read_fast(lines: Lines) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    stamps = read_stamps(lines)
    good = lines.regular & stamps.found & ~stamps.modern & (lines.blanks == _WORDS - 1)
    # The blank between date and time tells this stamp from the others, and no <pri> stands before it.
    good &= (stamps.body == lines.starts + 20) & (lines.byte(lines.starts + 10) == BLANK)
    rows = np.flatnonzero(good)
    if not len(rows):
        return _NOTHING
    lines.array[lines.marks[(lines.first[rows][:, None] + np.arange(_WORDS - 1)).ravel()]] = SEPARATOR
    text = pl.read_csv(
        kept(lines, good),
        separator=chr(SEPARATOR),
        quote_char=None,
        has_header=False,
        schema=dict.fromkeys(_COLUMNS, pl.String()),
        columns=list(range(2, _WORDS)),
    )
    text = text.with_columns(pl.all().fill_null(""))
    target = pl.col("url").str.strip_prefix("http://").str.strip_prefix("https://")
    split = text.with_columns(
        target.str.splitn("/", 2).struct.field("field_0").alias("whom"),
        (pl.col("url").str.len_bytes() - target.str.len_bytes()).is_in((0, 7, 8)).alias("plain"),
        pl.concat_str("request", "verdict", separator=chr(SEPARATOR)).alias("decision"),
    )
    frame = looked_up(split, _LOOKUPS, pl.col("url", "plain"))
    apart = [pl.col("plain"), pl.col(KNOWN), *_clean(frame["url"])]
    return (
        frame.with_columns(
            line=pl.Series(rows.astype(np.uint32)),
            stamp_us=pl.Series(stamps.us[rows]),
            stamp_clock=pl.Series(stamps.clock[rows]),
            kind=pl.lit("http", KIND),
        )
        .filter(*apart)
        .drop(KNOWN, "plain", "pid_known")
    )


def _clean(url: pl.Series) -> list[pl.Expr]:
    return [~pl.col("url").str.contains("@", literal=True)] if url.str.contains("@", literal=True).any() else []


@lru_cache(maxsize=_REMEMBERED)
def _whom(text: str) -> Row | None:
    return tuple(authority(text)) if _PLAIN_AUTHORITY.fullmatch(text) else None


def _decision(text: str) -> Row | None:
    request, _, verdict = text.partition(chr(SEPARATOR))
    found = _HEAD.fullmatch(f"[1] {request} ")
    groups = _groups(found["groups"]) if found and verdict in _VERDICTS else None
    return (_action(groups[2], verdict), groups[1], groups[0]) if groups else None


def _client_row(text: str) -> Row | None:
    client = _client(text)
    return (client,) if client else None


@lru_cache(maxsize=_REMEMBERED)
def _name(text: str) -> Row | None:
    return user(text)


_LOOKUPS = [
    Lookup("pid", lambda text: (True,) if re.fullmatch(r"\[[0-9]+\]", text) else None, {"pid_known": pl.Boolean()}),
    Lookup("whom", _whom, {"host": pl.String(), "dest_port": pl.Int32(), "dest_ip": pl.String()}),
    Lookup("client", _client_row, {"client_ip": pl.String()}),
    Lookup("name", _name, {"user": pl.String(), "user_domain": pl.String()}),
    Lookup("method", lambda text: (text,) if _METHOD.fullmatch(text) else None, {"method": pl.String()}),
    Lookup("decision", _decision, {"action": ACTION, "filter_category": pl.String(), "filter_rule": pl.String()}),
]


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "http"


FORMATS = {
    "squidguard": Format(
        "squidGuard's log of requests",
        "columns",
        Options,
        of_lines(lambda name, _: Reader(name, read, read_fast)),
        _claims,
        "squidGuard 1.6.0 live",
    ),
}
