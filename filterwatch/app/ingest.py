"""The daemon's first half: follow the logs, take each batch through the pass, journal it.

Exactly once: the checkpoint, the events, the detections and what the pass remembers commit in one transaction.  A
commit that fails (a full disk) is tried again with the same batch; nothing is read meanwhile, the logs are the buffer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from filterwatch.app.daemon import Stop, notify
from filterwatch.app.newest import ListAges, Newest
from filterwatch.app.parts import School, keep_what_is_built
from filterwatch.app.settings import Configuration
from filterwatch.app.upkeep import Upkeep, make_state_directory
from filterwatch.clock import Clock
from filterwatch.decoders import redact
from filterwatch.detectors.filter_off import FilterOff
from filterwatch.detectors.lost import lost
from filterwatch.detectors.remembered import Forgetful
from filterwatch.journal import Commit, Counts, Journal, JournalDamaged, JournalError, evidence
from filterwatch.lines import LineBatch
from filterwatch.metrics import Metrics
from filterwatch.pipeline import Pass, Processed
from filterwatch.sources import DatabaseSource, FileSource, Hints, SettingsSource, Source, SpoolSource

log = logging.getLogger(__name__)

BATCH_BYTES = 4 * 2**20
"""Most bytes of a batch: memory stays bounded while catching up.  Source: performance measurements, 4 to 8 MiB."""

LONGEST_RETRY = 10.0
"""Most seconds between two tries to commit."""

INTERNAL = ("request_key", "category_bits", "local_time", "in_term", "embedded", "led", "host_form",
            "search_kind", "safe_search")  # fmt: skip
"""Columns that serve the pass alone; the journal keeps what events promise."""


@dataclass
class Followed:
    """A source and what is known of it.

    Attributes:
        source: The source.
        trouble: Why it cannot be read; null while it can.
    """

    source: Source
    trouble: str | None = None


class Ingest:
    """The loop's one step, again and again.

    Args:
        sources: The logs, in the order of the configuration.
        work: The pass.
        journal: Where it all goes; this is its only writer.
        clock: Time.
        metrics: What is counted.
        stopping: Says whether to end; asked while a commit is tried again.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        work: Pass,
        journal: Journal,
        clock: Clock,
        metrics: Metrics,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.followed = [Followed(source) for source in sources]
        self.work = work
        self._journal = journal
        self._clock = clock
        self._metrics = metrics
        self._stopping = stopping
        for one in self.followed:
            self._touch(one.source.name)
        self.work.restore(journal.state())
        self._note_detectors()

    def step(self) -> int:
        """Take at most one batch of each source through the pass; return 0 when there was none."""
        return sum(self._take(one) for one in self.followed)

    def idle(self) -> None:
        """Note what only silence shows; journalled when there is something to note."""
        now = self._clock.now()
        detections = self.work.bench.idle(now)
        if len(detections):
            self._count(detections.select("rule", "level").rows())
            self._commit(Commit(read_at=now, detections=detections, state=self.work.state(), counts=Counts()))

    def forget(self) -> None:
        """Drop the checkpoints of files that are read to their end and gone."""
        for one in self.followed:
            if streams := one.source.forget():
                self._journal.forget(one.source.name, streams)

    def _take(self, one: Followed) -> int:
        batch = one.source.read(BATCH_BYTES)
        self._note_trouble(one)
        self._metrics.lag.labels(one.source.name).set(one.source.lag())
        if batch is None:
            return 0
        if not len(batch):  # a gap, or a checkpoint that moves without lines
            told = lost(batch.gaps, self.work.feeds[batch.source].site)
            self._commit(Commit(read_at=batch.read_at, checkpoint=batch.checkpoint, gaps=batch.gaps, detections=told))
            self._note_gaps(batch)
            return 1  # there may be more at once
        with self._metrics.batch_seconds.time():
            processed = self.work.process(batch, self._clock.now())
            if batch.gaps:
                told = lost(batch.gaps, self.work.feeds[batch.source].site)
                processed = replace(processed, detections=pl.concat([processed.detections, told]))
            committed = self._commit(commit_of(batch, processed, self.work.state()))
        if committed:
            self._measure(batch, processed)
        return len(batch)

    def _commit(self, commit: Commit) -> bool:
        """Commit, trying again for as long as it takes; return False only when the daemon is asked to end."""
        wait = 0.1
        while True:
            try:
                self._journal.commit(commit)
            except JournalDamaged:
                raise  # trying again does not help: the next start restores the newest copy
            except JournalError as error:
                self._metrics.journal_failures.inc()
                log.error("The journal cannot be written: %s. Reading waits; next try in %.1f s.", error, wait)  # noqa: TRY400 - the text says it all
                if self._stopping():
                    return False
                self._clock.sleep(wait)
                wait = min(LONGEST_RETRY, wait * 2)
            else:
                self._note_detectors()
                return True

    def _note_trouble(self, one: Followed) -> None:
        problem = one.source.problem
        self._metrics.readable.labels(one.source.name).set(0 if problem else 1)
        if problem != one.trouble:
            one.trouble = problem
            if problem:
                log.error("Source %s: %s", one.source.name, problem)
            else:
                log.warning("Source %s can be read again.", one.source.name)

    def _note_detectors(self) -> None:
        for detector in self.work.bench.detectors:
            if isinstance(detector, Forgetful):
                self._metrics.forgotten.labels(detector.name).set(detector.forgotten)
            if isinstance(detector, FilterOff):
                for service, on in detector.running.items():
                    self._metrics.filter_enabled.labels(service).set(on)

    def _measure(self, batch: LineBatch, processed: Processed) -> None:
        metrics, name = self._metrics, batch.source
        metrics.lines.labels(name).inc(len(batch))
        metrics.events.labels(name).inc(len(processed.events))
        metrics.rejected.labels(name).inc(len(processed.prepared.quarantined))
        metrics.skipped.labels(name).inc(processed.prepared.skipped)
        if len(processed.events):
            latest = processed.events["time"].max()
            if isinstance(latest, datetime):
                metrics.last_event.labels(name).set(latest.timestamp())
        self._note_gaps(batch)
        self._count(processed.detections.select("rule", "level").rows())

    def _note_gaps(self, batch: LineBatch) -> None:
        self._metrics.gaps.labels(batch.source).inc(len(batch.gaps))
        for gap in batch.gaps:
            log.error("Source %s: %s", batch.source, gap.why)

    def _count(self, held: Sequence[tuple[str, str]]) -> None:
        for rule, level in held:
            self._metrics.detections.labels(rule, level).inc()

    def _touch(self, name: str) -> None:
        """Let every series exist at 0, so that its first rise is seen."""
        m = self._metrics
        for metric in (m.lines, m.events, m.rejected, m.skipped, m.gaps, m.lag, m.last_event, m.readable):
            metric.labels(name)


