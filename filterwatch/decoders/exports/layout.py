"""How a file of exported rows is laid out: encoding, delimiter, the line that names the columns, the rows behind it."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from filterwatch.decoders.exports.options import ExportOptions
from filterwatch.decoders.exports.words import plain
from filterwatch.decoders.families import delimited, jsonlines, keyvalue
from filterwatch.decoders.families.delimited import cells
from filterwatch.decoders.reading import visible

MOST_HEAD = 262_144
"""Bytes of a file that are looked at: a few thousand rows, so that most months show a day above 12."""

_HEADER_LINES = 20
"""Lines within which the names of the columns stand: reports put a title, a school and a date range before them."""

_MOST_ROWS = 4_000
_DELIMITERS = (",", ";", "\t", "|")
_PAIRS = (" ", ",", ";", "\t", "|")
_PAIR = re.compile(r"(?:^|[ ,;|\t])[A-Za-z_][\w.-]{0,40}=")
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_BOM = "\ufeff"

_DEFINED = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)}
_CP1252 = "".join(_DEFINED[byte] for byte in range(256))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out.

    Attributes:
        kind: Rows of cells, JSON lines, or key=value pairs.
        delimiter: What stands between cells or pairs; empty for JSON.
        columns: Names of the columns, in order.
        keys: What the rows call each column.
        begins: Offset in the file of the first line that may be a row.
        header: Number of the line that names the columns, from 1; null where none does.
        rows: The first rows, by key.
        encodings: Encodings of the first lines, with how many have each; plain ASCII is not counted.
    """

    kind: Literal["table", "json", "keyvalue"]
    delimiter: str
    columns: tuple[str, ...]
    keys: Mapping[str, str]
    begins: int
    header: int | None
    rows: Sequence[Mapping[str, str]]
    encodings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Unread:
    """Why the rows of a file cannot be read.

    Attributes:
        why: The reason and what to do; it quotes nothing of the file.
        layout: How the file is laid out, as far as that is known.
    """

    why: str
    layout: Layout | None = None


def recoded(line: bytes, encoding: str) -> bytes:
    """Return *line* in UTF-8.

    Args:
        line: A line, or many.
        encoding: ``utf-8``, ``cp1252``, or ``auto`` for cp1252 where the line is no UTF-8.
    """
    if encoding == "utf-8" or line.isascii():
        return line
    if encoding == "auto":
        try:
            line.decode()
        except UnicodeDecodeError:
            pass
        else:
            return line
    return codecs.charmap_decode(line, "strict", _CP1252)[0].encode()


