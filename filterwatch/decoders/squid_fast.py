"""The vectorised reader of squid's native lines: numpy finds the columns, Polars' CSV reader cuts them.

1. Lines with odd bytes, too few blanks or another head stay out (`screen`).
2. The time is read from its fixed place; the padding of the elapsed time is overwritten with zeros.
3. The blanks of a user's name are hidden, so that every line has ten columns.
4. The CSV reader cuts the columns, all as text: it cannot refuse a batch.
5. What few distinct texts mean (client, result, user, host and port, peer) is asked of the exact reader once each.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from filterwatch.decoders import squid
from filterwatch.decoders.common_log import verdict
from filterwatch.decoders.reading import Clock, address, user
from filterwatch.decoders.screen import BLANK, Bytes, Lines, Mask, Places, kept
from filterwatch.decoders.tables import Row, looked_up
from filterwatch.decoders.url import authority
from filterwatch.events import ACTION, KIND

_SHORTEST = 40
"""A native line cannot be shorter: stamp, elapsed, client, result, bytes, method, URL, user, peer, type."""

_MOST_BLANKS = 24
"""A user's name with more blanks than that takes the exact path."""

HIDDEN = "\x1e"
"""Stands for a blank inside a user's name while the columns are cut; no regular line holds it."""

_COLUMNS = ("time", "elapsed", "client", "result", "bytes", "method", "url", "name", "hierarchy", "mime")
_SCHEMA = dict.fromkeys(_COLUMNS, pl.String())
_MOST_DIGITS = 18
_WHOM = {"host": pl.String(), "dest_port": pl.Int32(), "ip": pl.String()}
_RESULT_COLUMNS = {"filter_reason": pl.String(), "status": pl.Int32(), "action": ACTION}
_PLAIN_AUTHORITY = re.compile(r"[a-z0-9][a-z0-9._-]*(?::\d{1,5})?")


def read(lines: Lines) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    array = lines.array.copy()
    stamp, good = _stamps(lines)
    good &= lines.regular & (lines.ends - lines.starts >= _SHORTEST)
    headers = _cut_headers(lines, good)
    padded = _pad(array, lines, good)
    good &= _columns(array, lines, padded, headers)
    data = kept(array, lines, good) if headers is None else _before_headers(array, lines, good, headers[0])
    rows = np.flatnonzero(good).astype(np.uint32)
    if not len(rows):
        return pl.DataFrame(schema={"line": pl.UInt32()})
    text = pl.read_csv(data, separator=" ", quote_char=None, has_header=False, schema=_SCHEMA)
    frame = _events(text).with_columns(
        line=pl.Series(rows), stamp_us=pl.Series(stamp[good]), stamp_clock=pl.lit(int(Clock.UTC), pl.UInt8)
    )
    if headers is not None:
        frame = frame.with_columns(_from_headers(array, good, headers))
    return (frame if frame["known"].all() else frame.filter("known")).drop("known")


def _stamps(lines: Lines) -> tuple[Places, Mask]:
    """Read ``1795312249.195`` from the head of each line."""
    window = lines.windows(lines.starts, 15)
    digits = window - np.uint8(48)
    point = digits[:, 10] == np.uint8(254)  # "." - "0"
    good = (digits[:, :10] <= 9).all(axis=1) & point & (digits[:, 11:14] <= 9).all(axis=1) & (window[:, 14] == BLANK)
    seconds = digits[:, :10] @ (10 ** np.arange(9, -1, -1))
    millis = digits[:, 11:14] @ np.array([100, 10, 1])
    return (seconds * 1000 + millis) * 1000, good


def _pad(array: Bytes, lines: Lines, good: Mask) -> Places:
    """Overwrite the blanks before the elapsed time with zeros; return how many each line had."""
    rows = np.flatnonzero(good)
    leading = np.logical_and.accumulate(lines.windows(lines.starts[rows] + 15, 5) == BLANK, axis=1)
    row, column = np.nonzero(leading)
    array[lines.starts[rows][row] + 15 + column] = ord("0")
    padded = np.zeros(len(lines), np.int64)
    padded[rows] = leading.sum(axis=1)
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


