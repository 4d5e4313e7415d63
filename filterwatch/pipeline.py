"""The one pass over lines, as stages: decode, enrich, judge, detect.

The daemon, the replay, the test bench and reports from raw logs all run this same pass; they differ only in where
lines come from and where the outcome goes.  A batch goes through two halves: :meth:`Pass.prepare` needs nothing but
the batch and may run on another thread; :meth:`Pass.judge` keeps state and runs in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import polars as pl

from filterwatch import detections as found
from filterwatch.decoders import Decoder, redact
from filterwatch.detections import Detector
from filterwatch.detectors import Company, Page, Seen, Visits
from filterwatch.detectors.restoring import restore
from filterwatch.detectors.wrong_clock import AHEAD as FAR
from filterwatch.detectors.wrong_clock import set_right
from filterwatch.lines import LineBatch
from filterwatch.policy import RuleSet

AHEAD = 2
"""Batches prepared ahead of the one that is judged: keeps two cores busy and memory bounded."""


class Context(Protocol):
    """What the pass needs of the enrichment."""

    def prepare(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add where and when; stateless."""
        ...

    def settle(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add who and whether it counts; in order."""
        ...

    def state(self) -> bytes:
        """Return what :meth:`settle` remembers."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from it."""
        ...


@dataclass(frozen=True, slots=True)
class Feed:
    """How the lines of one source are read.

    Attributes:
        decoder: Reads its format.
        site: Which school or building it belongs to.
    """

    decoder: Decoder
    site: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch after decoding and the stateless half of enrichment.

    Attributes:
        batch: The lines.
        events: One row per line that became an event, in order.
        quarantined: One row per line no decoder could read: ``line_offset``, ``line_length``, ``why``, ``raw``
            (credentials cut).
        skipped: How many lines mean nothing to us.
    """

    batch: LineBatch
    events: pl.DataFrame
    quarantined: pl.DataFrame
    skipped: int


@dataclass(frozen=True, slots=True)
class Processed:
    """What a pass over one batch found.

    Attributes:
        prepared: Where it came from.
        events: Enriched events, in order.
        detections: What rules and detectors held.
    """

    prepared: Prepared
    events: pl.DataFrame
    detections: pl.DataFrame


class Bench:
    """The rules and the detectors that go with them: what holds for events, and what they remember.

    Args:
        rules: The policy.
        detectors: In the order they run; names are unique.
        visits: Tells visits of what rules without a count find; null for every single detection.
        company: Leaves out what other pages probably loaded, for rules that ask for it; null for none.
    """

    def __init__(
        self,
        rules: RuleSet,
        detectors: Sequence[Detector] = (),
        visits: Visits | None = None,
        company: Company | None = None,
    ) -> None:
        self.rules = rules
        self.detectors = detectors
        self.visits = visits
        self.company = company

    def __call__(self, events: pl.DataFrame, now: datetime) -> pl.DataFrame:
        """Return the detections of enriched *events*, in the order of the schema's columns."""
        judged = self.rules.evaluate(events)
        held, hits = judged.detections, judged.hits
        if self.company:
            held, hits = self.company(events, held, hits)
        return self._together(self._told(events, held, now), self._detect(events, hits, now))

    def idle(self, now: datetime) -> pl.DataFrame:
        """Return what detectors find when nothing arrived: silence is their finding too, and visits are over."""
        told = self._told(pl.DataFrame(), found.none(), now)
        return self._together(told, self._detect(pl.DataFrame(), found.none(), now))

    def state(self) -> dict[str, bytes]:
        """Return what they remember, by name."""
        return {part.name: part.state() for part in self._remembering()}

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Go on from :meth:`state`; a part that is new since then, or reads it no more, starts empty."""
        for part in self._remembering():
            if part.name in state:
                restore(part.name, part, state[part.name])

    def _remembering(self) -> list[Detector | Visits | Company | Page]:
        pages = [page for one in self.detectors if isinstance(one, Seen) for page in one.pages]
        return [*(one for one in (self.company, self.visits) if one), *self.detectors, *pages]

    def _told(self, events: pl.DataFrame, detections: pl.DataFrame, now: datetime) -> pl.DataFrame:
        return self.visits(events, detections, now) if self.visits else detections

    def _detect(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> list[pl.DataFrame]:
        events = set_right(events, now)
        return [detector(events, hits, now) for detector in self.detectors]

    def _together(self, first: pl.DataFrame, more: Sequence[pl.DataFrame]) -> pl.DataFrame:
        return pl.concat([first, *(part for part in more if len(part))])


class Pass:
    """The stages, put together.

    Args:
        feeds: By source name.
        context: The enrichment.
        bench: Rules and detectors.
    """

    def __init__(self, feeds: Mapping[str, Feed], context: Context, bench: Bench) -> None:
        self.feeds = feeds
        self.context = context
        self.bench = bench

    def prepare(self, batch: LineBatch) -> Prepared:
        """Decode a batch and add where and when; safe on any thread."""
        feed = self.feeds[batch.source]
        decoded = feed.decoder.decode(batch)
        index = decoded.events["line"].to_numpy()
        lengths = batch.ends - batch.starts
        events = decoded.events.drop("line").with_columns(
            pl.lit(feed.site).alias("site"),
            pl.lit(batch.source).alias("source"),
            pl.lit(batch.stream).alias("stream"),
            pl.Series("line_offset", batch.line_offsets[index]),
            pl.Series("line_length", lengths[index].astype(np.int32)),
        )
        return Prepared(batch, self.context.prepare(events), _quarantine(batch, decoded.rejected), len(decoded.skipped))

    def judge(self, events: pl.DataFrame, now: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return *events* with who and whether they count, and what holds for them; in order of time.

        Args:
            events: From :attr:`Prepared.events`, possibly of several sources merged.
            now: Time of the pass, UTC.
        """
        events = self.context.settle(events)
        return events, self.bench(events, now)

    def process(self, batch: LineBatch, now: datetime) -> Processed:
        """Take one batch through the whole pass."""
        prepared = self.prepare(batch)
        return Processed(prepared, *self.judge(prepared.events, now))

    def prepared(self, batches: Iterable[LineBatch], *, ahead: int = AHEAD) -> Iterator[Prepared]:
        """Prepare batches in order, up to *ahead* of the consumer."""
        waiting: deque[Future[Prepared]] = deque()
        with ThreadPoolExecutor(1, "prepare") as pool:
            try:
                for batch in batches:
                    waiting.append(pool.submit(self.prepare, batch))
                    if len(waiting) > ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for one in waiting:
                    one.cancel()

    def state(self) -> dict[str, bytes]:
        """Return what must be committed with a batch, so that a restart goes on exactly here."""
        return {"enrich": self.context.state()} | self.bench.state()

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Go on from :meth:`state`; a part that is new since then, or reads it no more, starts empty."""
        if "enrich" in state:
            restore("enrich", self.context, state["enrich"])
        self.bench.restore(state)


def _quarantine(batch: LineBatch, rejected: pl.DataFrame) -> pl.DataFrame:
    index = rejected["line"].to_numpy()
    return pl.DataFrame(
        {
            "line_offset": batch.line_offsets[index],
            "line_length": (batch.ends - batch.starts)[index].astype(np.int32),
            "why": rejected["why"],
            "raw": [redact(batch.line(int(line))) for line in index],
        },
        schema={"line_offset": pl.Int64, "line_length": pl.Int32, "why": pl.String, "raw": pl.Binary},
    )


_END = 100
"""Lines at the end of a frame that are asked what time it is: what lies far before their median is late or wrong."""

_KNOWN = pl.col("time").drop_nulls().tail(_END)
_LAST = _KNOWN.filter(_KNOWN.median() - FAR <= _KNOWN).tail(2).max()
"""The time that a frame ends with, by its last two lines; those dated far back of most do not count."""

_IN_TIME = pl.col("time") <= _LAST + FAR
_ORDER = (
    pl.when(_IN_TIME).then("time").fill_null(strategy="forward").fill_null(datetime.fromtimestamp(0, UTC)).cum_max()
)
"""A time that steps back (a clock that was set), is missing, or is far ahead of the last lines sorts with the latest
before it: lines keep their order."""


def come_to(now: datetime, events: pl.DataFrame) -> datetime:
    """Return the time that old logs have come to with *events*, by the last of them: no line dated far ahead counts.

    Nor do lines dated far back, unless they are most at the end.  Where all of *events* lie far before *now*, the last
    ones before them were wrong.
    """
    latest, last = events.select(latest=pl.col("time").max(), last=_LAST).row(0)
    if not isinstance(latest, datetime) or not isinstance(last, datetime):
        return now
    return last if now - latest > FAR else max(now, last)


def merged(streams: Sequence[Iterator[pl.DataFrame]]) -> Iterator[pl.DataFrame]:
    """Merge event frames of several sources into frames in order of ``time``.

    Within a source the order of lines is kept.
    """
    if len(streams) == 1:
        yield from streams[0]
        return
    buffers: dict[int, pl.DataFrame] = {}
    open_ = dict(enumerate(streams))
    while True:
        for number in [n for n in open_ if n not in buffers]:
            frame = next((frame for frame in open_[number] if len(frame)), None)
            if frame is None:
                del open_[number]
            else:
                buffers[number] = frame.with_columns(_at=_ORDER)
        if not buffers:
            return
        ends = [buffers[number]["_at"][-1] for number in open_]
        due = [frame.filter(pl.col("_at") <= min(ends)) if ends else frame for frame in buffers.values()]
        rest = {n: frame.slice(len(part)) for (n, frame), part in zip(buffers.items(), due, strict=True)}
        buffers = {n: frame for n, frame in rest.items() if len(frame)}
        yield pl.concat(due, how="diagonal").sort("_at", maintain_order=True).drop("_at")
