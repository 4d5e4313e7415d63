"""The vectorised reader of unbound's log.

1. The time is read from its fixed place; the words before the message end with the first ``LEVEL:``.
2. How many words the message has tells what it is: four a question, eight a reply, six what a local zone did, nine
   what a response policy zone did.  All blanks of it become separators, and the CSV reader cuts columns.
3. What few distinct texts mean (head, client, type, zone's action) is asked of the exact reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from pydantic import Field

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import unbound
from filterwatch.decoders.grammars.unbound import Policy
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Clock, address
from filterwatch.decoders.screen import SEPARATOR, Lines, Mask, Places, kept
from filterwatch.decoders.stamps import SECOND, Stamps, read_stamps
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.events import ACTION, KIND

_QUESTION, _LOCAL, _REPLY, _RPZ = 4, 6, 8, 9
"""How many words a message of each kind has."""

_WORDS = tuple(f"w{n}" for n in range(_RPZ))
_HEAD_WORDS = 4
"""Words before the message at most: host, ``unbound[1]:``, ``[1:0]``, ``info:``."""


def read(lines: Lines, policy: Policy) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    stamps = _stamps(lines)
    end = lines.first + lines.blanks
    header, found = _header_ends(lines, stamps)
    words = end - header
    good = lines.regular & stamps.found & ~stamps.modern & found & (header < end) & np.isin(words, _KINDS)
    rows = np.flatnonzero(good)
    if not len(rows):
        return pl.DataFrame(schema={"line": pl.UInt32()})
    lines.array[stamps.body[rows] - 1] = SEPARATOR
    index = np.arange(len(lines.marks))
    of_line = np.repeat(np.arange(len(lines)), lines.blanks + 1)
    inside = good[of_line] & (index >= header[of_line]) & (index < end[of_line])
    lines.array[lines.marks[inside]] = SEPARATOR
    names = ("stamp", "header", *_WORDS)
    # The first line tells the reader how many columns there are; shorter ones are filled up with null.
    widest = SEPARATOR.to_bytes() * (len(names) - 1) + b"\n"
    text = pl.read_csv(
        widest + kept(lines, good),
        separator=chr(SEPARATOR),
        quote_char=None,
        has_header=False,
        schema=dict.fromkeys(names, pl.String()),
        columns=list(range(1, len(names))),
    )[1:]
    told = {"line": rows.astype(np.uint32), "stamp_us": stamps.us[rows], "stamp_clock": stamps.clock[rows]}
    return _events(pl.DataFrame([*text, *pl.DataFrame(told), pl.Series("words", words[rows])]), policy)


_KINDS = (_QUESTION, _LOCAL, _REPLY, _RPZ)


def _stamps(lines: Lines) -> Stamps:
    """Read ``[epoch] `` and the times that syslog and ISO 8601 know."""
    stamps = read_stamps(lines)
    window = lines.windows(lines.starts, _WIDTH)
    rows = np.flatnonzero((window[:, 0] == ord("[")) & (window[:, 11] == ord("]")) & (window[:, 12] == ord(" ")))
    digits = window[rows, 1:11].astype(np.int64) - 48
    good = np.all((digits >= 0) & (digits <= 9), axis=1)
    rows, digits = rows[good], digits[good]
    if len(rows):
        stamps.us[rows] = digits @ (10 ** np.arange(9, -1, -1)) * SECOND
        stamps.clock[rows] = Clock.UTC
        stamps.body[rows] = lines.starts[rows] + _WIDTH
        stamps.found[rows] = True
    return stamps


_WIDTH = 13


def _header_ends(lines: Lines, stamps: Stamps) -> tuple[Places, Mask]:
    """Return the index in ``marks`` of the blank behind the first ``LEVEL:``, and where there is one."""
    index = np.searchsorted(lines.marks, stamps.body)
    result = index.copy()
    found = np.zeros(len(lines), np.bool_)
    for step in range(_HEAD_WORDS):
        place = lines.mark(index + step)
        here = ~found & (lines.byte(place - 1) == ord(":")) & (lines.byte(place - 2) != ord("]"))
        result[here] += step
        found |= here
    return result, found


def _is(*kinds: int) -> pl.Expr:
    return pl.col("words").is_in(kinds)


def _word(question: str | None, local: str | None, rpz: str | None) -> pl.Expr:
    """Return the column that holds the same thing in each kind of message; a reply begins like a question."""
    none = pl.lit(None, pl.String())
    first, second, third = (none if name is None else pl.col(name) for name in (question, local, rpz))
    return pl.when(_is(_QUESTION, _REPLY)).then(first).when(_is(_LOCAL)).then(second).otherwise(third)


_SAME = {
    "client": _word("w0", "w2", "w5"),
    "name": _word("w1", "w3", "w6"),
    "type": _word("w2", "w4", "w7"),
    "class": _word("w3", "w5", "w8"),
    "word": _word(None, "w1", "w4"),
    "rule": _word(None, "w0", "w3"),
    "zone": _word(None, "w0", "w2"),
    "rcode": pl.when(_is(_REPLY)).then("w4"),
}
_REPLIES = {"w4": r"^[A-Z][A-Z0-9]*$", "w5": r"^[0-9]{1,6}\.[0-9]{6}$", "w6": "^[01]$", "w7": "^[0-9]{1,10}$"}
_APPLIED = (pl.col("w0") == "rpz:") & (pl.col("w1") == "applied") & pl.col("w2").str.contains(r"^\[[^\]]*\]$")
_INFO = pl.col("level") == "info"


def _events(text: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    replied = pl.all_horizontal(pl.col(name).str.contains(regex) for name, regex in _REPLIES.items())
    whole = pl.when(_is(_REPLY)).then(replied).when(_is(_RPZ)).then(_APPLIED).otherwise(pl.lit(value=True))
    text = text.select(
        "line", "stamp_us", "stamp_clock", "header", "words",
        *(expression.alias(name) for name, expression in _SAME.items()),
        whole=whole.fill_null(value=False),
        micros=pl.when(_is(_REPLY)).then(pl.col("w5").str.replace(".", "", literal=True)),
    )  # fmt: skip
    text = text.with_columns(
        pl.col("client").str.splitn("@", 2).struct.rename_fields(["ip", "port"]).struct.unnest(),
        deed=pl.when(_is(_LOCAL, _RPZ)).then(pl.concat_str("word", "zone", "type", separator=" ")),
    )
    keep = ("line", "stamp_us", "stamp_clock", "words", "whole", "name", "class", "rule", "rcode", "micros", "port")
    text = looked_up(text, _lookups(policy), pl.col(*keep))
    asks, replies, zones = _is(_QUESTION), _is(_REPLY), _is(_LOCAL, _RPZ)
    text = text.with_columns(client_port=pl.col("port").cast(pl.Int32, strict=False))
    level = (
        pl.when(asks)
        .then((pl.col("level") == "query") | _INFO)
        .when(replies)
        .then((pl.col("level") == "reply") | _INFO)
    ).otherwise(_INFO)
    port = pl.col("port").str.contains("^[0-9]{1,5}$") & pl.col("client_port").is_between(1, 65_535)
    sure = pl.when(zones).then(port & pl.col("rule").is_not_null()).otherwise(pl.col("port").is_null())
    named = pl.col("name", "class", "query_type").is_not_null()
    text = text.filter(pl.all_horizontal(KNOWN, "whole", level, sure.fill_null(value=False), named))
    return text.with_columns(query=_plain("name")).select(
        "line", "stamp_us", "stamp_clock", "query", "query_type", "client_ip", "client_port", "filter_reason",
        "filter_category",
        kind=pl.lit("dns", KIND),
        action=pl.coalesce("zone_action", "reply_action", pl.lit("unknown", ACTION)),
        rcode=pl.coalesce("rcode", "zone_rcode"),
        duration_ms=pl.col("micros").cast(pl.Int64, strict=False) // 1000,
        filter_rule=_plain("rule"),
        request_key=pl.concat_str("process", "client_ip", "query", "query_type", separator="/"),
    )  # fmt: skip


def _plain(column: str) -> pl.Expr:
    lower = pl.col(column).str.to_lowercase().str.strip_chars_end(".")
    return pl.when(lower == "").then(pl.lit(".")).otherwise(lower)


def _header(text: str) -> Row | None:
    for head in unbound.HEADS:
        found = re.fullmatch(head, f"{text} ")
        if found:
            return (found["process"], found["level"])
    return None


def _client(text: str) -> Row | None:
    found = address(text) if re.fullmatch("[0-9A-Fa-f.:]+", text) else None
    return (found,) if found else None


def _deed(policy: Policy, text: str) -> Row | None:
    if not text:
        return (None, None, None, None)
    word, zone, kind = text.split(" ")
    rpz = word.startswith("rpz-") and zone.startswith("[")
    if not re.fullmatch("rpz-[a-z-]+" if rpz else "[a-z_]+", word):
        return None
    zone = zone[1:-1] if rpz else unbound.plain(zone)
    action = policy.action(word, zone, kind.upper())
    return None if action is None else (action, unbound.rcode(word), word, zone or None if rpz else None)


def _lookups(policy: Policy) -> list[Lookup]:
    deed = {"zone_action": ACTION, "zone_rcode": pl.String(), "filter_reason": pl.String()}
    return [
        Lookup("header", _header, {"process": pl.String(), "level": pl.String()}),
        Lookup("ip", _client, {"client_ip": pl.String()}),
        Lookup("type", lambda text: (text.upper() or None,), {"query_type": pl.String()}),
        Lookup("rcode", lambda text: (unbound.replied(text) if text else None,), {"reply_action": ACTION}),
        Lookup("deed", lambda text: _deed(policy, text), deed | {"filter_category": pl.String()}),
    ]


class UnboundOptions(Options):
    """Options of ``unbound``."""

    block_zones: list[str] = Field(
        default=[],
        description="Local zones and names of RPZ logs (rpz-log-name) whose redirections lead to a block page.",
    )
    static_zones: list[str] = Field(
        default=[],
        description="Zones of the type static that the school added to block them; unbound's own are no blocks.",
    )


def _reader(name: str, options: Options) -> Reader:
    own = options if isinstance(options, UnboundOptions) else UnboundOptions()
    blocks = {zone.strip("[]") for zone in own.block_zones}
    policy = Policy(
        block_zones=frozenset(blocks | {unbound.plain(zone) for zone in blocks}),
        static_zones=frozenset(unbound.plain(zone) for zone in own.static_zones),
    )
    return Reader(name, lambda line: unbound.read(line, policy), lambda lines: read(lines, policy))


def _claims(line: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "dns" and b"unbound" in line


FORMATS = {
    "unbound": Format(
        "unbound: questions, replies, local zones and response policy zones",
        "syslog",
        UnboundOptions,
        of_lines(_reader),
        _claims,
        "unbound 1.17, live; unbound.conf(5)",
    ),
}
