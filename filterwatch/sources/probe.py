"""Finding out whether a file that was not there before is a log already known.

Nothing is believed but bytes: the head, the bytes before the offset that was read, and for a copy all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from filterwatch.sources.content import Content, Plain
from filterwatch.sources.identity import ANCHOR, HEAD
from filterwatch.sources.stream import Stream

_STRIDE = 4 * 2**20
"""Bytes compared or skipped in one step: a few milliseconds of gzip."""


class Answer(Enum):
    """What a file turned out to be."""

    NEW = auto()
    SAME = auto()
    """The log itself, under another name or compressed: it is read on here."""
    SHORT = auto()
    """A copy of a log that has no other file, without its last lines, all of which were read."""
    COPY = auto()
    """A copy of a log that is read elsewhere."""
    EMPTY = auto()
    """Nothing yet."""
    UNSURE = auto()
    """Still being written: to be asked again."""


class Step(Enum):
    """How far an examination has come."""

    WORK = auto()
    """There is more of the same."""
    ANCHORS_DONE = auto()
    """Next it is compared with the logs that are open: those should all be known by now."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer and the stream it is about; null for none."""

    answer: Answer
    stream: Stream | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A file and what it may be.

    Attributes:
        content: Its bytes.
        current: Whether it has its writer's name: then it is nobody's copy.
        still: Whether it has not changed for so long that it is judged as it is.
        streams: Gives the streams of its family, as they are when asked.
        orphans: Ids of those that have no file.
    """

    content: Content
    current: bool
    still: bool
    streams: Callable[[], Iterable[Stream]]
    orphans: Collection[str]


def examine(question: Question) -> Generator[Step, None, Verdict]:
    """Return a verdict after as many steps as it takes; each step is a few milliseconds of work."""
    content = question.content
    head = content.read(0, HEAD)
    if not head and not question.current and (isinstance(content, Plain) or content.complete or not question.still):
        return Verdict(Answer.EMPTY)
    verdict = yield from _by_end(question, head)
    if verdict is None:
        verdict = yield from _by_anchor(question, head)
    if verdict is None and not question.current:
        yield Step.ANCHORS_DONE
        verdict = yield from _by_bytes(question, head)
    if verdict is None and len(head) < HEAD and _may_grow(question):
        return Verdict(Answer.UNSURE)
    return verdict or Verdict(Answer.NEW)


def _by_end(question: Question, head: bytes) -> Generator[Step, None, Verdict | None]:
    """Look for a copy that was seen before, while the log itself was still open."""
    content = question.content
    closed = [one for one in question.streams() if one.reader is None] if not question.current else []
    alike = [one for one in closed if one.identity.head.fits(head) or len(head) < one.identity.head.length]
    ends = [(end, one) for one in alike for end in one.identity.copies]
    for end, stream in sorted(ends, key=lambda pair: pair[0].position):
        if (yield from _reach(content, end.start)) and end.fits(content.read) and not content.read(end.position, 1):
            found = Answer.SAME if end.position > stream.offset else Answer.SHORT
            return Verdict(found if stream.id in question.orphans else Answer.COPY, stream)
    return None


def _by_anchor(question: Question, head: bytes) -> Generator[Step, None, Verdict | None]:
    """Look for the bytes that were read last from each stream that has no open file."""
    content = question.content
    closed = [one for one in question.streams() if one.reader is None and one.identity.head.length]
    alike = [one for one in closed if one.identity.head.fits(head)]
    short: list[Stream] = []
    same = None
    for stream in sorted(alike, key=lambda one: one.identity.anchor.start):
        anchor = stream.identity.anchor
        before = anchor.before
        bytes_before = content.read(anchor.start, before.length) if (yield from _reach(content, anchor.start)) else b""
        if len(bytes_before) < before.length:
            short.append(stream)
        elif before.fits(bytes_before):
            if stream.id in question.orphans:
                same = stream  # a later one has the longer proof
            elif not question.current and not content.read(anchor.position, 1):
                return Verdict(Answer.COPY, stream)
    if same:
        return Verdict(Answer.SAME, same)
    whole = [one for one in short if one.identity.head.length == HEAD and not question.current]
    if not whole:
        return None
    if not question.still and not content.complete:
        return Verdict(Answer.UNSURE)
    return Verdict(Answer.SHORT if whole[0].id in question.orphans else Answer.COPY, whole[0])


def _by_bytes(question: Question, head: bytes) -> Generator[Step, None, Verdict | None]:
    """Look for a stream being read whose file starts with all of this one."""
    for stream in question.streams():
        twin = stream.twin()
        if twin is None or twin.read(0, len(head)) != head:
            continue
        if (yield from _is_prefix(question.content, twin)):
            return Verdict(Answer.UNSURE if _may_grow(question) else Answer.COPY, stream)
    return None


def _is_prefix(content: Content, twin: Plain) -> Generator[Step, None, bool]:
    """Return whether *twin* starts with *content*; of a plain file only the end is compared."""
    at = max(0, content.size() - ANCHOR) if isinstance(content, Plain) else 0
    while block := content.read(at, _STRIDE):
        if twin.read(at, len(block)) != block:
            return False
        at += len(block)
        yield Step.WORK
    return True


def _reach(content: Content, at: int) -> Generator[Step, None, bool]:
    """Return whether *content* is at least *at* bytes long."""
    while not content.reach(at, budget=_STRIDE):
        if content.at_end():
            return False
        yield Step.WORK
    return True


def _may_grow(question: Question) -> bool:
    """Whether a compressed file is still being written, as far as can be told."""
    content = question.content
    return not isinstance(content, Plain) and not content.complete and not question.still
