"""Time stamps at the head of a line: syslog's, ISO 8601 and those of the filters' own logs.

One table of grammars for single lines, and vectorised readers for the two that common logs carry: RFC 3164
(``Nov  2 02:02:21``, no year) and ISO 8601 (``2026-11-22T02:02:21.123456+00:00``), each with or without ``<pri>``.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from filterwatch.decoders.reading import Clock, Stamp
from filterwatch.decoders.screen import Bytes, Lines, Mask, Places

SECOND = 1_000_000
DAY = 86_400 * SECOND
_EPOCH_DAY = date(1970, 1, 1).toordinal()

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name: number for number, name in enumerate(MONTHS, 1)}
_LENGTHS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
"""A year outside is no time stamp of a gateway."""

_FARTHEST_ZONE = 14 * 3600 * SECOND
"""Kiribati is 14 hours ahead; what claims more is no zone."""

_CODES = np.array([int.from_bytes(name.encode(), "big") for name in MONTHS])
_ORDER = np.argsort(_CODES)
_SORTED_CODES = _CODES[_ORDER]


def days(year: Places | int, month: Places | int, day: Places | int) -> Places:
    """Return days since 1970-01-01 in the Gregorian calendar (H. Hinnant's days_from_civil)."""
    year = np.asarray(year) - (np.asarray(month) <= 2)
    era = year // 400
    in_era = year - era * 400
    in_year = (153 * ((np.asarray(month) + 9) % 12) + 2) // 5 + day - 1
    result: Places = era * 146_097 + in_era * 365 + in_era // 4 - in_era // 100 + in_year - 719_468
    return result


def leap(year: Places | int) -> Mask:
    """Return whether *year* has a 29 February."""
    year = np.asarray(year)
    result: Mask = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return result


@dataclass(frozen=True, slots=True)
class Stamps:
    """The stamps of many lines.

    Attributes:
        us: Microseconds, as the line's clock counts them.
        clock: What the stamp says: values of :class:`Clock`.
        body: Place of the first byte behind the stamp and its blank.
        found: Whether the line has a stamp that was read.
        modern: Whether RFC 5424's version stands before the stamp.
    """

    us: NDArray[np.int64]
    clock: NDArray[np.uint8]
    body: Places
    found: Mask
    modern: Mask


_TEXT = re.compile(r"(?:<\d{1,3}> ?(?:1 )?)?")
_TIME = r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d):(?P<second>[0-5]\d|60)"
_FRACTION = r"(?:[.,](?P<fraction>\d{1,9}))?"
_ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
_NAMED_ZONE = r"(?: (?P<word>UTC|GMT)| [A-Z]{2,5})?"
_NAMED = "(?P<name>" + "|".join(MONTHS) + ")"
_GRAMMARS = tuple(
    re.compile(grammar)
    for grammar in (
        # RFC 3164; some senders add the year
        rf"{_NAMED} (?P<day>[ \d]\d|\d) (?:(?P<year>\d{{4}}) )?{_TIME}{_FRACTION} ?(?P<end>)",
        # ISO 8601, RFC 5424, squidGuard
        rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)[T ]{_TIME}{_FRACTION}{_ZONE}(?: |$)(?P<end>)",
        # squid's cache.log; AdGuard Home's own log: 2026/11/22 02:04:38.123456 [info]
        (
            rf"(?P<year>\d{{4}})/(?P<month>\d\d)/(?P<day>\d\d) {_TIME}{_FRACTION}"
            r"(?:(?: kid\d+)?\| ?| (?=(?:\d+#\d+ )?\[))(?P<end>)"
        ),
        # named
        rf"(?P<day>\d\d)-{_NAMED}-(?P<year>\d{{4}}) {_TIME}{_FRACTION} (?P<end>)",
        # Pi-hole FTL.log: [2026-11-22 02:04:38.123 UTC 1234M]
        rf"\[(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d) {_TIME}{_FRACTION}{_NAMED_ZONE}(?: [\w/]+)?\] (?P<end>)",
        # Proxmox: vmid, level, chain, then the time as web servers write it
        rf"\d+ \d (?P<chain>\S+) (?P<day>\d\d)/{_NAMED}/(?P<year>\d{{4}}):{_TIME} {_ZONE} (?P<end>)",
        # unbound with its own log file
        r"\[(?P<epoch>\d{9,10})\] (?P<end>)",
    )
)


