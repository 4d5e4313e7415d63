"""Zeek's logs: TAB-separated with their header, or JSON lines.

The header is state: it stands at the beginning of a file, and may come again or change in the middle.  A decoder that
begins in the middle of a file (after a restart) reads the header from the file itself; where that cannot be read, the
columns that Zeek writes by default hold, if the line has as many.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from filterwatch.decoders.decoded import Decoded, Decoder
from filterwatch.decoders.families import jsonlines
from filterwatch.decoders.format import Format, Options
from filterwatch.decoders.grammars.zeek_columns import LOGS, Log, frame_of, stamp_of, values_of
from filterwatch.decoders.grammars.zeek_header import STANDARD, Header, header_lines, standard, unescaped
from filterwatch.decoders.heads import PerStream
from filterwatch.decoders.line_decoder import LineDecoder, Reader
from filterwatch.decoders.parts import moved, part, united
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, visible
from filterwatch.decoders.screen import Lines, kept
from filterwatch.lines import LineBatch

_TAB, _BACKSLASH, _HASH, _BRACE = 9, 92, 35, 123


class ZeekDecoder:
    """Reads one of Zeek's logs; remembers the header of each stream.

    Args:
        name: The format's name.
        zone: Zone of times without one; Zeek writes none such.
    """

    def __init__(self, name: str, zone: ZoneInfo) -> None:
        self._name = name
        self._zone = zone
        self._headers: PerStream[Header] = PerStream()
        self._decoders = lru_cache(maxsize=64)(self._decoder)

    @property
    def name(self) -> str:
        """The format's name."""
        return self._name

    def decode(self, batch: LineBatch) -> Decoded:
        """Answer every line of *batch*; batches of one stream come in order."""
        header = self._headers.get(batch.stream) or self._beginning(batch)
        parts: list[Decoded] = []
        start = 0
        for end, after in self._changes(batch, header):
            parts.append(moved(self._decoders(header).decode(part(batch, start, end)), start))
            start, header = end, after
        parts.append(moved(self._decoders(header).decode(part(batch, start, len(batch))), start))
        self._headers.put(batch.stream, header)
        return united(parts)

    def _beginning(self, batch: LineBatch) -> Header:
        header = standard(self._name)
        return header.read(header_lines(batch.path)) if batch.first_offset > 0 else header

    def _changes(self, batch: LineBatch, header: Header) -> list[tuple[int, Header]]:
        """Return where the header changes to what, by the index of the first line behind."""
        array = np.frombuffer(batch.data, np.uint8)
        found: list[tuple[int, Header]] = []
        for index in np.flatnonzero(array[batch.starts] == _HASH).tolist() if len(batch) else ():
            after = header.read([batch.line(index)])
            if after != header:
                found.append((index + 1, after))
                header = after
        # Of a block of header lines only the last matters.
        return [one for at, one in enumerate(found) if at + 1 == len(found) or found[at + 1][0] != one[0] + 1]

    def _decoder(self, header: Header) -> LineDecoder:
        log = LOGS[self._name]
        reader = Reader(self._name, partial(_exact, self._name, log, header), partial(_fast, log, header))
        return LineDecoder(reader, self._zone)


def _exact(name: str, log: Log, header: Header, line: bytes) -> Answer:
    if line.startswith(b"#"):
        return Skipped("a header line")
    if line.startswith(b"{"):
        texts = jsonlines.exact(visible(line))
        found = None if texts is None else {field: text for field, text in texts.items() if text}
    else:
        found = _fields(header, line)
    if found is None:
        return Rejected(f"no line of {name}: neither JSON nor as many columns as its header names")
    stamp = stamp_of(found.get("ts", ""))
    if stamp is None:
        return Rejected("no time in the column ts")
    return Event(stamp, values_of(log, found))


def _fields(header: Header, line: bytes) -> dict[str, str] | None:
    """Return the fields of one line that are set."""
    parts = line.split(header.separator)
    if not len(header.fields) - header.shorter <= len(parts) <= len(header.fields):
        return None
    found: dict[str, str] = {}
    for field, text in zip(header.fields, parts, strict=False):
        if text in (header.unset, header.empty, b""):
            continue
        if field in header.lists:
            found[field] = ", ".join(visible(unescaped(item)) for item in text.split(header.set_separator))
        else:
            found[field] = visible(unescaped(text))
    return found


def _fast(log: Log, header: Header, lines: Lines) -> pl.DataFrame:
    """Read the lines that are plain columns or plain JSON; those that are most, where a file holds both."""
    if not len(lines):
        return frame_of(log, _nothing(log))
    braces = lines.array[lines.starts] == _BRACE
    texts = _json(log, lines, braces) if braces.sum() * 2 > len(braces) else _columns(log, header, lines, ~braces)
    return frame_of(log, texts)


