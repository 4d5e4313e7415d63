"""The vectorised reader of squid's native lines: numpy finds the columns, Polars' CSV reader cuts them.

1. Lines with odd bytes, too few blanks or another head stay out (`screen`).
2. The time is read from its fixed place; the padding of the elapsed time is overwritten with zeros.
3. The blanks of a user's name are hidden, so that every line has ten columns.
4. The CSV reader cuts the columns, all as text: it cannot refuse a batch.
5. What few distinct texts mean (client, result, user, host and port, peer) is asked of the exact reader once each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache, partial

import numpy as np
import polars as pl

from filterwatch.decoders.families.logformat_reader import REFERRER, USER_AGENT
from filterwatch.decoders.families.logformat_values import verdict
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import squid
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import IPV4, MOST_DIGITS, Clock, address, user
from filterwatch.decoders.screen import BLANK, Bytes, Lines, Mask, Places, eight_digits, kept
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.decoders.url import authority, plain_authorities, without_secrets
from filterwatch.events import ACTION, KIND

_SHORTEST = 40
"""A native line cannot be shorter: stamp, elapsed, client, result, bytes, method, URL, user, peer, type."""

_MOST_BLANKS = 24
"""A user's name with more blanks than that takes the exact path."""

HIDDEN = "\x1e"
"""Stands for a blank inside a user's name while the columns are cut; no regular line holds it."""

_COLUMNS = ("time", "elapsed", "client", "result", "bytes", "method", "url", "name", "hierarchy", "mime")
_SCHEMA = dict.fromkeys(_COLUMNS, pl.String())
_REMEMBERED = 65_536
"""Texts whose meaning is remembered from batch to batch; a flood of new ones only costs their reading."""
_CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_CREDENTIALS = r"://[^/?#\s]*@"
_PLAIN_AUTHORITY = re.compile(r"[a-z0-9][a-z0-9._-]*(?::\d{1,5})?")


def read(lines: Lines) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    stamp, good = _stamps(lines)
    good &= lines.regular & (lines.ends - lines.starts >= _SHORTEST)
    headers = _cut_headers(lines, good)
    padded = _pad(lines, good)
    good &= _columns(lines, padded, headers)
    data = kept(lines, good) if headers is None else _before_headers(lines, good, headers[0])
    rows = np.flatnonzero(good).astype(np.uint32)
    if not len(rows):
        return pl.DataFrame(schema={"line": pl.UInt32()})
    behind_time = list(range(1, len(_COLUMNS)))
    text = pl.read_csv(data, separator=" ", quote_char=None, has_header=False, schema=_SCHEMA, columns=behind_time)
    frame = _events(text).with_columns(
        line=pl.Series(rows), stamp_us=pl.Series(stamp[good]), stamp_clock=pl.lit(int(Clock.UTC), pl.UInt8)
    )
    if headers is not None:
        frame = frame.with_columns(_from_headers(lines.array, good, headers))
    return (frame if frame["known"].all() else frame.filter("known")).drop("known")


def _stamps(lines: Lines) -> tuple[Places, Mask]:
    """Read ``1795312249.195`` from the head of each line."""
    window = lines.windows(lines.starts, 16)
    first, good = eight_digits(window[:, :8])
    rest = window[:, 8:14] - np.uint8(48)
    good &= (rest[:, 0] <= 9) & (rest[:, 1] <= 9) & (window[:, 10] == ord(".")) & (window[:, 14] == BLANK)
    good &= (rest[:, 3] <= 9) & (rest[:, 4] <= 9) & (rest[:, 5] <= 9)
    seconds = first * 100 + rest[:, 0] * np.uint8(10) + rest[:, 1]
    millis = rest[:, 3].astype(np.int64) * 100 + rest[:, 4] * np.uint8(10) + rest[:, 5]
    return (seconds * 1000 + millis) * 1000, good


def _pad(lines: Lines, good: Mask) -> Places:
    """Overwrite the blanks before the elapsed time with zeros; return how many each line had.

    Lines in which no digit stands there are no longer *good*.
    """
    padded = np.zeros(len(lines), np.int64)
    rows = np.flatnonzero(good)
    window = lines.windows(lines.starts[rows] + 15, 5)
    leading = np.ones(len(rows), np.bool_)
    for column in range(5):
        leading &= window[:, column] == BLANK
        window[leading, column] = ord("0")
        padded[rows] += leading
    lines.overwrite(lines.starts[rows] + 15, window)
    good[rows] = window[:, 0] - np.uint8(48) <= 9
    return padded


Headers = tuple[Places, Places]
"""Where the blank before the header blocks stands, and the one between them; a line without has its end twice."""


