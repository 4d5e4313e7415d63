"""The vectorised readers of e2guardian's formats: numpy finds the columns, Polars' CSV reader cuts them.

Each layout marks the places between its columns; what few distinct texts mean (who, whom, verdict, agent ...) is asked
of the exact reader's own functions, once each.  A line that is not of the plain shape is left to the exact reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import polars as pl

from filterwatch.decoders.grammars import e2guardian
from filterwatch.decoders.grammars.e2guardian_cells import (
    DIGITS,
    METHOD,
    WEIGHT,
    Stamps,
    action,
    person_of,
    rule,
)
from filterwatch.decoders.reading import MOST_DIGITS, Clock, address, known, number
from filterwatch.decoders.screen import BLANK, SEPARATOR, Lines, Mask, Places, eight_digits, kept
from filterwatch.decoders.stamps import DAY, SECOND, days, leap
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.decoders.url import authority, plain_authorities, without_credentials, without_secrets
from filterwatch.events import ACTION, KIND

_TAB = 9
_REMEMBERED = 65_536
_NOTHING = pl.DataFrame(schema={"line": pl.UInt32()})
_CREDENTIALS = r"://[^/?#\s]*@"
_METHOD = re.compile(METHOD)
_PLAIN_AUTHORITY = re.compile(r"[a-z0-9][a-z0-9._-]*(?::\d{1,5})?")
_LENGTHS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

_CLASSIC = ("when", "user", "ip", "url", "what", "method", "size", "weight", "category", "groupno", "code", "mime")
_CLASSIC_TAIL = ("params", "logid1", "logid2", "postdata")
_PROTEX = (
    *("when", "server", "user", "ip", "clienthost", "url", "method", "code", "size", "mime", "agent", "unused1"),
    *("duration", "unused2", "message", "what", "weight", "category", "groupname", "groupno"),
)
_PROTEX_TAIL = ("searchterms", "extflags")

Reading = Callable[[Lines], pl.DataFrame]


def _cut(data: bytes, names: tuple[str, ...]) -> pl.DataFrame:
    text = pl.read_csv(
        data,
        separator=chr(SEPARATOR),
        quote_char=None,
        has_header=False,
        schema=dict.fromkeys(names, pl.String()),
        columns=[at for at, name in enumerate(names) if name in _WANTED],
    )
    return text.with_columns(pl.col(column.name).fill_null("") for column in text if column.null_count())


def spaces(tail: int, stamps: Stamps) -> Reading:
    """Return the reader of format 1, with *tail* columns behind the agent."""
    names = (*_CLASSIC, "clienthost", "group_agent", *_CLASSIC_TAIL[:tail])

    def read(lines: Lines) -> pl.DataFrame:
        stamp, good = _walls(lines, lines.starts, " ")
        good &= lines.regular & (lines.blanks >= e2guardian.CLASSIC - 1 + tail)
        places, anchored = _anchors(lines)
        good &= anchored
        url = _urls(lines)
        # Between date and URL stand user and address, between URL and method a reason.
        good &= (url >= 4) & (places >= url + 1)
        good &= lines.blanks - places >= 9 + tail
        rows = np.flatnonzero(good)
        first, blanks = lines.first[rows], lines.blanks[rows]
        cuts = [first + 1, *(first + url[rows] + shift for shift in (-2, -1, 0))]
        cuts += [first + places[rows] + shift for shift in range(9)]
        cuts += [first + blanks - back for back in range(1, tail + 1)]
        lines.array[lines.marks[np.concatenate(cuts)]] = SEPARATOR
        return events(good, stamp, kept(lines, good), names, partial(_meaning, stamps))

    return read


def _anchors(lines: Lines) -> tuple[Places, Mask]:
    """Return, of each line, the index of the one blank behind which method, size and weight may stand."""
    array, marks = lines.array, lines.marks
    behind = lines.byte(marks + 1)
    digit = behind - np.uint8(48) <= 9
    minus = behind == ord("-")
    found = (behind - np.uint8(65) <= 25) & (array[marks] == BLANK)
    found[:-2] &= digit[1:-1] & (digit[2:] | minus[2:]) & (array[marks[1:-1]] == BLANK) & (array[marks[2:]] == BLANK)
    found[-2:] = False
    at = np.flatnonzero(found)
    # "Adult 1 403" is the category, group and status behind "GET 0 0".
    at = at[~np.isin(at - 3, at, assume_unique=True)]
    line = np.searchsorted(lines.first, at, side="right") - 1
    # Behind the URL only: a user of capitals before it is no method.
    count = np.bincount(line, minlength=len(lines))
    places = np.zeros(len(lines), np.int64)
    places[line] = at - lines.first[line]
    return places, count == 1


def _urls(lines: Lines) -> Places:
    """Return which word of each line holds the first ``://``; 0 where none does."""
    array = lines.array
    colons = np.flatnonzero(array == ord(":"))
    colons = colons[(lines.byte(colons + 1) == ord("/")) & (lines.byte(colons + 2) == ord("/"))]
    first = lines.next_of(colons, lines.starts)
    word = np.searchsorted(lines.marks, first) - lines.first
    return np.where(first < lines.ends, word, 0)


