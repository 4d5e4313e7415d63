"""Bytes over time: a transfer's bytes belong to the minutes it ran in, not to the minute in which it was logged.

A rate is kept as a step function: one row for each minute in which it changes, with the change in bytes per minute.
A transfer, however long, is four such rows, so an eight-hour tunnel costs no more than an image.  All amounts are whole
bytes and every row is reckoned for itself: sums are exact, and the order of events never matters.

The functions take ``x``, the module polars or narwhals: what is used here is the same in both, so that a report over an
archive and the detector over the last second share one text.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

import polars as pl

Expr: TypeAlias = Any
"""``polars.Expr`` or ``narwhals.Expr``: the libraries agree on methods and share no type."""

Frame: TypeAlias = Any
"""A frame, eager or lazy, of either library."""

MICROSECONDS = 60_000_000
"""In a minute."""

DIRECTIONS = ("down", "up")
"""To the client, from the client."""

ANSWERED_HERE = ("blocked", "auth_required")
"""Verdicts whose bytes are the filter's own page: they never crossed the link."""

SURE = ("authenticated", "lease")
"""Identities that suffice to speak of a person; on an address alone only the device is known."""


def moment(x: ModuleType, name: str) -> Expr:
    """Return a time as microseconds since 1970 UTC.

    Narwhals cannot do that on Spark, so a frame that is read with narwhals has ``time`` and ``started`` as such numbers
    already (:func:`filterwatch.reports.engine.read`).
    """
    return x.col(name).dt.timestamp("us") if x is pl else x.col(name)


def is_sure(x: ModuleType) -> Expr:
    """Return whether the log or a lease says who it is, never null; an address alone can be forged."""
    return x.col("identity").is_in(list(SURE)).fill_null(False)


def users(x: ModuleType) -> dict[str, Expr]:
    """Return what counts as one user: ``who`` and ``is_person``, to be given to ``with_columns``.

    The person where surely known, else the device, else the address.  A device may carry any name, a person's too: only
    both columns together tell users apart.
    """
    sure = is_sure(x) & ~x.col("person").is_null()
    person = x.when(sure).then(x.col("person")).otherwise(x.lit(None, dtype=x.String))
    return {"who": x.coalesce(person, x.col("device"), x.col("client_ip")), "is_person": sure}


def carried(x: ModuleType) -> Expr:
    """Return whether an event's bytes crossed the link and no other line counts them."""
    bytes_ = x.col("bytes_in").fill_null(0) + x.col("bytes_out").fill_null(0)
    here = x.col("action").is_in(list(ANSWERED_HERE)).fill_null(False)
    return x.col("counted").fill_null(True) & ~here & (bytes_ > 0)


