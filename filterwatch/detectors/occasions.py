"""Accident or persistence: how often somebody did before what a rule is about.

An *occasion* is a time at which somebody did it, with all that follows within half an hour.  What another page or a
program loaded is nobody's occasion.  The words are ours to give a reason, never a verdict: once may be an accident,
thrice in a week is persistence (decisions 0162 and 0172).
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from filterwatch.detectors.remembered import Remembered, is_named

REMEMBERED = timedelta(days=7)
"""How long an occasion counts."""

OCCASION = timedelta(minutes=30)
"""What begins later than this after the last of an occasion, or before its first, is another one."""

SEARCHED = timedelta(minutes=5)
"""A visit so soon after a search of its category was looked for."""

GLANCE = timedelta(seconds=30)
"""Who leaves sooner may have come by mistake; what comes later on the same occasion did not."""

AHEAD = timedelta(days=1)
"""An occasion further ahead than this is of a clock that was wrong."""

OFTEN = 3
MOST_OCCASIONS = 5
"""Of one person and rule, those noted last: two more than count, for clocks that were wrong."""

MOST_PEOPLE = 5_000
"""Persons and rules that are remembered, known by name, and as many of mere addresses: a bound against endless names in
a log."""

ACCIDENT, GOES_ON, REPEAT, PERSISTENT, LOADED = "accident?", "goes on", "repeat", "persistent", "loaded"

Key = tuple[str | None, ...]
"""Rule (for searches: category), source and who."""

_STEP = timedelta(microseconds=1)
_FIRST = f"{ACCIDENT} the first time in 7 days"
_SECOND = f"{REPEAT}: the second time in 7 days"
_THIRD = f"{PERSISTENT}: at least the third time in 7 days"
_SEARCHED = f"{PERSISTENT}: searched for just before"
BY_ITSELF = f"{ACCIDENT} another page or a program loaded it"
LED = f"{ACCIDENT} another site's page led to this search"


class Said(NamedTuple):
    """What a visit is, and the words for it."""

    word: str
    reason: str


NOTHING = Said("", "")


class Occasions:
    """Remembers who did what when.  All times are microseconds since 1970, in whatever order they come."""

    def __init__(self) -> None:
        self._of = Remembered[Key, list[list[int]]]()
        self._searched = Remembered[Key, int]()

    @property
    def forgotten(self) -> int:
        """How many were forgotten for others, because there were too many."""
        return self._of.forgotten + self._searched.forgotten

    def search(self, category: str | None, source: str | None, who: str | None, at: int) -> None:
        """Note a search that a rule of *category* found."""
        self._searched.put((category, source, who), at, MOST_PEOPLE, sure=is_named(who))

    def visit(self, rule: Key, category: str | None, at: int, *, loaded: bool = False) -> Said:
        """Note a visit and say what it is.

        Args:
            rule: Rule, source and who.
            category: The rule's.
            at: When it began.
            loaded: Whether another page or a program loaded it: then it is not noted.
        """
        if loaded:
            return Said(LOADED, BY_ITSELF)
        times, since = self._note(rule, at)
        searched = self._searched.get((category, *rule[1:]))
        if searched is not None and 0 <= at - searched <= SEARCHED // _STEP:
            return Said(PERSISTENT, _SEARCHED)
        if times >= OFTEN:
            return Said(PERSISTENT, _THIRD)
        if times > 1:
            return Said(REPEAT, _SECOND)
        if since > GLANCE // _STEP:
            return Said(GOES_ON, f"{GOES_ON}: {length(since)} after the first")
        return Said(ACCIDENT, _FIRST)

    def _note(self, rule: Key, at: int) -> tuple[int, int]:
        """Return how many occasions there were in the last week, and how long ago this one began."""
        known = [*(self._of.get(rule) or [])]
        near = OCCASION // _STEP
        this = next((one for one in known if one[0] - near <= at <= one[1] + near), None)
        if this is None:
            this = [at, at]
        else:
            known.remove(this)
            this = [min(this[0], at), max(this[1], at)]
        known = [*known[1 - MOST_OCCASIONS :], this]  # so that the last in order is the one noted last
        self._of.put(rule, known, MOST_PEOPLE, sure=is_named(rule[2]))
        times = sum(at - REMEMBERED // _STEP <= one[1] and one[0] <= at + AHEAD // _STEP for one in known)
        return times, at - this[0]

    def state(self) -> list[object]:
        """Return what is remembered, for JSON."""
        return [[[*key, one] for key, one in self._of.items()], [[*key, at] for key, at in self._searched.items()]]

    def restore(self, of: list[list], searched: list[list]) -> None:  # type: ignore[type-arg]  # JSON
        """Go on from :meth:`state`."""
        for *rule, spans in of:
            self._of.put(tuple(rule), spans, MOST_PEOPLE, sure=is_named(rule[2]))
        for *search, at in searched:
            self._searched.put(tuple(search), at, MOST_PEOPLE, sure=is_named(search[2]))


def length(microseconds: int) -> str:
    """Return a length of time for people, rounded up: seconds, from two minutes on minutes, from two hours on hours."""
    seconds = max(1, -(-microseconds // 1_000_000))
    for size, unit in ((3600, "hours"), (60, "min")):
        if seconds >= 2 * size:
            return f"{-(-seconds // size)} {unit}"
    return f"{seconds} s"
