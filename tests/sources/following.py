"""A daemon that journals, a writer that numbers its lines, and rotation as real tools do it."""

import bz2
import gzip
import json
import lzma
import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import zstandard

from filterwatch.clock import ManualClock
from filterwatch.lines import Checkpoint, Gap, LineBatch
from filterwatch.sources import FileSource, Settings

COMPRESS = {
    ".gz": gzip.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": lambda data: zstandard.ZstdCompressor(level=1).compress(data),
    ".bz2": bz2.compress,
}


def a_clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, 8, 30, tzinfo=UTC))


@dataclass
class Journal:
    """What a daemon has stored: exactly what would be in its database."""

    lines: list[tuple[str, int, bytes]] = field(default_factory=list)
    checkpoints: dict[str, str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def commit(self, batch: LineBatch) -> None:
        point = batch.checkpoint
        assert point.stream == batch.stream
        assert len(batch) == batch.data.count(b"\n")
        assert not batch.data or batch.data.endswith(b"\n")
        offsets = batch.line_offsets.tolist()
        for index in range(len(batch)):
            self.lines.append((batch.stream, offsets[index], batch.line(index)))
            self.paths.append(batch.path)
        self.checkpoints[point.stream] = json.dumps([point.source, point.stream, point.offset, point.data])
        self.gaps += batch.gaps

    def texts(self) -> list[bytes]:
        return [line for _, _, line in self.lines]

    def stored(self) -> list[Checkpoint]:
        return [Checkpoint(*json.loads(one)) for one in self.checkpoints.values()]

    def keys(self) -> list[tuple[str, int]]:
        return [(stream, offset) for stream, offset, _ in self.lines]


class Daemon:
    """Follows one source; ``kill`` loses all that a crash loses."""

    def __init__(self, path: Path | str | list[str], clock: ManualClock | None = None, **settings: object) -> None:
        paths = [str(path)] if isinstance(path, Path | str) else path
        self.settings = Settings.model_validate({"name": "squid", "format": "squid", "path": paths, **settings})
        self.clock = clock or a_clock()
        self.journal = Journal()
        self.source: FileSource | None = None
        self.start()

    def start(self) -> None:
        self.source = FileSource(self.settings, self.journal.stored(), self.clock)

    def kill(self) -> None:
        assert self.source
        self.source.close()  # the kernel would
        self.source = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def poll(self, limit: int = 4 * 2**20, most: int = 10_000) -> list[bytes]:
        """Journal until nothing is new; return the new lines."""
        assert self.source
        before = len(self.journal.lines)
        for _ in range(most):
            batch = self.source.read(limit)
            if batch is None:
                break
            self.journal.commit(batch)
        else:
            assert most < 10_000, "read never came to an end"
        return self.journal.texts()[before:]

    def wait(self, seconds: float) -> list[bytes]:
        """Let time pass and poll."""
        self.clock.move(timedelta(seconds=seconds))
        return self.poll()

    def settle(self) -> list[bytes]:
        """Poll until everything rotated has been still for long enough, and lost is called lost."""
        return [*self.poll(), *self.wait(6), *self.wait(61), *self.wait(61), *self.poll()]


class Writer:
    """Writes numbered lines to a log, as a filter does: through one descriptor, opened for appending."""

    def __init__(self, path: Path, width: int = 60) -> None:
        self.path = path
        self.width = width
        self.count = 0
        self.descriptor = -1
        self.reopen()

    def reopen(self) -> None:
        self.close()
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def line(self) -> bytes:
        self.count += 1
        return f"line {self.count} ".encode().ljust(self.width, b"x")

    def write(self, lines: int = 1) -> list[bytes]:
        new = [self.line() for _ in range(lines)]
        os.write(self.descriptor, b"".join(line + b"\n" for line in new))
        return new


def rotated(path: Path, number: int) -> Path | None:
    """Return the file that is now the *number*-th rotated one of *path*, whatever its compression."""
    for suffix in ("", *COMPRESS):
        one = path.with_name(f"{path.name}.{number}{suffix}")
        if one.exists():
            return one
    return None


def shift(path: Path, keep: int = 99) -> None:
    """Make room for a new ``.1``."""
    for number in range(keep, 0, -1):
        if one := rotated(path, number):
            one.rename(one.with_name(one.name.replace(f"{path.name}.{number}", f"{path.name}.{number + 1}")))


def rename(path: Path) -> Path:
    """Rotate as logrotate's ``create`` does, without making the new file."""
    shift(path)
    target = path.with_name(path.name + ".1")
    path.rename(target)
    return target


def copy(path: Path) -> Path:
    """Do the first half of copytruncate."""
    shift(path)
    target = path.with_name(path.name + ".1")
    shutil.copyfile(path, target)
    return target


def compress(path: Path, suffix: str = ".gz") -> Path:
    """Compress as gzip(1) does: a new file with the old times, then the old one goes."""
    target = path.with_name(path.name + suffix)
    status = path.stat()
    target.write_bytes(COMPRESS[suffix](path.read_bytes()))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()
    return target