def _cut_headers(lines: Lines, good: Mask) -> Headers | None:
    """Find ``[request headers] [reply headers]``; null when no line has them."""
    array = lines.array
    closed = array[lines.ends - 1] == ord("]")
    if not (closed & good).any():
        return None
    opening = np.flatnonzero((array[:-1] == BLANK) & (array[1:] == ord("[")))
    closing = np.flatnonzero(array == ord("]"))
    behind = np.searchsorted(opening, lines.ends)
    two = closed & (np.diff(behind, prepend=0) == 2)
    first, second = lines.ends.copy(), lines.ends.copy()
    first[two], second[two] = opening[behind[two] - 2], opening[behind[two] - 1]
    two &= array[second - 1] == ord("]")
    two &= np.searchsorted(closing, lines.ends) - np.searchsorted(closing, first) == 2
    good &= two | ~closed
    first[~two], second[~two] = lines.ends[~two], lines.ends[~two]
    return first, second


def _columns(lines: Lines, padded: Places, headers: Headers | None) -> Mask:
    """Hide the blanks of users' names; return which lines then have ten columns."""
    array, marks, first = lines.array, lines.marks, lines.first
    until = lines.ends if headers is None else headers[0]
    blanks = lines.blanks if headers is None else np.searchsorted(marks, until) - first
    good: Mask = (blanks - padded >= 9) & (blanks - padded < _MOST_BLANKS) & _single(lines, padded, headers)
    good &= lines.mark(first + blanks - 1) != until - 1
    good &= lines.byte(lines.mark(first + padded + 3) + 1) - np.uint8(48) <= 9
    named = np.flatnonzero(good & (blanks - padded > 9))
    if len(named):
        extra = blanks[named] - padded[named] - 9
        inner = marks[first[named] + blanks[named] - 3]
        # "x -" is a URL with blanks and no user: only the exact path tells.
        bare = (array[inner + 1] == ord("-")) & (array[inner + 2] == BLANK)
        good[named[bare]] = False
        offsets = np.arange(int(extra.max()))
        places = first[named] + padded[named] + 7
        hidden = (places[:, None] + offsets)[(offsets < extra[:, None]) & ~bare[:, None]]
        array[marks[hidden]] = ord(HIDDEN)
    return good


def _single(lines: Lines, padded: Places, headers: Headers | None) -> Mask:
    """Return which lines have no two blanks side by side, up to the header blocks and but for the padding."""
    places = np.flatnonzero(np.diff(lines.marks) == 1) + 1
    if headers is None and len(places) == int(padded.sum()):
        return np.ones(len(lines), np.bool_)
    line = np.searchsorted(lines.ends, lines.marks[places])
    if headers is not None:
        line = line[lines.marks[places] < headers[0][line]]
    result: Mask = np.bincount(line, minlength=len(lines)) == padded
    return result


def _before_headers(lines: Lines, good: Mask, until: Places) -> bytes:
    view = memoryview(lines.array.data)
    spans = zip(lines.starts[good].tolist(), until[good].tolist(), strict=True)
    return b"".join(part for start, end in spans for part in (view[start:end], b"\n"))


def _from_headers(array: Bytes, good: Mask, headers: Headers) -> list[pl.Series]:
    """Take user agent and referrer from the request headers; the rest, with its credentials, goes no further."""
    view = memoryview(array.data)
    spans = zip((headers[0][good] + 2).tolist(), (headers[1][good] - 1).tolist(), strict=True)
    blocks = pl.Series(
        [bytes(view[start:end]).decode("ascii") if start < end else "" for start, end in spans], dtype=pl.String
    )
    agent = blocks.str.extract(USER_AGENT, 1)
    referrer = blocks.str.extract(REFERRER, 1)
    return [
        _without(agent).replace("", None).alias("user_agent"),
        _without(referrer).replace("", None).alias("referrer"),
    ]


def _without(texts: pl.Series) -> pl.Series:
    return without_secrets(texts.str.replace_all(_CREDENTIALS, "://***@"))


_URL = pl.col("url")
_TARGET = _URL.str.strip_prefix("http://").str.strip_prefix("https://")
_SCHEME_LENGTH = _URL.str.len_bytes() - pl.col("target").str.len_bytes()
_BOTH_SCHEMES = len("http://https://")
_DIRECT = "HIER_DIRECT/"
_PLAIN_PEER = pl.col("peer").str.contains(IPV4) & (
    pl.col("hierarchy").str.len_bytes() - pl.col("peer").str.len_bytes() == len(_DIRECT)
)
"""Nearly all: squid went to an IPv4 address directly.  The rest is few distinct texts."""

