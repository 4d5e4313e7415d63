"""How the times of an export are written, told from many of them: whether day or month comes first, above all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import product

import polars as pl

from filterwatch.decoders.written import stamps

_DAY = r"(?P<weekday>[A-Za-z]{3,9},? +)?"
_NUMBERS = r"(?P<first>\d{1,4})(?P<between>[-/.])\d{1,2}(?P=between)(?P<last>\d{1,4})"
_NAMED = r"\d{1,2}(?P<gap>[ -])[A-Za-z]{3,9}(?P=gap)(?P<year>\d{4}|\d\d)"
_AMERICAN = r"[A-Za-z]{3,9} \d{1,2},? \d{4}"
_TIME = r"\d{1,2}:\d\d(?P<seconds>:\d\d)?(?P<fraction>\.\d+)?(?P<half> ?[AaPp][Mm])?"
_ZONE = r"(?P<zone> ?[+-]\d\d:?\d\d)?"
_SHAPE = re.compile(
    rf"{_DAY}(?:(?P<numbers>{_NUMBERS})|(?P<named>{_NAMED})|(?P<american>{_AMERICAN}))"
    rf"(?:(?P<join>,? +(?:at )?|T)(?P<time>{_TIME}){_ZONE})?"
)
_CLOCK = re.compile(_TIME)
_DAY_FIRST, _MONTH_FIRST = "%d{0}%m{0}", "%m{0}%d{0}"

_BROKEN = 0.1
"""Share of the times that may be unreadable, and one always: a few rows of any export are broken."""

DAY_FIRST, MONTH_FIRST = "day_first", "month_first"


def written(texts: Sequence[str], dates: str) -> list[str]:
    """Return how *texts*, whole times, may be written; several ways where they do not tell, none where none is known.

    Args:
        texts: Times of as many rows as there are.
        dates: ``day_first`` or ``month_first`` where somebody said so, else ``auto``.
    """
    return _fitting(texts, ["epoch"]) or _fitting(texts, ["iso"]) or _fitting(texts, _ways(texts, dates, clock=True))


def dates_written(texts: Sequence[str], dates: str) -> list[str]:
    """Return how *texts*, dates without a time of day, may be written."""
    return _fitting(texts, _ways(texts, dates, clock=False))


def clocks_written(texts: Sequence[str]) -> list[str]:
    """Return how *texts*, times of day, may be written."""
    found = {_clock(shape) for text in texts if (shape := _CLOCK.fullmatch(text))}
    return sorted(found) if len(found) == 1 else []


def _fitting(texts: Sequence[str], ways: Sequence[str]) -> list[str]:
    """Return those of the *ways* that read most of *texts*; none where no way reads nearly all."""
    series = pl.Series(texts, dtype=pl.String)
    read = {way: len(series) - stamps(series, way)["us"].null_count() for way in dict.fromkeys(ways)}
    most = max(read.values(), default=0)
    broken = len(series) - most
    enough = broken <= max(1, _BROKEN * len(series)) and most > broken
    return [way for way in read if read[way] == most] if enough else []


def _ways(texts: Sequence[str], dates: str, *, clock: bool) -> list[str]:
    """Return patterns that *texts* may be written by, going by the looks of most."""
    looks = Counter(_looks(text) for text in texts)
    shapes = {_looks(text): text for text in texts}
    found: list[str] = []
    for look, _ in looks.most_common(8):
        text = shapes[look]
        shape = _SHAPE.fullmatch(text)
        if shape is None or bool(shape["time"]) is not clock:
            continue
        time = (shape["join"] + _clock(shape) + ("%z" if shape["zone"] else "")) if shape["time"] else ""
        if shape["zone"] and shape["zone"].startswith(" "):
            time = time.replace("%z", " %z")
        weekday = re.sub("[A-Za-z]+", "%A", shape["weekday"] or "")
        found += [weekday + day + time for day in _days(shape, text, dates)]
    return found


def _looks(text: str) -> str:
    return re.sub("[A-Za-z]+", "a", re.sub(r"\d+", "0", text))


def _days(shape: re.Match[str], text: str, dates: str) -> list[str]:
    if shape["named"]:
        return [f"%d{shape['gap']}%B{shape['gap']}{'%Y' if len(shape['year']) == 4 else '%y'}"]
    if shape["american"]:
        return ["%B %d, %Y" if "," in text[len(shape["weekday"] or "") :].partition(":")[0] else "%B %d %Y"]
    mark = shape["between"]
    if len(shape["first"]) == 4:
        return [f"%Y{mark}%m{mark}%d"]
    year = "%Y" if len(shape["last"]) == 4 else "%y"
    orders = {DAY_FIRST: _DAY_FIRST, MONTH_FIRST: _MONTH_FIRST}
    return [way.format(mark) + year for order, way in orders.items() if dates in ("auto", order)]


def _clock(shape: re.Match[str]) -> str:
    hour, half = ("%I", " %p" if shape["half"].startswith(" ") else "%p") if shape["half"] else ("%H", "")
    return f"{hour}:%M{':%S' if shape['seconds'] else ''}{'%.f' if shape['fraction'] else ''}{half}"


def together(dates: Sequence[str], clocks: Sequence[str]) -> list[str]:
    """Return how a date and a time of day, joined by a blank, may be written."""
    return [f"{date} {clock}" for date, clock in product(dates, clocks)]
