"""Where fetched lists lie: files named by what they hold, and one small file that says which of them counts.

Two generations of each list are kept.  ``state.json`` changes at once and as a whole; a file that it does not name
counts for nothing, so a crash between the two leaves the last good list in place.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from pydantic import Field, ValidationError

from filterwatch.config import Part
from filterwatch.errors import AS_FILTERWATCH, FilterwatchError
from filterwatch.lists.reading import intact, sha256

_STATE = "state.json"


class Named(Part):
    """An entry that was set aside, and why."""

    entry: str
    reason: str


class Version(Part):
    """One generation of a list.

    Attributes:
        file: Its name in the store.
        sha256: Of what came.
        digest: SHA-256 of the file.
        at: When it came.
        entries: How many entries, those set aside among them.
        left_out: Lines that filterwatch does not use.
        wrong: Lines that are no entries.
        aside: How many entries are set aside.
        judged: As what and by which guard (:meth:`filterwatch.lists.guard.Guard.mark`).
        named: The first of them.
        etag: As the server said.
        modified: As the server said.
    """

    file: str
    sha256: str
    digest: str
    at: datetime
    entries: int
    left_out: int = 0
    wrong: int = 0
    aside: int = 0
    judged: str = ""
    named: tuple[Named, ...] = ()
    etag: str = ""
    modified: str = ""


class Kept(Part):
    """What is known of one list.

    Attributes:
        current: The version that counts; null for none.
        previous: The good one before it.
        looked: When it was last asked for, whatever came.
        confirmed: When the current version was last known to be the newest; null where nobody wrote it down.
        problem: Why what came last was not taken; empty when it was.
        refused: SHA-256 of versions that were rolled back: they are not taken again by themselves.
    """

    current: Version | None = None
    previous: Version | None = None
    looked: datetime | None = None
    confirmed: datetime | None = None
    problem: str = ""
    refused: tuple[str, ...] = ()

    @property
    def newest(self) -> datetime | None:
        """When it was last known to be its makers' newest; null where there is none."""
        return self.confirmed or (self.current.at if self.current else None)


class _State(Part):
    lists: dict[str, Kept] = Field(default_factory=dict)


class Store:
    """The fetched lists of a school.

    Args:
        directory: ``lists`` in the state directory; made when something is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from changing the store.

        Raises:
            FilterwatchError: Somebody else is at it, or the directory cannot be written.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FilterwatchError(f"{self.directory}: lists are being updated already; wait for it") from None
            for left in self.directory.glob(".new.*"):
                with suppress(OSError):
                    left.unlink()
            yield
        finally:
            os.close(handle)

    def read(self) -> dict[str, Kept]:
        """Return what is known of every list.

        Raises:
            FilterwatchError: The state is damaged, or may not be read.
        """
        path = self.directory / _STATE
        try:
            return _State.model_validate_json(path.read_bytes()).lists
        except FileNotFoundError:
            return {}
        except PermissionError:
            raise FilterwatchError(f"{path}: may not be read by this account; {AS_FILTERWATCH}") from None
        except (OSError, ValidationError, ValueError):
            raise FilterwatchError(
                f"{path}: damaged or unreadable; remove it and run `filterwatch lists update`"
            ) from None

    def changed(self) -> tuple[int, int] | None:
        """Return what is another after every change of what is known; null while nothing is."""
        try:
            now = (self.directory / _STATE).stat()
        except OSError:
            return None
        return now.st_ino, now.st_mtime_ns

    def write(self, lists: dict[str, Kept]) -> None:
        """Put *lists* in place of what is known, then drop the files that nothing names.

        Raises:
            FilterwatchError: The disk is full or the directory cannot be written; what was known stays.
        """
        try:
            path = self.new()
            with path.open("wb") as file:
                file.write(_State(lists=lists).model_dump_json(indent=1).encode())
                file.flush()
                os.fsync(file.fileno())
            path.replace(self.directory / _STATE)
            self._sync()
        except OSError as error:
            raise self._unwritable(error) from None
        wanted = {one.file for kept in lists.values() for one in (kept.current, kept.previous) if one}
        for old in self.directory.glob("*.list"):
            if old.name not in wanted:
                with suppress(OSError):
                    old.unlink()

    def new(self) -> Path:
        """Return the name of a new file, which is swept away when nobody takes it in."""
        return self.directory / f".new.{os.getpid()}.{secrets.token_hex(4)}"

    def take(self, path: Path, id_: str) -> tuple[str, str]:
        """Take a finished new file in, durably; return its name in the store and its SHA-256."""
        digest = sha256(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        name = f"{id_}.{digest[:12]}.list"
        path.chmod(0o600)
        path.replace(self.directory / name)
        self._sync()
        return name, digest

    def intact(self, version: Version) -> bool:
        """Say whether the file of *version* is what was taken in; reads it through."""
        return intact(self.file(version), version.digest)

    def file(self, version: Version) -> Path:
        """Return where the entries of *version* lie."""
        return self.directory / version.file

    def _sync(self) -> None:
        handle = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _unwritable(self, error: OSError) -> FilterwatchError:
        return FilterwatchError(
            f"{self.directory}: cannot be written: {error.strerror}; free disk space, or run as filterwatch's own user"
        )
