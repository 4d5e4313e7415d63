"""One visit, one story: what a rule finds again and again on one site is told by its first and its last.

A visit is what one person (else device, else address) does on one registrable domain, each request within two minutes
of the last, for at most ten minutes.  Of a rule's detections in a visit the first goes out at once.  The others are
held; when the visit is over the last of them goes out with the ``count`` of all after the first, so the counts always
add up.  Another verdict, kind or search is never held back behind the first, nor a visit behind what a page loaded.

The reason says how often it happened (:mod:`filterwatch.detectors.occasions`).

Visits follow the times in the log, each source by itself, so that cutting a log into other batches changes nothing; a
source that falls silent ends its visits by our clock.  How long a visit lasted is told by when its requests began: a
tunnel is logged when it ends, long after anybody looked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl

from filterwatch import detections
from filterwatch.detectors.occasions import (
    ACCIDENT,
    BY_ITSELF,
    GLANCE,
    LED,
    LOADED,
    NOTHING,
    PERSISTENT,
    Key,
    Occasions,
    length,
)
from filterwatch.detectors.restoring import behind
from filterwatch.events import DETECTION_SCHEMA, EVENT_SCHEMA, column

GAP = timedelta(minutes=2)
"""What comes later is another visit (our judgement; a page is read in less)."""

LONGEST = timedelta(minutes=10)
"""A visit that goes on is told again after this: less than the span in which alerts group (15 minutes)."""

LATE = timedelta(minutes=1)
"""How far lines of a source may be out of order: so long a visit that is over waits for its last ones."""

TRY, TRIES = timedelta(seconds=2), 5
"""So many blocked requests of a visit, each so long after the try before, are a person's.  Chrome and Edge ask again by
themselves 1, 5, 30, 60 and 300 seconds after one another for a page whose connection failed (Chromium's
net_error_auto_reloader.cc): four tries in a visit.  A browser's parallel connections come within a second."""

WRONG_CLOCK = timedelta(days=1)
"""A visit so far ahead of the next line is of a clock that was wrong."""

MOST_VISITS = 5_000
"""Open visits that are remembered: a bound against endless names in a log."""

WHOLE = ("csam",)
"""Categories of which nothing is held: each address is evidence."""

_STATE = b"filterwatch-visits-2\n"
_PLACE = ("site", "source", "stream", "line_offset")
_STEP = timedelta(microseconds=1)
_OVER = (GAP + LATE) // _STEP
_START = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = DETECTION_SCHEMA.names()
_REASON, _LEVEL, _COUNT, _TIME = (_NAMES.index(name) for name in ("reason", "level", "count", "time"))
_KEY = 8
"""Parts of a visit's key: rule, source, who, domain, search, verdict, kind, and whether something loaded it."""

_SOURCE, _SEARCH, _VERDICT, _LOADED = 1, 4, 5, 7

Row = list[object]
"""One detection, in the order of the schema; its time in microseconds since 1970."""


class _Found(NamedTuple):
    """What is asked of one detection.

    Attributes:
        number: Of its row.
        key: Its visit's; null for what is never held.
        at: When the log says it happened.
        began: When the request began.
        has_words: Whether it is told how often it happened.
        way: What is said of how it came about, if nothing is said of how often.
    """

    number: int
    key: Key | None
    at: int
    began: int
    has_words: bool
    way: str


@dataclass(slots=True)
class _Visit:
    """A visit of which the first detection was told; times in microseconds since 1970, as the log has them.

    Attributes:
        first: Time of its first request, as far as is known; of a tunnel, of its end.
        last: Likewise of its last.
        began: When the first request began.
        latest: When the last one began.
        seen: Our time when it was added to last; 0 for not since the start.
        count: Detections after the first.
        tries: Of what was blocked: requests with some time between them.
        tried: Time of the last try.
        word: What was said of the first; empty where nothing was.
        row: The last detection after the first.
    """

    first: int
    last: int
    began: int
    latest: int
    seen: int
    tried: int
    word: str = ""
    count: int = 0
    tries: int = 1
    row: Row | None = None

    def takes(self, at: int) -> bool:
        """Whether what happens at *at* belongs to it."""
        near = self.first - GAP // _STEP <= at <= self.last + GAP // _STEP
        return near and max(self.last, at) - min(self.first, at) <= LONGEST // _STEP

    def add(self, one: _Found, now: int) -> bool:
        """Take a detection in; return whether it is the last now."""
        if one.at - self.tried >= TRY // _STEP:
            self.tries, self.tried = self.tries + 1, one.at
        is_last = not self.count or one.at >= self.last
        self.first, self.last = min(self.first, one.at), max(self.last, one.at)
        self.began, self.latest = min(self.began, one.began), max(self.latest, one.began)
        self.count, self.seen = self.count + 1, now
        return is_last


