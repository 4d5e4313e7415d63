"""Event frames as small blobs, and back.

A frame is kept as its columns, compressed: a few rows as an Arrow IPC stream under zstd (2 KB and 0.1 ms for one row,
where Parquet's footer alone is 8 KB), many rows as Parquet (dictionaries make it smaller and quicker).  Left out are
columns that are null throughout, columns that say one thing throughout (kept once, as JSON), and ``local_time``, which
follows from ``local_minute`` and ``started``.  Figures: docs/decisions/0060-batches-as-blobs.md.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import zstandard

from filterwatch.events import EVENT_SCHEMA, complete

ROWS_FOR_PARQUET = 4096
"""From here Parquet is both smaller and about as quick.  Source: `python -m benchmarks.journal`."""

STORED_SCHEMA = pl.Schema({name: dtype for name, dtype in EVENT_SCHEMA.items() if name != "local_time"})
"""The event columns that journal and archive keep; the one left out is put back by :data:`LOCAL_TIME`."""

LOCAL_TIME = pl.time(
    hour=pl.col("local_minute") // 60,
    minute=pl.col("local_minute") % 60,
    second=pl.col("started").dt.second(),
    microsecond=pl.col("started").dt.microsecond(),
).alias("local_time")
"""Exact, because every zone's offset is whole minutes.  (Spark has no type for Parquet's TIME in nanoseconds.)"""

_FOLDABLE = (pl.String, pl.Enum, pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.Int64)


@dataclass(frozen=True, slots=True)
class Packed:
    """A frame ready to be stored.

    Attributes:
        rows: How many events.
        codec: ``ipc`` or ``parquet``.
        constants: JSON object: the columns that say one thing throughout.
        data: The other columns.
    """

    rows: int
    codec: str
    constants: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A batch as the journal keeps it.

    Attributes:
        number: Its position; grows with every batch.
        committed: When it was journalled, UTC.
        first_time: Earliest event time in it, UTC; null where no event has one.
        last_time: Latest.
        packed: The events.
    """

    number: int
    committed: datetime
    first_time: datetime | None
    last_time: datetime | None
    packed: Packed


def pack(events: pl.DataFrame) -> Packed:
    """Return *events* as they are stored; columns that are no event columns stay behind."""
    have = events.schema
    frame = events.select(
        pl.col(name) if have[name] == dtype else pl.col(name).cast(dtype)
        for name, dtype in STORED_SCHEMA.items()
        if name in have and have[name] != pl.Null
    )
    nulls = frame.null_count().row(0)
    frame = frame.select(name for name, count in zip(frame.columns, nulls, strict=True) if count < len(events))
    constants: dict[str, object] = {}
    sink = io.BytesIO()
    if len(frame) < ROWS_FOR_PARQUET:
        codec = "ipc"
        frame.write_ipc_stream(sink)
        data = zstandard.ZstdCompressor(level=1).compress(sink.getbuffer())
    else:
        codec = "parquet"
        constants = _constants(frame)
        frame.drop(constants).write_parquet(sink, compression="zstd", compression_level=1, statistics=False)
        data = sink.getvalue()
    return Packed(len(events), codec, json.dumps(constants, ensure_ascii=True), data)


def _constants(frame: pl.DataFrame) -> dict[str, object]:
    """Return the columns that say one thing throughout; four rows are looked at before all are."""
    last = len(frame) - 1
    few = frame[[0, last // 3, last // 2, last]]
    likely = [
        name
        for name, dtype in frame.schema.items()
        if name != "line_offset" and isinstance(dtype, _FOLDABLE) and few[name].n_unique() == 1
    ]
    same = frame.select(pl.col(name).eq_missing(pl.col(name).first()).all() for name in likely)
    return {name: few[name][0] for name in likely if same[name][0]}


def unpack(packed: Packed) -> pl.DataFrame:
    """Return the stored columns of *packed*; not complete."""
    if packed.codec == "ipc":
        return pl.read_ipc_stream(io.BytesIO(zstandard.ZstdDecompressor().decompress(packed.data)))
    constants: Mapping[str, object] = json.loads(packed.constants)
    frame = pl.read_parquet(io.BytesIO(packed.data), hive_partitioning=False)
    return frame.with_columns(pl.lit(value, dtype=STORED_SCHEMA[name]).alias(name) for name, value in constants.items())


def gather(batches: Sequence[Stored | Packed]) -> pl.DataFrame:
    """Return the events of *batches* as one complete frame, in their order."""
    if not batches:
        return pl.DataFrame(schema=EVENT_SCHEMA)
    frames = [_current(unpack(batch.packed if isinstance(batch, Stored) else batch)) for batch in batches]
    frame = complete(pl.concat(frames, how="diagonal"), STORED_SCHEMA)
    return frame.with_columns(LOCAL_TIME).select(EVENT_SCHEMA.names())


def _current(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a batch that an older version wrote with today's types: a list of words may have grown."""
    old = [name for name, dtype in frame.schema.items() if dtype != STORED_SCHEMA.get(name, dtype)]
    return frame.with_columns(pl.col(name).cast(STORED_SCHEMA[name]) for name in old) if old else frame
