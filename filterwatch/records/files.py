"""Files that are made once and then kept: secrets and keys."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def make_once(path: Path, data: bytes, mode: int) -> None:
    """Make *path* with *data* in it, or not at all; one that is there already stays as it is.

    Half a secret, left by a full disk or a power cut, would be refused at every later start.

    Args:
        path: Its directory exists.
        data: Is on the disk when this returns.
        mode: Permissions.

    Raises:
        OSError: It cannot be made; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was quicker
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
