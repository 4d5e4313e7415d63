"""The vectorised reader of BIND's query log.

The line is taken apart from its end: server, flags, type, class, name, ``query:`` and ``(name):`` hold no blanks.  A
view takes two words more; the client's pointer may be missing.  The words before the client are few distinct texts and
are read by the exact reader's expression.  Everything else that named writes takes the exact path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from pydantic import Field

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import bind
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Clock, address
from filterwatch.decoders.screen import SEPARATOR, Lines, Mask, Places, kept
from filterwatch.decoders.stamps import DAY, MONTHS, SECOND, Stamps, days, leap, read_stamps
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.events import ACTION, KIND

_ASKED = ("word", "name", "class", "type", "flags", "server")
_TAIL = len(_ASKED)


def read(lines: Lines) -> pl.DataFrame:
    """Return the events of the query lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    stamps = _stamps(lines)
    end = lines.first + lines.blanks
    letter = lines.byte(stamps.body) - np.uint8(ord("a")) < 26
    # A line without a time begins with a category or "client"; another time would begin with none of these letters.
    good = lines.regular & ~stamps.modern & (stamps.found | letter) & (lines.blanks >= _TAIL + 2)
    view = lines.byte(lines.mark(end - _TAIL - 1) + 1) != ord("(")
    before = end - _TAIL - 2 - 2 * view  # the mark before ip#port
    pointer = lines.byte(lines.mark(before - 1) + 1) == ord("@")
    good &= lines.mark(before - pointer) > stamps.body
    good &= before - pointer >= lines.first
    frames = [
        frame
        for viewed in (False, True)
        for pointed in (True, False)
        for stamped in (True, False)
        if (
            frame := _cut(
                lines,
                stamps,
                good & (view == viewed) & (pointer == pointed) & (stamps.found == stamped),
                end,
                viewed=viewed,
                pointed=pointed,
                stamped=stamped,
            )
        )
        is not None
    ]
    if not frames:
        return pl.DataFrame(schema={"line": pl.UInt32()})
    return frames[0] if len(frames) == 1 else pl.concat(frames).sort("line")


def _stamps(lines: Lines) -> Stamps:
    """Read named's own times (``22-Nov-2026 02:02:06.406``) and those of syslog and ISO 8601; a line may have none."""
    stamps = read_stamps(lines)
    body = np.where(stamps.found, stamps.body, lines.starts)
    window = lines.windows(lines.starts, _WIDTH)
    rows = np.flatnonzero((window[:, 2] == ord("-")) & (window[:, 6] == ord("-")) & (window[:, 20] == ord(".")))
    if not len(rows):
        return Stamps(stamps.us, stamps.clock, body, stamps.found, stamps.modern)
    us, good = _named(window[rows])
    rows, us = rows[good], us[good]
    all_us, clock, found = stamps.us.copy(), stamps.clock.copy(), stamps.found.copy()
    all_us[rows], clock[rows], found[rows] = us, Clock.WALL, True
    body[rows] = lines.starts[rows] + _WIDTH
    return Stamps(all_us, clock, body, found & (body <= lines.ends), stamps.modern)


_WIDTH = 25
_MONTH = {int.from_bytes(name.encode(), "big"): number for number, name in enumerate(MONTHS, 1)}
_CODES = np.array(sorted(_MONTH))
_NUMBERS = np.array([_MONTH[code] for code in sorted(_MONTH)])
_LENGTHS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_DIGITS = [0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 21, 22, 23]
_FIXED = ((11, " "), (14, ":"), (17, ":"), (24, " "))


