"""Whether a long text costs more than its length: by its growth, which the speed of a machine does not change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

LONGEST, SHARE = 65_536, 8
QUICK = 0.05
"""Seconds of processor time that a text may take on any machine before its growth is looked at."""


def too_dear(read: Callable[[str], object], texts: Iterable[str]) -> list[str]:
    """Return how those of *texts* begin that cost thrice what their eighth costs eight times."""
    return [text[:80] for text in texts if not _grows_with_its_length(read, text)]


def _grows_with_its_length(read: Callable[[str], object], text: str) -> bool:
    long = _seconds(read, [text])
    return long < QUICK or long < 3 * _seconds(read, [text[: len(text) // SHARE]] * SHARE)


def _seconds(read: Callable[[str], object], texts: list[str]) -> float:
    began = time.process_time()
    for text in texts:
        read(text)
    return time.process_time() - began