def commit_of(batch: LineBatch, processed: Processed, state: dict[str, bytes]) -> Commit:
    """Return what is journalled of one batch."""
    return Commit.of(
        batch,
        processed.events.drop(INTERNAL, strict=False),
        evidence(batch, processed.detections, redact),
        processed.prepared.quarantined,
        state=state,
    )


def run(configuration: Configuration, stop: Stop, clock: Clock) -> None:
    """Follow the logs until asked to end.

    Raises:
        ConfigurationError: Before anything is read, with every mistake.
        JournalBusy: Another ingest writes this journal.
    """
    school = School(configuration, configuration.rules)
    make_state_directory(configuration.state)
    index = school.index()
    context = school.enrichment(index)
    work = school.work(context)
    metrics = Metrics()
    served = configuration.settings.metrics
    if served.ingest_port:
        metrics.serve(served.listen, served.ingest_port)
    journal = Journal.open(
        configuration.state / "journal.db", writer=True, clock=clock, settings=configuration.settings.journal
    )
    if journal.recovered:
        log.error("%s.", str(journal.recovered).capitalize())
    upkeep = Upkeep(journal, configuration, clock, Newest(index, context.use), ListAges(configuration, clock, metrics))
    try:
        sources = list(sources_of(configuration, journal, clock))
        hints = Hints({directory for source in sources for directory in source.directories()}, clock)
        ingest = Ingest(sources, work, journal, clock, metrics, stop)
        upkeep.start(stop)
        keep_what_is_built()
        work.bench.rules.warm()
        notify("READY=1")
        log.info("Reading %d sources by %d rules.", len(sources), len(work.bench.rules.rules))
        _follow(ingest, hints, stop, configuration.settings.poll.total_seconds())
    finally:
        notify("STOPPING=1")
        stop.ask()
        upkeep.join()
        journal.close()


def sources_of(configuration: Configuration, journal: Journal, clock: Clock) -> Iterator[Source]:
    """Yield the sources of the configuration, each going on where the journal ends."""
    for one in configuration.settings.sources:
        checkpoints = journal.checkpoints(one.name)
        if one.settings is not None:
            yield SettingsSource(one, checkpoints, clock, base=configuration.directory)
        elif one.database is not None:
            database, at_end = configuration.at(one.database), one.start == "end"
            yield DatabaseSource(one.name, database, checkpoints, clock, at_end=at_end)
        elif one.listen is None:
            yield FileSource(one, checkpoints, clock, base=configuration.directory)
        else:
            yield SpoolSource(one, checkpoints, clock, str(configuration.spool / one.name))


def _follow(ingest: Ingest, hints: Hints, stop: Stop, poll: float) -> None:
    while not stop():
        notify("WATCHDOG=1")
        if ingest.step():
            continue
        ingest.idle()
        ingest.forget()
        hints.watch(directory for one in ingest.followed for directory in one.source.directories())
        hints.wait(poll)