def transfers(x: ModuleType, frame: Frame, start: int | None = None, end: int | None = None) -> Frame:
    """Return the events that carried bytes in a window.

    Args:
        x: polars or narwhals.
        frame: Events.
        start: First moment of the window, microseconds since 1970 UTC; null for no limit.
        end: First moment after it.

    Returns:
        Events that overlap the window, with ``began`` and ``ended`` (microseconds since 1970, at least one apart),
        ``first`` and ``last`` (the minutes they ran in, since 1970) and ``down`` and ``up``: all their bytes, also
        those outside the window.
    """
    to = moment(x, "time")
    # A moment without duration lasts one microsecond: it has a minute, and nothing is divided by zero.
    from_ = x.min_horizontal(x.coalesce(moment(x, "started"), to), to)
    frame = frame.filter(carried(x)).with_columns(began=from_, ended=x.max_horizontal(from_ + 1, to))
    if start is not None:
        frame = frame.filter(x.col("ended") > start)
    if end is not None:
        frame = frame.filter(x.col("began") < end)
    return frame.with_columns(
        first=(x.col("began") // MICROSECONDS).cast(x.Int32),
        last=((x.col("ended") - 1) // MICROSECONDS).cast(x.Int32),
        down=x.col("bytes_in").fill_null(0),
        up=x.col("bytes_out").fill_null(0),
    )


def inside(x: ModuleType, way: str, start: int, end: int) -> Expr:
    """Return how many of a transfer's bytes fall in the window, rounded down."""
    low = x.max_horizontal(x.col("began"), x.lit(start))
    high = x.min_horizontal(x.col("ended"), x.lit(end))
    return _part(x, way, (high - low).cast(x.Float64) / _span(x))


def _span(x: ModuleType) -> Expr:
    return (x.col("ended") - x.col("began")).cast(x.Float64)


def _part(x: ModuleType, way: str, fraction: Expr) -> Expr:
    """Whole bytes; in floats, as bytes times microseconds overflow 64 bits."""
    return (x.col(way) * fraction).floor().cast(x.Int64)


def stepped(x: ModuleType, moved: Frame) -> Frame:
    """Add what each transfer moved in each of its minutes.

    Args:
        x: polars or narwhals.
        moved: What :func:`transfers` returned.

    Returns:
        The same rows with ``<direction>_first`` and ``<direction>_middle``: bytes in the first minute and in each
        minute between first and last; the rest is in the last.
    """
    short = x.col("first") == x.col("last")
    border = (x.col("first").cast(x.Int64) + 1) * MICROSECONDS
    to_border = (border - x.col("began")).cast(x.Float64) / _span(x)
    moved = moved.with_columns(
        _first=x.when(short).then(x.lit(1.0)).otherwise(to_border),
        _middle=x.when(short).then(x.lit(0.0)).otherwise(x.lit(float(MICROSECONDS)) / _span(x)),
    )
    return moved.with_columns(
        **{f"{way}{part}": _part(x, way, x.col(part)) for way in DIRECTIONS for part in ("_first", "_middle")}
    )


def summed(x: ModuleType, moved: Frame, *keys: str) -> tuple[Frame, Frame]:
    """Return what moved, added up: two small frames to be collected and given to :func:`booked`.

    Args:
        x: polars or narwhals.
        moved: What :func:`transfers` returned.
        keys: What one rate belongs to; none for the whole link.

    Returns:
        For transfers within one minute ``*keys, first, down, up``; for longer ones, by the minutes they began and ended
        in, ``*keys, first, last`` and the sums of ``<direction>``, ``_first`` and ``_middle``.
    """
    within = moved.filter(x.col("first") == x.col("last")).group_by(*keys, "first")
    longer = stepped(x, moved.filter(x.col("first") < x.col("last"))).group_by(*keys, "first", "last")
    sums = [f"{way}{part}" for way in DIRECTIONS for part in ("", "_first", "_middle")]
    return (
        within.agg(**{way: x.col(way).sum() for way in DIRECTIONS}),
        longer.agg(**{name: x.col(name).sum() for name in sums}),
    )


def changes(longer: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """Return how the rate of each of *keys* changes: ``*keys, minute, down, up``, one row a key and minute.

    Args:
        longer: The second frame of :func:`summed`, collected.
        keys: As there.
    """
    between = pl.col("last") - pl.col("first") - 1
    in_last = {way: pl.col(way) - pl.col(f"{way}_first") - pl.col(f"{way}_middle") * between for way in DIRECTIONS}
    lazy = longer.lazy().with_columns(
        **{f"{way}_last": rest for way, rest in in_last.items()}, **{f"{way}_none": pl.lit(0) for way in DIRECTIONS}
    )

    def point(minute: pl.Expr, to: str, since: str) -> pl.LazyFrame:
        change = {way: pl.col(f"{way}_{to}") - pl.col(f"{way}_{since}") for way in DIRECTIONS}
        return lazy.select(*keys, minute=minute, **change)

    points = [
        point(pl.col("first"), "first", "none"),
        point(pl.col("first") + 1, "middle", "first"),
        point(pl.col("last"), "last", "middle"),
        point(pl.col("last") + 1, "none", "last"),
    ]
    return pl.concat(points).group_by(*keys, "minute").agg(pl.col(way).sum() for way in DIRECTIONS).collect()


def minutes(rows: pl.DataFrame, *keys: str, start: int, end: int) -> pl.DataFrame:
    """Return the bytes of each key in each minute of the window: ``*keys, minute, down, up``; none without bytes.

    Args:
        rows: What :func:`changes` returned.
        keys: As there.
        start: First minute of the window, since 1970 UTC.
        end: First minute after it.
    """
    over = [pl.col(key) for key in keys] or [pl.lit(1)]
    held = rows.lazy().sort(*keys, "minute").with_columns(
        *(pl.col(way).cum_sum().over(over) for way in DIRECTIONS),
        minute=pl.col("minute").clip(start, end),
        until=pl.col("minute").shift(-1).over(over).clip(start, end),
    )  # fmt: skip
    # Nights are left out here, before they become thousands of rows.
    held = held.filter(pl.col("until") > pl.col("minute"), pl.any_horizontal(pl.col(way) > 0 for way in DIRECTIONS))
    dense = held.with_columns(minute=pl.int_ranges("minute", "until", dtype=pl.Int32)).explode("minute")
    return dense.select(*keys, "minute", *DIRECTIONS).collect()


def booked(within: pl.DataFrame, longer: pl.DataFrame, *keys: str, start: int, end: int) -> pl.DataFrame:
    """Return the bytes of each key in each minute of the window: ``*keys, minute, down, up``; none without bytes.

    Args:
        within: The first frame of :func:`summed`, collected.
        longer: The second.
        keys: As there.
        start: First minute of the window, since 1970 UTC.
        end: First minute after it.
    """
    spread = minutes(changes(longer, *keys), *keys, start=start, end=end)
    columns = [*keys, "minute", *DIRECTIONS]
    inside = within.lazy().rename({"first": "minute"}).filter(pl.col("minute").is_between(start, end - 1))
    both = pl.concat([inside.select(columns), spread.lazy().select(columns)])
    return both.group_by(*keys, "minute").agg(pl.col(way).sum() for way in DIRECTIONS).collect()


def rolling(rate: str, limit: float, width: int, *keys: str) -> pl.Expr:
    """Return whether a minute lies in *width* minutes in a row that reach *limit* bytes a minute on average.

    None of those minutes may fall below half of it: one burst is a peak, not a sustained load.  The condition can
    only become true as bytes are added, never false.  Over rows of :func:`minutes`.
    """
    over = [pl.col(key) for key in keys] or [pl.lit(1)]
    total = pl.col(rate).rolling_sum(width).over(over)
    least = pl.col(rate).rolling_min(width).over(over)
    closes = (total >= limit * width) & (least >= limit / 2)
    # A window that closes k minutes later covers this one too.
    return closes.cast(pl.Int8).reverse().rolling_max(width, min_samples=1).reverse().over(over).fill_null(0) == 1
