"""Concrete parts, made from settings: category lists, enrichment, rules, detectors, the pass."""

from __future__ import annotations

import gc
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from filterwatch import enrich, lists, policy
from filterwatch.app.places import shipped
from filterwatch.detections import Count, Detector
from filterwatch.enrich.chains import Chain
from filterwatch.errors import ConfigurationError, FilterwatchError, Mistake
from filterwatch.lists.catalogue import SUFFIXES, Catalogue, Listed
from filterwatch.lists.catalogue import load as load_catalogue
from filterwatch.lists.reading import intact
from filterwatch.lists.store import Store

if TYPE_CHECKING:
    from filterwatch.app.settings import Configuration
    from filterwatch.pipeline import Bench, Feed, Pass

log = logging.getLogger(__name__)

LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class School:
    """What a pass needs to know of a school; all of it has a default, so that one log can be read without any.

    Attributes:
        configuration: What the school says; null for none.
        rules: Directory of the rules.
    """

    configuration: Configuration | None = None
    rules: Path = field(default_factory=lambda: shipped("rules"))

    @property
    def zone(self) -> ZoneInfo:
        """The school's zone."""
        return self.configuration.settings.timezone if self.configuration else LONDON

    @property
    def site(self) -> str:
        """The school's name in events."""
        return self.configuration.settings.site if self.configuration else "school"

    @property
    def lists_directory(self) -> Path:
        """Where the lists are that come with the rules: rules from elsewhere may bring their own."""
        beside = self.rules / "lists"
        return beside if beside.is_dir() else shipped("rules") / "lists"

    def known(self) -> Catalogue:
        """Return the public lists that are known, the school's own catalogue among them.

        Raises:
            ConfigurationError: With every mistake in them.
        """
        brought = self.lists_directory / "catalogue.yaml"
        paths = [brought if brought.is_file() else shipped("rules") / "lists" / "catalogue.yaml"]
        if self.configuration is None:
            return load_catalogue(*paths)
        own = self.configuration.settings.lists.catalogue
        return load_catalogue(*paths, *([self.configuration.at(own)] if own else []))

    def catalogue(self) -> Catalogue:
        """Return the same for use.

        Raises:
            ConfigurationError: With every mistake in them, and lists in use that are in neither.
        """
        known = self.known()
        if self.configuration is None:
            return known
        document = self.configuration.document
        mistakes = [
            document.mistake(
                ("lists", "use", n), f"lists.use: no list is called '{id_}'; see `filterwatch lists catalogue`"
            )
            for n, id_ in enumerate(self.configuration.settings.lists.use)
            if id_ not in known
        ]
        if mistakes:
            raise ConfigurationError(mistakes)
        return known

    def fetched(self) -> dict[str, tuple[Listed, Path]]:
        """Return the public lists in use that were fetched, with the file of each; an unreadable store holds none."""
        return {id_: (listed, path) for id_, (listed, path, _) in self._taken().items()}

    def _taken(self) -> dict[str, tuple[Listed, Path, str]]:
        """Return of each list that was fetched its file and the SHA-256 that it had when it was taken in.

        Whether the file is still there is for who reads it to find out: an index that was made of it stays.
        """
        if self.configuration is None or not self.configuration.settings.lists.use:
            return {}
        store = Store(self.configuration.state / "lists")
        try:
            known = store.read()
        except FilterwatchError as error:
            log.error("Fetched lists are not used: %s", error)  # noqa: TRY400 - the text says it all
            return {}
        listed = self.catalogue()
        found = {}
        for id_ in self.configuration.settings.lists.use:
            current = known[id_].current if id_ in known else None
            if current is not None:
                found[id_] = (listed[id_], store.file(current), current.digest)
        return found

    def index(self) -> lists.CategoryIndex:
        """Return the compiled category lists, compiled anew where a list changed.

        Raises:
            ConfigurationError: With every mistake in the lists.
        """
        configured = self.configuration.settings.lists if self.configuration else lists.Settings()
        own = [self.configuration.at(path) for path in configured.own] if self.configuration else []
        sources: list[Path | lists.ListFile] = [self.lists_directory] if configured.shipped else []
        sources += [_file(id_, *taken) for id_, taken in self._taken().items() if taken[0].word]
        if self.configuration is not None:
            at = self.configuration.at
            sources += [lists.members(at(one.path), one.category, one.format) for one in configured.members]
        kept = self.configuration.state / "lists.index" if self.configuration else None
        # The daemon takes whatever is put there: never the lists of rules that are only tried.  Only the owner keeps
        # the index: a file of root's in the daemon's directory would be in its way.
        if kept is not None and self._is_in_use and is_ours(kept.parent):
            return lists.prepare(sources, kept, own=own)
        with tempfile.TemporaryDirectory(prefix="filterwatch-") as scratch:
            # The file stays readable through its mapping after the folder is gone.
            file = Path(scratch) / "lists.index"
            if kept is not None:
                file.symlink_to(kept.absolute())  # is read where it is of these very lists; else it gives way
            return lists.prepare(sources, file, own=own)

    @property
    def _is_in_use(self) -> bool:
        """Whether the rules are those of the configuration, by which its daemon judges."""
        return self.configuration is not None and self.rules.resolve() == self.configuration.rules.resolve()

    def enrichment(self, index: lists.CategoryIndex | None = None) -> enrich.Enrich:
        """Return the enrichment.

        Raises:
            ConfigurationError: With every mistake in roster, devices and lists.
        """
        index = index or self.index()
        if self.configuration is None:
            return enrich.build(enrich.Settings(), index, zone=self.zone)
        said = self.configuration.settings
        settings = enrich.Settings(
            people=said.people,
            calendar=said.calendar,
            suffix_list=self.suffix_list(),
            logged_at_start=said.logged_at_start,
            furniture=said.furniture,
            chains=tuple(
                Chain(source=one.name, behind=one.behind, addresses=one.behind_addresses)
                for one in said.sources
                if one.behind is not None
            ),
        )
        return enrich.build(settings, index, zone=self.zone, directory=self.configuration.directory)

    def domain_of(self, address: str) -> str | None:
        """Return the registrable domain of a host or URL as the events tell it; null where it has none."""
        host = enrich.host_of(address)
        return enrich.Suffixes(self.suffix_list()).registrable(host).domain if host else None

    def suffix_list(self) -> Path | None:
        """Return the whole path of the school's own Public Suffix List, else of the fetched one.

        Null where none is in use, or it is no longer what was fetched: for the one that comes with filterwatch.
        """
        if self.configuration is not None and self.configuration.settings.suffix_list is not None:
            return self.configuration.at(self.configuration.settings.suffix_list).absolute()
        for listed, file, digest in self._taken().values():
            if listed.format == SUFFIXES:
                if intact(file, digest):
                    return file.absolute()
                log.error("The fetched Public Suffix List is damaged and not used; run `filterwatch lists update`.")
        return None

    def bench(self, rules: policy.RuleSet | None = None, *, live: bool = False) -> Bench:
        """Return the rules with the detectors that go with them, which remember nothing yet.

        Args:
            rules: Other rules than those of the school.
            live: Whether time is the machine's; in a replay it jumps.

        Raises:
            ConfigurationError: With every mistake in the rules.
        """
        from filterwatch import detectors  # noqa: PLC0415 - explain needs none
        from filterwatch.pipeline import Bench  # noqa: PLC0415 - as above

        rules = rules or policy.load(self.rules)
        found = self.detectors(rules.counts, live=live)
        return Bench(rules, found, detectors.Visits(rules.once), detectors.Company(rules.sure))

    def detectors(self, counts: Mapping[str, Count], *, live: bool = False) -> list[Detector]:
        """Return the detectors, which remember nothing yet."""
        from filterwatch import detectors  # noqa: PLC0415 - as above

        settings = self.configuration.settings.detectors if self.configuration else detectors.Settings()
        return detectors.build(settings, counts, self._in_school_hours(), live=live)

    def feeds(self) -> dict[str, Feed]:
        """Return how each configured source is read.

        Raises:
            ConfigurationError: With every unknown format and wrong option, at its place.
        """
        from filterwatch import decoders  # noqa: PLC0415 - as above
        from filterwatch.pipeline import Feed  # noqa: PLC0415 - as above

        if self.configuration is None:
            return {}
        if own := self.configuration.formats():
            decoders.add(own)
        mistakes: list[Mistake] = []
        feeds: dict[str, Feed] = {}
        document = self.configuration.document
        for number, source in enumerate(self.configuration.settings.sources):
            try:
                decoder = decoders.make(source.format, source.options, zone=source.zone or self.zone)
            except decoders.UnknownFormat as error:
                mistakes.append(document.mistake(("sources", number, "format"), f"sources.{number}.format: {error}"))
            except ConfigurationError as error:
                at, name = ("sources", number, "options"), f"sources.{number}.options"
                mistakes += [document.mistake(at, f"{name}: {one.problem}") for one in error.mistakes]
            else:
                feeds[source.name] = Feed(decoder, source.site or self.site)
        if mistakes:
            raise ConfigurationError(mistakes)
        return feeds

    def work(self, context: enrich.Enrich | None = None) -> Pass:
        """Return the whole pass of the configured sources, for the daemon.

        Args:
            context: The enrichment, where it is made already.
        """
        from filterwatch.pipeline import Pass  # noqa: PLC0415 - as above

        return Pass(self.feeds(), context or self.enrichment(), self.bench(live=True))

    def _in_school_hours(self) -> Callable[[datetime], bool]:
        calendar = self.configuration.settings.calendar if self.configuration else enrich.Calendar()

        return lambda when: calendar.is_school_time(when.astimezone(self.zone))


def keep_what_is_built() -> None:
    """Tell Python that rules, settings and lists stay, so that it does not look through them for garbage again.

    It did several times while the first batches filled the memory of names, 75 ms each, and no other thread can run
    Python meanwhile.
    """
    gc.collect()
    gc.freeze()


def _file(id_: str, listed: Listed, path: Path, digest: str) -> lists.ListFile:
    return lists.ListFile(
        path=path,
        id=id_,
        category=listed.word,
        allow=listed.mode == "allow",
        source=listed.homepage,
        licence=listed.licence,
        credit=listed.credit,
        digest=digest,
    )


def is_ours(directory: Path) -> bool:
    """Say whether *directory* belongs to who runs this and may be written."""
    try:
        return directory.stat().st_uid == os.geteuid() and os.access(directory, os.W_OK | os.X_OK)
    except OSError:
        return False