@dataclass(slots=True)
class _Batch:
    """One batch at work.

    Attributes:
        now: Our time.
        told: Numbers of the rows that are told now, with words for the reason and another level, or "".
        over: The last of visits that are over.
        last: Number of the last row of each visit that goes on.
    """

    found: pl.DataFrame
    now: int
    told: list[tuple[int, str, str]]
    over: list[Row]
    last: dict[Key, int] = field(default_factory=dict)


class Visits:
    """Tells visits of what single detections say.

    Args:
        once: By rule id, the level of what may be an accident.
    """

    name = "visits"

    def __init__(self, once: Mapping[str, str]) -> None:
        self._once = dict(once)
        self._open: dict[Key, _Visit] = {}
        self._occasions = Occasions()
        self._state: bytes | None = None

    def __call__(self, events: pl.DataFrame, found: pl.DataFrame, now: datetime) -> pl.DataFrame:
        """Return what is told now of *found*: firsts, what is never held, and the last of visits that are over.

        Args:
            events: Enriched events of the batch, in order; none when nothing arrived.
            found: Detections of rules without a count.
            now: Time of the pass, UTC.
        """
        if not len(found) and not self._open:
            return found
        ours = (now - _START) // _STEP
        batch = _Batch(found, ours, told=[], over=[])
        if len(found):
            self._state = None
            for one in _keyed(found, events):
                self._take(batch, one)
            for key, row in batch.last.items():
                self._open[key].row = _row(found, row)
        batch.over += self._over(events, ours)
        told = _said(found, batch.told)
        return pl.concat([_frame(batch.over), told]) if batch.over else told

    def _take(self, batch: _Batch, one: _Found) -> None:
        key = one.key
        visit = None if key is None else self._open.pop(key, None)
        if visit is not None and key is not None:
            if visit.takes(one.at):
                if visit.add(one, batch.now):
                    batch.last[key] = one.number
                self._open[key] = visit
                return
            if 0 < visit.first - one.at <= WRONG_CLOCK // _STEP:
                self._open[key] = visit  # the line waited long: it is told by itself
                key = None
            else:
                self._end(batch, key, visit)
        if key is None:
            batch.told.append((one.number, one.way, ""))
        else:
            self._begin(batch, one, key)

    def _begin(self, batch: _Batch, one: _Found, key: Key) -> None:
        rule, source, who, *_ = key
        category = batch.found["category"][one.number]
        said = NOTHING
        if one.has_words:
            loaded = key[_LOADED] is not None
            said = self._occasions.visit((rule, source, who), category, one.began, loaded=loaded)
        if key[_SEARCH] is not None:
            self._occasions.search(category, source, who, one.at)
        self._open[key] = _Visit(one.at, one.at, one.began, one.began, batch.now, tried=one.at, word=said.word)
        if len(self._open) > MOST_VISITS:
            oldest = next(iter(self._open))
            self._end(batch, oldest, self._open.pop(oldest))
        level = self._once.get(str(rule), "") if said.word in {ACCIDENT, LOADED} else ""
        batch.told.append((one.number, said.reason or one.way, level))

    def _end(self, batch: _Batch, key: Key, visit: _Visit) -> None:
        if key in batch.last:
            visit.row = _row(batch.found, batch.last.pop(key))
        batch.over += self._last(key, visit)

    def _over(self, events: pl.DataFrame, ours: int) -> Iterator[Row]:
        """Yield the last detection of every visit that is over: by its log's time, or by ours where that is silent."""
        if not self._open:
            return
        latest = _latest(events) if len(events) else {}
        for key, visit in list(self._open.items()):
            visit.seen = visit.seen or ours
            if latest.get(key[_SOURCE] or "", 0) - visit.last > _OVER or ours - visit.seen > _OVER:
                self._state = None
                yield from self._last(key, self._open.pop(key))

    def _last(self, key: Key, visit: _Visit) -> Iterator[Row]:
        """Yield the last detection of a visit, if there was more than one."""
        if visit.row is None:
            return
        row = list(visit.row)
        lasted = visit.latest - visit.began
        says = f"{row[_REASON]}; {visit.count} more in the same visit, within {length(lasted)}"
        short = visit.word == ACCIDENT and lasted < GLANCE // _STEP
        if visit.tries >= TRIES and key[_VERDICT] == "blocked":
            says += f"; {PERSISTENT}: asked for {visit.tries} times"
        elif short or visit.word == LOADED:
            row[_LEVEL] = self._once.get(str(key[0]), row[_LEVEL])
        row[_REASON], row[_COUNT] = says, visit.count
        yield row

    def state(self) -> bytes:
        """Return the open visits and who did what when; the same bytes again as long as nothing changed."""
        if self._state is None:
            visits = [[*key, *(getattr(visit, name) for name in _Visit.__slots__)] for key, visit in self._open.items()]
            parts = [_NAMES, visits, *self._occasions.state()]
            self._state = _STATE + json.dumps(parts, separators=(",", ":")).encode()
        return self._state

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`.

        Raises:
            ValueError: It is that of another version.
        """
        names, visits, occasions, searched = json.loads(behind(_STATE, state))
        self._open = {tuple(one[:_KEY]): _Visit(*one[_KEY:]) for one in visits}
        for visit in self._open.values():
            visit.seen = 0  # while nobody read its source was not silent
            if visit.row is not None and names != _NAMES:
                had = dict(zip(names, visit.row, strict=True))
                visit.row = [had.get(name) for name in _NAMES]
        self._occasions.restore(occasions, searched)
        self._state = None


def _keyed(found: pl.DataFrame, events: pl.DataFrame) -> Iterator[_Found]:
    """Yield what is asked of each detection, in order."""
    goes = pl.Series(["http", "dns", "flow"], dtype=EVENT_SCHEMA["kind"])
    types = EVENT_SCHEMA | {"embedded": pl.Boolean(), "led": pl.Boolean()}
    near = events.lazy().select(
        *(pl.col(name) for name in _PLACE),
        *(
            column(events, name, types).alias(f"_{name}")
            for name in ("time", "kind", "domain", "query", "dest_ip", "search_terms", "embedded", "led")
        ),
    )
    near = near.filter(pl.col("line_offset").is_in(found["line_offset"].implode()))
    near = near.unique(_PLACE, keep="first")
    joined = found.lazy().join(near, on=_PLACE, how="left", nulls_equal=True, maintain_order="left")
    held = pl.col("_kind").is_in(goes.implode()) & ~pl.col("category").is_in(WHOLE).fill_null(value=False)
    words = pl.col("outcome").cast(pl.String).is_in(["breach", "advisory"]) & pl.col("_search_terms").is_null()
    way = pl.when("_embedded").then(pl.lit(BY_ITSELF)).when("_led").then(pl.lit(LED))
    matters = (pl.col("outcome") != "technical") & (pl.col("level") != "informational")
    at = pl.coalesce("_time", "time").dt.epoch("us")
    made = joined.select(
        "rule",
        "source",
        pl.coalesce(pl.concat_str(pl.lit(f"{name}:"), name) for name in ("person", "device", "client_ip")),
        pl.coalesce("_domain", "host", "_query", "_dest_ip").alias("place"),
        "_search_terms",
        pl.col("action").cast(pl.String),
        "kind",
        pl.when("_embedded").then(pl.lit("loaded")).alias("loaded"),
        at.alias("at"),
        pl.coalesce(pl.col("time").dt.epoch("us"), at).alias("began"),
        held.fill_null(value=False).alias("held"),
        (words & (pl.col("level").cast(pl.String) != "informational")).fill_null(value=False).alias("words"),
        pl.when(matters).then(way).fill_null("").alias("way"),
    ).collect(engine="in-memory")
    for number, (*key, at_, began, is_held, has_words, by_way) in enumerate(made.iter_rows()):
        known = is_held and key[2] is not None and at_ is not None
        yield _Found(number, tuple(key) if known else None, at_ or 0, began or 0, has_words, by_way)


def _latest(events: pl.DataFrame) -> dict[str, int]:
    """Return the time that each source has come to."""
    last = pl.col("time").drop_nulls().last().dt.epoch("us")
    made = events.lazy().group_by(pl.col("source").fill_null("")).agg(last).collect(engine="in-memory")
    return {source: at for source, at in made.iter_rows() if at is not None}


def _row(found: pl.DataFrame, row: int) -> Row:
    values: Row = list(found.row(row))
    time = values[_TIME]
    values[_TIME] = (time - _START) // _STEP if isinstance(time, datetime) else None
    return values


def _frame(rows: list[Row]) -> pl.DataFrame:
    numbers = DETECTION_SCHEMA.copy()
    numbers["time"] = pl.Int64()
    return pl.DataFrame(rows, schema=numbers, orient="row").cast({"time": DETECTION_SCHEMA["time"]})


def _said(found: pl.DataFrame, told: list[tuple[int, str, str]]) -> pl.DataFrame:
    """Return the rows of *found* that are told, with the words and the level of each."""
    if not told:
        return detections.none()
    rows = found.select(_NAMES)[[row for row, _, _ in told]]
    words = pl.Series([f"; {words}" if words else "" for _, words, _ in told], dtype=pl.String)
    levels = pl.Series([level or None for *_, level in told], dtype=DETECTION_SCHEMA["level"])
    return rows.with_columns(
        reason=pl.col("reason") + words,
        level=pl.coalesce(levels, "level"),
    )
