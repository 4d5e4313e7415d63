"""The vectorised reader of dnsmasq's query log.

1. The stamp is read from its fixed place; `dnsmasq[pid]:` ends at the first or second blank behind it.
2. The last three blanks of a line stand before the name, the verb and the destination; with `extra` the first two
   behind the header end the serial and the client.  Those blanks become separators, and the CSV reader cuts columns.
3. What few distinct texts mean (header, source words, client, upstream, answer words) is asked of the exact reader.

A name with a blank makes source words that nobody knows: such a line takes the exact path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import numpy as np
import polars as pl
from pydantic import Field

from filterwatch.decoders.envelope import tagged
from filterwatch.decoders.format import Address, Format, Options, of_lines
from filterwatch.decoders.grammars import dnsmasq
from filterwatch.decoders.grammars.dnsmasq import Policy, Role
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import address
from filterwatch.decoders.screen import SEPARATOR, Lines, Mask, Places, kept
from filterwatch.decoders.stamps import Stamps, read_stamps
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.events import ACTION, KIND

_MESSAGE = ("words", "name", "verb", "destination")
_NAMES = ("stamp", "header", *_MESSAGE)
_EXTRA_NAMES = ("stamp", "header", "serial", "client", *_MESSAGE)


def read(lines: Lines, policy: Policy) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    stamps = read_stamps(lines)
    header, found = _header_ends(lines, stamps)
    good = lines.regular & stamps.found & ~stamps.modern & found
    line_end = lines.first + lines.blanks
    blanks = line_end - header - 1
    # The root, addresses (their reverse name was asked for) and odd names take the exact path.
    name_end = lines.byte(lines.mark(line_end - 2) - 1)
    good &= (name_end - np.uint8(48) > 9) & (name_end != ord("."))
    extra = lines.byte(lines.mark(header) + 1) - np.uint8(48) <= 9
    parts = [
        _cut(lines, stamps, good & extra & (blanks >= 5), header, extra=True),
        _cut(lines, stamps, good & ~extra & (blanks >= 3), header, extra=False),
    ]
    frames = [_events(part, policy) for part in parts if part is not None]
    if not frames:
        return pl.DataFrame(schema={"line": pl.UInt32()})
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal").sort("line")


def _header_ends(lines: Lines, stamps: Stamps) -> tuple[Places, Mask]:
    """Return the index in ``marks`` of the blank behind ``[host ]dnsmasq[pid]:``, and where there is one."""
    index = np.searchsorted(lines.marks, stamps.body)
    index = index + ~_closes(lines, index)
    ends = _closes(lines, index)
    return index, ends & (index < lines.first + lines.blanks)


def _closes(lines: Lines, index: Places) -> Mask:
    """Return where ``]:`` stands before the marks with *index*."""
    place = lines.mark(index)
    result: Mask = (lines.byte(place - 1) == ord(":")) & (lines.byte(place - 2) == ord("]"))
    return result


def _cut(lines: Lines, stamps: Stamps, good: Mask, header: Places, *, extra: bool) -> pl.DataFrame | None:
    """Cut the columns of the lines in *good*."""
    rows = np.flatnonzero(good)
    if not len(rows):
        return None
    lines.array[stamps.body[rows] - 1] = SEPARATOR
    line_end = lines.first[rows] + lines.blanks[rows]
    indices = [header[rows], line_end - 3, line_end - 2, line_end - 1]
    if extra:
        indices += [header[rows] + 1, header[rows] + 2]
    for index in indices:
        lines.array[lines.marks[index]] = SEPARATOR
    names = _EXTRA_NAMES if extra else _NAMES
    text = pl.read_csv(
        kept(lines, good),
        separator=chr(SEPARATOR),
        quote_char=None,
        has_header=False,
        schema=dict.fromkeys(names, pl.String()),
        columns=list(range(1, len(names))),
    )
    stamp = (pl.Series("stamp_us", stamps.us[rows]), pl.Series("stamp_clock", stamps.clock[rows]))
    return pl.DataFrame([*text, pl.Series("line", rows.astype(np.uint32)), *stamp])


def _events(text: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    extra = "serial" in text.columns
    if extra:
        client = pl.col("client").str.splitn("/", 2).struct.rename_fields(["host", "port"]).struct.unnest()
        text = text.with_columns(client).with_columns(client_port=pl.col("port").cast(pl.Int32, strict=False))
    asking = [pl.col("serial", "port", "client_port")] if extra else []
    lookups = [*_HEADER, Lookup("host", _client, {"client_ip": pl.String()})] if extra else _HEADER
    text = looked_up(text, lookups, pl.col("line", "stamp_us", "stamp_clock", *_MESSAGE), *asking)
    text = text.with_columns(
        known=pl.all_horizontal(KNOWN, *_CERTAIN, *(_CERTAIN_CLIENT if extra else ())),
        query=pl.col("name").str.to_lowercase(),
    )
    return _by_role(text if text[KNOWN].all() else text.filter(KNOWN), policy, extra=extra)


_CERTAIN = (
    ~pl.col("name").str.contains(":", literal=True).fill_null(value=True),
    # An upstream's error has no name; "gravity blocked (CNAME)" may be cut short.
    ~pl.col("name").is_in(["error", "(CNAME)"]),
    (pl.col("verb") == pl.col("meant")).fill_null(value=False),
    pl.col("destination").is_not_null(),
)
_CERTAIN_CLIENT = (
    # It begins with a digit: so no number else than digits can be read from it.
    pl.col("serial").cast(pl.Int64, strict=False).is_not_null() & (pl.col("serial").str.len_bytes() <= 10),
    ~pl.col("port").str.starts_with("+").fill_null(value=True) & (pl.col("port").str.len_bytes() <= 5),
    (pl.col("client_port") > 0).fill_null(value=False),
    (pl.col("client_port") <= 65_535).fill_null(value=False),
)

_DESTINATION = pl.col("destination")
_ROLE = pl.col("role")
_ANSWER = _ROLE >= Role.ANSWER
_COLUMNS = ("line", "stamp_us", "stamp_clock", "query", "query_type", "filter_reason", "filter_rule")
_CODED = r"^(?:NXDOMAIN|NODATA|SERVFAIL|REFUSED|NOTIMP|FORMERR)(?:-|$)"
_MEANING = {"asker": pl.String(), "server": pl.String(), "port": pl.Int32(), "code": pl.String()}


def _by_role(text: pl.DataFrame, policy: Policy, *, extra: bool) -> pl.DataFrame:
    """Return the events: what the destination means depends on what kind of line it is."""
    sink = _DESTINATION.is_in(sorted(policy.sinks))
    own = (_ROLE == Role.ANSWER) & (pl.col("words") == "config") & ~sink
    text = text.with_columns(
        # Answers are too many to ask for each; clients, upstreams and answer words are few.
        told=pl.when(~_ANSWER | _DESTINATION.str.contains(_CODED)).then(_DESTINATION),
        # Only the resolver's own answers depend on the name; they are few, too.
        own=pl.when(own).then(pl.concat_str(_DESTINATION, pl.lit(" "), "query")),
        sunk=(_ROLE == Role.BLOCK) | (_ANSWER & sink),
    )
    lookups = [
        Lookup("told", _told, _MEANING),
        Lookup("own", lambda pair: (_own_action(policy, pair),), {"own_action": ACTION}),
    ]
    asking = ("client_ip", "client_port", "serial") if extra else ()
    text = looked_up(text, lookups, pl.col(*_COLUMNS, "role", "sunk", "destination", "process", *asking))
    return text.select(
        pl.col(*_COLUMNS, *asking[:2]),
        *(() if extra else (pl.when(_ROLE == Role.QUERY).then("asker").alias("client_ip"),)),
        dest_ip=pl.when(_ROLE == Role.FORWARDED).then("server"),
        dest_port=pl.when(_ROLE == Role.FORWARDED).then("port"),
        action=pl.when("sunk")
        .then(pl.lit("blocked", ACTION))
        .when(_ROLE == Role.QUERY)
        .then(pl.lit("unknown", ACTION))
        .otherwise(pl.coalesce("own_action", pl.lit("allowed", ACTION))),
        rcode=pl.when(_ANSWER).then(pl.coalesce("code", pl.lit("NOERROR"))),
        answer=pl.when(_ANSWER & pl.col("code").is_null()).then("destination"),
        kind=pl.lit("dns", KIND),
        request_key=pl.concat_str("process", pl.lit("/"), "serial" if extra else "query"),
    )


def _told(text: str) -> Row:
    return (address(text), *dnsmasq.upstream(text), dnsmasq.no_answer(text))


def _own_action(policy: Policy, pair: str) -> str | None:
    answer, _, name = pair.partition(" ")
    return policy.action("config", answer, name) if pair else None


def _header(text: str) -> Row | None:
    found = tagged(f"{text} x")
    ours = found and found.message == "x" and found.program in ("dnsmasq", "pihole-FTL")
    return (found.pid,) if found and ours and re.search(r"\[[0-9]+\]:$", text) else None


def _words(text: str) -> Row | None:
    meaning = dnsmasq.source(text)
    if meaning is None:
        return None
    path = text.startswith("/")
    reason = None if meaning.role is Role.QUERY else "hosts file" if path else text
    rule = text if path and meaning.role is Role.ANSWER else None
    return (int(meaning.role), meaning.verb, meaning.query_type, reason, rule)


def _client(text: str) -> Row | None:
    return (address(text),) if re.fullmatch(r"[0-9A-Fa-f:.]+", text) else None


_HEADER = [
    Lookup("header", _header, {"process": pl.String()}),
    Lookup(
        "words",
        _words,
        {
            "role": pl.UInt8(),
            "meant": pl.String(),
            "query_type": pl.String(),
            "filter_reason": pl.String(),
            "filter_rule": pl.String(),
        },
    ),
]


class DnsmasqOptions(Options):
    """Options of ``dnsmasq`` and ``dnsmasq_extra``."""

    sinks: list[Address] = Field(
        default=[],
        description="Addresses that mean a block (a block page), besides 0.0.0.0 and ::.",
    )
    local_domains: list[str] = Field(
        default=[],
        description="Domains for which the resolver's own NXDOMAIN is no block, besides the usual (lan, local ...).",
    )


def _reader(name: str, options: Options) -> Reader:
    own = options if isinstance(options, DnsmasqOptions) else DnsmasqOptions()
    domains = {domain.lower().strip(".") for domain in own.local_domains}
    policy = dnsmasq.Policy(
        sinks=frozenset({*dnsmasq.SINKS, *own.sinks}),
        local_domains=frozenset({*dnsmasq.LOCAL_DOMAINS, *domains} - {""}),
    )
    return Reader(name, lambda line: dnsmasq.read(line, policy), lambda lines: read(lines, policy))


def _claims(_: bytes, event: Mapping[str, object], *, extra: bool) -> bool:
    return event.get("kind") == "dns" and (event.get("client_port") is not None) == extra


FORMATS = {
    "dnsmasq": Format(
        "dnsmasq or Pi-hole query log", "syslog", DnsmasqOptions, of_lines(_reader), partial(_claims, extra=False)
    ),
    "dnsmasq_extra": Format(
        "dnsmasq or Pi-hole query log with log-queries=extra",
        "syslog",
        DnsmasqOptions,
        of_lines(_reader),
        partial(_claims, extra=True),
    ),
}
