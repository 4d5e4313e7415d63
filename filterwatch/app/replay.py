"""The whole pass over old logs: nothing sent, nothing recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from filterwatch import decoders
from filterwatch.app.parts import School, keep_what_is_built
from filterwatch.app.places import shipped
from filterwatch.app.settings import load
from filterwatch.decoders.whole import not_told
from filterwatch.errors import FilterwatchError
from filterwatch.lines import LineBatch
from filterwatch.pipeline import Bench, Feed, Pass, come_to, merged
from filterwatch.sources import read_files
from filterwatch.text import printable

log = logging.getLogger(__name__)

CHUNK = 4 * 2**20
"""Bytes of a batch.  Source: performance measurements, 4 to 8 MiB."""

AFTER_THE_END = timedelta(minutes=5)
"""How long a replay waits, in event time, behind the last line: longer than any detector's grace."""

COLUMNS = (
    "time", "rule", "level", "category", "kind", "person", "user", "client_ip", "host", "action", "outcome", "reason",
    "source", "line",
)  # fmt: skip
"""Keys of a printed detection, in the order of the contract."""

_PLACE = ("source", "stream", "line_offset")


@dataclass(frozen=True, slots=True)
class Input:
    """Files of one source, oldest first.

    Attributes:
        source: Its name; the pass has a feed for it.
        feed: How its lines are read.
        paths: The files, plain or compressed; ``-`` is standard input.
    """

    source: str
    feed: Feed
    paths: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants replayed.

    Attributes:
        config: The configuration; null for none.
        rules: Directory of the rules to judge by; null for the configuration's, else the shipped ones.
        files: Logs without a source of their own.
        format: Their format; null to find it out for each.
        sources: ``NAME=FILE``: logs of configured sources, or of a format of that name.
    """

    config: Path | None = None
    rules: Path | None = None
    files: Sequence[Path] = ()
    format: str | None = None
    sources: Sequence[str] = ()

    def school(self) -> School:
        """Return what the pass needs to know."""
        configuration = load(self.config) if self.config else None
        rules = self.rules or (configuration.rules if configuration else shipped("rules"))
        return School(configuration, rules)

    def inputs(self, school: School) -> list[Input]:
        """Return what is to be read.

        Raises:
            FilterwatchError: Nothing is named, a name is unknown, or a format cannot be told.
        """
        feeds = school.feeds()
        named: dict[str, Input] = {}
        for pair in self.sources:
            name, equals, file = pair.partition("=")
            if not equals:
                raise FilterwatchError(f"--source {pair}: expected NAME=FILE")
            feed = feeds.get(name) or Feed(decoders.make(name, {}, zone=school.zone), school.site)
            before = named[name].paths if name in named else ()
            named[name] = Input(name, feed, [*before, Path(file)])
        inputs = list(named.values())
        for path in self.files:
            format_ = self.format or told(path)
            name = f"{format_}:{path.name}" if path.name != "-" else format_
            inputs.append(Input(name, Feed(decoders.make(format_, {}, zone=school.zone), school.site), [path]))
        if not inputs:
            raise FilterwatchError("name logs to replay: FILE..., or --source NAME=FILE")
        return inputs


def told(path: Path) -> str:
    """Return the format of a log by its first lines.

    Raises:
        FilterwatchError: They do not tell it.
    """
    batch = next(read_files([path], CHUNK), None)
    if batch is None or not len(batch):
        raise FilterwatchError(
            f"{path}: is empty: its format cannot be told; name it with --format, of `report` --log-format"
        )
    name = decoders.format_of(batch)
    if name is None:
        raise FilterwatchError(f"{path}: cannot tell the format{not_told(batch)}, of `report` with --log-format")
    return name


def replay(
    work: Pass,
    inputs: Sequence[Input],
    *,
    seen: Callable[[int], None] = lambda _bytes: None,
    keep: Callable[[pl.DataFrame], None] = lambda _events: None,
) -> Iterator[pl.DataFrame]:
    """Yield the detections over *inputs*, merged by time.

    Args:
        work: The pass; its state is that of a new start.
        inputs: What to read.
        seen: Called with the bytes of each batch, for a progress bar.
        keep: Called with the enriched events, for reports.

    Columns: those of a detection, and ``line`` (from 1, in its file; null where the event is older than the batch).
    """
    for held, *_ in judged(settled(work, inputs, seen=seen, keep=keep), work.bench):
        yield held


def settled(
    work: Pass,
    inputs: Sequence[Input],
    *,
    seen: Callable[[int], None] = lambda _bytes: None,
    keep: Callable[[pl.DataFrame], None] = lambda _events: None,
) -> Iterator[pl.DataFrame]:
    """Yield the enriched events of *inputs*, merged by time, with ``line``; arguments as for :func:`replay`."""
    keep_what_is_built()
    for events in merged([_events(work, one, seen) for one in inputs]):
        found = work.context.settle(events)
        keep(found)
        yield found


def judged(frames: Iterable[pl.DataFrame], *benches: Bench) -> Iterator[tuple[pl.DataFrame, ...]]:
    """Yield what each of *benches* holds for each of *frames*, and at the end what waited for time to pass.

    A detection comes when it is known, the end of a visit some minutes after it; those of one frame in order of time.

    Columns: those of a detection, and ``line``.
    """
    now = datetime.fromtimestamp(0, UTC)
    for events in frames:
        now = come_to(now, events)
        held = [bench(events, now) for bench in benches]
        yield tuple(_with_lines(one, events) for one in held)
    # What waits for time to pass (a stop that may be a restart) is told as if the log went on silently.
    idle = [bench.idle(now + AFTER_THE_END) for bench in benches]
    yield tuple(one.sort("time", maintain_order=True).with_columns(line=pl.lit(None, pl.Int64)) for one in idle)


def _with_lines(held: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    # Few lines are held for anything: joining on three texts is dear, asking for a number first is not.
    lines = events.select(*_PLACE, "line").filter(pl.col("line_offset").is_in(held["line_offset"].implode()))
    found = held.join(lines, on=_PLACE, how="left", nulls_equal=True, maintain_order="left")
    return found.sort("time", maintain_order=True)


def _events(work: Pass, one: Input, seen: Callable[[int], None]) -> Iterator[pl.DataFrame]:
    """Yield the prepared events of one source with ``line``, the number of their line in its file."""
    before: dict[str, int] = {}
    for prepared in work.prepared(_named(one, seen)):
        batch = prepared.batch
        first = before.get(batch.stream, 0) + 1
        numbers = np.searchsorted(batch.line_offsets, prepared.events["line_offset"].to_numpy()) + first
        before[batch.stream] = first - 1 + len(batch)
        yield prepared.events.with_columns(pl.Series("line", numbers, pl.Int64))


def _named(one: Input, seen: Callable[[int], None]) -> Iterator[LineBatch]:
    for batch in read_files(one.paths, CHUNK, source=one.source):
        seen(len(batch.data))
        for gap in batch.gaps:
            log.warning("%s: %s", printable(batch.path), gap.why)
        if len(batch):
            yield batch


def as_json_lines(detections: pl.DataFrame) -> bytes:
    """Return detections as the contract's JSON lines; nulls stay, so that every line has every key."""
    keys = [*COLUMNS, *(name for name in ("change", "level_before") if name in detections.columns)]
    frame = detections.select(keys).with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    return frame.write_ndjson().encode()
