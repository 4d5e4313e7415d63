"""The very first start of a source: what is read, what is passed over, and the one checkpoint that remembers it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

from filterwatch.clock import Clock
from filterwatch.lines import Checkpoint
from filterwatch.sources.content import Content, Plain
from filterwatch.sources.identity import HEAD, Anchor, Identity, Inode, Print
from filterwatch.sources.settings import Start
from filterwatch.sources.stream import Stream

START: Final = "start"
"""Stream of the checkpoint that tells what was there at the very first start.

One checkpoint for all of it: were each file's its own, a crash between two would make the rest look unread.
"""

_STRIDE = 65_536


class Beginning:
    """Makes streams: by the source's start rule at its very first start, from the first byte ever after.

    Args:
        start: The rule.
        clock: For ids.
        taken: Ids in use.
        first: Whether this is the very first start.

    Attributes:
        first: True until its checkpoint was handed out.
    """

    def __init__(self, start: Start, clock: Clock, taken: Container[str], *, first: bool) -> None:
        self.first = first
        self._start = start
        self._clock = clock
        self._taken = taken

    def make(self, path: str, family: str, content: Content, inode: Inode, *, current: bool) -> Stream:
        """Return the stream of bytes never seen before."""
        identity = Identity(path, inode, Print.of(content.read(0, HEAD)))
        stream = Stream(self._new_id(path, inode), family, 0, identity)
        if not self.first or self._start == "history" or (self._start == "beginning" and current):
            return stream
        identity.passed = identity.ended = not current
        if isinstance(content, Plain):
            size = content.size()
            stream.offset = _behind_last_line(content, size) if current else size
            identity.anchor = Anchor.of(content.read, stream.offset)
        return stream

    def _new_id(self, path: str, inode: Inode) -> str:
        """Return an id that no stream had before: 16 hexadecimal digits."""
        seeds = (f"{inode} {self._clock.now().isoformat()} {count} {path}" for count in itertools.count())
        ids = (hashlib.blake2b(seed.encode(errors="surrogateescape"), digest_size=8).hexdigest() for seed in seeds)
        return next(one for one in ids if one not in self._taken)

    def checkpoint(self, source: str, streams: Iterable[Stream]) -> Checkpoint:
        """Return the checkpoint of the very first start; it is over."""
        self.first = False
        known = {stream.id: {"offset": stream.offset, **stream.to_data()} for stream in streams}
        return Checkpoint(source, START, 0, {"streams": known})


def restored(checkpoints: Sequence[Checkpoint]) -> tuple[frozenset[str], dict[str, Stream]]:
    """Return the ids that the first start remembers, and every stream as it was journalled last."""
    start: dict[str, Any] = next((one.data["streams"] for one in checkpoints if one.stream == START), {})
    streams = {id_: Stream.restored(id_, data["offset"], data) for id_, data in start.items()}
    for one in checkpoints:
        if one.stream != START:
            streams[one.stream] = Stream.restored(one.stream, one.offset, one.data)
    return frozenset(start), streams


def _behind_last_line(content: Plain, size: int) -> int:
    r"""Return the offset behind the last ``\n`` before *size*; 0 if there is none."""
    while size:
        start = max(0, size - _STRIDE)
        found = content.read(start, size - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