def _columns(array: Bytes, lines: Lines, padded: Places, headers: Headers | None) -> Mask:
    """Hide the blanks of users' names; return which lines then have ten columns."""
    until = lines.ends if headers is None else headers[0]
    blanks = lines.blanks if headers is None else np.searchsorted(lines.marks, until) - lines.first
    good: Mask = (blanks - padded >= 9) & (blanks - padded < _MOST_BLANKS) & (_doubled(lines, headers) == padded)
    good &= lines.marks[np.maximum(lines.first + blanks - 1, 0)] != until - 1
    named = np.flatnonzero(good & (blanks - padded > 9))
    if len(named):
        extra = blanks[named] - padded[named] - 9
        last = lines.marks[lines.first[named] + blanks[named] - 3]
        # "x -" is a URL with blanks and no user: only the exact path tells.
        bare = (array[last + 1] == ord("-")) & (array[last + 2] == BLANK)
        good[named[bare]] = False
        offsets = np.arange(int(extra.max()))
        places = lines.first[named] + padded[named] + 7
        hidden = (places[:, None] + offsets)[(offsets < extra[:, None]) & ~bare[:, None]]
        array[lines.marks[hidden]] = ord(HIDDEN)
    return good


def _doubled(lines: Lines, headers: Headers | None) -> Places:
    """Return how many blanks of each line follow a blank, up to the header blocks."""
    places = np.flatnonzero(np.diff(lines.marks) == 1) + 1
    places = places[lines.array[lines.marks[places]] == BLANK]
    line = np.searchsorted(lines.ends, lines.marks[places])
    if headers is not None:
        line = line[lines.marks[places] < headers[0][line]]
    return np.bincount(line, minlength=len(lines))


def _before_headers(array: Bytes, lines: Lines, good: Mask, until: Places) -> bytes:
    view = memoryview(array.data)
    spans = zip(lines.starts[good].tolist(), until[good].tolist(), strict=True)
    return b"".join(part for start, end in spans for part in (view[start:end], b"\n"))


def _from_headers(array: Bytes, good: Mask, headers: Headers) -> list[pl.Series]:
    """Take user agent and referrer from the request headers; the rest, with its credentials, goes no further."""
    view = memoryview(array.data)
    spans = zip((headers[0][good] + 2).tolist(), (headers[1][good] - 1).tolist(), strict=True)
    blocks = pl.Series(
        [bytes(view[start:end]).decode("ascii") if start < end else "" for start, end in spans], dtype=pl.String
    )
    agent = blocks.str.extract(squid.USER_AGENT, 1)
    referrer = blocks.str.extract(squid.REFERRER, 1)
    return [
        _without(agent).replace("", None).alias("user_agent"),
        _without(referrer).replace("", None).alias("referrer"),
    ]


