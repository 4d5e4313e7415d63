"""What was remembered by another version: said, left aside, and begun anew."""

from __future__ import annotations

import logging
import struct
from typing import Protocol

import polars as pl

log = logging.getLogger(__name__)

_UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error, pl.exceptions.PolarsError,
)  # fmt: skip


class Remembering(Protocol):
    """What has a state."""

    def state(self) -> bytes:
        """Return it."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from it."""
        ...


def behind(mark: bytes, state: bytes) -> bytes:
    """Return what stands behind the *mark* of a layout.

    Raises:
        ValueError: It is another's state.
    """
    if not state.startswith(mark):
        raise ValueError("another layout")
    return state.removeprefix(mark)


def restore(name: str, part: Remembering, state: bytes) -> bool:
    """Let *part*, which is new, go on from *state*; return whether it could.

    A state that this version cannot read, of an older journal or a newer one, is no reason not to start: the part
    begins anew, and the log of the daemon says which.
    """
    blank = part.state()
    try:
        part.restore(state)
        part.state()  # what cannot be told again was not understood
    except _UNREADABLE as error:
        log.warning(
            "What %s remembered was written by another version of filterwatch (%s) and is left aside: it begins anew.",
            name,
            type(error).__name__,
        )
        part.restore(blank)
        return False
    return True