def _nothing(log: Log) -> pl.DataFrame:
    return pl.DataFrame(schema={"line": pl.UInt32(), **{field: pl.String() for field in log.fields}})


def _json(log: Log, lines: Lines, braces: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pl.DataFrame:
    good = braces.copy()
    odd = np.flatnonzero(lines.array > 126)
    good[np.searchsorted(lines.ends, odd)] = False
    if not good.any():
        return _nothing(log)
    texts = pl.read_lines(kept(lines, good)).to_series()
    found = jsonlines.fast(texts, log.fields)
    found = found.with_columns(line=pl.Series(np.flatnonzero(good).astype(np.uint32))).filter(jsonlines.SURE)
    empty = [pl.when(pl.col(field) != "").then(pl.col(field)).alias(field) for field in log.fields]
    return found.select("line", *empty)


def _columns(log: Log, header: Header, lines: Lines, good: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pl.DataFrame:
    if header.separator != b"\t" or len(header.set_separator) != 1 or len(set(header.fields)) < len(header.fields):
        return _nothing(log)
    array, ends = lines.array, lines.ends
    odd = (array > 126) | (array == _BACKSLASH) | ((array < 32) & (array != _TAB) & (array != 10))
    good = good & (array[lines.starts] != _HASH) & (ends > lines.starts)
    good[np.searchsorted(ends, np.flatnonzero(odd))] = False
    tabs = np.bincount(np.searchsorted(ends, np.flatnonzero(array == _TAB)), minlength=len(ends))
    good &= tabs == len(header.fields) - 1
    if not good.any():
        return _nothing(log)
    return _texts(log, header, kept(lines, good), np.flatnonzero(good).astype(np.uint32))


def _texts(log: Log, header: Header, data: bytes, places: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> pl.DataFrame:
    wanted = [field for field in log.fields if field in header.fields]
    frame = pl.read_csv(
        data,
        has_header=False,
        separator="\t",
        quote_char=None,
        schema={f"{at}": pl.String() for at in range(len(header.fields))},
        columns=[header.fields.index(field) for field in wanted] or [0],
    )
    if len(frame) != len(places):
        return _nothing(log)
    nulls = [header.unset.decode("ascii", "replace"), header.empty.decode("ascii", "replace"), ""]
    columns: Mapping[str, pl.Expr] = {
        field: _set(pl.col(f"{header.fields.index(field)}"), nulls, header, field) for field in wanted
    }
    absent = [pl.lit(None, pl.String).alias(field) for field in log.fields if field not in columns]
    return frame.select(
        pl.lit(pl.Series(places)).alias("line"), *(one.alias(field) for field, one in columns.items()), *absent
    )


def _set(text: pl.Expr, nulls: list[str], header: Header, field: str) -> pl.Expr:
    value = pl.when(~text.is_in(nulls)).then(text)
    if field not in header.lists:
        return value
    return value.str.replace_all(header.set_separator.decode("ascii", "replace"), ", ", literal=True)


def _claims(name: str, line: bytes, event: Mapping[str, object]) -> bool:
    """Return whether a line bears what only this log has: its header, names in JSON, or columns of its own kinds."""
    if line.startswith(b"#"):
        return line.rstrip() == b"#path\t" + name.removeprefix("zeek_").encode()
    if line.startswith(b"{"):
        return all(mark in line for mark in _SIGNS[name])
    parts = line.split(b"\t")
    uid = parts[1][:1] in (b"C", b"D") and 14 <= len(parts[1]) <= 20 if len(parts) > 1 else False
    return uid and len(parts) == len(STANDARD[name].split()) and len(event) > _FEWEST


_FEWEST = 6
"""Columns that an event of a real line has at least."""

_SIGNS = {
    "zeek_http": (b'"id.orig_h"', b'"trans_depth"'),
    "zeek_dns": (b'"id.orig_h"', b'"trans_id"'),
    "zeek_conn": (b'"id.orig_h"', b'"conn_state"'),
    "zeek_ssl": (b'"id.orig_h"', b'"established"'),
    "zeek_dhcp": (b'"uids"', b'"msg_types"'),
    "zeek_radius": (b'"id.orig_h"', b'"result"', b'"username"'),
}
_TITLES = {
    "zeek_http": "Zeek http.log",
    "zeek_dns": "Zeek dns.log",
    "zeek_conn": "Zeek conn.log",
    "zeek_ssl": "Zeek ssl.log",
    "zeek_dhcp": "Zeek dhcp.log",
    "zeek_radius": "Zeek radius.log",
}


def _make(name: str, options: Options, zone: ZoneInfo) -> Decoder:
    return ZeekDecoder(name, ZoneInfo(options.zone) if options.zone else zone)


FORMATS = {
    name: Format(
        title,
        "TSV, JSON",
        Options,
        _make,
        partial(_claims, name),
        "the ASCII and JSON writers of Zeek 8 and its test baselines",
    )
    for name, title in _TITLES.items()
}
