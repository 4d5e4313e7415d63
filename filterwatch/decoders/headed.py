"""Field maps of logs that name their columns in a header line, which may come again, with other columns.

The header is state of the stream.  A decoder that begins in the middle of a file reads it from the file itself; lines
without a header are read by the shapes that need none.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.decoders.decoded import Decoded, Decoder
from filterwatch.decoders.format import Format, Options
from filterwatch.decoders.heads import PerStream, head_of
from filterwatch.decoders.mapped import MappedDecoder
from filterwatch.decoders.maps import FieldMap
from filterwatch.decoders.parts import moved, part, united
from filterwatch.decoders.reading import visible
from filterwatch.lines import LineBatch

FAMILIES = {
    "keyvalue": "key=value", "delimited": "columns", "json": "JSON", "cef": "CEF", "leef": "LEEF", "pattern": "text",
}  # fmt: skip

_MOST_HEAD = 65_536
"""Bytes of a file in which its header is looked for."""

_MOST_COLUMNS = 512
"""A header that names more is none."""

Columns = tuple[str, ...]
"""Names of columns, in order; none where no header was seen."""


class HeadedDecoder:
    """Reads the lines of a field map, some of whose shapes have a header.

    Args:
        map_: The field map.
        zone: Zone of times that have none.
        year: Year of times that have none.
    """

    def __init__(self, map_: FieldMap, zone: ZoneInfo, year: int | None = None) -> None:
        self._map = map_
        self._marks = tuple(dict.fromkeys(shape.header.encode() for shape in map_.shapes if shape.header))
        self._known: PerStream[Columns] = PerStream()
        self._decoders = lru_cache(maxsize=64)(lambda columns: MappedDecoder(_with(map_, columns), zone, year))

    @property
    def name(self) -> str:
        """The format's name."""
        return self._map.format

    def decode(self, batch: LineBatch) -> Decoded:
        """Answer every line of *batch*; batches of one stream come in order."""
        columns = self._known.get(batch.stream)
        if columns is None:
            columns = self._before(batch)
        parts: list[Decoded] = []
        start = 0
        for end, after in self._changes(batch, columns):
            parts.append(moved(self._decoders(columns).decode(part(batch, start, end)), start))
            start, columns = end, after
        parts.append(moved(self._decoders(columns).decode(part(batch, start, len(batch))), start))
        self._known.put(batch.stream, columns)
        return united(parts)

    def _before(self, batch: LineBatch) -> Columns:
        """Return the columns that the file named before its first line that we see."""
        if not batch.first_offset:
            return ()
        columns: Columns = ()
        for line in head_of(batch.path, min(_MOST_HEAD, batch.first_offset)).split(b"\n"):
            columns = self._named(line) or columns
        return columns

    def _changes(self, batch: LineBatch, columns: Columns) -> list[tuple[int, Columns]]:
        """Return where the columns change to what, by the index of the header line."""
        if not any(mark in batch.data for mark in self._marks):
            return []
        found: list[tuple[int, Columns]] = []
        for index in range(len(batch)):
            start = int(batch.starts[index])
            if batch.data.startswith(self._marks, start):
                after = self._named(batch.line(index))
                if after and after != columns:
                    found.append((index, after))
                    columns = after
        return found

    def _named(self, line: bytes) -> Columns:
        for mark in self._marks:
            if line.startswith(mark):
                names = tuple(visible(line.removeprefix(mark)).split())
                return names if len(names) <= _MOST_COLUMNS else ()
        return ()


def _with(map_: FieldMap, columns: Columns) -> FieldMap:
    """Return *map_* with the columns that a header named; without one, without the shapes that need one."""
    shapes = [
        shape.model_copy(update={"columns": list(columns)}) if shape.header else shape
        for shape in map_.shapes
        if columns or not shape.header
    ]
    return map_.model_copy(update={"shapes": shapes})


def format_of_map(map_: FieldMap) -> Format:
    """Return the format that a field map is."""

    def make(_: str, options: Options, zone: ZoneInfo) -> Decoder:
        decoder = HeadedDecoder if any(shape.header for shape in map_.shapes) else MappedDecoder
        return decoder(map_, ZoneInfo(options.zone) if options.zone else zone, options.year)

    marks = map_.claims
    claims = None if marks is None else lambda line, _: bool(pl.Series([visible(line)]).str.contains(marks).item())
    families = ", ".join(dict.fromkeys(FAMILIES[shape.family] for shape in map_.shapes))
    return Format(map_.title, families, Options, make, claims, map_.source, marks, map_=map_)