def quoted(tail: int, stamps: Stamps) -> Reading:
    """Return the reader of format 2, with *tail* columns behind the agent."""
    names = (*_CLASSIC, "clienthost", "groupname", "agent", *_CLASSIC_TAIL[:tail])

    def read(lines: Lines) -> pl.DataFrame:
        array = lines.array
        stamp, good = _walls(lines, lines.starts + 1, '","')
        good &= lines.regular & (array[lines.starts] == ord('"')) & (lines.byte(lines.ends - 1) == ord('"'))
        quotes = array == ord('"')
        between = np.flatnonzero(quotes[:-2] & (array[1:-1] == ord(",")) & quotes[2:])
        count = np.diff(np.searchsorted(between, lines.ends), prepend=0)
        good &= count == len(names) - 1
        # `","","` shares no quote; `",",",` does: only the exact reader tells.
        shared = between[1:][np.diff(between) < 3]
        good[np.searchsorted(lines.ends, shared)] = False
        array[between + 1] = SEPARATOR
        mask = np.repeat(good, lines.ends + 1 - lines.starts)
        for places in (between, between + 2, lines.starts, lines.ends[lines.ends > lines.starts] - 1):
            mask[places] = False
        return events(good, stamp, array[mask].tobytes(), names, partial(_meaning, stamps))

    return read


def tabbed(tail: int, stamps: Stamps) -> Reading:
    """Return the reader of format 4, with *tail* columns behind the agent."""
    names = (*_CLASSIC, "clienthost", "groupname", "agent", *_CLASSIC_TAIL[:tail])

    def read(lines: Lines) -> pl.DataFrame:
        tabs, good = _tabs(lines)
        good &= tabs == len(names) - 1
        stamp, stamped = _walls(lines, lines.starts, chr(SEPARATOR))
        return events(good & stamped, stamp, kept(lines, good & stamped), names, partial(_meaning, stamps))

    return read


def protex(extra: int, stamps: Stamps) -> Reading:
    """Return the reader of formats 5 to 8, with *extra* columns behind the group number."""
    names = (*_PROTEX, *_PROTEX_TAIL[:extra])
    without_host = tuple(name for name in names if name != "clienthost")

    def read(lines: Lines) -> pl.DataFrame:
        tabs, good = _tabs(lines)
        shorter = np.count_nonzero(good & (tabs == len(names) - 2)) > np.count_nonzero(good & (tabs == len(names) - 1))
        columns = without_host if shorter else names
        stamp, stamped = epochs(lines, SEPARATOR)
        good &= stamped & (tabs == len(columns) - 1)
        return events(good, stamp, kept(lines, good), columns, partial(_meaning, stamps), Clock.UTC)

    return read


def _tabs(lines: Lines) -> tuple[Places, Mask]:
    """Turn TABs into separators; return how many each line has, and which lines are printable ASCII besides."""
    array = lines.array
    kinds = array[lines.marks]
    tabs = lines.marks[kinds == _TAB]
    good = np.ones(len(lines), np.bool_)
    odd = (kinds != BLANK) & (kinds != _TAB) & (kinds != ord("\n"))
    for places in (lines.marks[odd], np.flatnonzero(array > 126)):
        good[np.searchsorted(lines.ends, places)] = False
    count = np.diff(np.searchsorted(tabs, lines.ends), prepend=0)
    array[tabs] = SEPARATOR
    return count, good


