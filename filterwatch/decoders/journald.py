"""What stands around whole logs: the journal's JSON, and lines that only say how often another came.

``journalctl -o json`` writes one record a line; the option ``journal`` turns each into the line that a system log would
hold, for any format.  ``-o short-iso`` needs nothing: it is such a line.  ``-o export`` has several lines a record and
is not read.  Fields: systemd.journal-fields(7).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from filterwatch.decoders.decoded import ANSWERS, Decoded, Decoder
from filterwatch.decoders.reading import Rejected, Skipped, visible
from filterwatch.decoders.stamps import read_stamp
from filterwatch.lines import LineBatch

Inside = Callable[[bytes], "bytes | Rejected | Skipped"]
"""Gives the line inside a line, or why there is none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_000_000
"""Microseconds up to the end of the year 9999."""

_WORD = re.compile(r"[A-Za-z(][\w./()+-]{0,63}")
_HOST = re.compile(r"[^\s]{1,255}")
_DIGITS = re.compile(r"[0-9]{1,10}")
_REPEATED = b"message repeated "
_SAYS_SO = re.compile(
    r"(?:[^ ]+ )?(?:[^ ]+: )?(?:last message repeated \d{1,9} times?|message repeated \d{1,9} times?: ?\[.*\])\s*",
    re.DOTALL,
)
_SAYS_SO_MODERN = re.compile(r"(?:[^ ]+ ){4}- +(?:last )?message repeated \d{1,9} times?(?:: ?\[.*\])?\s*", re.DOTALL)


def repeated(line: bytes) -> bytes | Skipped:
    """Return *line*, or that it only says how often the one before came.

    One line is one answer, and this one's time is not that of what it counts: those repetitions are no events, and a
    count of them is too low.  Only where the message begins so: within an address it is somebody's joke.
    """
    if _REPEATED not in line:
        return line
    text = visible(line)
    found = read_stamp(text)
    start = found[1] if found else 0
    if _SAYS_SO.fullmatch(text, start) or _SAYS_SO_MODERN.fullmatch(text, start):
        return Skipped("says how often the line before came; switch that off in the sender")
    return line


def from_journal(line: bytes) -> bytes | Rejected | Skipped:
    """Return the line of a system log that a record of ``journalctl -o json`` stands for."""
    found = _record(line)
    if isinstance(found, Rejected | Skipped):
        return found
    stamp, record, message = found
    host = _fitting(record, _HOST, "_HOSTNAME") or "-"
    program = _fitting(record, _WORD, "SYSLOG_IDENTIFIER", "_COMM")
    if program is None:
        program = "kernel" if record.get("_TRANSPORT") == "kernel" else "unknown"
    pid = _fitting(record, _DIGITS, "SYSLOG_PID", "_PID")
    tag = f"{program}[{pid}]" if pid else program
    return f"{stamp} {host} {tag}: ".encode("utf-8", "replace") + message


def message_of(line: bytes) -> bytes | Rejected | Skipped:
    """Return the message alone of a record of ``journalctl -o json``."""
    found = _record(line)
    return found if isinstance(found, Rejected | Skipped) else found[2]


def _record(line: bytes) -> tuple[str, Mapping[str, object], bytes] | Rejected | Skipped:
    if not line.strip():
        return Skipped("an empty line")
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return Rejected("journal: expected one JSON object a line, as journalctl -o json writes")
    if not isinstance(record, dict) or not isinstance(record.get("__REALTIME_TIMESTAMP"), str):
        return Rejected("journal: expected a JSON object with __REALTIME_TIMESTAMP")
    when = _stamp(record)
    if when is None:
        return Rejected("journal: __REALTIME_TIMESTAMP is no time")
    message = _bytes(record.get("MESSAGE"))
    if message is None:
        return Skipped("journal: a record without a message, or one that journalctl left out for its length")
    return when, record, message


def _stamp(record: Mapping[str, object]) -> str | None:
    """Return when the message was made, else when the journal got it."""
    for name in ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"):
        digits = record.get(name)
        if isinstance(digits, str) and digits.isascii() and digits.isdigit() and len(digits) < 19:
            us = int(digits)
            if us <= _LATEST:
                return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds")
    return None


def _bytes(value: object) -> bytes | None:
    """Return a field's value; what is no UTF-8 is written as a list of numbers."""
    if isinstance(value, list):
        if all(isinstance(one, int) and 0 <= one < 256 for one in value):
            raw = bytes(value)
        else:
            return _bytes(value[0]) if isinstance(value[0], str) else None
    elif isinstance(value, str):
        raw = value.encode("utf-8", "replace")
    else:
        return None
    return raw.rstrip(b"\r\n\0").replace(b"\n", b"#012").replace(b"\0", b"#000")


def _fitting(record: Mapping[str, object], form: re.Pattern[str], *names: str) -> str | None:
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and form.fullmatch(value):
            return value
    return None


class Opened:
    """A decoder whose lines stand inside other lines.

    Args:
        inner: Reads the lines inside.
        inside: Gives them.
        mark: Bytes without which a batch is handed on as it is.
    """

    def __init__(self, inner: Decoder, inside: Inside, mark: bytes = b"") -> None:
        self._inner = inner
        self._inside = inside
        self._mark = mark

    @property
    def name(self) -> str:
        """The inner format's name."""
        return self._inner.name

    def decode(self, batch: LineBatch) -> Decoded:
        """Answer every line of *batch*; batches of one stream come in order."""
        if self._mark and self._mark not in batch.data:
            return self._inner.decode(batch)
        found = [self._inside(batch.line(index)) for index in range(len(batch))]
        kept = [index for index, one in enumerate(found) if isinstance(one, bytes)]
        data = b"".join(one + b"\n" for one in found if isinstance(one, bytes))
        offsets = tuple(batch.line_offsets[kept].tolist()) if kept else ()
        inner = self._inner.decode(
            LineBatch(
                source=batch.source,
                stream=batch.stream,
                data=data,
                first_offset=batch.first_offset,
                last_offset=batch.last_offset,
                path=batch.path,
                read_at=batch.read_at,
                checkpoint=batch.checkpoint,
                gaps=batch.gaps,
                offsets=offsets,
            )
        )
        places = np.asarray(kept, np.uint32)
        rejected = [(index, one.why) for index, one in enumerate(found) if isinstance(one, Rejected)]
        skipped = [(index, one.why) for index, one in enumerate(found) if isinstance(one, Skipped)]
        return Decoded(
            events=_placed(inner.events, places),
            rejected=_united(_placed(inner.rejected, places), rejected),
            skipped=_united(_placed(inner.skipped, places), skipped),
            counts=inner.counts,
        )


def _placed(frame: pl.DataFrame, places: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> pl.DataFrame:
    return frame.with_columns(line=pl.Series(places[frame["line"].to_numpy()], dtype=pl.UInt32))


def _united(frame: pl.DataFrame, more: list[tuple[int, str]]) -> pl.DataFrame:
    if not more:
        return frame
    return pl.concat([frame, pl.DataFrame(more, schema=ANSWERS, orient="row")]).sort("line")


OPENED: Mapping[str, Inside] = {"json": from_journal, "json_message": message_of}
"""Values of the option ``journal``."""


def opened(decoder: Decoder, journal: str | None) -> Decoder:
    """Return *decoder* for lines as they really come."""
    decoder = Opened(decoder, repeated, _REPEATED)
    return Opened(decoder, OPENED[journal]) if journal else decoder
