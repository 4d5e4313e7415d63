"""Reads exports, stream by stream: the head of each file tells how its rows are read."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from filterwatch.decoders.decoded import ANSWERS, EVENT_ROWS, Decoded
from filterwatch.decoders.exports.layout import MOST_HEAD, Unread, recoded
from filterwatch.decoders.exports.options import ExportOptions
from filterwatch.decoders.exports.sheet import Sheet, looked_at
from filterwatch.decoders.exports.words import plain, words
from filterwatch.decoders.families.delimited import cells
from filterwatch.decoders.heads import PerStream, head_of
from filterwatch.decoders.mapped import MappedDecoder
from filterwatch.decoders.parts import moved, part, united
from filterwatch.decoders.reading import visible
from filterwatch.lines import LineBatch

_FOOTER = re.compile(rf"[\W_]*(?:{'|'.join(map(re.escape, words().footers))})(?!\w)", re.IGNORECASE)


class ExportDecoder:
    """The decoder of exports whose columns are known by their names.

    Args:
        name: The format's name: ``export`` or a product.
        title: What it is, for people.
        options: What a person said of the file.
        zone: Zone of times that have none.
    """

    def __init__(self, name: str, title: str, options: ExportOptions, zone: ZoneInfo) -> None:
        self._name, self._title, self._options, self._zone = name, title, options, zone
        self._rows: PerStream[_Rows] = PerStream()

    @property
    def name(self) -> str:
        """The format's name."""
        return self._name

    def decode(self, batch: LineBatch) -> Decoded:
        """Answer every line of *batch*; batches of one stream come in order.

        Where the head of the stream does not tell how to read it, every line is rejected with what to do about it.
        """
        rows = self._rows.get(batch.stream) if batch.first_offset else None
        if rows is None:
            head, begins = head_in(batch)
            sheet = looked_at(head, self._name, self._title, self._options)
            if isinstance(sheet, Unread):
                return _refused(batch, f"{self._name}: {sheet.why}")
            rows = _Rows(sheet, sheet.layout.begins if begins else 0, self._options, self._zone)
            self._rows.put(batch.stream, rows)
        return rows.decode(batch)


def head_in(batch: LineBatch) -> tuple[bytes, bool]:
    """Return the head of the stream of *batch*, and whether it is known to be that and no piece from the middle."""
    own = batch.data[:MOST_HEAD]
    there = head_of(batch.path, MOST_HEAD) if len(own) < MOST_HEAD or batch.first_offset else b""
    if batch.first_offset == 0 and not there.startswith(own.removesuffix(b"\n")):
        there = b""
    head = there or own
    whole = head if len(head) < MOST_HEAD else head[: head.rfind(b"\n") + 1]
    return whole, bool(there) or batch.first_offset == 0


def _refused(batch: LineBatch, why: str) -> Decoded:
    lines = pl.int_range(len(batch), dtype=pl.UInt32, eager=True)
    return Decoded(
        pl.DataFrame(schema={"line": pl.UInt32(), "time": EVENT_ROWS["time"]}),
        pl.select(line=lines, why=pl.lit(why)) if len(batch) else pl.DataFrame(schema=ANSWERS),
        pl.DataFrame(schema=ANSWERS),
        {"odd_lines": len(batch)},
    )


class _Rows:
    """The rows of one stream.

    Args:
        sheet: How they are read.
        begins: Offset in the stream of the first line that may be one.
        options: What a person said of the file.
        zone: Zone of times that have none.
    """

    def __init__(self, sheet: Sheet, begins: int, options: ExportOptions, zone: ZoneInfo) -> None:
        self._sheet, self._begins, self._encoding = sheet, begins, options.encoding
        named = options.zone or sheet.meaning.zone
        self._decoder = MappedDecoder(sheet.map, ZoneInfo(named) if named else zone, options.year)
        self._header = [plain(name) for name in sheet.layout.columns]

    def decode(self, batch: LineBatch) -> Decoded:
        """Answer every line of *batch*."""
        first = int(np.searchsorted(batch.line_offsets, self._begins))
        batch = self._in_utf8(batch)
        found = self._explained(self._decoder.decode(part(batch, first, len(batch))), batch, first)
        if not first:
            return found
        lines = pl.int_range(first, dtype=pl.UInt32, eager=True)
        head = pl.select(line=lines, why=pl.lit("the head of the file"))
        return united([Decoded(found.events.clear(), pl.DataFrame(schema=ANSWERS), head, {}), moved(found, first)])

    def _in_utf8(self, batch: LineBatch) -> LineBatch:
        if self._encoding == "utf-8" or batch.data.isascii():
            return batch
        if recoded(batch.data, "auto") is batch.data and self._encoding == "auto":
            return batch
        data = b"\n".join(recoded(line, self._encoding) for line in batch.data.split(b"\n"))
        return LineBatch(
            batch.source, batch.stream, data, batch.first_offset, batch.last_offset, batch.path, batch.read_at,
            batch.checkpoint,
        )  # fmt: skip

    def _explained(self, found: Decoded, batch: LineBatch, first: int) -> Decoded:
        """Return *found* with titles, totals and repeated headers skipped, and why the other lines are no rows."""
        if not len(found.rejected):
            return found
        rejected: list[tuple[int, str]] = []
        skipped: list[tuple[int, str]] = []
        for line, why in found.rejected.iter_rows():
            meant, better = self._no_row(visible(batch.line(line + first)), why)
            (skipped if meant else rejected).append((line, better))
        return Decoded(
            found.events,
            pl.DataFrame(rejected, schema=ANSWERS, orient="row"),
            pl.concat([found.skipped, pl.DataFrame(skipped, schema=ANSWERS, orient="row")]).sort("line"),
            found.counts,
        )

    def _no_row(self, text: str, why: str) -> tuple[bool, str]:
        """Return whether a line that is no row means nothing to us, and why it is none."""
        layout = self._sheet.layout
        if layout.kind != "table":
            return False, why
        row = cells(text, layout.delimiter) or []
        if [plain(cell) for cell in row if cell.strip()] == self._header:
            return True, "the names of the columns again"
        if not any(row):
            return True, "an empty row"
        if sum(map(bool, row)) * 2 < len(layout.columns) + 1 and _FOOTER.match(row[0] or text):
            return True, "a title or a total"
        return False, self._broken(text, row) or why

    def _broken(self, text: str, row: list[str]) -> str | None:
        name = self._sheet.map.format
        if text.count('"') % 2:
            return f"{name}: a quote is left open: a record over several lines, or a stray quote"
        if any(row[len(self._sheet.layout.columns) :]):
            return f"{name}: more cells than columns: a cell with the delimiter in it has no quotes"
        return f"{name}: no row of this table" if len(row) < 2 else None