def layout_of(head: bytes, options: ExportOptions, known: Callable[[str], bool]) -> Layout | Unread:
    """Return how a file is laid out that begins with *head*.

    Args:
        head: Its first bytes; a last line that is cut is left out by whoever cut it.
        options: What a person said.
        known: Whether a name of a column means something.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[:400].count(0) * 3 > len(head[:400]):
        return Unread("the file is UTF-16, which has no lines of bytes: convert it, iconv -f UTF-16 -t UTF-8 OLD > NEW")
    raw = head.split(b"\n")
    lines = [visible(recoded(line, options.encoding)).removesuffix("\r").removeprefix(_BOM) for line in raw]
    encodings = Counter(_encoding(line, options.encoding) for line in raw if not line.isascii())
    kind = options.layout if options.layout != "auto" else _kind(lines)
    if kind == "json":
        found = _of_pairs(kind, "", lines, jsonlines.exact)
    elif kind == "keyvalue":
        found = _key_value(lines, options)
    else:
        found = _table(lines, options, known)
    if isinstance(found, Unread):
        return found
    begins = sum(len(line) + 1 for line in raw[: found.begins])
    return Layout(
        found.kind, found.delimiter, found.columns, found.keys, begins, found.header, found.rows, dict(encodings)
    )


def _encoding(line: bytes, encoding: str) -> str:
    return "cp1252" if encoding == "cp1252" or recoded(line, encoding) != line else "utf-8"


def _kind(lines: Sequence[str]) -> Literal["table", "json", "keyvalue"]:
    some = [line for line in lines[:_HEADER_LINES] if line.strip()]
    if some and sum(line.startswith("{") for line in some) * 2 > len(some):
        return "json"
    pairs = sum(len(_PAIR.findall(line)) > 2 for line in some)
    return "keyvalue" if some and pairs * 4 > len(some) * 3 else "table"


def _key_value(lines: Sequence[str], options: ExportOptions) -> Layout | Unread:
    allowed = _PAIRS if options.delimiter == "auto" else (options.delimiter,)
    ways = [_of_pairs("keyvalue", one, lines, keyvalue.make(one, open_values=True).exact) for one in allowed]
    best = max(
        (way for way in ways if isinstance(way, Layout)),
        key=lambda way: (sum(len(row) for row in way.rows), -allowed.index(way.delimiter)),
        default=None,
    )
    return best or Unread("no line has pairs of key=value")


def _of_pairs(
    kind: Literal["json", "keyvalue"],
    delimiter: str,
    lines: Sequence[str],
    cut: Callable[[str], Mapping[str, str] | None],
) -> Layout | Unread:
    rows = [row for line in lines[:_MOST_ROWS] if (row := cut(line))]
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return Unread("no line is a JSON object" if kind == "json" else "no line has pairs of key=value")
    return Layout(kind, delimiter, names, {name: name for name in names}, 0, None, rows, {})


def _table(lines: Sequence[str], options: ExportOptions, known: Callable[[str], bool]) -> Layout | Unread:
    told = _SEPARATOR.fullmatch(lines[0]) if lines else None
    first = 1 if told else 0
    if options.delimiter != "auto":
        allowed: Sequence[str] = (options.delimiter,)
    else:
        allowed = (told[1],) if told else _DELIMITERS
    if options.columns:
        delimiter, at = _positions(lines, first, allowed, options.columns)
        columns = options.columns
    elif options.header is False:
        return Unread("no line names the columns (`header: false`), so name them with the option `columns`")
    else:
        found = _header(lines, first, allowed, known, least=1 if options.header is True else 2)
        if found is None:
            return Unread(
                "no line names columns that are known: name the columns of the file with the option `columns`, or what "
                "the event columns are called in it with `fields` and `time`"
            )
        delimiter, at, columns = found
    names = _distinct(columns)
    keys = {name: f"cell {number}" for number, name in enumerate(names, 1) if name}
    behind = first if at is None else at + 1
    cut = delimited.make([keys.get(name, "") for name in names], delimiter, sheet=True).exact
    header = [] if at is None else [lines[at]]
    rows = [row for line in lines[behind : behind + _MOST_ROWS] if line not in header and (row := cut(line))]
    return Layout("table", delimiter, tuple(keys), keys, behind, None if at is None else at + 1, rows, {})


def _positions(
    lines: Sequence[str], first: int, allowed: Sequence[str], columns: Sequence[str]
) -> tuple[str, int | None]:
    """Return the delimiter that gives most lines as many cells as there are columns, and where their names stand."""
    some = lines[first : first + 200]
    fitting = {one: sum(len(cells(line, one) or ()) == len(columns) for line in some) for one in allowed}
    delimiter = max(allowed, key=lambda one: fitting[one])
    wanted = [plain(name) for name in columns]
    for at, line in enumerate(lines[first : first + _HEADER_LINES], first):
        if [plain(cell) for cell in cells(line, delimiter) or ()] == wanted:
            return delimiter, at
    return delimiter, None


def _header(
    lines: Sequence[str], first: int, allowed: Sequence[str], known: Callable[[str], bool], least: int
) -> tuple[str, int, list[str]] | None:
    """Return the delimiter, the line that names most columns we know, and its cells."""
    best: tuple[int, int, str, int, list[str]] | None = None
    for delimiter in allowed:
        for at, line in enumerate(lines[first : first + _HEADER_LINES], first):
            row = cells(line, delimiter) or []
            names = {plain(cell) for cell in set(row) if known(cell)}
            if len(row) > 1 and len(names) >= least and (best is None or (len(names), len(row)) > best[:2]):
                best = (len(names), len(row), delimiter, at, row)
    return best and (best[2], best[3], best[4])


def _distinct(columns: Sequence[str]) -> list[str]:
    """Return the names without blanks around them, the second of one name as ``NAME (2)``."""
    seen: Counter[str] = Counter()
    names = []
    for name in (column.strip(" \t\ufeff") for column in columns):
        seen[name] += 1
        names.append(f"{name} ({seen[name]})" if name and seen[name] > 1 else name)
    return names
