"""Reading a source's spool: what the receiver wrote, once each, and deleted when the journal has it for good."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from filterwatch.clock import Clock
from filterwatch.lines import Checkpoint, Gap, LineBatch
from filterwatch.sources.cutting import Cut, Cutter, Trim
from filterwatch.sources.settings import Settings
from filterwatch.sources.spool_names import ALIVE, CLOSED, OPEN, Segment, is_loss, segment_of

KEEP_SECONDS = 2 * 3600.0
"""How long a segment stays after it was journalled: longer than the hour between two back-ups of the journal, so that a
journal that had to be restored reads it again."""

KEEP_BYTES = 2**30
"""Most bytes that stay so."""

SILENT_SECONDS = 60.0
"""A receiver that has not said for so long that it lives does not run."""

_LOOK_SECONDS = 1.0
_DELETED = "a segment of the spool was deleted before it was read; leave the spool to filterwatch"
_TORN = "the receiver was killed while it wrote; the message it was writing is lost"


@dataclass(slots=True, eq=False)
class _Read:
    """A segment and how far it was read.

    Attributes:
        segment: Its name.
        cutter: Where we are.
        size: Bytes at the last look.
        written: Its last write, seconds since 1970.
        done: Whether it is closed, and read to its end.
    """

    segment: Segment
    cutter: Cutter
    size: int = 0
    written: float = 0.0
    done: bool = False


class SpoolSource:
    """The lines that one source was sent; the daemon uses it like a source of files.

    Each segment is a stream, so (stream, offset) names a line for good.  Senders take turns; the segments of one are
    read in the order they were written.

    Args:
        settings: The section; it has ``listen``.
        checkpoints: All stored checkpoints of this source.
        clock: Time.
        directory: The source's spool.

    Attributes:
        name: Name of the source.
    """

    def __init__(self, settings: Settings, checkpoints: Sequence[Checkpoint], clock: Clock, directory: str) -> None:
        self.name: Final = settings.name
        self._clock = clock
        self._directory = directory
        self._trim = Trim(settings.max_line_bytes)
        self._offsets = {one.stream: one.offset for one in checkpoints}
        self._segments: dict[str, _Read] = {}
        self._losses: list[str] = []
        self._gaps: list[_Read] = []
        self._looked: tuple[float, int] | None = None
        self._gone: list[str] = []
        self._turn = ""
        self._began = clock.monotonic()
        self._problem: str | None = None

    def read(self, limit_bytes: int = 4 * 2**20, /) -> LineBatch | None:
        """Return the next batch, senders in turn; null when there is nothing new now.

        A batch may hold no line: it then carries a gap.  Asking for it says that the one before is journalled.
        """
        self._look()
        if self._gaps:
            return self._cut_short(self._gaps.pop(), _DELETED)
        if self._losses:
            return self._loss(self._losses.pop(0))
        for sender, segments in self._by_sender():
            for one in segments:
                batch = self._next(one, limit_bytes)
                if batch is not None:
                    self._turn = sender
                    return batch
                if not one.done:
                    break
        return None

    def lag(self) -> int:
        """Return how many bytes are written and not yet handed out."""
        return sum(max(0, one.size - one.cutter.offset) for one in self._segments.values() if not one.done)

    @property
    def problem(self) -> str | None:
        """What keeps lines from coming, for the technician; null while all is well."""
        return self._problem

    def directories(self) -> list[str]:
        """Return the spool."""
        return [self._directory]

    def forget(self) -> list[str]:
        """Return streams whose segments are deleted; each is named once."""
        gone, self._gone = self._gone, []
        return gone

    def _look(self) -> None:
        """See which segments there are; sizes every time, names when one came or went."""
        try:
            changed = os.stat(self._directory).st_mtime_ns
        except OSError as error:
            self._notice(error)
            return
        now = self._clock.monotonic()
        if self._looked is None or self._looked[1] != changed or now - self._looked[0] >= _LOOK_SECONDS:
            try:
                files = os.listdir(self._directory)
            except OSError as error:
                self._notice(error)
                return
            self._meet(files)
            self._tidy()
            self._looked = now, changed
            self._notice(None)
        for one in self._segments.values():
            if not one.done:
                self._measure(one)

    def _meet(self, files: Sequence[str]) -> None:
        found = {segment.stream: segment for segment in map(segment_of, files) if segment}
        for stream, segment in found.items():
            if known := self._segments.get(stream):
                known.segment = segment
            else:
                self._segments[stream] = _Read(segment, Cutter(self._offsets.get(stream, 0), self._trim))
        for stream in self._segments.keys() - found.keys():
            if not self._is_there(stream):
                self._gaps += [one for one in (self._segments.pop(stream),) if one.cutter.offset < one.size]
        self._losses = sorted(file for file in files if is_loss(file) and not self._is_told(file))
        for stream in self._offsets.keys() - found.keys() - set(files):
            if not self._is_there(stream) and all(one.segment.stream != stream for one in self._gaps):
                del self._offsets[stream]
                self._gone.append(stream)

    def _is_there(self, stream: str) -> bool:
        """Whether a segment exists: a listing may miss a file that is renamed meanwhile."""
        return any(os.path.lexists(os.path.join(self._directory, stream + suffix)) for suffix in (OPEN, CLOSED))

    def _is_told(self, file: str) -> bool:
        """Whether a loss is journalled; its file goes."""
        if file in self._offsets:
            self._delete(file)
            return True
        return False

    def _tidy(self) -> None:
        """Delete what was journalled long enough ago, and more when it is much."""
        oldest_first = sorted((one for one in self._segments.values() if one.done), key=lambda one: one.segment.number)
        kept = sum(one.size for one in oldest_first)
        now = self._clock.now().timestamp()
        for one in oldest_first:
            if kept > KEEP_BYTES or now - one.written >= KEEP_SECONDS:
                kept -= one.size
                self._delete(one.segment.file)

    def _delete(self, file: str) -> None:
        try:
            os.unlink(os.path.join(self._directory, file))
        except FileNotFoundError:
            pass
        except OSError as error:
            self._problem = f"{self._directory}: what is journalled cannot be deleted: {error.strerror}"

    def _by_sender(self) -> list[tuple[str, list[_Read]]]:
        """Return what is left to read, the oldest segment first; the sender that was read last comes last."""
        senders: dict[str, list[_Read]] = {}
        for one in sorted(self._segments.values(), key=lambda one: one.segment.number):
            if not one.done:
                senders.setdefault(one.segment.sender, []).append(one)
        return sorted(senders.items(), key=lambda each: (each[0] <= self._turn, each[0]))

    def _measure(self, one: _Read) -> None:
        try:
            status = os.stat(os.path.join(self._directory, one.segment.file))
        except OSError:
            self._looked = None  # it was closed this moment: look again
            return
        one.size, one.written = status.st_size, status.st_mtime

    def _next(self, one: _Read, limit: int) -> LineBatch | None:
        cutter = one.cutter
        cut = None
        while cut is None and cutter.position < one.size:
            chunk = self._bytes(one, min(limit, one.size - cutter.position))
            at = cutter.position
            cut = cutter.feed(chunk, full=len(chunk) >= limit)
            if cutter.position == at:
                break
        if cut is not None:
            return self._batch(one, cut, ())
        if one.segment.closed and self._looked is not None:
            one.done = True
            if cutter.offset < one.size:
                return self._cut_short(one, _TORN)
        return None

    def _cut_short(self, one: _Read, why: str) -> LineBatch:
        """Return what says that a segment's rest is lost, and pass over it."""
        gap = Gap(self.name, one.segment.stream, one.cutter.offset, one.size, self._clock.now(), why)
        one.cutter = Cutter(one.size, self._trim)
        return self._batch(one, Cut(b"", one.size, one.size), (gap,))

    def _bytes(self, one: _Read, count: int) -> bytes:
        try:
            descriptor = os.open(os.path.join(self._directory, one.segment.file), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self._looked = None
            self._notice(None if isinstance(error, FileNotFoundError) else error)
            return b""
        try:
            return os.pread(descriptor, count, one.cutter.position)
        finally:
            os.close(descriptor)

    def _batch(self, one: _Read, cut: Cut, gaps: tuple[Gap, ...]) -> LineBatch:
        stream = one.segment.stream
        self._offsets[stream] = cut.last_offset
        # What waited for us is dated by when it came.
        read_at = min(self._clock.now(), datetime.fromtimestamp(one.written, UTC))
        return LineBatch(
            source=self.name,
            stream=stream,
            data=cut.data,
            first_offset=cut.first_offset,
            last_offset=cut.last_offset,
            path=os.path.join(self._directory, stream),
            read_at=read_at,
            checkpoint=Checkpoint(self.name, stream, cut.last_offset),
            gaps=gaps,
            offsets=cut.offsets,
        )

    def _loss(self, file: str) -> LineBatch:
        path = os.path.join(self._directory, file)
        now = self._clock.now()
        try:
            with open(path, encoding="utf-8") as record:
                said = json.load(record)
            gap = Gap(
                self.name, "", None, None, datetime.fromisoformat(said["noticed"]), said["why"], said["certain"] is True
            )
        except (OSError, ValueError, KeyError, TypeError):
            gap = Gap(self.name, "", None, None, now, "lines were lost before they could be spooled", certain=False)
        self._offsets[file] = 1
        return LineBatch(self.name, file, b"", 0, 1, path, now, Checkpoint(self.name, file, 1), (gap,))

    def _notice(self, error: OSError | None) -> None:
        """Say what is wrong with the spool or its receiver."""
        remedy = "start it: systemctl enable --now filterwatch-receive, or filterwatch run"
        if isinstance(error, FileNotFoundError):
            waited = self._clock.monotonic() - self._began >= SILENT_SECONDS
            self._problem = f"filterwatch receive has never run here; {remedy}" if waited else None
        elif error is not None:
            self._problem = f"{self._directory}: cannot be read: {error.strerror}; it is tried again"
        else:
            self._problem = None
            try:
                silent = self._clock.now().timestamp() - os.stat(os.path.join(self._directory, ALIVE)).st_mtime
            except OSError:
                silent = self._clock.monotonic() - self._began
            if silent >= SILENT_SECONDS:
                self._problem = f"filterwatch receive does not run; {remedy}"
