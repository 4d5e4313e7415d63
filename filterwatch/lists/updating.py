"""Bringing lists up to date: fetch, unpack, write in our own form, judge, and only then take in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filterwatch.clock import Clock
from filterwatch.errors import FilterwatchError
from filterwatch.lists import canon
from filterwatch.lists.canon import Tally
from filterwatch.lists.catalogue import Catalogue, Listed
from filterwatch.lists.fetching import Failed, Fetched, Fetcher, Known
from filterwatch.lists.guard import DISTRUSTED, REGISTRY, Guard
from filterwatch.lists.once import Once
from filterwatch.lists.picking import streams
from filterwatch.lists.reading import sha256
from filterwatch.lists.store import Kept, Named, Store, Version
from filterwatch.lists.unpacking import Refused

SHRUNKEN = 0.5
"""Share of the last good list below which a new one is not believed; oisd rightly lost 0.3 in four months."""

GROWN = (10, 1_000)
"""A list is not believed when it has more than so many times the entries of before and so many more: hagezi's of
unblockers rightly doubled in five weeks; the next true one would be refused as shrunken."""

MORE_ASIDE = (1.2, 20)
"""A list is not believed when more is set aside than this share of before and so many more."""

EARLY = 0.9
"""Share of the refresh interval after which a list may be asked for: a daily timer is never quite a day apart."""

MOST_OF_CHECKSUMS = 1 << 20
"""Bytes of a file of published checksums."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one list.

    Attributes:
        id: Of the list.
        word: ``updated``, ``unchanged``, ``not due``, ``refused`` (it came and is not believed) or ``failed``.
        said: Why, or how many entries.
    """

    id: str
    word: str
    said: str = ""

    @property
    def bad(self) -> bool:
        """Whether somebody should look."""
        return self.word in {"refused", "failed"}


@dataclass(frozen=True, slots=True)
class Dated:
    """How old a list out of a bundle is.

    Attributes:
        at: When this version came to where the bundle was made.
        newest: When it was last known there to be its makers' newest.
    """

    at: datetime
    newest: datetime


class Updater:
    """Brings the lists of a store up to date; the store must be locked.

    Args:
        store: Where they lie.
        catalogue: What there is.
        guard: Sets entries aside.
        clock: Time.
        fetcher: Gets them; null where nothing is fetched.
        keys: Keys that makers hand out, by list.
    """

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        guard: Guard,
        clock: Clock,
        fetcher: Fetcher | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._guard = guard
        self._clock = clock
        self._fetcher = fetcher
        self._keys = keys or {}

    def update(
        self,
        ids: Iterable[str],
        *,
        force: bool = False,
        accept: Iterable[str] = (),
        begun: Callable[[str], None] = lambda _: None,
        told: Callable[[Outcome], None] = lambda _: None,
    ) -> list[Outcome]:
        """Fetch what is due and take in what is good; the last good version of all others stays.

        What several lists lie in is fetched once.

        Args:
            ids: Lists of the catalogue.
            force: Ask for lists that are not due too.
            accept: Lists to be taken in although they shrank, hold odd names or were rolled back.
            begun: Called before each list, with its id.
            told: Called after each list.

        Raises:
            FilterwatchError: The store cannot be read or written.
        """
        accepted, todo = set(accept), list(ids)
        once = Once(self._fetcher, self._store.new) if self._fetcher else None
        outcomes = []
        try:
            for done, id_ in enumerate(todo, 1):
                begun(id_)
                known = self._store.read()
                kept, outcome = self._one(
                    id_, known.get(id_, Kept()), once, force=force or id_ in accepted, accept=id_ in accepted
                )
                self._store.write(known | {id_: kept})
                outcomes.append(outcome)
                told(outcome)
                if once:
                    once.drop(keep=self._addresses(todo[done:]))
        finally:
            if once:
                once.drop()
        return outcomes

    def take(self, id_: str, came: Path, *, accept: bool = False, of: Dated | None = None) -> Outcome:
        """Take in a list that somebody carried here.

        Args:
            id_: Of the list in the catalogue.
            came: The file as its makers give it, or in our own form as a bundle holds it.
            accept: As of :meth:`update`.
            of: Of a bundle: how old it is; null for a file of its makers.

        Raises:
            FilterwatchError: The store cannot be read or written, or *came* cannot be read.
        """
        known = self._store.read()
        kept = known.get(id_, Kept())
        try:
            fetched = Fetched(came.stat().st_size, sha256(came), Known())
            kept, outcome = self._judged(id_, kept, came, fetched, accept=accept, of=of)
        except Refused as error:
            # Who carries it is told at once; what is in use is as good as before.
            refused, outcome = self._not_taken(id_, kept, "refused", str(error))
            kept = kept if kept.current else refused
        except OSError as error:
            raise FilterwatchError(f"{came}: cannot be read, or not taken in: {error.strerror}") from None
        self._store.write(known | {id_: kept})
        return outcome

    def rollback(self, id_: str) -> Outcome:
        """Put the version before in place of the current one, which is not taken again by itself.

        Raises:
            FilterwatchError: There is none.
        """
        known = self._store.read()
        kept = known.get(id_, Kept())
        if kept.current is None or kept.previous is None:
            raise FilterwatchError(f"{id_}: there is no version before the current one")
        if not self._store.intact(kept.previous):
            raise FilterwatchError(f"{id_}: the version before is damaged; run `filterwatch lists update --force`")
        # Without its ETag: else the server would say that the bad one is current.
        before = kept.previous.model_copy(update={"etag": "", "modified": ""})
        refused = (*kept.refused, kept.current.sha256)[-10:]
        kept = Kept(current=before, looked=kept.looked, refused=refused)
        self._store.write(known | {id_: kept})
        return Outcome(id_, "updated", f"back to {before.entries:,} entries of {before.at:%d %b %Y}")

    def _one(self, id_: str, kept: Kept, once: Once | None, *, force: bool, accept: bool) -> tuple[Kept, Outcome]:
        listed, now = self._catalogue[id_], self._clock.now()
        # A look in the future is none (the clock was wrong then), and what went wrong may be mended by now.
        if not (force or kept.problem) and kept.looked and kept.looked <= now < kept.looked + EARLY * listed.refresh:
            return kept, Outcome(id_, "not due", f"next after {kept.looked + EARLY * listed.refresh:%d %b %H:%M} UTC")
        try:
            found = self._fetched(id_, kept, once, anew=accept)
            if found is None:
                kept = kept.model_copy(update={"looked": now, "confirmed": now, "problem": ""})
                return kept, Outcome(id_, "unchanged")
            return self._judged(id_, kept, *found, accept=accept)
        except (Refused, OSError) as error:
            why = f"it cannot be written: {error.strerror}" if isinstance(error, OSError) else str(error)
            word = "failed" if isinstance(error, Failed | OSError) else "refused"
            return self._not_taken(id_, kept, word, why)

    def _fetched(self, id_: str, kept: Kept, once: Once | None, *, anew: bool) -> tuple[Path, Fetched] | None:
        """Fetch the list; null when the copy we have is current, which is not asked where *anew*."""
        if once is None:
            raise Failed("nothing is fetched here")
        listed = self._catalogue[id_]
        current = self._whole(kept)
        anew = anew or current is None or current.judged != self._guard.mark(listed)
        known = Known(current.etag, current.modified) if current and not anew else Known()
        found = once.fetch(self._address(id_, listed), listed.megabytes << 20, known)
        if found is not None and listed.sha256:
            _compare(once, listed.sha256, found[1])
        return found

    def _whole(self, kept: Kept) -> Version | None:
        """Return the version that counts, if its file is what was taken in."""
        return kept.current if kept.current and self._store.intact(kept.current) else None

    def _addresses(self, ids: Iterable[str]) -> set[str]:
        found = set()
        for id_ in ids:
            listed = self._catalogue[id_]
            found.add(listed.sha256)
            with suppress(Failed):
                found.add(self._address(id_, listed))
        return found

    def _address(self, id_: str, listed: Listed) -> str:
        if "{key}" not in listed.address:
            return listed.address
        if id_ not in self._keys:
            raise Failed("its makers hand out a key to each user; put it into a file and name it under lists.keys")
        return listed.address.replace("{key}", self._keys[id_])

    def _judged(
        self, id_: str, kept: Kept, came: Path, fetched: Fetched, *, accept: bool, of: Dated | None = None
    ) -> tuple[Kept, Outcome]:
        """Take in what came if it is believed."""
        now, listed, current = self._clock.now(), self._catalogue[id_], self._whole(kept)
        at, newest = (min(of.at, now), min(of.newest, now)) if of else (now, now)
        if fetched.sha256 in kept.refused and not accept:
            raise Refused("it was rolled back before; --accept takes it in all the same")
        mark = self._guard.mark(listed)
        again = current is not None and fetched.sha256 in (
            (current.sha256, current.digest) if of else (current.sha256,)
        )
        if current and again and current.judged == mark:
            same = current.model_copy(update={"etag": fetched.known.etag, "modified": fetched.known.modified})
            return _confirmed(kept, same, now, newest), Outcome(id_, "unchanged")
        # A date in the future tells nothing: the clock was wrong then.
        if of and current and not again and at < current.at <= now and not accept:
            raise Refused(f"it is of {at:%d %b %Y}, older than the one in use; --accept takes it in all the same")
        tally = Tally()
        file, digest = self._written(id_, came, tally, kept.current, mark, accept=accept, canonical=of is not None)
        version = _version(tally, fetched, file, digest, at, mark)
        refused = tuple(one for one in kept.refused if one != fetched.sha256)
        before = kept.previous if again else current or kept.previous
        kept = Kept(current=version, previous=before, looked=now, confirmed=newest, refused=refused)
        return kept, Outcome(id_, "updated", _grown(version, current))

    def _written(
        self, id_: str, came: Path, tally: Tally, before: Version | None, mark: str, *, accept: bool, canonical: bool
    ) -> tuple[str, str]:
        """Write what came in our own form into the store; return its name there and its SHA-256.

        Raises:
            Refused: It is not believed.
        """
        listed, written = self._catalogue[id_], self._store.new()
        try:
            with written.open("wb") as out:
                for stream, format_ in streams(came, listed, canonical=canonical):
                    canon.write(stream, format_, listed, self._guard, out, tally)
                out.flush()
            doubts = [*canon.problems(tally, listed), *(() if accept else _doubts(tally, before, mark))]
            if doubts:
                raise Refused("; ".join(doubts))
            return self._store.take(written, id_)
        finally:
            with suppress(OSError):
                written.unlink(missing_ok=True)

    def _not_taken(self, id_: str, kept: Kept, word: str, why: str) -> tuple[Kept, Outcome]:
        kept = kept.model_copy(update={"looked": self._clock.now(), "problem": why})
        stays = "the version of before stays" if kept.current else "there is none of before"
        return kept, Outcome(id_, word, f"{why}; {stays}")


def _compare(once: Once, address: str, fetched: Fetched) -> None:
    """Compare with the checksum that its makers publish, of which there may be many in one file."""
    try:
        found = once.fetch(address, MOST_OF_CHECKSUMS, Known())
    except Failed as error:
        raise Failed(f"its published checksum: {error}") from None
    said = found[0].read_text("utf-8", errors="replace").lower() if found else ""
    if fetched.sha256 not in re.findall(r"\b[0-9a-f]{64}\b", said):
        raise Refused("its checksum is not the published one")


def _confirmed(kept: Kept, current: Version, now: datetime, newest: datetime) -> Kept:
    """Return what is known once the *current* version came again, which is of *newest*."""
    if kept.newest and kept.newest < now:
        newest = max(newest, kept.newest)
    return kept.model_copy(update={"current": current, "looked": now, "confirmed": newest, "problem": ""})


def _version(tally: Tally, fetched: Fetched, file: str, digest: str, at: datetime, mark: str) -> Version:
    return Version(
        file=file,
        sha256=fetched.sha256,
        digest=digest,
        at=at,
        entries=tally.entries,
        left_out=tally.left_out,
        wrong=tally.wrong,
        aside=tally.aside,
        judged=mark,
        named=tuple(Named(entry=one.entry, reason=one.reason) for one in tally.named),
        etag=fetched.known.etag,
        modified=fetched.known.modified,
    )


def _grown(version: Version, before: Version | None) -> str:
    change = f", {version.entries - before.entries:+,}" if before else ""
    aside = f", {version.aside:,} set aside" if version.aside else ""
    return f"{version.entries:,} entries{change}{aside}"


def _doubts(tally: Tally, before: Version | None, mark: str) -> Iterator[str]:
    """Yield why a list is not believed, by what it held before and by names that no list may hold."""
    if bad := [f"{one.entry} ({one.reason})" for one in tally.named if one.reason in DISTRUSTED]:
        yield f"it holds {', '.join(bad[:3])}"
    if before is None:
        return
    if tally.entries < SHRUNKEN * before.entries:
        yield f"it shrank from {before.entries:,} to {tally.entries:,} entries"
    times, entries = GROWN
    if tally.entries > times * before.entries + entries:
        yield f"it grew from {before.entries:,} to {tally.entries:,} entries"
    if before.judged != mark:
        return  # another guard, or the same with other names, sets others aside
    share, more = MORE_ASIDE
    if tally.aside > share * before.aside + more:
        yield f"{tally.aside:,} entries are names of schools, services, ordinary sites; before, {before.aside:,} were"
    known = {one.entry for one in before.named}
    if new := list(
        dict.fromkeys(one.entry for one in tally.named if one.reason == REGISTRY and one.entry not in known)
    ):
        yield f"it suddenly holds {', '.join(new[:3])} ({REGISTRY})"