def _named(window: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> tuple[Places, Mask]:
    """Return microseconds of ``DD-Mon-YYYY HH:MM:SS.mmm `` and where it is a time."""
    digits = window[:, _DIGITS].astype(np.int64) - 48
    good: Mask = np.all((digits >= 0) & (digits <= 9), axis=1)
    for column, byte in _FIXED:
        good &= window[:, column] == ord(byte)
    two = digits[:, ::2][:, :7] * 10 + digits[:, 1::2][:, :7]  # day, century, year, hour, minute, second
    day, year, hour, minute, second = two[:, 0], two[:, 1] * 100 + two[:, 2], two[:, 3], two[:, 4], two[:, 5]
    milli = digits[:, 12] * 100 + digits[:, 13] * 10 + digits[:, 14]
    code = (window[:, 3].astype(np.int64) << 16) | (window[:, 4].astype(np.int64) << 8) | window[:, 5]
    place = np.minimum(np.searchsorted(_CODES, code), 11)
    month = _NUMBERS[place]
    good &= (_CODES[place] == code) & (hour < 24) & (minute < 60) & (second <= 60)
    good &= (year >= 1970) & (year <= 2199) & (day >= 1) & (day <= _LENGTHS[month])
    good &= (month != 2) | (day < 29) | leap(year)
    return days(year, month, day) * DAY + ((hour * 60 + minute) * 60 + second) * SECOND + milli * 1000, good


def _cut(
    lines: Lines, stamps: Stamps, good: Mask, end: Places, *, viewed: bool, pointed: bool, stamped: bool
) -> pl.DataFrame | None:
    """Cut the columns of the lines in *good* and return their events."""
    rows = np.flatnonzero(good)
    if not len(rows):
        return None
    names = [*(["pointer"] if pointed else []), "client", "about", *(["view", "viewed"] if viewed else []), *_ASKED]
    if stamped:
        lines.array[stamps.body[rows] - 1] = SEPARATOR
    for back in range(1, len(names) + 1):
        lines.array[lines.marks[end[rows] - back]] = SEPARATOR
    columns = [*(["stamp"] if stamped else []), "header", *names]
    text = pl.read_csv(
        kept(lines, good),
        separator=chr(SEPARATOR),
        quote_char=None,
        has_header=False,
        schema=dict.fromkeys(columns, pl.String()),
        columns=list(range(int(stamped), len(columns))),
    )
    clock = stamps.clock[rows] if stamped else np.full(len(rows), Clock.NONE, np.uint8)
    us = stamps.us[rows] if stamped else np.zeros(len(rows), np.int64)
    told = (pl.Series("line", rows.astype(np.uint32)), pl.Series("stamp_us", us), pl.Series("stamp_clock", clock))
    return _events(pl.DataFrame([*text, *told]))


_CERTAIN = {
    "pointer": r"^@0x[0-9a-f]+$",
    "about": r"^\([^ ]+\):$",
    "view": r"^view$",
    "viewed": r"^[^ ]+:$",
    "word": r"^query:$",
    "flags": rf"^{bind.FLAGS}$",
}


def _events(text: pl.DataFrame) -> pl.DataFrame:
    certain = [
        pl.col(name).str.contains(regex).fill_null(value=False) for name, regex in _CERTAIN.items() if name in text
    ]
    filled = pl.all_horizontal(pl.col("name", "class", "type", "server", "client").is_not_null())
    port = pl.col("client").str.splitn("#", 2).struct.rename_fields(["ip", "port"]).struct.unnest()
    text = text.with_columns(port).with_columns(
        sure=pl.all_horizontal(filled, pl.col("port").str.contains(r"^[0-9]{1,5}$").fill_null(value=False), *certain),
        client_port=pl.col("port").cast(pl.Int32, strict=False),
    )
    keep = pl.col("line", "stamp_us", "stamp_clock", "name", "client_port", "sure")
    text = looked_up(text, _LOOKUPS, keep)
    known = pl.col(KNOWN) & pl.col("sure") & pl.col("client_port").is_between(1, 65_535).fill_null(value=False)
    lower = pl.col("name").str.to_lowercase().str.strip_chars_end(".")
    text = text.filter(known).with_columns(query=pl.when(lower == "").then(pl.lit(".")).otherwise(lower))
    return text.select(
        "line", "stamp_us", "stamp_clock", "query", "query_type", "client_ip", "client_port", "protocol", "dest_ip",
        action=pl.lit("unknown", ACTION),
        kind=pl.lit("dns", KIND),
        request_key=pl.format("{}#{}/{}/{}", "client_ip", "client_port", "query", "query_type"),
    )  # fmt: skip


_HEADER = re.compile(bind.PROGRAM + bind.CHANNEL + "client")


def _header(text: str) -> Row | None:
    return () if _HEADER.fullmatch(text) else None


def _client(text: str) -> Row | None:
    found = address(text)
    return (found,) if found else None


def _server(text: str) -> Row | None:
    return (address(text[1:-1]),) if re.fullmatch(r"\([^ )]+\)", text) else None


_LOOKUPS = [
    Lookup("header", _header, {}),
    Lookup("ip", _client, {"client_ip": pl.String()}),
    Lookup("type", lambda text: (text.upper(),), {"query_type": pl.String()}),
    Lookup("flags", lambda text: (bind.transport(text),), {"protocol": pl.String()}),
    Lookup("server", _server, {"dest_ip": pl.String()}),
]


class BindOptions(Options):
    """Options of ``bind`` and of the appliances built on it."""

    block_zones: list[str] = Field(
        default=[],
        description="Response policy zones whose rewritten answers (local data, CNAME) lead to a block page.",
    )
    blockpages: list[str] = Field(
        default=[],
        description="Names of block pages (walled gardens) that a response policy's CNAME leads to.",
    )


def policy(options: Options) -> bind.Policy:
    """Return what *options* say about rewritten answers."""
    own = options if isinstance(options, BindOptions) else BindOptions()
    return bind.Policy(
        block_zones=tuple(f".{bind.plain(zone)}" for zone in own.block_zones),
        blockpages=frozenset(bind.plain(name) for name in own.blockpages),
    )


def _reader(name: str, options: Options) -> Reader:
    own = policy(options)
    return Reader(name, lambda line: bind.read(line, own), read)


def _claims(line: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "dns" and b"client " in line and b" response: " not in line


FORMATS = {
    "bind": Format(
        "BIND: queries, response policy zones, refusals",
        "syslog",
        BindOptions,
        of_lines(_reader),
        _claims,
        "BIND 9.18, live; BIND 9 Administrator Reference Manual, 'logging'",
    ),
}
