"""Times as vendors write them, many at once: epochs, ISO 8601, those of CEF, and patterns as strftime has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import polars as pl

from filterwatch.decoders.reading import Clock
from filterwatch.decoders.stamps import SECOND

STAMPS = pl.Schema({"us": pl.Int64(), "clock": pl.UInt8()})
"""Microseconds as the clock counts them, and :class:`Clock`; null where there is no time."""

_EPOCH = r"^(\d{9,10})(?:[.,](\d{1,9}))?$"
_COUNTS = {13: 1_000, 16: 1, 19: -1_000}
"""Digits of an epoch -> microseconds of one count (a negative one divides): years 2001 to 2286."""

_ISO = r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?$"
_CEF = (
    r"^([A-Z][a-z]{2}) +(\d{1,2})(?:,? (\d{4}))?,? (\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?"
    r"(?: ([A-Za-z]{1,5}|(?:GMT|UTC)?[+-]\d\d?:?\d\d))?$"
)
_FIRST_US, _LAST_US = 0, 7_258_118_400 * SECOND
"""1970 to 2199: a year outside is no time of a gateway."""

_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3,
    "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8, "AEST": 10, "AEDT": 11,
}  # fmt: skip
"""Abbreviations of zones as firewalls print them; BST is British, CST American."""

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?")
_YEAR = ("%Y", "%y", "%F", "%D", "%c", "%s")


def check_pattern(text: str) -> str:
    """Return *text* when it is a way to write times that we can read.

    Raises:
        ValueError: It is none.
    """
    if text in ("epoch", "iso", "cef", "envelope"):
        return text
    if "%" not in text:
        raise ValueError(
            "no way to write a time; write epoch, iso, cef, envelope or a pattern such as %Y-%m-%d %H:%M:%S"
        )
    try:
        pl.Series(["x"]).str.to_datetime(_with_year(text), strict=False)
    except pl.exceptions.PolarsError:
        raise ValueError("no pattern of strftime; write one such as %Y-%m-%d %H:%M:%S") from None
    return text


def stamps(texts: pl.Series, written: str, zones: pl.Series | None = None) -> pl.DataFrame:
    """Return the times of *texts* in the columns of :data:`STAMPS`.

    Args:
        texts: One text a row; null where there is none.
        written: As :func:`check_pattern` takes it, but not ``envelope``.
        zones: The zone of each row where it stands apart.
    """
    read = _NAMED.get(written)
    frame = read(texts) if read else _by_pattern(texts, written)
    if zones is not None:
        east = distinct_offsets(zones)
        moved = (frame["clock"] == int(Clock.WALL)) & east.is_not_null()
        frame = frame.with_columns(
            us=pl.when(moved).then(pl.col("us") - east).otherwise("us"),
            clock=pl.when(moved).then(pl.lit(int(Clock.UTC), pl.UInt8)).otherwise("clock"),
        )
    good = frame["us"].is_between(_FIRST_US, _LAST_US).fill_null(value=False)
    return frame.with_columns(pl.when(good).then(pl.all()))


def _frame(us: pl.Series, clock: pl.Series | Clock) -> pl.DataFrame:
    known = clock if isinstance(clock, pl.Series) else pl.lit(int(clock))
    return us.alias("us").to_frame().with_columns(clock=known).cast(STAMPS)


def _epochs(texts: pl.Series) -> pl.DataFrame:
    frame = texts.alias("text").to_frame()
    text, digits = pl.col("text"), pl.col("text").str.len_bytes()
    parts = text.str.extract_groups(_EPOCH)
    seconds = parts.struct.field("1").cast(pl.Int64) * SECOND
    fraction = (parts.struct.field("2").fill_null("") + "000000").str.slice(0, 6).cast(pl.Int64)
    whole = pl.when(text.str.contains(r"^\d{13,19}$")).then(text.cast(pl.Int64, strict=False))
    counts = [
        pl.when(digits == length).then(whole * scale if scale > 0 else whole // -scale)
        for length, scale in _COUNTS.items()
    ]
    return _frame(frame.select(pl.coalesce(seconds + fraction, *counts)).to_series(), Clock.UTC)


def _iso(texts: pl.Series) -> pl.DataFrame:
    parts = texts.str.extract_groups(_ISO).struct.unnest()
    day, clock, fraction, zone = parts.get_columns()
    wall = _wall(day + " " + clock, "%Y-%m-%d %H:%M:%S")
    wall += (fraction.fill_null("") + "000000").str.slice(0, 6).cast(pl.Int64)
    east = distinct_offsets(zone)
    known = pl.select(pl.when(east.is_not_null()).then(int(Clock.UTC)).otherwise(int(Clock.WALL))).to_series()
    return _frame(wall - east.fill_null(0), known)


def _cef(texts: pl.Series) -> pl.DataFrame:
    """Return the times that CEF and LEEF allow: an epoch, ISO 8601, ``Oct 15 2026 09:31:02.123 GMT``.

    Without a year a zone is left out of account, so such a time is none; the envelope may know better.
    """
    parts = texts.str.extract_groups(_CEF).struct.unnest()
    month, day, year, clock, fraction, zone = parts.get_columns()
    wall = _wall(year.fill_null("2000") + " " + month + " " + day + " " + clock, "%Y %b %d %H:%M:%S")
    wall += (fraction.fill_null("") + "000000").str.slice(0, 6).cast(pl.Int64)
    east = distinct_offsets(zone)
    named = pl.DataFrame({"us": wall, "east": east, "year": year, "zone": zone}).select(
        us=pl.when(pl.col("zone").is_null() | pl.col("east").is_not_null() & pl.col("year").is_not_null()).then(
            pl.col("us") - pl.col("east").fill_null(0)
        ),
        clock=pl.when(pl.col("east").is_not_null())
        .then(int(Clock.UTC))
        .when(pl.col("year").is_null())
        .then(int(Clock.YEARLESS))
        .otherwise(int(Clock.WALL)),
    )
    frame = _frame(named["us"], named["clock"])
    for other in (_epochs(texts), _iso(texts)):
        here = frame["us"].is_null()
        frame = frame.select(
            us=pl.when(here).then(other["us"]).otherwise("us"),
            clock=pl.when(here).then(other["clock"]).otherwise("clock"),
        )
    return frame


_NAMED: Mapping[str, Callable[[pl.Series], pl.DataFrame]] = {"epoch": _epochs, "iso": _iso, "cef": _cef}


def _wall(texts: pl.Series, pattern: str) -> pl.Series:
    return texts.str.to_datetime(pattern, strict=False, time_unit="us").cast(pl.Int64)


def _with_year(pattern: str) -> str:
    return pattern if any(code in pattern for code in _YEAR) else f"%Y {pattern}"


def _by_pattern(texts: pl.Series, pattern: str) -> pl.DataFrame:
    full = _with_year(pattern)
    if full != pattern:
        return _frame(_wall("2000 " + texts, full), Clock.YEARLESS)
    if "%z" in pattern or "%#z" in pattern or "%:z" in pattern:
        return _frame(_wall(texts, pattern), Clock.UTC)
    return _frame(_wall(texts, pattern), Clock.WALL)


def distinct_offsets(zones: pl.Series) -> pl.Series:
    """Return microseconds east of UTC of each zone; null where it is no zone we know."""
    words = zones.drop_nulls().unique()
    found = [_east(word) for word in words.to_list()]
    return zones.replace_strict(words, pl.Series(found, dtype=pl.Int64), default=None, return_dtype=pl.Int64)


def _east(text: str) -> int | None:
    hours = _HOURS.get(text.upper())
    if hours is not None:
        return hours * 3600 * SECOND
    found = _OFFSET.fullmatch(text)
    if not found or int(found[2]) > 14:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return (-minutes if found[1] == "-" else minutes) * 60 * SECOND
