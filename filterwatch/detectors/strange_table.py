"""The strange new sites that are in use, within bounds that nobody can fill for the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any

from filterwatch.detectors import strange_use
from filterwatch.detectors.strange_use import GAP, Site, Use

_values = attrgetter(*(field.name for field in fields(Use)))


class Table:
    """Strange sites by name, those asked for longest ago first, and which of them each person uses."""

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self._of: dict[str, set[str]] = {}
        self._uses = 0

    def use(self, name: str, who: str, at: int, after: str) -> tuple[Site, Use] | None:
        """Return a site and what *who* does there; null where more people use it than are remembered."""
        site = self.sites.pop(name, None) or Site()
        self.sites[name] = site
        known = who in site.uses
        if not known and len(self._of.get(who, ())) >= strange_use.MOST_OF_ONE:
            self._leave(self._least(who), who)
        if not known and len(site.uses) >= strange_use.MOST_USERS:
            glances = [one for one, use in site.uses.items() if not use.is_there()]
            if not glances:
                return None
            self._leave(name, glances[0])
        use = site.use(who, at, after)
        if not known:
            self._of.setdefault(who, set()).add(name)
            self._uses += 1
        while len(self.sites) > strange_use.MOST_SITES or self._uses > strange_use.MOST_USES:
            self.drop(next(iter(self.sites)))
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
        self.sites.pop(name, None)

    def forget(self, old: int, since: int) -> None:
        """Drop uses that ended before *since*, and glances that ended before *old*."""
        for site in self.sites.values():
            site.forget(old, since)
        self._set({name: site for name, site in self.sites.items() if site.uses})

    def state(self) -> list[Any]:
        """Return all, as JSON has it."""
        return [
            [name, site.joined, [[who, *_values(use)] for who, use in site.uses.items()]]
            for name, site in self.sites.items()
        ]

    def restore(self, state: Iterable[tuple[str, list[int], list[list[Any]]]]) -> None:
        """Go on from :meth:`state`."""
        self._set({name: Site({who: Use(*use) for who, *use in uses}, joined) for name, joined, uses in state})

    def _set(self, sites: dict[str, Site]) -> None:
        self.sites, self._of = sites, {}
        for name, site in sites.items():
            for who in site.uses:
                self._of.setdefault(who, set()).add(name)
        self._uses = sum(len(site.uses) for site in sites.values())

    def _least(self, who: str) -> str:
        """Return the site at which *who* did least: what is only called to hide another one goes first."""

        def done(name: str) -> tuple[bool, int, int, int, str]:
            use = self.sites[name].uses[who]
            return use.came or bool(use.done), use.size, use.requests, use.last, name

        return min(self._of[who], key=done)

    def _leave(self, name: str, who: str) -> None:
        site = self.sites[name]
        del site.uses[who]
        self._of[who].discard(name)
        self._uses -= 1
        if not self._of[who]:
            del self._of[who]
        if not site.uses:
            del self.sites[name]
