"""What the decoders' tests share: batches from lines, and lines of every format."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.decoders import EVENT_ROWS, Decoded, Decoder, line_decoder, make
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


def exactly(decoder: Decoder, lines: LineBatch) -> Decoded:
    """Return what the exact path says of every line."""
    few, line_decoder.FEW = line_decoder.FEW, sys.maxsize
    try:
        return decoder.decode(lines)
    finally:
        line_decoder.FEW = few


def whole(events: pl.DataFrame) -> pl.DataFrame:
    return complete(events, EVENT_ROWS).select("line", *EVENT_ROWS)


SAMPLES = Path(__file__).parents[2] / "sample_logs"


def _sample(path: Path) -> list[bytes]:
    lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
    heads = {key: value for key, _, value in (line[2:].decode().partition(": ") for line in lines if line[:2] == b"# ")}
    OPTIONS[path.stem] = json.loads(heads.get("options", "{}"))
    return [line for line in lines if line and not line.startswith(b"# ")]


OPTIONS: dict[str, dict[str, object]] = {}
"""Options that the sample of each format is read with."""

SEEDS = {path.stem: _sample(path) for path in sorted(SAMPLES.glob("*.log"))} | {
    path.stem: path.read_bytes().removesuffix(b"\n").split(b"\n")
    for path in sorted((Path(__file__).parent / "seeds").glob("*.log"))
}
"""Lines of each format: those of its sample, or more where a file in ``seeds`` has them (regular ones and odd ones)."""
