"""From what a log's clock shows to UTC: years that are not written, daylight saving, lines without any time.

A stamp without a year takes the year that brings it nearest to the time of reading (31 December is read on 1 January;
29 February only means a leap year).  A stamp without a zone is local time of the source's zone.  Where the clock showed
an hour twice, the order of the stream decides: the first reading that does not go back by more than :data:`SLACK`.
Where it skipped an hour, the offset before the change counts, as PEP 495 says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from filterwatch.decoders.reading import Clock
from filterwatch.decoders.stamps import DAY, SECOND, days, leap

Micros = NDArray[np.int64]

SLACK = 60 * SECOND
"""How far lines of one stream may be out of order before a step back means that the clock was put back."""

LIVE = 600 * SECOND
"""A stream that is read this soon after it was written is followed live: then the reading time settles the fold."""

_SLOT = 900 * SECOND
"""Clocks are put back and forth on quarter hours."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall time
_TURN = 1 << 62
"""Marks a day in which the offset changes."""
_LONGEST_SPAN = 4_000
"""Days from the first to the last stamp of a batch that are looked up one by one; more is a garbled log."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The instants of a batch.

    Attributes:
        us: Microseconds since 1970, UTC.
        in_gap: How many local times no clock showed.
        in_fold: How many local times a clock showed twice.
        last: Latest instant so far, for the next batch of the stream.
    """

    us: Micros
    in_gap: int
    in_fold: int
    last: int | None


def settle(
    us: Micros, clock: NDArray[np.uint8], zone: ZoneInfo, read_at: datetime, year: int | None, last: int | None
) -> Settled:
    """Return the instants that *us* mean.

    Args:
        us: Microseconds as the lines' clocks count them, in the order of the stream.
        clock: What each of them is: values of :class:`Clock`.
        zone: Zone of stamps that have none.
        read_at: When the lines were read.
        year: Year of stamps that have none; by default the nearest to *read_at*.
        last: Latest instant of the stream before these lines.
    """
    us = us.copy()
    now = _micros(read_at)
    us[clock == Clock.NONE] = now
    yearless = clock == Clock.YEARLESS
    if yearless.any():
        reference = _wall(read_at, zone) if year is None else int(days(year, 7, 2)) * DAY
        us[yearless] = _with_year(us[yearless], reference)
    local = (clock == Clock.WALL) | yearless
    gaps = folds = 0
    if local.any():
        gaps, folds = _to_utc(us, local, zone, now, last)
    # A garbled stamp in the far future must not decide what a fold means.
    sane = us[us <= now + DAY]
    latest = int(sane.max()) if len(sane) else last
    return Settled(us, gaps, folds, latest if last is None or latest is None else max(latest, last))


def _micros(moment: datetime) -> int:
    return (moment.astimezone(UTC).replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)


def _wall(moment: datetime, zone: ZoneInfo) -> int:
    return (moment.astimezone(zone).replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)


_BASE = int(days(2000, 1, 1))


def _with_year(us: Micros, reference: int) -> Micros:
    """Move wall times of the year 2000 into the year that brings them nearest to *reference*."""
    middle = (_EPOCH + timedelta(microseconds=reference)).year
    in_year = us // DAY - _BASE
    leap_day = in_year == 59
    best = np.full(len(us), np.iinfo(np.int64).max)
    nearest = us.copy()
    near = range(middle - 1, middle + 2)
    far = range(middle - 8, middle + 9) if leap_day.any() else near
    for year in far:
        is_leap = bool(leap(year))
        if year not in near and not is_leap:
            continue
        shift = (int(days(year, 1, 1)) - _BASE) * DAY
        moved = us + shift - (0 if is_leap else DAY) * (in_year > 59)
        distance = np.abs(moved - reference)
        better = distance < best
        if not is_leap:
            better &= ~leap_day
        best = np.where(better, distance, best)
        nearest = np.where(better, moved, nearest)
    return nearest


@lru_cache(maxsize=4096)
def _day_offset(zone: ZoneInfo, day: int) -> int:
    """Return microseconds east of UTC on a local day; :data:`_TURN` where they change within it."""
    midnight = _EPOCH + timedelta(days=day)
    offsets = {
        (midnight + timedelta(hours=hours)).replace(tzinfo=zone, fold=fold).utcoffset()
        for hours in (0, 6, 12, 18, 24)
        for fold in (0, 1)
    }
    only = offsets.pop() if len(offsets) == 1 else None
    return only // timedelta(microseconds=1) if only is not None else _TURN


@lru_cache(maxsize=4096)
def _slot_offsets(zone: ZoneInfo, slot: int) -> tuple[int, int]:
    """Return the offsets of the first and the second reading of a quarter of an hour."""
    start = _EPOCH + timedelta(microseconds=slot * _SLOT)
    first, second = (start.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return first // timedelta(microseconds=1), second // timedelta(microseconds=1)


def _to_utc(us: Micros, local: NDArray[np.bool_], zone: ZoneInfo, now: int, last: int | None) -> tuple[int, int]:
    """Turn the *local* ones of *us* into UTC in place; return how many stood in a gap and in a fold."""
    rows = np.flatnonzero(local)
    wall = us[rows]
    offset = _offsets(wall // DAY, zone)
    us[rows] = wall - offset
    turning = np.flatnonzero(offset == _TURN)
    if not len(turning):
        return 0, 0
    pairs = np.array([_slot_offsets(zone, slot) for slot in (wall[turning] // _SLOT).tolist()])
    us[rows[turning]] = wall[turning] - pairs[:, 0]
    folded = pairs[:, 0] > pairs[:, 1]
    later = us[rows[turning[folded]]] + (pairs[folded, 0] - pairs[folded, 1])
    _unfold(us, rows[turning[folded]], later, now, last)
    return int((pairs[:, 0] < pairs[:, 1]).sum()), int(folded.sum())


def _offsets(day: Micros, zone: ZoneInfo) -> Micros:
    first, final = int(day.min()), int(day.max())
    if final - first <= _LONGEST_SPAN:
        table = np.array([_day_offset(zone, one) for one in range(first, final + 1)])
        return table[day - first]
    distinct, which = np.unique(day, return_inverse=True)
    return np.array([_day_offset(zone, one) for one in distinct.tolist()])[which]


def _unfold(us: Micros, rows: NDArray[np.int64], later: Micros, now: int, last: int | None) -> None:
    """Choose between the first and the *later* reading of each of *rows*, which are set to the first."""
    if not len(rows):
        return
    known = us.copy()
    known[rows] = np.iinfo(np.int64).min
    before = np.maximum.accumulate(known)[rows].tolist()
    if last is None and 0 <= now - int(later[0]) <= LIVE:
        last = int(later[0])
    latest = np.iinfo(np.int64).min if last is None else last
    for row, second, others in zip(rows.tolist(), later.tolist(), before, strict=True):
        latest = max(latest, others)
        if us[row] < latest - SLACK:
            us[row] = second
        latest = max(latest, int(us[row]))
