"""The school's category lists: which files make the index, keeping them fresh, and what they would say wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from filterwatch.app.parts import School, is_ours
from filterwatch.app.settings import Configuration
from filterwatch.clock import Clock
from filterwatch.errors import FilterwatchError
from filterwatch.lists import CategoryIndex, Entry, found, words
from filterwatch.lists.bundles import export as write_bundle
from filterwatch.lists.bundles import unpacked
from filterwatch.lists.catalogue import Catalogue, Listed
from filterwatch.lists.fetching import Fetcher
from filterwatch.lists.guard import Guard
from filterwatch.lists.reading import members, pieces
from filterwatch.lists.store import Kept, Store
from filterwatch.lists.updating import Dated, Outcome, Updater

_OWN = Listed(
    title="a list of the school's own", address="https://example.invalid", category="ethos", licence="own",
    credit="own", homepage="https://example.invalid", trust="high",
)  # fmt: skip
"""As what the guard judges a list of the school's own."""


@dataclass(frozen=True, slots=True)
class Status:
    """One configured list.

    Attributes:
        id: Of the list.
        title: As people call it.
        word: Category word; empty for the public suffix list.
        licence: Of the list.
        credit: The line that the licence wants shown.
        kept: What is known of it.
        problem: What is wrong with it; empty when nothing is.
    """

    id: str
    title: str
    word: str
    licence: str
    credit: str
    kept: Kept
    problem: str


@dataclass(frozen=True, slots=True)
class Held:
    """One list for members alone, by its count and age: nothing else of it is ever told.

    Attributes:
        id: Of the list.
        word: Category word.
        entries: How many it holds.
        at: When its file was last changed.
        problem: What is wrong with it; empty when nothing is.
    """

    id: str
    word: str
    entries: int
    at: datetime
    problem: str


@dataclass(frozen=True, slots=True)
class Overblocked:
    """An entry that would embarrass the school.

    Attributes:
        host: The site, or the entry.
        categories: Category words.
        lists: The lists.
    """

    host: str
    categories: Sequence[str]
    lists: Sequence[str]


