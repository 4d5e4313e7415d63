"""Who had something at which time: facts in any order, one answer for each moment.

A fact says that from a time on somebody holds a key (a device an address, a person an address or a device), holds it
still, or has let go of it.  What was true at a moment follows from the facts up to it in the order of their times, not
in the order in which they were heard, so sources that come late to each other, within :data:`LATENESS`, change nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import IntEnum
from operator import attrgetter
from typing import NamedTuple

import polars as pl

KEYS = 20_000
"""Addresses and devices that are remembered; a /16 full of phones has fewer in a day."""

HISTORY = 8
"""Holders that are remembered for one key before the last :data:`LATENESS`: a gateway that reads late needs few."""

LATENESS = 600_000_000
"""Microseconds: facts heard this late still count exactly; later ones only where they contradict nothing."""

MOST = 64
"""Facts that are kept for one key, whatever a log says of it."""

_TIDY = 8
"""Facts of one key from which on the old ones are summed up."""

SCHEMA = pl.Schema(
    {
        "key": pl.String(),
        "time": pl.Int64(),
        "until": pl.Int64(),
        "says": pl.UInt8(),
        "name": pl.String(),
        "more": pl.String(),
    }
)
"""All facts as a frame: times in microseconds since 1970, UTC."""


class Says(IntEnum):
    """What a fact says."""

    HOLDS = 0
    """Has it from now on; who had it before has it no longer."""
    STAYS = 1
    """Has it still; where another one took it meanwhile, both do, and nobody knows who is asking."""
    ENDS = 2
    """Has it no longer; without a holder: nobody has."""


class Holder(NamedTuple):
    """Who holds a key: a hardware address and the device's own name, or a user and its domain."""

    name: str | None
    more: str | None


SEVERAL = Holder(None, None)
"""More than one at once."""


class Fact(NamedTuple):
    """One thing heard; *until* counts for what holds or stays: not any more from then on."""

    time: int
    until: int
    says: Says
    holder: Holder


class Span(NamedTuple):
    """A key was *holder*'s from *start* on, and not any more from *end* on."""

    start: int
    end: int
    holder: Holder


def spans(facts: Iterable[Fact]) -> Iterator[Span]:
    """Yield who held it, in order of time, from *facts* of one key in that order; no two overlap."""
    held: Holder | None = None
    start = end = 0
    for time, until, says, who in facts:
        if held and end <= time:
            yield Span(start, end, held)
            held = None
        if held and _same(held, who):
            if says is Says.ENDS:
                yield Span(start, time, held)
                held = None
            else:
                end = max(end, until)
                if who.more and who.more != held.more:
                    yield Span(start, time, held)
                    held, start = who, time
        elif says is Says.ENDS:
            if held and who == SEVERAL:
                yield Span(start, time, held)
                held = None
        else:
            if held:
                yield Span(start, time, held)
            several = held and says is Says.STAYS
            held, start, end = (SEVERAL, time, max(end, until)) if several else (who, time, until)
    if held:
        yield Span(start, end, held)


def _same(one: Holder, other: Holder) -> bool:
    return one.name == other.name and (one.name is not None or one.more == other.more)


_TIME = attrgetter("time")


class AsOf:
    """The facts of every key, and what was true when."""

    def __init__(self) -> None:
        self._facts: dict[str, list[Fact]] = {}
        self._spans: dict[str, list[Span]] = {}

    def __bool__(self) -> bool:
        """Return whether anything was heard."""
        return bool(self._facts)

    def __contains__(self, key: str) -> bool:
        """Return whether anything was heard of *key*."""
        return key in self._facts

    def __len__(self) -> int:
        """Return how many keys were heard of."""
        return len(self._facts)

    def holders(self) -> Iterator[tuple[str, str | None]]:
        """Yield every key with the name of each of its holders."""
        return ((key, fact.holder.name) for key, facts in self._facts.items() for fact in facts)

    def facts(self, key: str) -> tuple[Fact, ...]:
        """Return what was heard of *key*, in order of time."""
        return tuple(self._facts.get(key, ()))

    def add(self, key: str, fact: Fact) -> None:
        """Take in a fact."""
        facts = self._facts.pop(key, [])
        self._facts[key] = facts  # the key heard of last stands last
        facts.insert(bisect_right(facts, fact.time, key=_TIME), fact)
        if len(facts) > _TIDY:
            facts[:] = _tidied(facts)
        self._spans.pop(key, None)
        while len(self._facts) > KEYS:
            oldest = next(iter(self._facts))
            del self._facts[oldest]
            self._spans.pop(oldest, None)

    def of(self, key: str) -> list[Span]:
        """Return who held *key*, in order of time."""
        found = self._spans.get(key)
        if found is None:
            facts = self._facts.get(key)
            if facts is None:
                return []
            found = self._spans[key] = [span for span in spans(facts) if span.start < span.end]
        return found

    def at(self, key: str, time: int) -> Span | None:
        """Return who held *key* at *time*; null where nobody is known to."""
        for span in reversed(self.of(key)):
            if span.start <= time:
                return span if time < span.end else None
        return None

    def edges(self, key: str, first: int, last: int) -> set[int]:
        """Return the moments after *first*, up to *last*, at which the holder of *key* changes."""
        found = self._spans.get(key)
        if found is None:
            found = self.of(key)
        if not found or (len(found) == 1 and found[0].start <= first and last < found[0].end):
            return set()
        return {edge for span in found for edge in span[:2] if first < edge <= last}

    def frame(self) -> pl.DataFrame:
        """Return all facts, keys in the order they were heard of."""
        rows = [
            (key, one.time, one.until, int(one.says), *one.holder)
            for key, facts in self._facts.items()
            for one in facts
        ]
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")

    def restore(self, frame: pl.DataFrame) -> None:
        """Go on from :meth:`frame`."""
        self._facts, self._spans = {}, {}
        for key, time, until, says, name, more in frame.iter_rows():
            self._facts.setdefault(key, []).append(Fact(time, until, Says(says), Holder(name, more)))


def _tidied(facts: list[Fact]) -> list[Fact]:
    """Return facts that mean the same, those before the last :data:`LATENESS` summed up, the oldest left out."""
    since = bisect_right(facts, facts[-1].time - LATENESS, key=_TIME)
    old = [Fact(start, end, Says.HOLDS, who) for start, end, who in spans(facts[:since]) if start < end]
    return [*old[-HISTORY:], *facts[since:]][-MOST:]
