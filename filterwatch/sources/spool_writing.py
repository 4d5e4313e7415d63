"""Writing received lines to disk: gathered in memory, written and synced in groups, one file a sender at a time."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field

from filterwatch.clock import Clock
from filterwatch.sources.spool_names import ALIVE, BEAT, OPEN, Segment, segment_of

SEGMENT_BYTES = 16 * 2**20
"""Bytes after which a segment is closed."""

SEGMENT_SECONDS = 3600.0
"""Age at which a segment is closed: what is journalled can only be deleted with its whole segment."""

MOST_SENDERS = 256
"""Senders with a segment of their own at once; UDP addresses can be forged, and each would be an open file."""

DOWN_SECONDS = 15.0
"""A receiver that was away for longer says that lines may be lost: UDP senders do not wait.

A restart by systemd takes two seconds, and :data:`BEAT` is as exact as we know it.
"""

OTHER = "other"
_UNFINISHED = ".new"


@dataclass(slots=True)
class _Written:
    """A segment that is written to."""

    segment: Segment
    descriptor: int
    began: float
    size: int = 0


@dataclass(slots=True)
class Taken:
    """Lines on their way to the disk; what is written is taken out, so that a failed write can be gone on with."""

    lines: dict[str, bytearray] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many bytes are left to write."""
        return sum(map(len, self.lines.values()))


class SpoolWriter:
    """The spool of one source; the receiver is its only writer.

    :meth:`add` and :meth:`take` belong to one thread, :meth:`write`, :meth:`tick` and :meth:`close` to one at a time.

    Args:
        directory: The source's own; made if it is not there.
        clock: Numbers segments, measures their age.
        segment_bytes: When a segment is closed.

    Attributes:
        pending: Bytes added and not yet taken.

    Raises:
        OSError: The directory cannot be made or written.
    """

    def __init__(self, directory: str, clock: Clock, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.pending = 0
        self._directory = directory
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._gathered: defaultdict[str, bytearray] = defaultdict(bytearray)
        self._open: dict[str, _Written] = {}
        self._number = 0
        self._unsure = False
        self._beaten: float | None = None
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._close_left_behind()

    def add(self, sender: str, line: bytes) -> None:
        """Gather one line without its line end."""
        gathered = self._gathered[sender]
        gathered += line
        gathered += b"\n"
        self.pending += len(line) + 1

    def take(self, taken: Taken) -> None:
        """Move what was gathered behind what *taken* still holds."""
        for sender, lines in self._gathered.items():
            taken.lines.setdefault(sender, bytearray()).extend(lines)
        self._gathered.clear()
        self.pending = 0

    def write(self, taken: Taken) -> None:
        """Write and sync *taken*; what was written before an error is no longer in it.

        Raises:
            OSError: The disk is full or broken; call again with the same *taken*.
        """
        dirty: dict[Segment, _Written] = {}
        for sender, lines in taken.lines.items():
            one = self._segment(sender)
            dirty[one.segment] = one
            while lines:
                count = os.write(one.descriptor, lines)
                one.size += count
                del lines[:count]
        for one in dirty.values():
            self._sync(one)
        taken.lines.clear()
        if self._unsure:
            self.lost("the disk failed while lines were synced; some may be lost", certain=False)
            self._unsure = False
        for one in dirty.values():
            if one.size >= self._segment_bytes:
                self._close(one)

    def _sync(self, one: _Written) -> None:
        try:
            os.fdatasync(one.descriptor)
        except OSError:
            # The kernel says so once and may have dropped what it could not write; asking again proves nothing.
            self._unsure = True
            raise

    def tick(self) -> None:
        """Say that we live, and close segments that are old; call it every second.

        Raises:
            OSError: The disk is broken.
        """
        now = self._clock.monotonic()
        for one in list(self._open.values()):
            if now - one.began >= SEGMENT_SECONDS:
                self._close(one)
        if self._beaten is None or now - self._beaten >= BEAT:
            self._beaten = now
            alive = os.path.join(self._directory, ALIVE)
            os.close(os.open(alive, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            seconds = self._clock.now().timestamp()
            os.utime(alive, (seconds, seconds))

    def lost(self, why: str, *, certain: bool = True) -> None:
        """Record that lines were lost, for the journal.

        Raises:
            OSError: The disk is full or broken.
        """
        name = os.path.join(self._directory, f"lost_{self._next_number()}.json")
        record = {"why": why, "certain": certain, "noticed": self._clock.now().isoformat()}
        descriptor = os.open(name + _UNFINISHED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, json.dumps(record).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(name + _UNFINISHED, name)
        self._sync_directory()

    def down_for(self) -> float | None:
        """Return the seconds since the last receiver of this spool ended; null when there was none."""
        try:
            ended = os.stat(os.path.join(self._directory, ALIVE)).st_mtime
        except OSError:
            return None
        return max(0.0, self._clock.now().timestamp() - ended)

    def close(self) -> None:
        """Close every segment."""
        for one in list(self._open.values()):
            self._close(one)

    def _segment(self, sender: str) -> _Written:
        sender = sender if sender in self._open or len(self._open) < MOST_SENDERS else OTHER
        one = self._open.get(sender)
        if one is None:
            segment = Segment(sender, self._next_number(), closed=False)
            path = os.path.join(self._directory, segment.file)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
            one = self._open[sender] = _Written(segment, descriptor, self._clock.monotonic())
            self._sync_directory()
        return one

    def _close(self, one: _Written) -> None:
        self._rename(one.segment)
        del self._open[one.segment.sender]
        os.close(one.descriptor)

    def _rename(self, segment: Segment) -> None:
        closed = segment._replace(closed=True)
        os.rename(os.path.join(self._directory, segment.file), os.path.join(self._directory, closed.file))

    def _close_left_behind(self) -> None:
        """Close what a receiver that was killed left open; nothing is ever added to it."""
        for file in os.listdir(self._directory):
            if file.endswith(_UNFINISHED):
                os.unlink(os.path.join(self._directory, file))
            segment = segment_of(file)
            if segment:
                self._number = max(self._number, segment.number)
            if segment and file.endswith(OPEN):
                self._rename(segment)

    def _next_number(self) -> int:
        """Return a number that none had before: nanoseconds since 1970, and greater than the last."""
        self._number = max(self._number + 1, int(self._clock.now().timestamp() * 1_000_000) * 1000)
        return self._number

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