def _walls(lines: Lines, starts: Places, behind: str) -> tuple[Places, Mask]:
    """Read ``2026.11.22 02:01:57`` at *starts*, with *behind* behind it, as if it were UTC."""
    window = lines.windows(np.minimum(starts, len(lines.array)), 22)
    date, good = eight_digits(window[:, [0, 1, 2, 3, 5, 6, 8, 9]])
    digits = np.full((len(window), 8), ord("0"), np.uint8)
    digits[:, 2:] = window[:, [11, 12, 14, 15, 17, 18]]
    clock, timed = eight_digits(digits)
    good &= timed & (starts + 19 <= lines.ends)
    for column, sign in ((4, "."), (7, "."), (10, " "), (13, ":"), (16, ":"), *enumerate(behind, 19)):
        good &= window[:, column] == ord(sign)
    year, month, day = date // 10_000, date // 100 % 100, date % 100
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    good &= (hour <= 23) & (minute <= 59) & (second <= 60) & (year >= 1970) & (year <= 2199) & (month >= 1)
    good &= (month <= 12) & (day >= 1)
    good &= day <= _LENGTHS[np.clip(month, 0, 12)] + ((month == 2) & leap(year))
    return days(year, month, day) * DAY + (hour * 3600 + minute * 60 + second) * SECOND, good


def epochs(lines: Lines, behind: int) -> tuple[Places, Mask]:
    """Read ``1795312945.190`` from the head of each line, with the byte *behind* behind it."""
    window = lines.windows(lines.starts, 15)
    seconds, good = eight_digits(window[:, :8])
    rest = np.full((len(window), 8), ord("0"), np.uint8)
    rest[:, 3:] = window[:, [8, 9, 11, 12, 13]]
    rest_of, digits = eight_digits(rest)
    good &= digits & (window[:, 10] == ord(".")) & (window[:, 14] == behind)
    return (seconds * 100_000 + rest_of) * 1000, good


def events(
    good: Mask,
    stamp: Places,
    data: bytes,
    names: tuple[str, ...],
    meaning_of: Callable[[pl.DataFrame], pl.DataFrame],
    clock: Clock = Clock.WALL,
) -> pl.DataFrame:
    """Return the events of the *good* lines, cut into columns in *data*, that the exact reader would give."""
    rows = np.flatnonzero(good)
    if not len(rows):
        return _NOTHING
    frame = meaning_of(_cut(data, names))
    frame = frame.with_columns(
        line=pl.Series(rows.astype(np.uint32)),
        stamp_us=pl.Series(stamp[good]),
        stamp_clock=pl.lit(int(clock), pl.UInt8),
        kind=pl.lit("http", KIND),
    )
    return (frame if frame[KNOWN].all() else frame.filter(KNOWN)).drop(KNOWN)


_WANTED = {
    *("user", "ip", "url", "what", "method", "size", "weight", "category", "groupno", "code", "mime"),
    *("agent", "group_agent", "duration", "message", "clienthost", "result", "hierarchy"),
}
_URL = pl.col("url")
_TARGET = _URL.str.strip_prefix("http://").str.strip_prefix("https://")
_HTTP, _HTTPS = len("http://"), len("https://")
_SCHEME_LENGTH = _URL.str.len_bytes() - pl.col("target").str.len_bytes()
_COUNT = rf"^[0-9]{{1,{MOST_DIGITS}}}$"
_PLAIN: dict[str, pl.Expr] = {
    "weight": pl.col("weight").str.contains(f"^{WEIGHT}$"),
    "groupno": pl.col("groupno").str.contains(f"^{DIGITS}$"),
    "size": pl.col("size").str.contains(_COUNT),
    "duration": pl.col("duration").str.contains(_COUNT),
    "url": _SCHEME_LENGTH.is_in((_HTTP, _HTTPS)),
}


def lookups(stamps: Stamps) -> list[Lookup]:
    """Return what the columns mean of which few distinct texts occur."""
    return [
        Lookup("ip", client_row, {"client_ip": pl.String()}),
        Lookup("who", _person, {"user": pl.String(), "user_domain": pl.String()}),
        Lookup(
            "whom", _whom, {"host": pl.String(), "dest_port": pl.Int32(), "dest_ip": pl.String()}, plain_authorities
        ),
        Lookup("method", _method, {"method": pl.String()}),
        Lookup("verdict", lambda text: _reason(text, stamps), VERDICT),
        Lookup("spaced verdict", lambda text: _spaced_reason(text, stamps), VERDICT),
        Lookup("category", _known, {"filter_category": pl.String()}),
        Lookup("mime", _known, {"mime_type": pl.String()}),
        Lookup("agent", _agent, {"user_agent": pl.String()}),
        Lookup("group_agent", _group_agent, {"user_agent": pl.String()}),
        Lookup("message", _message, {"filter_rule": pl.String()}),
    ]