_SPLIT = (
    pl.col("url", "client", "result", "method", "name", "mime"),
    pl.col("target").str.splitn("/", 2).struct.field("field_0").alias("whom"),
    pl.col("hierarchy"),
    pl.col("hierarchy").str.strip_prefix(_DIRECT).alias("peer"),
    # That both begin with a digit was seen before; what is no number otherwise becomes null.
    pl.col("elapsed").cast(pl.Int64, strict=False).alias("duration_ms"),
    pl.col("bytes").cast(pl.Int64, strict=False).alias("bytes_in"),
    (_SCHEME_LENGTH != 0).alias("absolute"),
    pl.all_horizontal(
        _SCHEME_LENGTH != _BOTH_SCHEMES,
        pl.col("elapsed").str.len_bytes() <= MOST_DIGITS,
        pl.col("bytes").str.len_bytes() <= MOST_DIGITS,
    ).alias("plain"),
)


def _events(text: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of the events, and ``known``: whether the exact reader would say the same."""
    split = text.with_columns(target=_TARGET).select(_SPLIT)
    asked = split["url"]
    split = split.with_columns(without_secrets(asked), odd_peer=pl.when(~_PLAIN_PEER).then("hierarchy"))
    frame = looked_up(
        split, _LOOKUPS, pl.col("url", "duration_ms", "bytes_in", "absolute", "plain", "peer", "odd_peer")
    )
    return frame.select(
        pl.col("url", "duration_ms", "bytes_in", "method", "host", "dest_port", "client_ip"),
        pl.col("filter_reason", "status", "action", "user", "user_domain", "mime_type"),
        dest_ip=pl.coalesce(pl.when(pl.col("odd_peer").is_null()).then("peer"), "peer_ip", "ip"),
        kind=pl.lit("http", KIND),
        known=pl.all_horizontal(
            KNOWN,
            "plain",
            pl.col("absolute") != pl.col("connects"),
            pl.col("duration_ms", "bytes_in").is_not_null(),
            *_without_credentials(asked),
        ),
    )


def _without_credentials(url: pl.Series) -> list[pl.Series]:
    """Return which URLs hold no ``user:password@``, where any may; that of the host itself is no plain authority."""
    marked = url.str.contains("@", literal=True)
    if not marked.any():
        return []
    places = marked.arg_true()
    clean = ~url.gather(places).str.contains(_CREDENTIALS)
    return [pl.ones(len(url), pl.Boolean, eager=True).scatter(places, clean)]


def _method(text: str) -> Row | None:
    return (None if text == "-" else text, text == "CONNECT")


def _mime(text: str) -> Row | None:
    return None if '"' in text else (None if text == "-" else text,)


@lru_cache(maxsize=_REMEMBERED)
def _whom(text: str) -> Row | None:
    plain = _PLAIN_AUTHORITY.fullmatch(text) and not text.startswith("error:")
    return tuple(authority(text)) if plain else None


@lru_cache(maxsize=_REMEMBERED)
def _client(text: str) -> Row | None:
    client = address(text)
    return (client,) if client is not None or text == "-" else None


_RESULT = re.compile(r"([A-Z][A-Z0-9_]*)/(\d{3})")


def _result(text: str) -> Row | None:
    found = _RESULT.fullmatch(text)
    return (found[1], int(found[2]) or None, verdict(found[1], found[2])) if found else None


@lru_cache(maxsize=_REMEMBERED)
def _name(text: str) -> Row | None:
    plain = text.replace(HIDDEN, " ")
    return None if '"' in plain else user(plain)


@lru_cache(maxsize=_REMEMBERED)
def _peer(text: str) -> Row | None:
    code, _, peer = text.partition("/")
    return ((address(peer),) if peer and _CODE.fullmatch(code) else None) if text else (None,)


_LOOKUPS = [
    Lookup("method", _method, {"method": pl.String(), "connects": pl.Boolean()}),
    Lookup("whom", _whom, {"host": pl.String(), "dest_port": pl.Int32(), "ip": pl.String()}, plain_authorities),
    Lookup("client", _client, {"client_ip": pl.String()}),
    Lookup("result", _result, {"filter_reason": pl.String(), "status": pl.Int32(), "action": ACTION}),
    Lookup("name", _name, {"user": pl.String(), "user_domain": pl.String()}),
    Lookup("mime", _mime, {"mime_type": pl.String()}),
    Lookup("odd_peer", _peer, {"peer_ip": pl.String()}),
]


def _claims(line: bytes, event: Mapping[str, object], *, headers: bool) -> bool:
    """Return whether a line is surely squid's: e2guardian writes one like it, with DEFAULT_PARENT."""
    if event.get("duration_ms") is None or b" DEFAULT_PARENT/" in line:
        return False
    return line.rstrip(b"\r").endswith(b"]") == headers


def _reader(name: str, _: Options) -> Reader:
    return Reader(name, squid.read, read)


FORMATS = {
    "squid": Format(
        "Squid native access.log", "logformat", Options, of_lines(_reader), partial(_claims, headers=False)
    ),
    "squid_mimehdrs": Format(
        "Squid native access.log with header blocks",
        "logformat",
        Options,
        of_lines(_reader),
        partial(_claims, headers=True),
    ),
}
