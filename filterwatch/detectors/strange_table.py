"""The strange new sites that are in use, within bounds that nobody can fill for the others."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any

from filterwatch.detectors import strange_use
from filterwatch.detectors.strange_use import GAP, Site, Use

Noted = tuple[str, int, int, int, int, str, bool, int, list[int], dict[str, str], bool]
"""Who uses a site, and the fields of :class:`~strange_use.Use`."""

_values = attrgetter(*(field.name for field in fields(Use)))


class Table:
    """Strange sites by name, and which of them each person uses.

    Uses of people who are surely known are forgotten for one another's only, the oldest first.  Of mere addresses,
    which can be forged by the thousand, those stay whose hash is lowest: a real one has the chance of any other.

    Attributes:
        forgotten: How many uses were forgotten for others.
    """

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self.forgotten = 0
        self._of: dict[str, set[str]] = {}
        self._sure: dict[tuple[str, str], None] = {}
        self._ranked: list[tuple[int, str, str]] = []

    def use(self, name: str, who: str, at: int, after: str, *, sure: bool) -> tuple[Site, Use] | None:
        """Return a site and what *who* does there; null where it is not remembered, for bounds."""
        known = name in self._of.get(who, ())
        if not known and not self._make_room(name, who, sure=sure):
            self.forgotten += 1
            return None
        site = self.sites.setdefault(name, Site())
        use = site.use(who, at, after, sure=sure)
        if known and use.sure:
            self._sure[name, who] = self._sure.pop((name, who), None)
        elif not known:
            self._note(name, who, use)
            self._bound()
        return site, use

    def used_by(self, who: str, at: int) -> Iterator[tuple[str, Use]]:
        """Yield what *who* is using at *at*; at most :data:`~strange_use.MOST_OF_ONE` sites."""
        for name in self._of.get(who, ()):
            use = self.sites[name].uses[who]
            if at - use.last <= GAP:
                yield name, use

    def users(self, at: int) -> set[str]:
        """Return who may be using one at *at* or later."""
        return {who for site in self.sites.values() for who, use in site.uses.items() if at - use.last <= GAP}

    def drop(self, name: str) -> None:
        """Forget a site; no matter where it is not known."""
        site = self.sites.get(name)
        for who in [*site.uses] if site else ():
            self._leave(name, who)

    def forget(self, old: int, since: int) -> None:
        """Drop uses that ended before *since*, and glances that ended before *old*."""
        for site in self.sites.values():
            site.forget(old, since)
        kept = {(name, who) for name, site in self.sites.items() for who in site.uses}
        order = [key for key in self._sure if key in kept]
        self._set({name: site for name, site in self.sites.items() if site.uses}, order)

    def state(self) -> list[Any]:
        """Return all, as JSON has it: by site, and in what order surely known people used them."""
        sites = [
            [name, site.joined, [[who, *_values(use)] for who, use in site.uses.items()]]
            for name, site in self.sites.items()
        ]
        return [sites, [*self._sure]]

    def restore(self, sites: Iterable[Any], order: Iterable[tuple[str, str]]) -> None:
        """Go on from :meth:`state`."""
        self._set({name: Site({who: Use(*use) for who, *use in uses}, joined) for name, joined, uses in sites}, order)

    def _set(self, sites: dict[str, Site], order: Iterable[tuple[str, str]]) -> None:
        self.sites, self._of, self._ranked = sites, {}, []
        self._sure = dict.fromkeys((name, who) for name, who in order)
        for name, site in sites.items():
            for who, use in site.uses.items():
                self._note(name, who, use)

    def _note(self, name: str, who: str, use: Use) -> None:
        self._of.setdefault(who, set()).add(name)
        if use.sure:
            self._sure.setdefault((name, who))
        else:
            insort(self._ranked, (_rank(who), who, name))

    def _make_room(self, name: str, who: str, *, sure: bool) -> bool:
        """Return whether a further use may be noted, and forget another one for it where that must be."""
        if len(self._of.get(who, ())) >= strange_use.MOST_OF_ONE:
            self._leave(self._least(who), who)
        site = self.sites.get(name)
        if site is None or len(site.uses) < strange_use.MOST_USERS:
            return True
        glances = (one for one, use in site.uses.items() if not use.is_there())
        others = (one for one, use in site.uses.items() if sure and not use.sure)
        other = next(glances, next(others, None))
        if other is not None:
            self._leave(name, other)
        return other is not None

    def _bound(self) -> None:
        while len(self._sure) > strange_use.MOST_USES:
            self._leave(*next(iter(self._sure)))
            self.forgotten += 1
        while len(self._ranked) > strange_use.MOST_USES:
            _, who, name = self._ranked[-1]
            self._leave(name, who)
            self.forgotten += 1

    def _least(self, who: str) -> str:
        """Return the site at which *who* did least: what is only called to hide another one goes first."""

        def done(name: str) -> tuple[bool, int, int, int, str]:
            use = self.sites[name].uses[who]
            return use.came or bool(use.done), use.size, use.requests, use.last, name

        return min(self._of[who], key=done)

    def _leave(self, name: str, who: str) -> None:
        site = self.sites[name]
        if site.uses.pop(who).sure:
            del self._sure[name, who]
        else:
            del self._ranked[bisect_left(self._ranked, (_rank(who), who, name))]
        self._of[who].discard(name)
        if not self._of[who]:
            del self._of[who]
        if not site.uses:
            del self.sites[name]


def _rank(who: str) -> int:
    return int.from_bytes(hashlib.blake2b(who.encode(), digest_size=8).digest())
