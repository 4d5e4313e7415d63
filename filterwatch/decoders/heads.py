"""What stands at the head of a file counts for every line behind it: where it is found, and kept stream by stream."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections import OrderedDict
from io import BufferedIOBase
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

STREAMS = 1_024
"""Streams whose head is remembered."""


def head_of(path: str, most: int) -> bytes:
    """Return the first *most* bytes of a log as its lines have them, uncompressed; nothing where it cannot be read."""
    try:
        with _opened(path) as file:
            return file.read(most)
    except (OSError, EOFError, ValueError, lzma.LZMAError):
        return b""


def _opened(path: str) -> BufferedIOBase:
    # A pipe would block whoever opens it, and give its bytes only once.
    if not Path(path).is_file():
        raise FileNotFoundError(path)
    ending = Path(path).suffix
    if ending == ".gz":
        return gzip.open(path, "rb")
    if ending == ".bz2":
        return bz2.open(path, "rb")
    return lzma.open(path, "rb") if ending == ".xz" else Path(path).open("rb")


class PerStream(Generic[T]):
    """What is known of each stream; the streams that nobody asked for longest are forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, T] = OrderedDict()

    def get(self, stream: str) -> T | None:
        """Return what is known of *stream*; null for nothing."""
        return self._known.get(stream)

    def put(self, stream: str, known: T) -> None:
        """Remember *known* of *stream*."""
        self._known[stream] = known
        self._known.move_to_end(stream)
        if len(self._known) > STREAMS:
            self._known.popitem(last=False)
