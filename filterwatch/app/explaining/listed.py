"""What lists say of a host, and what to think of each list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from filterwatch.app.parts import School
from filterwatch.errors import FilterwatchError
from filterwatch.lists import CategoryIndex, Entry
from filterwatch.lists.catalogue import Listed
from filterwatch.lists.layout import ListInfo
from filterwatch.lists.store import Kept, Store

NAMES = "names"
"""List under which the signs in a name stand among the entries."""

SHIPPED, OWN, MEMBERS, PUBLIC = "shipped", "own", "members", "public"


@dataclass(frozen=True, slots=True)
class Listing:
    """An entry of a list that speaks of a host.

    Attributes:
        host: The host it speaks of: the one that was asked for, or one that the address shows inside itself.
        entry: As on the list; the category, the list and the mode (:class:`filterwatch.lists.Entry`) beside it.
        used: Whether it counts.
        because: Why it does not count; empty where it does.
        origin: ``shipped`` with filterwatch, ``own`` of the school, ``members`` of a scheme, or ``public``.
        licence: Of the list; empty where it says none.
        trust: Of a public list: low, medium or high; null for others.
        fetched: When a public list came; null for others.
    """

    host: str
    category: str
    list: str
    entry: str
    mode: str
    used: bool
    because: str
    origin: str
    licence: str
    trust: str | None
    fetched: datetime | None


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of an unblocker in a name: which, what shows it, and its points."""

    sign: str
    shows: str
    points: int


@dataclass(frozen=True, slots=True)
class Name:
    """What a name gives away by itself.

    Attributes:
        points: Of all signs.
        unusual: Points from which a name is unusual.
        unblocker: Points from which it is taken for an unblocker's.
    """

    points: int
    unusual: int
    unblocker: int
    signs: tuple[Sign, ...]


class Lists:
    """The lists of a school, as one question needs them.

    Args:
        school: The school.
        index: Its compiled lists.
        quiet: Whether of a page on a list no more than the host is told: who asked for it did not ask us.
    """

    def __init__(self, school: School, index: CategoryIndex, *, quiet: bool = False) -> None:
        self._index = index
        self._quiet = quiet
        self._lists: Mapping[str, ListInfo] = {one.id: one for one in index.lists}
        self._public: Mapping[str, Listed] = {id_: listed for id_, (listed, _) in school.fetched().items()}
        self._kept = _kept(school) if self._public else {}

    def of(self, host: str, url: str = "") -> list[Listing]:
        """Return what lists say of *host*, nearest entry first."""
        entries = self._index.entries(host, url)
        return [self._listing(host, one, entries[:at]) for at, one in enumerate(entries) if one.list != NAMES]

    def name(self, host: str) -> Name | None:
        """Return the signs in the name *host*; null where it has none."""
        names = self._index.names
        signs = names.signs(host) if names else ()
        if names is None or not signs:
            return None
        points = sum(one.points for one in signs)
        said = tuple(Sign(one.sign, one.text, one.points) for one in signs)
        return Name(points, names.settings.unusual, names.settings.unblocker, said)

    def _listing(self, host: str, one: Entry, nearer: Sequence[Entry]) -> Listing:
        info = self._lists[one.list]
        public = self._public.get(one.list)
        current = self._kept[one.list].current if one.list in self._kept else None
        origin = PUBLIC if public else MEMBERS if info.secret else OWN if info.own else SHIPPED
        return Listing(
            host=host,
            category=one.category,
            list=one.list,
            entry=self._told(one),
            mode="page of it" if self._quiet and one.mode == "page" else one.mode,
            used=one.used,
            because="" if one.used else self._because(one, nearer),
            origin=origin,
            licence=info.licence,
            trust=public.trust if public else None,
            fetched=current.at if current else None,
        )

    def _because(self, one: Entry, nearer: Sequence[Entry]) -> str:
        if one.mode == "set aside":
            current = self._kept[one.list].current if one.list in self._kept else None
            named = current.named if current else ()
            why = next((aside.reason for aside in named if aside.entry.lstrip("?=*.@") == one.entry), "")
            return why or "so that it raises nothing"
        allow = next((other for other in nearer if self._cancels(other, one)), None)
        return f"cancelled by {self._told(allow)} on list {allow.list}" if allow else "cancelled by an exception"

    def _told(self, one: Entry) -> str:
        page = one.mode == "page" or not _is_range(one.entry)
        return one.entry.partition("/")[0] if self._quiet and page else one.entry

    def _cancels(self, allow: Entry, one: Entry) -> bool:
        families = {"all", one.category, one.category.partition(".")[0]}
        own = self._lists[allow.list].own or not self._lists[one.list].own
        return allow.mode == "allow" and allow.category in families and own


def _is_range(entry: str) -> bool:
    """Say whether an entry is of addresses, ``192.0.2.0/24``: an exception's mode does not tell."""
    try:
        ip_network(entry)
    except ValueError:
        return False
    return True


def _kept(school: School) -> Mapping[str, Kept]:
    if school.configuration is None:
        return {}
    try:
        return Store(school.configuration.state / "lists").read()
    except FilterwatchError:  # School.fetched has said it already, and uses no public list then
        return {}
