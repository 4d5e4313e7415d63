"""Category lists that have grown old, were not taken, or would embarrass the school."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from filterwatch.app.doctor.gateway import Finding, Gateway
from filterwatch.app.lists import SchoolLists
from filterwatch.clock import ManualClock
from filterwatch.text import printable

OLD_LIST = timedelta(days=90)
"""Age of a list of the school's own at which somebody should look at it: once a term."""


def own(gateway: Gateway) -> Iterator[Finding]:
    """Yield lists of the school's own that nobody has touched for long."""
    for named in gateway.configuration.settings.lists.own:
        path = gateway.configuration.at(named)
        for file in sorted(path.glob("*.txt")) if path.is_dir() else [path]:
            if not file.exists():
                continue  # `check` tells
            changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            if gateway.now - changed > OLD_LIST:
                yield Finding(
                    f"The list {file} was last changed on {changed:%d %b %Y}.",
                    "Sites come and go; an old list misses new ones.",
                    "Look through it once a term; `touch` it when it is still right.",
                )


def fetched(gateway: Gateway) -> Iterator[Finding]:
    """Yield public lists in use that are missing, stale, damaged or were not taken."""
    for one in SchoolLists(gateway.configuration, ManualClock(gateway.now)).status():
        if not one.problem:
            continue
        current = one.kept.current
        yield Finding(
            f"The public list {one.id} ({one.word or 'public suffixes'}): {printable(one.problem)}.",
            f"Its version of {current.at:%d %b %Y} is used and misses newer sites."
            if current
            else "Nothing is known from it.",
            f"filterwatch lists update {one.id} --force; is filterwatch-lists.timer enabled? "
            f"After a look at what it holds now: --accept {one.id}.",
        )


def members(gateway: Gateway) -> Iterator[Finding]:
    """Yield lists for members alone that are empty or old."""
    if not gateway.configuration.settings.lists.members:
        return
    lists = SchoolLists(gateway.configuration, ManualClock(gateway.now))
    for one in lists.members(lists.compile()):
        if one.problem:
            yield Finding(
                f"The list {one.id} ({one.word}): {one.problem}.",
                "Who hands it out renews it daily: what is new on it is missed.",
                "Look at what fetches it; run `filterwatch lists compile` after it.",
            )


LOOKS: Sequence[Callable[[Gateway], Iterator[Finding]]] = (own, fetched, members)