def _without(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(r"://[^/?#\s]*@", "://***@")


_URL = pl.col("url")
_TARGET = _URL.str.strip_prefix("http://").str.strip_prefix("https://")
_SCHEME_LENGTH = _URL.str.len_bytes() - _TARGET.str.len_bytes()
_SPLIT = (
    _URL,
    pl.col("client", "result", "method", "name", "mime"),
    _TARGET.str.splitn("/", 2).struct.field("field_0").alias("whom"),
    pl.col("hierarchy").str.splitn("/", 2).struct.rename_fields(["code", "peer"]).struct.unnest(),
    pl.col("elapsed").cast(pl.Int64, strict=False).alias("duration_ms"),
    pl.col("bytes").cast(pl.Int64, strict=False).alias("bytes_in"),
    (_SCHEME_LENGTH != 0).alias("absolute"),
    _URL.str.contains("@", literal=True).alias("at"),
    pl.all_horizontal(
        len("http://https://") != _SCHEME_LENGTH,
        *(
            (pl.col(column).str.len_bytes() <= _MOST_DIGITS)
            & ~pl.col(column).str.starts_with("+")
            & ~pl.col(column).str.starts_with("-")
            for column in ("elapsed", "bytes")
        ),
    ).alias("plain"),
)


def _events(text: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of the events, and ``known``: whether the exact reader would say the same."""
    split = text.select(_SPLIT)
    tables = [
        looked_up(split["method"], _method, {"method": pl.String(), "connects": pl.Boolean()}),
        looked_up(split["whom"], _whom, _WHOM),
        looked_up(split["client"], _client, {"client_ip": pl.String()}),
        looked_up(split["result"], _result, _RESULT_COLUMNS),
        looked_up(split["name"], _name, {"user": pl.String(), "user_domain": pl.String()}),
        looked_up(split["code"], _code, {}),
        looked_up(split["mime"], _mime, {"mime_type": pl.String()}),
    ]
    checks = [table["known"].alias(f"known_{at}") for at, table in enumerate(tables) if not table["known"].all()]
    frame = pl.DataFrame(
        [
            *split.select("url", "duration_ms", "bytes_in", "absolute", "plain"),
            *(column for table in tables for column in table.drop("known")),
            *checks,
            (split["peer"] != "").fill_null(value=False).alias("peered"),
            _peers(split["peer"].fill_null("-")),
            _holds_credentials(split["url"], split["at"]),
        ]
    )
    return frame.select(
        pl.col("url", "duration_ms", "bytes_in", "method", "host", "dest_port", "client_ip"),
        pl.col("filter_reason", "status", "action", "user", "user_domain", "mime_type"),
        dest_ip=pl.coalesce("peer", "ip"),
        kind=pl.lit("http", KIND),
        known=pl.all_horizontal(
            "plain",
            "peered",
            pl.col("absolute") != pl.col("connects"),
            pl.col("duration_ms", "bytes_in").is_not_null(),
            ~pl.col("credentials"),
            *(check.name for check in checks),
        ),
    )


def _holds_credentials(url: pl.Series, marked: pl.Series) -> pl.Series:
    """Return which URLs have ``://user:password@`` inside; those of the host itself are no plain authority."""
    held = pl.zeros(len(url), pl.Boolean, eager=True).alias("credentials")
    if marked.any():
        places = marked.arg_true()
        held = held.scatter(places, url.gather(places).str.contains(r"://[^/?#\s]*@"))
    return held


def _method(text: str) -> Row | None:
    return (None if text == "-" else text, text == "CONNECT")


def _mime(text: str) -> Row | None:
    return None if '"' in text else (None if text == "-" else text,)


def _whom(text: str) -> Row | None:
    plain = _PLAIN_AUTHORITY.fullmatch(text) and not text.startswith("error:")
    return tuple(authority(text)) if plain else None


def _client(text: str) -> Row | None:
    client = address(text)
    return (client,) if client is not None or text == "-" else None


_RESULT = re.compile(r"([A-Z][A-Z0-9_]*)/(\d{3})")


def _result(text: str) -> Row | None:
    found = _RESULT.fullmatch(text)
    return (found[1], int(found[2]) or None, verdict(found[1], found[2])) if found else None


def _name(text: str) -> Row | None:
    plain = text.replace(HIDDEN, " ")
    return None if '"' in plain else user(plain)


_CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}(?:\.{_OCTET}){{3}}$"
"""What is canonical as it stands: peers are too many to ask for each."""


def _code(text: str) -> Row | None:
    return () if _CODE.fullmatch(text) else None


def _peers(texts: pl.Series) -> pl.Series:
    """Return the peers that are addresses, in their canonical spelling."""
    plain = texts.str.contains(_IPV4)
    if plain.all():
        return texts
    places = (~plain).arg_true()
    others = looked_up(texts.gather(places), lambda text: (address(text),), {"peer": pl.String()})
    return texts.scatter(places, others["peer"])
