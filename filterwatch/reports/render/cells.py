"""Values as people read them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from filterwatch.reports.page import Unit

UNKNOWN = "–"  # noqa: RUF001 - an en dash is what stands for nothing in a table
"""What stands for null."""

_SCALE = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def shown(value: object, unit: Unit, zone: ZoneInfo) -> str:
    """Return *value* as text; it may still hold anything that a log held."""
    if value is None:
        return UNKNOWN
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%a %-d %b %H:%M}"
    if isinstance(value, date):
        return f"{value:%a %-d %b}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, unit)
    return str(value)


def _number(value: float, unit: Unit) -> str:
    if unit == "bytes":
        return size(value)
    if unit == "share":
        return percent(value)
    if unit == "mbit":
        return f"{value:.3g}" if value < 100 else f"{value:.0f}"
    if unit == "minutes":
        return minutes(value)
    if unit == "hour":
        return f"{int(value):02}:00"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def size(value: float) -> str:
    """Return bytes in the largest unit that leaves at least one: ``1.4 GB``."""
    for scale, word in _SCALE:
        if value >= scale:
            return f"{value / scale:.3g} {word}" if value < 999.5 * scale else f"{value / scale:,.0f} {word}"
    return f"{value:.0f} B"


def percent(value: float) -> str:
    """Return a share in per cent; never 100 where something is missing, nor 0 where something is there."""
    whole = 100 * value
    if 0 < whole < 0.1:
        return "< 0.1 %"
    if 99.9 < whole < 100:
        return "> 99.9 %"
    return f"{whole:.1f} %" if whole not in (0, 100) else f"{whole:.0f} %"


def minutes(value: float) -> str:
    """Return minutes as people say them: ``4 h 10 min``."""
    hours, rest = divmod(round(value), 60)
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"
