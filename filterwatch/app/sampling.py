"""A look at the end of a log: which format is it in, and can its decoder read it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from filterwatch import decoders
from filterwatch.lines import Checkpoint, LineBatch

BYTES = 256 * 1024
"""Bytes looked at: a thousand lines and more, in a moment."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a decoder made of a sample.

    Attributes:
        events: Lines that became events.
        rejected: Lines it could not read.
        skipped: Lines that mean nothing to it.
        why: Why the first rejected line was rejected.
    """

    events: int
    rejected: int
    skipped: int
    why: str | None


HEAD_BYTES = 16 * 1024
"""Of these, from the beginning of the log: a header stands there."""


def sample(path: Path) -> LineBatch:
    """Return the first and the last whole lines of a log.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "no regular file")
        head = b""
        begin = max(0, status.st_size - BYTES)
        if begin:
            head = file.read(min(begin, HEAD_BYTES))
            head = head[: head.rfind(b"\n") + 1]
        file.seek(begin)
        data = file.read(BYTES)
    if begin:
        data = data[data.find(b"\n") + 1 :]
    data = head + data[: data.rfind(b"\n") + 1]
    written = datetime.fromtimestamp(status.st_mtime, UTC)
    name = str(path)
    return LineBatch("sample", name, data, 0, len(data), name, written, Checkpoint("sample", name, len(data)))


def answers(batch: LineBatch, format_: str, zone: ZoneInfo, options: Mapping[str, object] | None = None) -> Answers:
    """Return what the decoder of *format_* makes of the lines.

    Raises:
        FilterwatchError: There is no such format, or an option is wrong.
    """
    if not len(batch):
        return Answers(0, 0, 0, None)
    decoded = decoders.make(format_, options or {}, zone=zone).decode(batch)
    why = decoded.rejected["why"][0] if len(decoded.rejected) else None
    return Answers(len(decoded.events), len(decoded.rejected), len(decoded.skipped), why)
