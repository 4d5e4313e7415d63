"""Following the files of one source: nothing lost, nothing twice, whatever rotation does to them."""

from __future__ import annotations

import os
import stat
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from filterwatch.clock import Clock
from filterwatch.lines import Checkpoint, Gap, LineBatch
from filterwatch.sources.beginning import START, Beginning, restored
from filterwatch.sources.compressed import Compressed
from filterwatch.sources.cutting import Cut, Trim
from filterwatch.sources.gaps import Gaps
from filterwatch.sources.holes import holes
from filterwatch.sources.names import stripped
from filterwatch.sources.reader import TruncatedError
from filterwatch.sources.scan import Found, Scanner, Sight
from filterwatch.sources.settings import Settings
from filterwatch.sources.stream import Stream
from filterwatch.sources.whereabouts import Rules, Whereabouts

BATCH_BYTES: Final = 4 * 2**20
"""Bytes of one batch while there is more to read: decoders are fastest on 4 to 8 MiB."""

_LOOK_SECONDS = 1.0
"""How often names are looked at even when no directory seems to have changed (network file systems)."""

_LOST_SECONDS = 5.0
"""How long a log must be nowhere before it is called lost: a rotation takes milliseconds."""

_FORGET_SECONDS = 3600.0
"""How long a finished log must be nowhere before its checkpoint may go."""

_GUESSED_RATIO = 8
"""Bytes out for one byte in, for the lag of a compressed file that was not read yet."""


