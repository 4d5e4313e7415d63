"""Which file holds which log: kept up at every look, through renames, copies, compression and reused inodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from filterwatch.sources.compressed import Compressed
from filterwatch.sources.content import Content, Plain, content_of, open_file
from filterwatch.sources.cutting import Trim
from filterwatch.sources.identity import Anchor, Inode, generation
from filterwatch.sources.probe import Answer, Question, Step, Verdict, examine
from filterwatch.sources.reader import TruncatedError
from filterwatch.sources.scan import Found, Key, Sight, unreadable
from filterwatch.sources.stream import Stream

_STEPS = 16
"""Steps of an examination at one look while nothing waits for it: about 50 ms."""

_MOST_OPEN = 256
"""Files of one source open at once; more wait for their turn."""


class MakeStream(Protocol):
    """Makes the stream of bytes never seen before."""

    def __call__(self, path: str, family: str, content: Content, inode: Inode, *, current: bool) -> Stream:
        """Return it; *current* says whether its writer's name leads to it."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """How streams are made and judged.

    Attributes:
        make: Makes the stream of bytes never seen before.
        now: Monotonic seconds.
        still: Seconds without a change after which a file is judged as it is.
        trim: What is kept of odd lines.
    """

    make: MakeStream
    now: Callable[[], float]
    still: float
    trim: Trim


@dataclass(frozen=True, slots=True)
class _Place:
    """A file known to hold a stream; a copy is not read."""

    stream: Stream
    found: Found
    inode: Inode
    copy: bool


@dataclass(slots=True)
class _Asked:
    """A file under examination, or (without content) one that was answered "not yet"."""

    found: Found
    still: bool
    inode: Inode
    content: Content | None
    steps: Generator[Step, None, Verdict] | None = None
    unsure: bool = False


class Whereabouts:
    """All streams of one source and where each one is.

    Args:
        streams: Those known from before.
        rules: How streams are made and judged.

    Attributes:
        streams: By id.
        problems: What could not be opened at the last look, one sentence each.
        unsettled: Families with a file that is not told apart yet: nothing of theirs may be called lost.
        changed: Streams that became something else without a line being read; the caller saves and clears them.
    """

    def __init__(self, streams: dict[str, Stream], rules: Rules) -> None:
        self.streams = streams
        self.problems: list[str] = []
        self.unsettled: set[str] = set()
        self.changed: list[Stream] = []
        self._rules = rules
        self._places: dict[Key, _Place] = {}
        self._asked: dict[Key, _Asked] = {}
        self._since: dict[Key, tuple[Found, float]] = {}

    def meet(self, sight: Sight) -> None:
        """Bring everything up to what was just seen."""
        self.problems = []
        self.unsettled = set()
        now = self._rules.now()
        self._since = {one.key: self._last_change(one, now) for one in sight.found}
        for stream in list(self.streams.values()):
            self.check(stream)
        self._drop_absent(sight)
        unknown = [one for one in sight.found if not self._is_known(one)]
        unknown = [one for one in unknown if not self._recognise(one)]
        current = [one for one in unknown if one.current]
        # Plain files first: a copy of what is read from a compressed one could not be compared with it.
        rotated = sorted((one for one in unknown if not one.current), key=lambda one: one.compression is not None)
        # A rotated file may be a copy of a log that is itself seen for the first time: that comes first.
        for one in rotated:
            self._ask(one, Step.ANCHORS_DONE)
        for one in (*current, *rotated):
            self._ask(one)
        self._rank(sight, now)

    def check(self, stream: Stream) -> bool:
        """Return whether an open stream's file still holds it; if not, the stream has no file any more."""
        try:
            stream.measure()
        except TruncatedError:
            self.emptied(stream)
            return False
        return True

    def emptied(self, stream: Stream) -> None:
        """Take note that a stream's file was emptied in place.

        What it held may live on in a copy.  What it holds now is a new stream, read from the same descriptor: the
        file may be moved or removed before anybody looks again.  Only a live log is emptied, so it is one, though its
        stream may not have been given its place yet.
        """
        stream.identity.truncated = True
        self._leave(stream)
        reader, stream.reader = stream.reader, None
        if reader:
            identity = stream.identity
            new = self._rules.make(identity.path, stream.family, reader.content, identity.inode, current=True)
            new.open(reader.content, identity.inode, self._rules.trim)
            new.moved = self._rules.now()
            self.streams[new.id] = new

    def is_orphan(self, stream: Stream) -> bool:
        """Return whether a stream has no file."""
        return stream.reader is None and all(place.stream is not stream for place in self._places.values())

    def stream_at(self, one: Found) -> Stream | None:
        """Return the stream that is read from a file; null for a copy or a file not told apart yet."""
        place = self._places.get(one.key)
        return place.stream if place and not place.copy else None

    def forget(self, stream: Stream) -> None:
        """Drop a stream that is nowhere."""
        del self.streams[stream.id]

    def close(self) -> None:
        """Let go of every file."""
        for stream in self.streams.values():
            stream.close()
        for key in list(self._asked):
            self._stop_asking(key)

    def _family(self, family: str) -> list[Stream]:
        return [one for one in self.streams.values() if one.family == family]

    def _last_change(self, one: Found, now: float) -> tuple[Found, float]:
        before = self._since.get(one.key)
        return before if before and _unchanged(before[0], one) else (one, now)

    def _leave(self, stream: Stream) -> None:
        """Forget every file of a stream, and every answer about its family's files."""
        for key in [key for key, place in self._places.items() if place.stream is stream]:
            del self._places[key]
        for key in [key for key, asked in self._asked.items() if asked.found.family == stream.family]:
            self._stop_asking(key)

    def _stop_asking(self, key: Key) -> None:
        asked = self._asked.pop(key, None)
        if asked and asked.content:
            asked.content.close()

    def _drop_absent(self, sight: Sight) -> None:
        """Forget files that are gone; what is in a directory that could not be listed may still be there."""
        seen = {one.key for one in sight.found}
        gone = {key for key, place in self._places.items() if key not in seen}
        gone = {key for key in gone if os.path.dirname(self._places[key].found.path) not in sight.blind}
        for key in gone:
            place = self._places.pop(key, None)
            if place and not place.copy and place.stream.reader is None:
                self._promote(place.stream)
        for key in [key for key in self._asked if key not in seen]:
            self._stop_asking(key)

    def _promote(self, stream: Stream) -> None:
        """Give a stream whose file is gone to its copy: at once when it was read to its end, else to be examined."""
        copies = [key for key, place in self._places.items() if place.stream is stream]
        if copies and stream.identity.ended:
            place = self._places[copies[0]]
            self._places[copies[0]] = replace(place, copy=False)
            stream.identity.inode = place.inode
            _note_file(stream, place.found)
            self.changed.append(stream)
        else:
            self._leave(stream)

    def _is_known(self, one: Found) -> bool:
        """Whether a file holds the stream that it held at the last look."""
        place = self._places.get(one.key)
        if place is None:
            stream = next((s for s in self.streams.values() if s.is_open_at(one.key)), None)
            if stream is None:
                return False
            place = _Place(stream, one, stream.identity.inode, copy=False)
        stream = place.stream
        if not _unchanged(place.found, one) and (place.copy or not stream.is_open_at(one.key)):
            self._places.pop(one.key, None)
            return False
        self._places[one.key] = replace(place, found=one)
        if not place.copy:
            _note_file(stream, one)
        return True

    def _recognise(self, one: Found) -> bool:
        """Whether a file is, by its inode and its bytes, one that is known from before; it stays open to be asked."""
        asked = self._asked.get(one.key)
        still = self._rules.now() - self._since[one.key][1] >= self._rules.still
        if asked and _unchanged(asked.found, one) and (asked.still == still or asked.steps):
            return False
        self._stop_asking(one.key)
        if sum(stream.reader is not None for stream in self.streams.values()) >= _MOST_OPEN:
            self.unsettled.add(one.family)
            return True
        try:
            content, inode = _open(one)
        except OSError as error:
            self.unsettled.add(one.family)
            if not isinstance(error, FileNotFoundError):
                self.problems.append(unreadable(one.path, error))
            return True
        # An emptied file has had several streams: the one with the longest proof is the one it holds now.
        same = [stream for stream in self.streams.values() if stream.identity.inode == inode and stream.reader is None]
        for stream in sorted(same, key=lambda stream: stream.identity.anchor.position, reverse=True):
            if self._is_same_file(stream, one, content):
                self._attach(stream, one, content, inode)
                return True
        self._asked[one.key] = _Asked(one, still, inode, content)
        return False

    def _is_same_file(self, stream: Stream, one: Found, content: Content) -> bool:
        """Whether a file with a stream's inode is that stream's: inodes are reused, and files emptied."""
        identity = stream.identity
        if identity.compressed != (one.compression is not None) or not identity.head.length:
            return False
        if not isinstance(content, Plain):
            return (identity.size, identity.mtime_ns) == (one.size, one.mtime_ns)
        holds = identity.fits(content.read)
        identity.truncated = identity.truncated or not (holds or identity.ended)
        return holds

    def _ask(self, one: Found, until: Step | None = None) -> None:
        """Go on finding out what a file is, at most *until* that step."""
        if one.key in self._places or (one.key not in self._asked and self._recognise(one)):
            return
        asked = self._asked[one.key]
        if asked.content is None:
            if asked.unsure:
                self.unsettled.add(one.family)
            return
        orphans = {stream.id for stream in self._family(one.family) if self.is_orphan(stream)}
        if asked.steps is None:
            family = partial(self._family, one.family)
            asked.steps = examine(Question(asked.content, one.current, asked.still, family, orphans))
        hurry = any(not self.streams[id_].identity.ended for id_ in orphans)
        for _ in range(10**9 if hurry else _STEPS):
            try:
                if next(asked.steps) is until:
                    return
            except StopIteration as done:
                self._settle(one, asked, done.value)
                return
        self.unsettled.add(one.family)

    def _settle(self, one: Found, asked: _Asked, verdict: Verdict) -> None:
        """Act on a verdict."""
        answer, stream = verdict.answer, verdict.stream
        if answer is Answer.NEW and not one.current and not all(map(self.check, self._family(one.family))):
            # A log was emptied while its copy was compared with it: the copy is all that is left of it.
            self._ask(one)
            return
        if answer in {Answer.UNSURE, Answer.EMPTY} or asked.content is None:
            asked.unsure = answer is Answer.UNSURE
            if asked.unsure:
                self.unsettled.add(one.family)
            if asked.content:
                asked.content.close()
            asked.content = asked.steps = None
            return
        del self._asked[one.key]
        if stream is None:
            stream = self._rules.make(one.path, one.family, asked.content, asked.inode, current=one.current)
            self.streams[stream.id] = stream
            if one.linked:
                # Once the link is switched only its checkpoint tells where this log is.
                self.changed.append(stream)
        if answer is Answer.COPY:
            self._places[one.key] = _Place(stream, one, asked.inode, copy=True)
            if twin := stream.twin():
                end = asked.content.size() if isinstance(asked.content, Plain) else asked.content.position
                stream.identity.add_copy(Anchor.of(twin.read, end))
                self.changed.append(stream)
            asked.content.close()
        else:
            self._attach(stream, one, asked.content, asked.inode, short=answer is Answer.SHORT)

    def _attach(self, stream: Stream, one: Found, content: Content, inode: Inode, *, short: bool = False) -> None:
        """Read a stream on in a file, or only note that it is there."""
        moved = stream.identity.inode != inode
        stream.identity.inode = inode
        self._places[one.key] = _Place(stream, one, inode, copy=False)
        _note_file(stream, one)
        stream.over = short
        stream.whole = isinstance(content, Compressed) and content.complete and content.position == stream.offset
        if short and isinstance(content, Plain):
            stream.identity.anchor = Anchor.of(content.read, content.size())
        nothing_left = one.size <= stream.offset if isinstance(content, Plain) else not moved
        if short or stream.identity.passed or (stream.identity.ended and nothing_left):
            content.close()
        else:
            holds = stream.open(content, inode, self._rules.trim)
            stream.identity.ended = False
            stream.moved = self._rules.now()
            if not holds:
                self.emptied(stream)
                return
        if moved:
            self.changed.append(stream)

    def _rank(self, sight: Sight, now: float) -> None:
        """Put streams in the order of their files; one without a file is older than all that have one."""
        for stream in self.streams.values():
            stream.rank = min(stream.rank, 0) - 1
        current = set()
        for rank, one in enumerate(sight.found):
            if held := self.stream_at(one):
                held.rank = rank
                if one.current:
                    current.add(held.id)
        for stream in self.streams.values():
            if os.path.dirname(stream.family) in sight.blind:
                continue  # nobody knows; its open file is read on
            if stream.current and stream.id not in current:
                stream.moved = now
            stream.current = stream.id in current


def _unchanged(before: Found, now: Found) -> bool:
    return (before.size, before.mtime_ns) == (now.size, now.mtime_ns)


def _note_file(stream: Stream, one: Found) -> None:
    """Remember where and how large a stream's file was."""
    identity = stream.identity
    identity.path = os.path.realpath(one.path) if one.linked else one.path
    identity.size, identity.mtime_ns = one.size, one.mtime_ns
    identity.compressed = one.compression is not None


def _open(one: Found) -> tuple[Content, Inode]:
    """Open a file that was just seen.

    Raises:
        OSError: It cannot be opened; FileNotFoundError also when another file has its name by now.
    """
    descriptor = open_file(one.path, follow=one.linked)
    status = os.fstat(descriptor)
    if (status.st_dev, status.st_ino) != one.key:
        os.close(descriptor)
        raise FileNotFoundError(one.path)
    return content_of(descriptor, compression=one.compression), Inode(*one.key, generation(descriptor))
