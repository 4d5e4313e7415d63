"""Decoded lines as JSON, one object a line, for ``filterwatch decode``."""

from __future__ import annotations

import re

import polars as pl

from filterwatch.decoders.decoded import Decoded
from filterwatch.events import DECODED_SCHEMA

_NULLS = r',"\w+":null'
"""A null member.  Inside a JSON string a quote has a backslash before it, so no text of a log can look like one."""

_UNSAFE = re.compile(
    # DEL, C1, soft hyphen, zero-width, bidi and line separators, BOM: they could steer a terminal or end a line early
    "[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def json_lines(decoded: Decoded, first_line: int, file: str | None = None) -> bytes:
    """Return one JSON object for each line, in order: its event, why it was rejected, or why it was skipped.

    Args:
        decoded: The answers to a batch.
        first_line: Number of the batch's first line in its file, from 1.
        file: Name of the file to put into each object; null where there is only one.
    """
    parts = [
        _objects(decoded.events.select("line", event=_event(decoded.events)), "event"),
        _objects(decoded.rejected.select("line", rejected=_text("why")), "rejected"),
        _objects(decoded.skipped.select("line", skipped=_text("why")), "skipped"),
    ]
    rows = pl.concat(parts).sort("line")
    if not len(rows):
        return b""
    head = (
        '{"line": '
        if file is None
        else f'{{"file": {pl.Series([file]).to_frame("f").select(_text("f")).item()}, "line": '
    )
    number = (pl.col("line").cast(pl.Int64) + first_line).cast(pl.String)
    lines = rows.select(pl.concat_str(pl.lit(head), number, pl.col("object"))).to_series()
    text = "\n".join(lines.to_list()) + "\n"
    if not text.isascii() or "\x7f" in text:
        text = _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode("utf-8")


def _objects(frame: pl.DataFrame, word: str) -> pl.DataFrame:
    return frame.select("line", object=pl.concat_str(pl.lit(f', "{word}": '), pl.col(word), pl.lit("}")))


def _event(events: pl.DataFrame) -> pl.Expr:
    """Return the event as a JSON object, time first, nulls left out."""
    columns = [name for name in DECODED_SCHEMA if name in events.columns and name != "time"]
    time = pl.col("time").dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ")
    return pl.struct(time.alias("time"), *columns).struct.json_encode().str.replace_all(_NULLS, "")


def _text(column: str) -> pl.Expr:
    """Return a text column as JSON strings."""
    return pl.struct(pl.col(column).alias("t")).struct.json_encode().str.slice(5).str.strip_suffix("}")
