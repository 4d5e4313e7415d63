"""The few things the archive does to a disk, each complete or not done when it returns."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".tmp"


def sync(path: Path) -> None:
    """Return once *path*, a file or a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unfinished(path: Path) -> Path:
    """Return where *path* is written before :func:`finish`."""
    return path.with_name(path.name + UNFINISHED)


def finish(path: Path) -> None:
    """Make what was written at :func:`unfinished` durable and give it its name."""
    sync(unfinished(path))
    unfinished(path).rename(path)
    sync(path.parent)


def write(path: Path, data: bytes) -> None:
    """Put *data* at *path*: all of it or nothing."""
    descriptor = os.open(unfinished(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        _write_all(descriptor, data)
    finally:
        os.close(descriptor)
    finish(path)


def name_also(path: Path, other: Path) -> None:
    """Give the file at *path* a second name."""
    other.unlink(missing_ok=True)
    other.hardlink_to(path)
    sync(path.parent)


def append(path: Path, line: bytes) -> None:
    """Add *line* to the file at *path*.

    The line end is written only once the line is on the disk: a line that has its end is whole, and a tail without one
    never happened.
    """
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        _write_all(descriptor, line)
        os.fsync(descriptor)
        if new:
            sync(path.parent)
        _write_all(descriptor, b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cut(path: Path, size: int) -> None:
    """Cut the file at *path* to *size* bytes."""
    os.truncate(path, size)
    sync(path)


def remove(path: Path) -> None:
    """Remove a file, whether or not it is there."""
    path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, durably."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(0o750)
    sync(path.parent)


def remove_empty_folder(path: Path) -> None:
    """Remove *path* where nothing lies in it."""
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()


def sha256(path: Path) -> str:
    """Return the hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the right to change the archive in *directory*; wait for it.  Readers need none."""
    make_folder(directory)
    descriptor = os.open(directory / "_lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
