"""Puts a decoder together: the fast path for regular lines, the exact one for the rest, then time.

Every format is a :class:`Reader`: a function that reads one line exactly and, where speed matters, one that reads
many at once.  What the fast one returns must be what the exact one would say; lines it is not sure of it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from filterwatch.decoders.decoded import ANSWERS, EVENT_ROWS, Decoded
from filterwatch.decoders.foreign import FOREIGN, of_the_system
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, visible
from filterwatch.decoders.screen import Lines, Places
from filterwatch.decoders.settling import STAMP, Settling
from filterwatch.lines import LineBatch

FEW = 24
"""Batches up to this many lines take the exact path: it costs some 10 us a line, the fast one 3 ms a batch."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Reader:
    """How one format is read.

    Attributes:
        name: The format's name, as in the configuration.
        exact: Reads one line, without its line end; never raises.
        fast: Reads the lines it is sure of: a frame with ``line``, ``stamp_us``, ``stamp_clock`` and event columns, in
            the order of the lines.
        passed_over: What lines that ``fast`` leaves out without looking closer mean, where all of them mean the same
            (a system log in which one line of thousands is about a filter); it returns their indices.
    """

    name: str
    exact: Callable[[bytes], Answer]
    fast: Callable[[Lines], pl.DataFrame] | None = None
    passed_over: Callable[[bytes, Lines], tuple[str, Places]] | None = None


class LineDecoder:
    """A decoder for any format whose lines stand for themselves.

    Args:
        reader: How the format is read.
        zone: Zone of times that have none.
        year: Year of times that have none; null for the nearest to the time of reading.
    """

    def __init__(self, reader: Reader, zone: ZoneInfo, year: int | None = None) -> None:
        self._reader = reader
        self._settling = Settling(zone, year)

    @property
    def name(self) -> str:
        """The format's name."""
        return self._reader.name

    def decode(self, batch: LineBatch) -> Decoded:
        """Answer every line of *batch*; batches of one stream come in order."""
        sure, left, why = self._sure(batch)
        answers = [(index, self.exact(batch.line(index))) for index in left.tolist()]
        odd = [(index, answer) for index, answer in answers if isinstance(answer, Event)]
        rows = _merged(sure, odd)
        rows, counts = self._settling.settle(rows, batch)
        skipped = [(index, answer.why) for index, answer in answers if isinstance(answer, Skipped)]
        return Decoded(
            events=rows,
            rejected=_whys([(index, answer.why) for index, answer in answers if isinstance(answer, Rejected)]),
            skipped=_whys(skipped) if why is None else pl.concat([_whys(skipped), why]).sort("line"),
            counts=counts | {"odd_lines": len(left)},
        )

    def _sure(self, batch: LineBatch) -> tuple[pl.DataFrame | None, Places, pl.DataFrame | None]:
        """Return what the fast path is sure of, the lines left to the exact one, and lines that mean nothing."""
        reader, count = self._reader, len(batch)
        if count <= FEW or (reader.fast is None and reader.passed_over is None):
            return None, np.arange(count), None
        data = batch.data.replace(b"\r\n", b"\n") if b"\r" in batch.data else batch.data
        lines = Lines(data)
        left = np.ones(count, np.bool_)
        sure = why = None
        if reader.fast is not None:
            sure = reader.fast(lines)
            left[sure["line"].to_numpy()] = False
        if reader.passed_over is not None:
            reason, places = reader.passed_over(data, lines)
            left[places] = False
            why = pl.select(line=pl.Series(places.astype(np.uint32)), why=pl.lit(reason))
        return sure, np.flatnonzero(left), why

    def exact(self, line: bytes) -> Answer:
        """Return what the exact path says of one line, its time not settled."""
        line = line.removeprefix(_BOM).lstrip(b"\0")
        if not line.strip(b" \t\0"):
            return Skipped("an empty line")
        answer = self._reader.exact(line)
        return FOREIGN if isinstance(answer, Rejected) and of_the_system(visible(line)) else answer


def rows_of(events: Sequence[tuple[int, Event]]) -> pl.DataFrame:
    """Return *events*, each with the index of its line, as rows with their stamps; columns all lack are left out."""
    names = {name for _, event in events for name, value in event.values.items() if value is not None}
    columns: dict[str, pl.Series] = {
        "line": pl.Series([index for index, _ in events], dtype=pl.UInt32),
        "stamp_us": pl.Series([event.stamp.us for _, event in events], dtype=pl.Int64),
        "stamp_clock": pl.Series([int(event.stamp.clock) for _, event in events], dtype=pl.UInt8),
    }
    for name, dtype in EVENT_ROWS.items():
        if name in names:
            columns[name] = pl.Series([event.values.get(name) for _, event in events], dtype=dtype)
    return pl.DataFrame(columns)


def _merged(sure: pl.DataFrame | None, odd: list[tuple[int, Event]]) -> pl.DataFrame:
    """Unite the rows of both paths, in the order of the lines."""
    if not odd and sure is not None and sure.width > len(STAMP):
        return sure
    exact = rows_of(odd)
    if sure is None or not len(sure):
        return exact
    return pl.concat([sure, exact], how="diagonal").sort("line")


def _whys(answers: list[tuple[int, str]]) -> pl.DataFrame:
    return pl.DataFrame(answers, schema=ANSWERS, orient="row")
