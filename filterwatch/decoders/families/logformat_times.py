"""Times of ``%tl`` and ``%tg``: from a format of ``strftime`` to what reads it back."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from filterwatch.decoders.reading import Clock, Stamp
from filterwatch.decoders.stamps import DAY, MONTHS, SECOND, days, offset_us, valid

DEFAULT = "%d/%b/%Y:%H:%M:%S %z"

_SHORT = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y"}
_NAMES = "|".join(MONTHS)
_LETTERS = {
    "Y": r"(?P<year>[0-9]{4})",
    "y": r"(?P<short>[0-9]{2})",
    "m": r"(?P<month>[0-9]{2})",
    "b": rf"(?P<name>{_NAMES})",
    "h": rf"(?P<name>{_NAMES})",
    "d": r"(?P<day>[0-9]{2})",
    "e": r"(?P<day>[0-9 ][0-9])",
    "H": r"(?P<hour>[0-9]{2})",
    "M": r"(?P<minute>[0-9]{2})",
    "S": r"(?P<second>[0-9]{2})",
    "s": r"(?P<epoch>[0-9]{9,10})",
    "z": r"(?P<zone>[+-][0-9]{2}:?[0-9]{2})",
    "Z": r"[A-Za-z0-9+-]{1,6}",
    "a": r"[A-Z][a-z]{2}",
    "A": r"[A-Z][a-z]{5,8}",
    "j": r"[0-9]{3}",
    "u": r"[1-7]",
    "%": "%",
    "n": r"\n",
    "t": r"\t",
}
_LAST_HOUR, _LAST_MINUTE, _LAST_SECOND = 23, 59, 60


def pattern_of(layout: str, wrong: Callable[[str], Exception], *, named: bool = True) -> str:
    """Return the regular expression of what ``strftime(layout)`` writes.

    Args:
        layout: The format.
        wrong: Makes the exception for a letter that cannot be read back.
        named: Whether its parts are named groups (one of each, for Python); otherwise it has none.
    """
    for letter, long in _SHORT.items():
        layout = layout.replace(f"%{letter}", long)
    parts: list[str] = []
    seen: set[str] = set()
    for token in re.findall(r"%.|%$|[^%]+", layout):
        if not token.startswith("%"):
            parts.append(re.escape(token))
            continue
        part = _LETTERS.get(token[1:])
        if part is None:
            raise wrong(
                f"a time format with '{token}', which cannot be read back; known: %{' %'.join(sorted(_LETTERS))}"
            )
        if not named or part in seen:
            part = re.sub(r"\?P<[a-z]+>", "?:", part)
        seen.add(part)
        parts.append(part)
    return "".join(parts)


@lru_cache(maxsize=64)
def _compiled(layout: str) -> re.Pattern[str]:
    return re.compile(pattern_of(layout, ValueError))


@lru_cache(maxsize=4096)
def stamp_of(text: str, layout: str, *, gmt: bool) -> Stamp | None:
    """Return the time that *text* shows in *layout*; null when no clock shows such a time."""
    if gmt and not layout and " " not in text:
        found = _compiled(DEFAULT.removesuffix(" %z")).fullmatch(text)
    else:
        found = _compiled(layout or DEFAULT).fullmatch(text)
    return _stamp(found.groupdict(), gmt=gmt) if found else None


def _stamp(parts: dict[str, str | None], *, gmt: bool) -> Stamp | None:
    if epoch := parts.get("epoch"):
        return Stamp(int(epoch) * SECOND, Clock.UTC)
    name = parts.get("name")
    month = MONTHS.index(name) + 1 if name else int(parts.get("month") or 0)
    day = int(parts.get("day") or 0)
    short = parts.get("short")
    written = parts.get("year") or (f"20{short}" if short else None)
    year = int(written or 2000)
    hour, minute, second = (int(parts.get(part) or 0) for part in ("hour", "minute", "second"))
    if hour > _LAST_HOUR or minute > _LAST_MINUTE or second > _LAST_SECOND or not valid(year, month, day):
        return None
    us = int(days(year, month, day)) * DAY + ((hour * 60 + minute) * 60 + second) * SECOND
    if zone := parts.get("zone"):
        east = offset_us(zone)
        return Stamp(us - east, Clock.UTC) if abs(east) <= 14 * 3600 * SECOND else None
    if written is None:
        return Stamp(us, Clock.YEARLESS)
    return Stamp(us, Clock.UTC if gmt else Clock.WALL)