def read_stamp(text: str) -> tuple[Stamp, int] | None:
    """Return the stamp at the head of *text* and where the rest begins; ``<pri>`` is passed over."""
    head = _TEXT.match(text)
    start = head.end() if head else 0
    for grammar in _GRAMMARS:
        found = grammar.match(text, start)
        if found:
            stamp = _stamp(found.groupdict())
            return (stamp, found.end()) if stamp else None
    return None


def _stamp(parts: dict[str, str | None]) -> Stamp | None:
    if epoch := parts.get("epoch"):
        return Stamp(int(epoch) * SECOND, Clock.UTC)
    year = parts.get("year")
    name = parts.get("name")
    month = _MONTH[name] if name else int(parts["month"] or 0)
    day = int(parts["day"] or 0)
    if not valid(int(year or 2000), month, day):
        return None
    seconds = int(parts["hour"] or 0) * 3600 + int(parts["minute"] or 0) * 60 + int(parts["second"] or 0)
    fraction = int(((parts.get("fraction") or "") + "000000")[:6])
    us = (date(int(year or 2000), month, day).toordinal() - _EPOCH_DAY) * DAY + seconds * SECOND + fraction
    if zone := (parts.get("zone") or parts.get("word")):
        east = offset_us(zone)
        return Stamp(us - east, Clock.UTC) if abs(east) <= _FARTHEST_ZONE else None
    return Stamp(us, Clock.WALL if year else Clock.YEARLESS)


def valid(year: int, month: int, day: int) -> bool:
    """Return whether the date exists, in years a gateway can mean."""
    if not (_FIRST_YEAR <= year <= _LAST_YEAR and 1 <= month <= 12):
        return False
    return 1 <= day <= monthrange(year, month)[1]


def offset_us(zone: str) -> int:
    """Return microseconds east of UTC of ``Z``, ``UTC``, ``+01:00`` or ``+0100``."""
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    return (int(digits[:2]) * 60 + int(digits[2:])) * 60 * SECOND * (-1 if zone[0] == "-" else 1)


_WIDTH = 40


def read_stamps(lines: Lines) -> Stamps:
    """Read the RFC 3164 and ISO 8601 stamps of all lines; other grammars are not ``found`` here."""
    starts = lines.starts
    window = lines.windows(starts, _WIDTH)
    shift, modern = _priority(window)
    if shift.any():
        starts = starts + shift
        window = lines.windows(starts, _WIDTH)
    us, found = _without_year(window)
    length = np.full(len(lines), 16)
    clock = np.full(len(lines), Clock.YEARLESS, np.uint8)
    dated = (window[:, 4] == ord("-")) & ~found
    if dated.any():
        rows = np.flatnonzero(dated)
        us[rows], clock[rows], length[rows], found[rows] = _iso(window[rows])
    body = starts + length
    return Stamps(us, clock, body, found & (body <= lines.ends), modern)


def _priority(window: Bytes) -> tuple[Places, Mask]:
    """Return how many bytes ``<pri>``, a blank behind it and RFC 5424's version take, and whether that is there."""
    shift = np.zeros(len(window), np.int64)
    modern = np.zeros(len(window), np.bool_)
    rows = np.flatnonzero(window[:, 0] == ord("<"))
    if len(rows):
        head = window[rows, :12].astype(np.int64)
        closing = np.argmax(head[:, 1:5] == ord(">"), axis=1) + 1
        digits = np.arange(12) < closing[:, None]
        digits[:, 0] = False
        good = (head[np.arange(len(rows)), closing] == ord(">")) & (closing > 1)
        good &= (~digits | ((head >= 48) & (head <= 57))).all(axis=1)
        behind = closing + 1
        behind += head[np.arange(len(rows)), behind] == 32
        version = (head[np.arange(len(rows)), behind] == ord("1")) & (head[np.arange(len(rows)), behind + 1] == 32)
        shift[rows] = np.where(good, behind + 2 * version, 0)
        modern[rows] = good & version
    return shift, modern


def _number(window: Bytes, *columns: int) -> tuple[Places, Mask]:
    """Return the number that stands in *columns* and whether all of them are digits."""
    value = np.zeros(len(window), np.int64)
    good = np.ones(len(window), np.bool_)
    for column in columns:
        digit = window[:, column] - np.uint8(48)
        good &= digit <= 9
        value = value * 10 + digit
    return value, good


