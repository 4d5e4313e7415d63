"""One visit, one story: what a rule finds again and again on one site is told by its first and its last.

A visit is what one person (else device, else address) does on one registrable domain, each request within two minutes
of the last, for at most ten minutes.  Of a rule's detections in a visit the first goes out at once.  The others are
held; when the visit is over the last of them goes out with the ``count`` of all after the first, so the counts always
add up.  Another verdict, kind or search is never held back behind the first.

The reason says how often it happened: once may be an accident, thrice is persistence (decision 0162).

Visits follow the times in the log, each source by itself, so that cutting a log into other batches changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import polars as pl

from filterwatch import detections
from filterwatch.events import DETECTION_SCHEMA, EVENT_SCHEMA

GAP = timedelta(minutes=2)
"""What comes later is another visit (our judgement; a page is read in less)."""

LONGEST = timedelta(minutes=10)
"""A visit that goes on is told again after this: less than the span in which alerts group (15 minutes)."""

LATE = timedelta(minutes=1)
"""How far lines of a source may be out of order: so long a visit that is over waits for its last ones."""

REMEMBERED = timedelta(days=7)
"""How long an occasion is remembered."""

OCCASION = timedelta(minutes=30)
"""A visit that begins later than this after the last one began is another occasion."""

SEARCHED = timedelta(minutes=5)
"""A visit so soon after a search of its category was looked for."""

TRY = timedelta(seconds=10)
"""A blocked request so long after the last try is a person's, not the browser's (our judgement)."""

GLANCE = timedelta(seconds=30)
"""Who leaves sooner may have come by mistake."""

TRIES = 3
MOST_VISITS, MOST_PEOPLE = 5_000, 5_000
"""Open visits, and occasions of one person and rule, that are remembered: a bound against endless names in a log."""

WHOLE = ("csam",)
"""Categories of which nothing is held: each address is evidence."""

ACCIDENT, REPEAT, PERSISTENT = "accident?", "repeat", "persistent"
_SAYS = {
    ACCIDENT: "accident? the first time in 7 days",
    REPEAT: "repeat: the second time in 7 days",
    PERSISTENT: "persistent: at least the third time in 7 days",
}
_PLACE = ("site", "source", "stream", "line_offset")
_STEP = timedelta(microseconds=1)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = DETECTION_SCHEMA.names()
_REASON, _LEVEL, _COUNT, _TIME = (_NAMES.index(name) for name in ("reason", "level", "count", "time"))

Key = tuple[str | None, ...]
"""Rule, source, who, domain, search, verdict and kind."""

Row = list[object]
"""One detection, in the order of the schema; its time in microseconds since 1970."""


@dataclass(slots=True)
class _Visit:
    """A visit of which the first detection was told; times in microseconds since 1970, as the log has them.

    Attributes:
        count: Detections after the first.
        tries: Of what was blocked: requests with some time between them.
        tried: Time of the last try.
        word: What was said of the first; empty where nothing was.
        row: The last detection after the first.
    """

    first: int
    last: int
    count: int = 0
    tries: int = 1
    tried: int = 0
    word: str = ""
    row: Row | None = None

    def takes(self, at: int) -> bool:
        """Whether what happens at *at* belongs to it."""
        near = self.first - GAP // _STEP <= at <= self.last + GAP // _STEP
        return near and max(self.last, at) - min(self.first, at) <= LONGEST // _STEP

    def add(self, at: int) -> bool:
        """Take a detection in; return whether it is the last now."""
        if at - self.tried >= TRY // _STEP:
            self.tries, self.tried = self.tries + 1, at
        latest = not self.count or at >= self.last
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.count += 1
        return latest


@dataclass(slots=True)
class _Occasions:
    """When somebody did what a rule is about: the first of each of the last occasions, and the last visit."""

    first: list[int]
    last: int

    def word(self, at: int) -> str:
        """Note a visit; return what it is."""
        if at - self.last > OCCASION // _STEP or not self.first:
            recent = [time for time in self.first if at - time <= REMEMBERED // _STEP]
            self.first = [*recent[-TRIES:], at]
        self.last = max(self.last, at)
        return (ACCIDENT, REPEAT, PERSISTENT)[min(len(self.first), TRIES) - 1]


@dataclass(slots=True)
class _Batch:
    """One batch at work.

    Attributes:
        told: Numbers of the rows that are told now, with words for the reason and another level, or "".
        over: The last of visits that are over.
        last: Number of the last row of each visit that goes on.
    """

    found: pl.DataFrame
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
        self._occasions: dict[Key, _Occasions] = {}
        self._searched: dict[Key, int] = {}
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
        told: list[tuple[int, str, str]] = []
        over: list[Row] = []
        if len(found):
            self._state = None
            batch = _Batch(found, told, over)
            for row, key, at, has_words in _keys(found, events):
                self._take(batch, row, key, at, has_words=has_words)
            for key, row in batch.last.items():
                self._open[key].row = _row(found, row)
        over += self._over(events, now)
        return pl.concat([_frame(over), _said(found, told)]) if over else _said(found, told)

    def _take(self, batch: _Batch, row: int, key: Key | None, at: int, *, has_words: bool) -> None:
        visit = None if key is None else self._open.pop(key, None)
        if key is None or (visit is not None and at < visit.first and not visit.takes(at)):
            if key is not None and visit is not None:
                self._open[key] = visit  # the clock was set back, or the line waited long
            batch.told.append((row, "", ""))
            return
        if visit is not None and visit.takes(at):
            if visit.add(at):
                batch.last[key] = row
            self._open[key] = visit
            return
        if visit is not None:
            self._end(batch, key, visit)
        category = batch.found["category"][row]
        word, says = self._word(key, category, at) if has_words else ("", "")
        if key[4] is not None:
            _remember(self._searched, (category, key[1], key[2]), at)
        self._open[key] = _Visit(at, at, tried=at, word=word)
        if len(self._open) > MOST_VISITS:
            oldest = next(iter(self._open))
            self._end(batch, oldest, self._open.pop(oldest))
        batch.told.append((row, says, self._once.get(str(key[0]), "") if word == ACCIDENT else ""))

    def _end(self, batch: _Batch, key: Key, visit: _Visit) -> None:
        if key in batch.last:
            visit.row = _row(batch.found, batch.last.pop(key))
        batch.over += self._last(key, visit)

    def _word(self, key: Key, category: str | None, at: int) -> tuple[str, str]:
        """Return what a visit is, and the words for it."""
        who = key[:3]
        occasions = self._occasions.pop(who, None) or _Occasions([], at)
        _remember(self._occasions, who, occasions)
        word = occasions.word(at)
        searched = self._searched.get((category, *who[1:]))
        if searched is not None and 0 <= at - searched <= SEARCHED // _STEP:
            return PERSISTENT, "persistent: searched for just before"
        return word, _SAYS[word]

    def _over(self, events: pl.DataFrame, now: datetime) -> Iterator[Row]:
        """Yield the last detection of every visit that is over by the log's time, or by ours when nothing arrives."""
        if not self._open:
            return
        idle = not len(events)
        latest = {} if idle else _latest(events)
        least = (GAP + LATE) // _STEP
        ours = (now - _START) // _STEP
        for key, visit in list(self._open.items()):
            if (ours if idle else latest.get(key[1] or "", 0)) - visit.last > least:
                self._state = None
                yield from self._last(key, self._open.pop(key))

    def _last(self, key: Key, visit: _Visit) -> Iterator[Row]:
        """Yield the last detection of a visit, if there was more than one."""
        if visit.row is None:
            return
        row = list(visit.row)
        seconds = (visit.last - visit.first) // 1_000_000
        says = f"{row[_REASON]}; {visit.count} more in the same visit, within {seconds} s"
        persists = visit.tries >= TRIES and key[5] == "blocked"
        if persists:
            says += f"; persistent: tried {visit.tries} times"
        elif visit.word == ACCIDENT and seconds < GLANCE.total_seconds():
            row[_LEVEL] = self._once.get(str(key[0]), row[_LEVEL])
        row[_REASON], row[_COUNT] = says, visit.count
        yield row

    def state(self) -> bytes:
        """Return the open visits and who did what when, as JSON; the same bytes again as long as nothing changed."""
        if self._state is None:
            visits = [[*key, *astuple(visit)] for key, visit in self._open.items()]
            occasions = [[*key, *astuple(one)] for key, one in self._occasions.items()]
            searched = [[*key, at] for key, at in self._searched.items()]
            self._state = json.dumps([visits, occasions, searched], separators=(",", ":")).encode()
        return self._state

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        visits, occasions, searched = json.loads(state)
        self._open = {tuple(one[:7]): _Visit(*one[7:]) for one in visits}
        self._occasions = {tuple(one[:3]): _Occasions(*one[3:]) for one in occasions}
        self._searched = {tuple(one[:3]): one[3] for one in searched}
        self._state = None