class SchoolLists:
    """What the commands ``filterwatch lists`` do.

    Args:
        configuration: Of the school.
        clock: Time.
    """

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        self.school = School(configuration, configuration.rules)
        self.catalogue: Catalogue = self.school.catalogue()
        self.store = Store(configuration.state / "lists")
        self._settings = configuration.settings.lists
        self._configuration = configuration
        self._clock = clock
        self.guard = Guard.load(self.school.lists_directory / "guard.yaml", self._settings.names)

    @property
    def ids(self) -> tuple[str, ...]:
        """The public lists in use."""
        return self._settings.use

    def update(
        self,
        ids: Sequence[str] = (),
        *,
        force: bool = False,
        accept: Sequence[str] = (),
        begun: Callable[[str], None] = lambda _: None,
        told: Callable[[Outcome], None] = lambda _: None,
        fetcher: Fetcher | None = None,
    ) -> list[Outcome]:
        """Fetch what is due, then compile; return what became of each list.

        Raises:
            FilterwatchError: A list is not configured, or nothing can be written.
        """
        chosen = self._configured([*ids, *accept]) or self._settings.use
        fetcher = fetcher or Fetcher(self._clock, allow_http=self._settings.allow_http)
        with self._changing():
            updater = self._updater(fetcher)
            outcomes = updater.update(chosen, force=force, accept=accept, begun=begun, told=told)
            self.compile()
        return outcomes

    def take(self, path: Path, id_: str = "", *, accept: Sequence[str] = ()) -> list[Outcome]:
        """Take in a bundle, or with *id_* the file of one list as its makers give it; then compile.

        Raises:
            FilterwatchError: It is no bundle, a list is not configured, or nothing can be written.
        """
        with self._changing():
            updater = self._updater(None)
            if id_:
                [name] = self._configured([id_])
                outcomes = [updater.take(name, path, accept=name in accept)]
            else:
                outcomes = []
                for one in unpacked(path, self.store):
                    if one.id in self._settings.use:
                        of = Dated(one.at, one.newest)
                        outcomes.append(updater.take(one.id, one.path, accept=one.id in accept, of=of))
                    else:
                        outcomes.append(Outcome(one.id, "left out", "not among lists.use"))
            self.compile()
        return outcomes

    def rollback(self, ids: Sequence[str]) -> list[Outcome]:
        """Go back to the version before; then compile.

        Raises:
            FilterwatchError: There is none.
        """
        with self._changing():
            outcomes = [self._updater(None).rollback(id_) for id_ in self._configured(ids)]
            self.compile()
        return outcomes

    def export(self, out: Path) -> list[str]:
        """Write a bundle; return the lists in it."""
        return write_bundle(self.store, self._settings.use, out)

    def compile(self) -> CategoryIndex:
        """Return the index of all lists, compiled anew where one changed: a running daemon takes it by itself."""
        return self.school.index()

    def status(self) -> Iterator[Status]:
        """Yield how each configured list is."""
        known = self.store.read()
        for id_ in self._settings.use:
            kept, listed = known.get(id_, Kept()), self.catalogue[id_]
            yield Status(id_, listed.title, listed.word, listed.licence, listed.credit, kept, self._problem(kept))

    def members(self, index: CategoryIndex) -> Iterator[Held]:
        """Yield how each list for members alone is: who hands it out renews it daily."""
        counts = {one.id: one.entries for one in index.lists}
        for said in self._settings.members:
            file = members(self._configuration.at(said.path), said.category, said.format)
            at = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
            entries = counts.get(file.id, 0)
            age = self._clock.now() - at
            old = f"its file is of {at:%d %b %Y}; fetch it anew, then `filterwatch lists compile`"
            late = old if age > self._settings.stale_after else ""
            yield Held(file.id, file.category, entries, at, late if entries else "it holds no entry")

    def changed(self) -> tuple[int, int] | None:
        """Return what is another after every change of the fetched lists; null while none was ever fetched."""
        return self.store.changed()

    def overblocked(self, index: CategoryIndex) -> Iterator[Overblocked]:
        """Yield what would be a false alarm one day: sites of help, education and ordinary life with a category.

        A list made by hand may name an ordinary site, and every list may say of one what the shipped lists say too:
        they mean it (webmail, broadcasters). What the school lists itself is not judged when it is compiled, so what
        the guard would set aside there is told here.
        """
        own = [file for file in found((), self._own()) if not file.allow]
        made = {id_ for id_ in self._settings.use if self.catalogue[id_].trust != "high"}
        yield from self._named_by_mistake(index, made | {file.id for file in own})
        for file in own:
            for piece in pieces(file):
                for one in self.guard.judge(piece, _OWN)[1]:
                    yield Overblocked(one.entry, [file.category], [file.id])

    def _named_by_mistake(self, index: CategoryIndex, doubtful: set[str]) -> Iterator[Overblocked]:
        """Yield known sites with a category: ordinary ones where only *doubtful* lists say so."""
        names = self.guard.names
        always = {*names.never, *names.trusted, *self._settings.names}
        hosts = [host for host in dict.fromkeys((*names.ordinary, *always)) if "/" not in host]
        bits = index.lookup(pl.Series(hosts, dtype=pl.String)).to_list()
        for host in (host for host, held in zip(hosts, bits, strict=True) if held):
            said = [one for one in index.entries(host) if one.used and one.mode not in {"allow", "name"}]
            if host not in always:
                meant = {one.category for one in said if one.list not in doubtful}
                said = [one for one in said if one.category not in meant]
            if said:
                yield Overblocked(host, sorted({one.category for one in said}), sorted({one.list for one in said}))

    def _own(self) -> list[Path]:
        return [self._configuration.at(path) for path in self._settings.own]

    def lookup(self, asked: str, host: str) -> tuple[list[str], list[Entry]]:
        """Return the categories of a host or URL, and every entry that speaks of it, nearest first."""
        index = self.compile()
        [held] = index.lookup_urls(pl.Series([host]), pl.Series([asked])).to_list()
        return words(held), index.entries(host, asked)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep others out; refuse to leave files in the state directory that the daemon could not read."""
        state = self._configuration.state
        if state.exists() and not is_ours(state):
            problem = f"{state}: belongs to another user; run this as filterwatch's own (sudo -u filterwatch ...)"
            raise FilterwatchError(problem)
        with self.store.locked():
            yield

    def _problem(self, kept: Kept) -> str:
        if kept.current is None:
            return kept.problem or "never fetched"
        if kept.problem:
            return kept.problem
        if not self.store.intact(kept.current):
            return "its file is gone or damaged; run `filterwatch lists update --force`"
        age = self._clock.now() - (kept.newest or kept.current.at)
        return f"not known to be the newest for {_days(age)}" if age > self._settings.stale_after else ""

    def _configured(self, ids: Iterable[str]) -> list[str]:
        chosen = list(dict.fromkeys(ids))
        for id_ in chosen:
            if id_ not in self._settings.use:
                known = ", ".join(self._settings.use) or "none"
                raise FilterwatchError(f"list '{id_}' is not among lists.use (there: {known}); add it there")
        return chosen

    def _updater(self, fetcher: Fetcher | None) -> Updater:
        keys = {}
        for id_, path in self._settings.keys.items():
            try:
                keys[id_] = self._configuration.at(path).read_text("ascii").strip()
            except (OSError, UnicodeDecodeError):
                raise FilterwatchError(f"{path}: the key of list '{id_}' cannot be read (lists.keys)") from None
        return Updater(self.store, self.catalogue, self.guard, self._clock, fetcher, keys)


def _days(span: timedelta) -> str:
    return f"{span.days} days"
