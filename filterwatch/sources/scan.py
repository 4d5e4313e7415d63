"""Looking for the files of a source: the live log, its rotated and its compressed siblings, oldest first."""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter

from filterwatch.sources.names import NameParts, order_of, readings, stripped

Key = tuple[int, int]
"""Device and inode."""

_TRIES = 5
"""How often a directory is listed again while files move in it; a rotation takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file at one look.

    Attributes:
        path: Where it is.
        family: Path of the log it belongs to, without what rotation adds.
        mark: What rotation added to its name.
        compression: How it is compressed; null for a plain file.
        current: Whether the writer of its family writes here.
        key: Device and inode.
        size: Bytes on disk.
        mtime_ns: Last write.
        linked: Whether the name is a symbolic link.
    """

    path: str
    family: str
    mark: str
    compression: str | None
    current: bool
    key: Key
    size: int
    mtime_ns: int
    linked: bool = False


@dataclass(slots=True)
class Sight:
    """What one look found.

    Attributes:
        found: Files, oldest first within each family; each inode once.
        problems: What could not be looked at, one sentence each.
        blind: Directories that could not be listed: what is missing there may still exist.
        missing: Paths and patterns of the configuration that lead to no live log.
    """

    found: list[Found] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    blind: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)


class Scanner:
    """Finds the files of a source.

    Args:
        patterns: Absolute paths or patterns.
        follow_symlinks: Whether a live log may be a symbolic link.
    """

    def __init__(self, patterns: Iterable[str], *, follow_symlinks: bool) -> None:
        self._patterns = [_Pattern(pattern, follow_symlinks) for pattern in patterns]
        self._last: list[tuple[str, Key]] = []
        self._times: dict[str, int] = {}

    def directories(self) -> list[str]:
        """Return the directories that exist now, each once."""
        return sorted({directory for pattern in self._patterns for directory in pattern.directories()})

    def changed(self) -> bool:
        """Whether a name came or went since the last :meth:`look`, in the directories known then; only a hint."""
        return self._times != _times(self._times)

    def moved(self) -> float:
        """Return when a name last came or went, by the last :meth:`look`, seconds since 1970; 0.0 if nobody says."""
        return max(self._times.values(), default=0) / 1e9

    def look(self) -> Sight:
        """List and stat everything; repeated while a rotation is under way, so that no file is seen half moved."""
        tries = 0
        while True:
            tries += 1
            self._times = _times(self.directories())
            sight = self._look_once()
            before, self._last = self._last, [(one.path, one.key) for one in sight.found]
            if self._last == before or tries == _TRIES:
                return sight

    def _look_once(self) -> Sight:
        sight = Sight()
        by_key: dict[Key, Found] = {}
        for pattern in self._patterns:
            found = pattern.look(sight)
            if not any(one.current for one in found):
                sight.missing.append(pattern.text)
            for one in found:
                known = by_key.get(one.key)
                if known is None or (one.current, not one.linked) > (known.current, not known.linked):
                    by_key[one.key] = one
        families: dict[str, list[Found]] = defaultdict(list)
        for one in by_key.values():
            families[one.family].append(one)
        sight.found = [one for family in families.values() for one in _oldest_first(family)]
        return sight


class _Pattern:
    """One path or pattern of the configuration."""

    def __init__(self, pattern: str, follow_symlinks: bool) -> None:  # noqa: FBT001 - private, one caller
        self.text = pattern
        self._directory, self._name = os.path.split(pattern)
        self._follow = follow_symlinks
        self._literal = not glob.has_magic(self._name)
        self._matches = re.compile(fnmatch.translate(glob.escape(self._name) if self._literal else self._name)).match
        self._prefix = re.split(r"[*?\[]", self._name)[0]

    def directories(self) -> list[str]:
        if not glob.has_magic(self._directory):
            return [self._directory]
        return [path for path in glob.glob(self._directory) if os.path.isdir(path)]

    def look(self, sight: Sight) -> list[Found]:
        found = [one for directory in self.directories() for one in self._in(directory, sight)]
        if self._literal:
            return found
        # A pattern has no one live name: the writer is at the bare name or else at the newest.
        newest: dict[str, Found] = {}
        for one in found:
            if one.compression is None:
                best = newest.get(one.family)
                if best is None or _freshness(one) > _freshness(best):
                    newest[one.family] = one
        return [replace(one, current=newest.get(one.family) is one) for one in found]

    def _in(self, directory: str, sight: Sight) -> Iterator[Found]:
        # A live name with a date may have siblings whose date stands elsewhere, so only the literal start filters.
        start = re.split(r"[-._]?\d", self._prefix)[0] if not self._literal else os.path.splitext(self._name)[0]
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.name.startswith(start) and (one := self._take(entry, sight)):
                        yield one
        except OSError as error:
            sight.problems.append(unreadable(directory, error))
            sight.blind.add(directory)

    def _take(self, entry: os.DirEntry[str], sight: Sight) -> Found | None:
        parts = next((one for one in readings(entry.name) if self._matches(one.base)), None)
        if parts is None:
            return None
        live = parts.mark == "" and parts.compression is None
        try:
            linked = entry.is_symlink()
            if linked and not (live and self._follow):
                return None
            status = entry.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            sight.problems.append(unreadable(entry.path, error))
            return None
        if not stat.S_ISREG(status.st_mode):
            if live and not stat.S_ISDIR(status.st_mode):
                sight.problems.append(f"{entry.path}: not a regular file; name the log itself")
            return None
        family, mark = self._family(entry, parts)
        key = (status.st_dev, status.st_ino)
        current = live and self._literal
        return Found(
            entry.path, family, mark, parts.compression, current, key, status.st_size, status.st_mtime_ns, linked
        )

    def _family(self, entry: os.DirEntry[str], parts: NameParts) -> tuple[str, str]:
        directory = os.path.dirname(entry.path)
        if self._literal:
            return os.path.join(directory, self._name), parts.mark
        bare = stripped(entry.name)
        return os.path.join(directory, bare.base), bare.mark


def unreadable(path: str, error: OSError) -> str:
    """Return one sentence about what cannot be read, with the remedy where there is one."""
    remedy = {
        errno.EACCES: "put filterwatch's account into its group, or allow it: setfacl -m u:filterwatch:rX",
        errno.ENOENT: "check the path, and that the filter writes there",
        errno.EMFILE: "raise LimitNOFILE of the service",
    }.get(error.errno or 0, "it is tried again every second")
    return f"{path}: cannot be read: {error.strerror}; {remedy}"


def _freshness(one: Found) -> tuple[bool, int, str]:
    """Return a key that is greatest for the file its writer is most likely at."""
    return one.mark == "", one.mtime_ns, one.path


def _oldest_first(family: list[Found]) -> list[Found]:
    """Order one log's files by name where their names compare, else by last write; the current one comes last."""
    kinds = {order_of(one.mark)[0] for one in family if not one.current}
    if len(kinds) == 1 and "none" not in kinds:
        return sorted(family, key=lambda one: (one.current, -order_of(one.mark)[1], one.mtime_ns))
    return sorted(family, key=attrgetter("current", "mtime_ns", "path"))


def _times(directories: Iterable[str]) -> dict[str, int]:
    """Return when a name last came or went in each directory; those that cannot be asked are left out."""
    times = {}
    for directory in directories:
        try:
            times[directory] = os.stat(directory).st_mtime_ns
        except OSError:
            continue
    return times