_T = TypeVar("_T")


def _remember(memory: dict[Key, _T], key: Key, value: _T) -> None:
    memory.pop(key, None)
    memory[key] = value  # so that the last in order is the one seen last
    if len(memory) > MOST_PEOPLE:
        del memory[next(iter(memory))]


def _keys(found: pl.DataFrame, events: pl.DataFrame) -> Iterator[tuple[int, Key | None, int, bool]]:
    """Yield of each detection its number, its visit's key (null: never held), its time, and whether it gets words."""
    goes = pl.Series(["http", "dns", "flow"], dtype=EVENT_SCHEMA["kind"])
    have = set(events.columns)
    near = events.lazy().select(
        *(pl.col(name) for name in _PLACE),
        *(
            (pl.col(name) if name in have else pl.lit(None, EVENT_SCHEMA[name])).alias(f"_{name}")
            for name in ("time", "kind", "domain", "query", "dest_ip", "search_terms")
        ),
    )
    near = near.filter(pl.col("line_offset").is_in(found["line_offset"].implode()))
    near = near.unique(_PLACE, keep="first")
    joined = found.lazy().join(near, on=_PLACE, how="left", nulls_equal=True, maintain_order="left")
    held = pl.col("_kind").is_in(goes.implode()).fill_null(value=False) & ~pl.col("category").is_in(WHOLE).fill_null(
        value=False
    )
    words = pl.col("outcome").cast(pl.String).is_in(["breach", "advisory"]) & pl.col("_search_terms").is_null()
    made = joined.select(
        "rule",
        "source",
        pl.coalesce(pl.concat_str(pl.lit(f"{name}:"), name) for name in ("person", "device", "client_ip")),
        pl.coalesce("_domain", "host", "_query", "_dest_ip").alias("place"),
        "_search_terms",
        pl.col("action").cast(pl.String),
        "kind",
        pl.coalesce("_time", "time").dt.epoch("us").alias("at"),
        held.alias("held"),
        (words & (pl.col("level").cast(pl.String) != "informational")).fill_null(value=False).alias("words"),
    ).collect(engine="in-memory")
    for number, (*key, at, is_held, has_words) in enumerate(made.iter_rows()):
        known = is_held and key[2] is not None and at is not None
        yield number, tuple(key) if known else None, at or 0, has_words


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
