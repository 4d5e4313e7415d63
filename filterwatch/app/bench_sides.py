"""What a comparison judges, and by what: the same events by a school's rules and by others, each with its own lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from filterwatch import policy
from filterwatch.app.bench_archive import archived, replayed
from filterwatch.app.parts import School
from filterwatch.app.replay import Input, settled
from filterwatch.app.settings import Configuration
from filterwatch.enrich import Enrich
from filterwatch.lists import CategoryIndex
from filterwatch.pipeline import Bench, Pass

_LOOKED_UP = ("domain", "category_bits", "embedded", "led", "host_form", "search_kind", "safe_search")
"""Columns that enrichment adds and does not expect to find; it replaces the others."""

_OF_NAMES = ("names.yaml", "guard.yaml")
"""Files beside the lists that say what a name gives which is on no list."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What is judged, and what judges it.

    Attributes:
        frames: Enriched events in order of time, with ``line``; to be read once.
        bench: Makes rules ready to judge them, remembering nothing: those of a directory with the lists beside them;
            null for the school's own.
    """

    frames: Iterable[pl.DataFrame]
    bench: Callable[[Path | None], Bench]


def of_logs(school: School, inputs: Sequence[Input], seen: Callable[[int], None]) -> Sides:
    """Return the whole pass over *inputs*; *seen* is called with the bytes of each batch.

    Raises:
        ConfigurationError: With every mistake in roster, devices and lists; of rules, when they are asked for.
    """
    index = school.index()
    work = Pass({one.source: one.feed for one in inputs}, school.enrichment(index), Bench(policy.RuleSet((), {})))
    return Sides(settled(work, inputs, seen=seen), _benches(school, index, school.bench))


def of_archive(
    school: School, configuration: Configuration, days: tuple[date, date], seen: Callable[[int], None]
) -> Sides:
    """Return the archived events of local *days*; *seen* is called after each day.

    Lists, calendar and school hours are those of today.

    Raises:
        ConfigurationError: With every mistake in roster, devices and lists; of rules, when they are asked for.
    """
    index = school.index()
    look = looking(school.enrichment(index))
    frames: Iterator[pl.DataFrame] = (look(events) for events in archived(configuration, days, seen))
    return Sides(frames, _benches(school, index, lambda rules: replayed(school.bench(rules))))


def _benches(
    school: School, index: CategoryIndex, make: Callable[[policy.RuleSet], Bench]
) -> Callable[[Path | None], Bench]:
    def bench(directory: Path | None) -> Bench:
        made = make(policy.load(directory or school.rules))
        if directory is None:
            return made
        other = replace(school, rules=directory)
        lists = other.index()
        if lists.fingerprint == index.fingerprint and _of_names(other) == _of_names(school):
            return made
        return _OtherLists(made, looking(other.enrichment(lists)))

    return bench


def _of_names(school: School) -> list[bytes | None]:
    files = [school.lists_directory / name for name in _OF_NAMES]
    return [file.read_bytes() if file.is_file() else None for file in files]


class _OtherLists(Bench):
    """Rules whose lists differ from those by which the events were looked up."""

    def __init__(self, bench: Bench, look: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        super().__init__(bench.rules, bench.detectors, bench.visits, bench.company)
        self._look = look

    def __call__(self, events: pl.DataFrame, now: datetime) -> pl.DataFrame:
        return super().__call__(self._look(events), now)


def looking(context: Enrich) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return what looks hosts, times and searches of enriched events up anew, and leaves who as it is."""

    def look(events: pl.DataFrame) -> pl.DataFrame:
        found = context.prepare(events.drop(_LOOKED_UP, strict=False))
        # An archive may keep a search without the URL in which it stood.
        return found.with_columns(search_terms=pl.coalesce("search_terms", events["search_terms"]))

    return look
