"""One writer: a lock that the kernel lets go of when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from filterwatch.journal.errors import JournalBusy


class WriterLock:
    """The right to write one journal, held until :meth:`release`.

    Args:
        journal: The journal's path; the lock is the file beside it that ends in ``.lock``.

    Raises:
        JournalBusy: Another process has it.
    """

    def __init__(self, journal: Path) -> None:
        path = journal.with_name(f"{journal.name}.lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise JournalBusy(
                f"{journal}: journal: process {holder} writes it already; only one ingest may run, stop that one first"
            ) from None
        with suppress(OSError):  # on a full disk only the message above names nobody
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others write; again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