def _clock_time(window: Bytes, at: int) -> tuple[Places, Mask]:
    """Return the seconds of ``HH:MM:SS`` at column *at*."""
    hour, good_hour = _number(window, at, at + 1)
    minute, good_minute = _number(window, at + 3, at + 4)
    second, good_second = _number(window, at + 6, at + 7)
    good = good_hour & good_minute & good_second & (hour < 24) & (minute < 60) & (second <= 60)
    good &= (window[:, at + 2] == ord(":")) & (window[:, at + 5] == ord(":"))
    return hour * 3600 + minute * 60 + second, good


def _without_year(window: Bytes) -> tuple[Places, Mask]:
    code = (window[:, 0].astype(np.int64) << 16) | (window[:, 1].astype(np.int64) << 8) | window[:, 2]
    place = np.minimum(np.searchsorted(_SORTED_CODES, code), 11)
    month = _ORDER[place] + 1
    tens = np.where(window[:, 4] == 32, np.uint8(48), window[:, 4]) - np.uint8(48)
    ones = window[:, 5] - np.uint8(48)
    day = tens.astype(np.int64) * 10 + ones
    seconds, good = _clock_time(window, 7)
    good &= (_SORTED_CODES[place] == code) & (tens <= 9) & (ones <= 9) & (day >= 1) & (day <= _LENGTHS[month])
    good &= (window[:, 3] == 32) & (window[:, 6] == 32) & (window[:, 15] == 32)
    return days(2000, month, day) * DAY + seconds * SECOND, good


def _iso(window: Bytes) -> tuple[Places, NDArray[np.uint8], Places, Mask]:
    year, good_year = _number(window, 0, 1, 2, 3)
    month, good_month = _number(window, 5, 6)
    day, good_day = _number(window, 8, 9)
    seconds, good = _clock_time(window, 11)
    good &= good_year & good_month & good_day & (month >= 1) & (month <= 12) & (window[:, 7] == ord("-"))
    good &= ((window[:, 10] == ord("T")) | (window[:, 10] == 32)) & (year >= _FIRST_YEAR) & (year <= _LAST_YEAR)
    good &= (day >= 1) & (day <= _LENGTHS[np.clip(month, 1, 12)]) & ((month != 2) | (day < 29) | leap(year))
    us = days(year, month, day) * DAY + seconds * SECOND
    fraction, width, good_fraction = _fraction(window)
    zone, clock, length = _zone(window, 19 + width)
    end = 19 + width + length
    rows = np.arange(len(window))
    good &= good_fraction & (window[rows, end] == 32)
    return us + fraction - zone, clock, end + 1, good


def _fraction(window: Bytes) -> tuple[Places, Places, Mask]:
    """Return microseconds, width (with its point) and whether it has three, six or no digits."""
    point = (window[:, 19] == ord(".")) | (window[:, 19] == ord(","))
    three, good_three = _number(window, 20, 21, 22)
    more, good_more = _number(window, 23, 24, 25)
    value = np.where(point, three * 1000 + np.where(good_more, more, 0), 0)
    width = np.where(point, np.where(good_more, 7, 4), 0)
    return value, width, ~point | good_three


def _zone(window: Bytes, at: Places) -> tuple[Places, NDArray[np.uint8], Places]:
    """Return microseconds east of UTC, the clock and the width of what stands at column *at*."""
    rows = np.arange(len(window))
    sign = window[rows, at]
    signed = (sign == ord("+")) | (sign == ord("-"))
    colon = window[rows, at + 3] == ord(":")
    digits = np.stack([window[rows, at + 1], window[rows, at + 2], *(window[rows, at + k + colon] for k in (3, 4))])
    numbers = digits.astype(np.int64) - 48
    signed &= ((numbers >= 0) & (numbers <= 9)).all(axis=0)
    east = ((numbers[0] * 10 + numbers[1]) * 60 + numbers[2] * 10 + numbers[3]) * 60 * SECOND
    signed &= east <= _FARTHEST_ZONE
    zulu = sign == ord("Z")
    offset = np.where(signed, np.where(sign == ord("-"), -east, east), 0)
    clock = np.where(signed | zulu, Clock.UTC, Clock.WALL).astype(np.uint8)
    return offset, clock, np.where(signed, 5 + colon, np.where(zulu, 1, 0))
