"""Events that the archive and the journal hold, for judging them again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from filterwatch import archive
from filterwatch.app.settings import Configuration
from filterwatch.detectors import Liveness
from filterwatch.errors import FilterwatchError
from filterwatch.events import EVENT_SCHEMA, TIME
from filterwatch.journal import JournalError, Reader
from filterwatch.pipeline import Bench
from filterwatch.text import printable

FRAME = 25_000
"""Events read and judged at once: some 50 MB."""

NOT_REPLAYED = (
    "Judged from archived events by rules and detectors, with the lists, school hours and calendar of today. Detectors "
    "remember nothing from before the first day. People and devices are as they were known when the lines were read. "
    "Not replayed: source_silent and source_speaks (no archive says when a line was read), lines_lost (gaps show in "
    "the files alone), and what the decoders make of a line. For decoders and people, replay the log files."
)
"""What an archive cannot answer, for people."""

_DAYS = {"d": 1, "w": 7}
_PLACE = ("source", "stream", "line_offset")


def days_asked(first: str | None, last: str | None, span: str | None, today: date) -> tuple[date, date] | None:
    """Return the first and the last local day that somebody asks for; null for none.

    Args:
        first: ``--from``, as typed.
        last: ``--to``, as typed; left out, yesterday.
        span: ``--last``: ``7d`` or ``2w``, whole days that end with yesterday.
        today: The local date.

    Raises:
        FilterwatchError: They are no days, or contradict each other.
    """
    if first is None and last is None and span is None:
        return None
    end = _day("--to", last) if last else today - timedelta(days=1)
    if span is not None:
        found = re.fullmatch(r"([1-9]\d{0,3})([dw])", span)
        if first is not None or not found:
            raise FilterwatchError(f"--last {printable(span)}: write days or weeks as 7d or 2w, without --from")
        return end - timedelta(days=int(found[1]) * _DAYS[found[2]] - 1), end
    if first is None:
        raise FilterwatchError("--to needs --from; write a date as 2026-11-16")
    start = _day("--from", first)
    if end < start:
        raise FilterwatchError(f"--to {end} is before --from {start}; turn them round")
    return start, end


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FilterwatchError(f"{option} {printable(text)}: write a date as 2026-11-16") from None


def archived(
    configuration: Configuration, days: tuple[date, date], seen: Callable[[int], None] = lambda _days: None
) -> Iterator[pl.DataFrame]:
    """Yield the events of local *days*, both included, in the order in which they were read, with ``line`` null.

    A day holds what began on it: a tunnel that was closed, and logged, after midnight is yielded among the next day's.

    Args:
        configuration: Whose archive and journal.
        days: The first and the last.
        seen: Called with the number of days that were passed, for a progress bar; days that hold nothing cost nothing.

    Raises:
        FilterwatchError: There is no event in these days, or the archive cannot be read.
    """
    folder = configuration.state / "archive"
    none = True
    first, end = days
    try:
        journal = Reader.at(configuration.state / "journal.db")
    except JournalError:
        journal = None
    held = archive.days(folder, journal, start=first, end=end)
    waiting = pl.DataFrame(schema=EVENT_SCHEMA)
    for day in held:
        with archive.explained(folder):
            events = pl.concat([waiting.lazy(), archive.scan(folder, journal, start=day, end=day)])
            order = _order(events.select(*_PLACE, "time").collect())
        none &= order.is_empty()
        after = day + timedelta(days=1)
        midnight = datetime.combine(after, time.min, configuration.settings.timezone).astimezone(UTC)
        due = len(order) if day == held[-1] else order.select((pl.col("_at") < midnight).sum()).item()
        for start in range(0, due, FRAME):
            with archive.explained(folder):
                found = _rows(events, order[start : min(start + FRAME, due)])
            yield found.with_columns(line=pl.lit(None, pl.Int64))
        with archive.explained(folder):
            waiting = _rows(events, order[due:])
        seen((after - first).days)
        first = after
    if none:
        raise FilterwatchError(f"{folder}: holds no event from {days[0]} to {end}; name other days, or log files")


def _order(places: pl.DataFrame) -> pl.DataFrame:
    """Return *places* in the order in which their lines were read, streams merged by time, with ``_at``.

    That is the time that a stream had come to: never null, and never less than before it in its stream, so that any
    rows in a row are all lines of each stream between two offsets.
    """
    began = pl.lit(datetime.fromtimestamp(0, UTC), TIME)
    come_to = pl.col("time").forward_fill().cum_max().over("source", "stream").fill_null(began)
    return places.sort(_PLACE).select(*_PLACE, _at=come_to).sort("_at", maintain_order=True)


def _rows(events: pl.LazyFrame, part: pl.DataFrame) -> pl.DataFrame:
    """Return those of *events* that stand in *part*, in its order: some rows in a row of :func:`_order`."""
    if part.is_empty():
        return pl.DataFrame(schema=EVENT_SCHEMA)
    of = part.group_by("stream").agg(first=pl.col("line_offset").min(), last=pl.col("line_offset").max())
    first, last = (pl.col("stream").replace_strict(of["stream"], of[end], default=None) for end in ("first", "last"))
    offset = pl.col("line_offset")
    # By the outermost offsets, which are constants, whole files are passed by.
    near = offset.is_between(of["first"].min(), of["last"].max()) & offset.is_between(first, last)
    found = events.filter(near).collect()
    return found.join(part, on=_PLACE, nulls_equal=True).sort("_at", *_PLACE).drop("_at")


def replayed(bench: Bench) -> Bench:
    """Return *bench* less the detectors that need more than events: what they found would differ with the pieces."""
    detectors = [one for one in bench.detectors if one.name != Liveness.name]
    return Bench(bench.rules, detectors, bench.visits, bench.company)