def _meaning(stamps: Stamps, text: pl.DataFrame) -> pl.DataFrame:
    spaced = "group_agent" in text.columns
    verdict = pl.concat_str("what", "code", separator=chr(SEPARATOR)).alias("spaced verdict" if spaced else "verdict")
    hosts = ["clienthost"] if {"clienthost", "message"} <= set(text.columns) else []
    apart = [~pl.col(name).str.contains("://", literal=True) for name in hosts]
    return meaning(text.with_columns(verdict), lookups(stamps), apart)


def meaning(text: pl.DataFrame, all_lookups: list[Lookup], apart: list[pl.Expr]) -> pl.DataFrame:
    """Return the event columns of cut columns, and ``known``: whether the exact reader would say the same.

    Of *all_lookups* those are done whose column is there; *apart* is what must hold besides.
    """
    split = text.with_columns(target=_TARGET, who=pl.concat_str("user", "ip", separator=chr(SEPARATOR)))
    counts = {"bytes_in": "size", "duration_ms": "duration"}
    split = split.with_columns(
        pl.col("target").str.splitn("/", 2).struct.field("field_0").alias("whom"),
        *(
            pl.col(cell).cast(pl.Int64, strict=False).alias(name)
            for name, cell in counts.items()
            if cell in text.columns
        ),
        plain=pl.all_horizontal(*(plain for name, plain in _PLAIN.items() if name in text.columns), *apart),
    )
    numbers = [name for name, cell in counts.items() if cell in text.columns]
    present = [one for one in all_lookups if one.column in split.columns]
    frame = looked_up(split, present, pl.col("url", "plain", *numbers))
    if split["url"].str.contains("@", literal=True).any():
        frame = frame.with_columns(_URL.str.replace_all(_CREDENTIALS, "://***@"))
    frame = frame.with_columns(without_secrets(frame["url"]))
    return frame.with_columns(known=pl.all_horizontal(KNOWN, "plain")).drop("plain")


VERDICT = {"action": ACTION, "filter_reason": pl.String(), "status": pl.Int32()}


def _reason(text: str, stamps: Stamps) -> Row | None:
    what, _, code = text.rpartition(chr(SEPARATOR))
    if not _is_code(code):
        return None
    reason = stamps.reason(what)
    return action(reason.action, code), reason.text, number(code) or None


def _spaced_reason(text: str, stamps: Stamps) -> Row | None:
    what = text.rpartition(chr(SEPARATOR))[0]
    return _reason(text, stamps) if e2guardian.reason_at(what.split(" "), stamps) == 0 else None


def _method(text: str) -> Row | None:
    return (text,) if _METHOD.fullmatch(text) else None


def _known(text: str) -> Row | None:
    return (known(text),)


def _is_code(text: str) -> bool:
    return len(text) == 3 and text.isdigit()


@lru_cache(maxsize=_REMEMBERED)
def client_row(text: str) -> Row | None:
    """Return a client's address; null where it is none."""
    client = address(text)
    return None if client is None else (client,)


@lru_cache(maxsize=_REMEMBERED)
def _person(text: str) -> Row | None:
    name, _, client = text.rpartition(chr(SEPARATOR))
    return person_of(name, client)


@lru_cache(maxsize=_REMEMBERED)
def _whom(text: str) -> Row | None:
    return tuple(authority(text)) if _PLAIN_AUTHORITY.fullmatch(text) else None


@lru_cache(maxsize=_REMEMBERED)
def _agent(text: str) -> Row | None:
    return (known(without_credentials(text)),)


@lru_cache(maxsize=_REMEMBERED)
def _group_agent(text: str) -> Row | None:
    return (known(without_credentials(e2guardian.agent(text.split(" ")))),)


def _message(text: str) -> Row | None:
    return (rule(text),) if text.isdigit() else None