class FileSource:
    """Follows the logs of one source section.

    The daemon calls :meth:`read` from one thread, at least once a second, and journals each batch with its checkpoint
    before it asks for the next.  After a crash it makes a new one from the stored checkpoints and goes on where the
    last journalled batch ended.  Nothing here waits for a writer, and no other state is kept.

    Args:
        settings: The section.
        checkpoints: All stored checkpoints of this source; none means its very first start.
        clock: Time of day for ``read_at``, monotonic seconds for every wait.
        base: Directory that relative paths start from; default: the working directory.

    Attributes:
        name: Name of the source.
    """

    def __init__(
        self, settings: Settings, checkpoints: Sequence[Checkpoint], clock: Clock, *, base: Path | None = None
    ) -> None:
        self.name: Final = settings.name
        self._clock = clock
        self._gaps = Gaps(settings.name, clock)
        self._rotate_wait = settings.rotate_wait.total_seconds()
        self._trim = Trim(settings.max_line_bytes)
        self._kept_by_start, streams = restored(checkpoints)
        self._beginning = Beginning(settings.start, clock, streams, first=not checkpoints)
        patterns = [os.path.abspath(os.path.join(base or "", path)) for path in settings.path]
        self._scanner = Scanner(patterns, follow_symlinks=settings.follow_symlinks)
        rules = Rules(self._beginning.make, clock.monotonic, self._rotate_wait, self._trim)
        self._where = Whereabouts(streams, rules)
        self._marks: deque[tuple[Stream, tuple[Gap, ...]]] = deque()
        self._looked: float | None = None
        self._stale = False
        self._before = frozenset(streams)
        self._unsure_row = False
        self._turn = ""
        self._absent: dict[str, float] | None = None
        self._problems: list[str] = []

    def read(self, limit_bytes: int = BATCH_BYTES) -> LineBatch | None:
        """Return the next batch, oldest lines of a log first, logs in turn; null when there is nothing new now.

        A batch may hold no line: it then carries a gap, or a checkpoint that must be stored like any other.
        """
        looked = self._looked is None or self._stale or self._scanner.changed()
        looked = looked or self._clock.monotonic() - (self._looked or 0) >= _LOOK_SECONDS
        if looked:
            self._look()
        batch = self._next(limit_bytes)
        if batch is None and (not looked or self._stale):
            self._look()
            batch = self._next(limit_bytes)
        return batch

    def lag(self) -> int:
        """Return how many bytes are written and not yet handed out; of compressed logs an estimate."""
        return sum(_lag_of(stream) for stream in self._where.streams.values())

    @property
    def problem(self) -> str | None:
        """What keeps the source from being read, for the technician; null while all is well."""
        return "; ".join(self._problems) or None

    @property
    def counts(self) -> Mapping[str, int]:
        """How many lines were cut (``cut_lines``) and NUL bytes skipped (``nul_bytes``) since it was made."""
        return {"cut_lines": self._trim.cut_lines, "nul_bytes": self._trim.nul_bytes}

    def directories(self) -> list[str]:
        """Return the directories in which something may move, for :class:`Hints`."""
        return self._scanner.directories()

    def forget(self) -> list[str]:
        """Return streams whose checkpoints may be deleted: read to their end, and their files gone for an hour.

        Each is named once; it is not known here any more afterwards.
        """
        now = self._clock.monotonic()
        gone = [
            stream
            for stream in self._where.streams.values()
            if stream.identity.ended and stream.missing is not None and now - stream.missing >= _FORGET_SECONDS
        ]
        gone = [stream for stream in gone if stream.id not in self._kept_by_start]
        for stream in gone:
            self._where.forget(stream)
        return [stream.id for stream in gone]

    def close(self) -> None:
        """Let go of every file; nothing needs saving."""
        self._where.close()

    def _look(self) -> None:
        """Bring names and files up to date."""
        self._stale = False
        first, self._looked = self._looked is None, self._clock.monotonic()
        sight = self._scanner.look()
        sight.found[:0] = self._left_behind(sight)
        self._where.meet(sight)
        for stream in self._where.changed:
            gaps = self._gaps.of_ended(stream) if stream.over else ()
            if stream.over:
                stream.over, stream.identity.ended, stream.identity.truncated = False, True, False
            self._marks.append((stream, gaps))
        self._where.changed.clear()
        if self._unsure_row or (first and not self._beginning.first):
            self._miss_holes(sight)
        self._miss(sight)
        self._problems = [*sight.problems, *self._where.problems, *self._not_there(sight)]

    def _next(self, limit: int) -> LineBatch | None:
        if self._beginning.first:
            checkpoint = self._beginning.checkpoint(self.name, self._where.streams.values())
            self._kept_by_start = frozenset(self._where.streams)
            self._marks.clear()
            return LineBatch(self.name, START, b"", 0, 0, "", self._clock.now(), checkpoint)
        if self._marks:
            stream, gaps = self._marks.popleft()
            return self._batch(stream, None, gaps)
        for family, streams in self._families():
            batch = self._read_family(streams, limit)
            if batch is not None:
                self._turn = family
                return batch
        return None

    def _families(self) -> list[tuple[str, list[Stream]]]:
        """Return each log's open streams, oldest first; the log that was read last comes last."""
        families: dict[str, list[Stream]] = defaultdict(list)
        for stream in sorted(self._where.streams.values(), key=lambda one: one.rank):
            if stream.reader:
                families[stream.family].append(stream)
        return sorted(families.items(), key=lambda family: (family[0] <= self._turn, family[0]))

    def _read_family(self, streams: list[Stream], limit: int) -> LineBatch | None:
        # The newest is measured first and read last: lines that were written to an older file before these are there
        # by the time it is read.
        sizes = {one.id: self._measure(one) for one in reversed(streams)}
        for stream in streams:
            try:
                cut = stream.reader.next(limit, sizes[stream.id]) if stream.reader else None
            except TruncatedError:
                self._emptied(stream)
                return None
            if cut:
                stream.moved = self._clock.monotonic()
                return self._batch(stream, cut, ())
            if self._is_finished(stream) and (batch := self._end(stream, sizes[stream.id])) is not None:
                return batch
        return None

    def _measure(self, stream: Stream) -> int:
        before = stream.identity.size
        try:
            size = stream.measure()
        except TruncatedError:
            self._emptied(stream)
            return 0
        if stream.identity.size != before:
            stream.moved = self._clock.monotonic()
        return size

    def _emptied(self, stream: Stream) -> None:
        self._where.emptied(stream)
        self._stale = True  # look again at once: its copy and its new lines are files to be found

    def _is_finished(self, stream: Stream) -> bool:
        still = self._clock.monotonic() - stream.moved >= self._rotate_wait
        return stream.reader is not None and not stream.current and still

    def _end(self, stream: Stream, size: int) -> LineBatch | None:
        """Hand out what stands behind a finished log's last line end; null if it had ended before."""
        reader = stream.reader
        if reader is None:
            return None
        cut = reader.finish(size)
        gaps = self._gaps.of_ended(stream)
        stream.identity.truncated = False
        news = cut is not None or gaps or reader.offset != stream.offset or not stream.identity.ended
        batch = self._batch(stream, cut, gaps, ended=True) if news else None
        stream.close()
        return batch

    def _batch(self, stream: Stream, cut: Cut | None, gaps: tuple[Gap, ...], *, ended: bool = False) -> LineBatch:
        if cut or ended:
            stream.advance()
        stream.identity.ended = ended or (stream.identity.ended and cut is None)
        data, first, offsets = (cut.data, cut.first_offset, cut.offsets) if cut else (b"", stream.offset, ())
        return LineBatch(
            source=self.name,
            stream=stream.id,
            data=data,
            first_offset=first,
            last_offset=stream.offset,
            path=stream.identity.path,
            read_at=self._clock.now(),
            checkpoint=stream.checkpoint(self.name),
            gaps=gaps,
            offsets=offsets,
        )

    def _left_behind(self, sight: Sight) -> Iterator[Found]:
        """Yield files that no pattern leads to any more: what a link pointed to while we were down."""
        seen = {one.key for one in sight.found}
        for stream in self._where.streams.values():
            identity = stream.identity
            if identity.ended or stream.reader or identity.inode.key in seen:
                continue
            try:
                status = os.lstat(identity.path)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == identity.inode.key:
                yield Found(
                    path=identity.path,
                    family=stream.family,
                    mark="",
                    compression=stripped(os.path.basename(identity.path)).compression,
                    current=False,
                    key=identity.inode.key,
                    size=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                )

    def _miss_holes(self, sight: Sight) -> None:
        """Call lost what was rotated away and removed since the last stop without ever being seen.

        A row that a rotation is just moving has a hole as well: it is looked at again when names have been still.
        """
        found = [one for one in sight.found if one.family not in self._where.unsettled]
        missing = list(holes(found, self._where.stream_at, lambda one: one.id not in self._before))
        still = abs(self._clock.now().timestamp() - self._scanner.moved()) >= _LOST_SECONDS
        if still:
            self._marks.extend((stream, tuple(self._gaps.of_hole(path) for path in paths)) for stream, paths in missing)
        self._unsure_row = bool(missing) and not still

    def _miss(self, sight: Sight) -> None:
        """Call streams lost that have been nowhere for long enough."""
        now = self._clock.monotonic()
        for stream in list(self._where.streams.values()):
            blind = {os.path.dirname(stream.identity.path), os.path.dirname(stream.family)} & sight.blind
            if blind or stream.family in self._where.unsettled or not self._where.is_orphan(stream):
                stream.missing = None
                continue
            stream.missing = now if stream.missing is None else stream.missing
            if stream.identity.ended or now - stream.missing < _LOST_SECONDS:
                continue
            if stream.offset == stream.unread() == 0:
                self._where.forget(stream)
            else:
                self._marks.append((stream, (self._gaps.of_lost(stream),)))
                stream.identity.ended, stream.identity.truncated = True, False

    def _not_there(self, sight: Sight) -> Iterator[str]:
        """Yield what the configuration names and the disk does not have, unless a rotation may be the reason."""
        now = self._clock.monotonic()
        since = now if self._absent is not None else now - self._rotate_wait
        self._absent = {path: (self._absent or {}).get(path, since) for path in sight.missing}
        for path, since in self._absent.items():
            if os.path.dirname(path) not in sight.blind and now - since >= self._rotate_wait:
                yield f"{path}: no such log; check the path, and that the filter writes there"


def _lag_of(stream: Stream) -> int:
    """Return what a stream still has to give, bytes."""
    if stream.identity.ended:
        return 0
    content = stream.reader.content if stream.reader else None
    if not isinstance(content, Compressed):
        return stream.unread()
    ratio = content.position / content.taken if content.position else _GUESSED_RATIO
    return int(max(0, stream.identity.size - content.taken) * ratio)
