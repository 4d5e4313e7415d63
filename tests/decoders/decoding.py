"""What the decoders' tests share: batches from lines, and lines of every format."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.decoders import EVENT_ROWS, Decoded, make
from filterwatch.decoders.line_decoder import LineDecoder, Reader
from filterwatch.events import complete
from filterwatch.lines import Checkpoint, LineBatch

LONDON = ZoneInfo("Europe/London")
READ_AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def batch(lines: Iterable[bytes], read_at: datetime = READ_AT, stream: str = "s") -> LineBatch:
    data = b"".join(line + b"\n" for line in lines)
    return LineBatch("source", stream, data, 0, len(data), "/log", read_at, Checkpoint("source", stream, len(data)))


def decode(
    name: str, *lines: bytes, read_at: datetime = READ_AT, zone: ZoneInfo = LONDON, **options: object
) -> Decoded:
    return make(name, options, zone=zone).decode(batch(lines, read_at))


def event(name: str, line: bytes, **options: object) -> dict[str, object]:
    """Return the one event of *line*, without what is null."""
    decoded = decode(name, line, **options)
    assert len(decoded.events) == 1, (decoded.rejected.rows(), decoded.skipped.rows())
    return {key: value for key, value in decoded.events.drop("line").row(0, named=True).items() if value is not None}


def exactly(decoder: LineDecoder) -> LineDecoder:
    """Return a decoder that takes the exact path for every line."""
    reader = decoder._reader
    return LineDecoder(Reader(reader.name, reader.exact), decoder._zone, decoder._year)


def whole(events: pl.DataFrame) -> pl.DataFrame:
    return complete(events, EVENT_ROWS).select("line", *EVENT_ROWS)


SEEDS = {
    path.stem: path.read_bytes().removesuffix(b"\n").split(b"\n")
    for path in sorted((Path(__file__).parent / "seeds").glob("*.log"))
}
"""Lines of each format: regular ones and odd ones."""
