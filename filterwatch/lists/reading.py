"""Reading list files: their header, and their names in large vectorised pieces.

A list file is text. Comments at its top say what it is (``# category: gambling``), then comes one entry a line:

- ``bet365.com`` is the name and everything below it, ``=bet365.com`` the name alone, ``*.bet365.com`` all below it;
- an IP address is itself alone;
- a ``#`` starts a comment anywhere.

Other formats are one more function in :data:`FORMATS`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import polars as pl

from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import BYPASS_KINDS, CATEGORIES
from filterwatch.text import printable

PIECE = 1 << 20
"""Bytes of a list file that are read at once: bounds the memory of a build."""

MOST_MISTAKES = 20
"""Mistakes reported for one file; a list in the wrong format would give one a line."""


class Mode(IntEnum):
    """Which hosts an entry speaks of."""

    SUFFIX = 0
    """The name and everything below it."""
    EXACT = 1
    """That host alone."""
    CHILDREN = 2
    """Everything below the name, not the name."""


@dataclass(frozen=True, slots=True)
class ListFile:
    """One list: where it is and what its names mean.

    Attributes:
        path: The file.
        id: Name of the list, unique among those compiled together: the file's name without its ending.
        category: Category word (``bypass.vpn`` with its kind); ``all`` for an allow list that cancels every category.
        allow: Whether entries cancel the category instead of giving it.
        own: Whether the list is the school's own: only its own allow lists cancel what it says.
        format: Word of :data:`FORMATS`.
        source: Where the names come from.
        licence: SPDX id or plain words.
        credit: The line that the licence wants shown.
    """

    path: Path
    id: str
    category: str
    allow: bool = False
    own: bool = False
    format: str = "domains"
    source: str = ""
    licence: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some entries of one list.

    Attributes:
        names: Lower-case names (String, no nulls).
        modes: :class:`Mode` of each (UInt8).
    """

    names: pl.Series
    modes: pl.Series


@dataclass(frozen=True, slots=True)
class _Bad:
    row: int
    column: int
    text: str


Reader = Callable[[pl.Series], tuple[Piece, list[_Bad]]]
"""Takes lines (String, no line ends); gives their entries and the lines that are neither entry nor comment."""

_MARKED = r"^(=|\*\.)?(.*)$"
_NAME = r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$"


def _domains(lines: pl.Series) -> tuple[Piece, list[_Bad]]:
    line = pl.col("line")
    if lines.str.contains("#", literal=True).any():
        line = line.str.splitn("#", 2).struct.field("field_0")
    word = line.str.strip_chars().str.strip_chars_end(".").str.to_lowercase()
    rows = lines.to_frame("line").with_row_index("row").select("row", word=word).filter(pl.col("word") != "")
    marks = pl.col("word").str.head(1)
    if rows.select(marks.is_in(["=", "*"]).any()).item():
        rows = rows.with_columns(pl.col("word").str.extract_groups(_MARKED)).unnest("word")
        mode = pl.col("1").replace_strict({"=": Mode.EXACT, "*.": Mode.CHILDREN}, default=Mode.SUFFIX)
        rows = rows.select("row", word="2", mode=mode.cast(pl.UInt8))
    else:
        rows = rows.with_columns(mode=pl.lit(Mode.SUFFIX, dtype=pl.UInt8))
    good = pl.col("word").str.contains(_NAME) & (pl.col("word").str.len_bytes() < 254)
    rows = rows.with_columns(good=good)
    entries = rows.filter("good")
    bad: list[_Bad] = []
    if len(entries) < len(rows):
        addresses, bad = _addresses(rows.filter(~pl.col("good")), lines)
        entries = pl.concat([entries, addresses]).sort("row") if len(addresses) else entries
    return Piece(entries["word"], entries["mode"]), bad


def _addresses(rows: pl.DataFrame, lines: pl.Series) -> tuple[pl.DataFrame, list[_Bad]]:
    """Return the IPv6 addresses among *rows* in canonical form, and what is not one."""
    found: list[tuple[int, str]] = []
    bad = []
    for row, word in rows.select("row", "word").iter_rows():
        try:
            found.append((row, ipaddress.IPv6Address(word).compressed))
        except ValueError:
            line: str = lines[row]
            bad.append(_Bad(row, len(line) - len(line.lstrip()) + 1, word))
    frame = pl.DataFrame(found, schema={"row": rows.schema["row"], "word": pl.String}, orient="row")
    exact = pl.lit(Mode.EXACT, dtype=pl.UInt8)
    return frame.with_columns(mode=exact, good=pl.lit(True)), bad


FORMATS: Mapping[str, Reader] = MappingProxyType({"domains": _domains})

_ASKED = ("category", "kind", "mode", "format", "source", "licence", "credit")


def describe(path: Path, *, own: bool = False) -> ListFile:
    """Read the header of a list file.

    Args:
        path: The file.
        own: Whether it is one of the school's own.

    Raises:
        ConfigurationError: The file cannot be read, or its header leaves out or misspells what it must say.
    """
    said: dict[str, str] = {}
    places: dict[str, int] = {}
    mistakes: list[Mistake] = []
    for number, line in enumerate(_header(path), 1):
        key, colon, value = line.lstrip("#").partition(":")
        key = key.strip().lower()
        if not colon or key not in _ASKED:
            continue
        if key in said:
            mistakes.append(Mistake(str(path), number, 1, f"'{key}' is given twice (first on line {places[key]})"))
        said[key], places[key] = value.strip(), number
    mistakes += _wrong(path, said, places)
    if mistakes:
        raise ConfigurationError(mistakes)
    category, kind = said["category"], said.get("kind", "")
    return ListFile(
        path=path,
        id=path.stem,
        category=f"{category}.{kind}" if kind else category,
        allow=said.get("mode") == "allow",
        own=own,
        format=said.get("format", "domains"),
        source=said.get("source", ""),
        licence=said.get("licence", ""),
        credit=said.get("credit", ""),
    )


def _header(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            top = file.read(16_384).decode("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise ConfigurationError([Mistake(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None
    lines = []
    for line in top:
        if line.strip() and not line.startswith("#"):
            break
        lines.append(line)
    return lines


def _wrong(path: Path, said: Mapping[str, str], places: Mapping[str, int]) -> Iterator[Mistake]:
    def mistake(key: str, problem: str) -> Mistake:
        return Mistake(str(path), places[key], 1, f"{key}: {problem}, found '{printable(said[key])}'")

    mode = said.get("mode", "deny")
    if mode not in {"deny", "allow"}:
        yield mistake("mode", "must be deny or allow")
    if "category" not in said:
        known = ", ".join(CATEGORIES)
        yield Mistake(str(path), 1, 1, f"'category' is missing; add '# category: ...' at the top, one of: {known}")
    elif said["category"] not in CATEGORIES and not (said["category"] == "all" and mode == "allow"):
        yield mistake("category", f"not a category; one of: {', '.join(CATEGORIES)}, or all with mode: allow")
    if said.get("category") == "csam":
        yield mistake("category", "addresses of such material are never listed here; the filter's own verdict tells")
    if "kind" in said and (said.get("category") != "bypass" or said["kind"] not in BYPASS_KINDS):
        yield mistake("kind", f"only category bypass has kinds: {', '.join(BYPASS_KINDS)}")
    if "kind" in said and mode == "allow":
        yield mistake("kind", "an allow list cancels a whole category; leave the kind out")
    if said.get("format", "domains") not in FORMATS:
        yield mistake("format", f"not a list format; one of: {', '.join(FORMATS)}")


def pieces(file: ListFile) -> Iterator[Piece]:
    """Yield the entries of *file*, some hundred thousand at a time.

    Raises:
        ConfigurationError: With every line that is no entry, at most :data:`MOST_MISTAKES`, after the last piece.
    """
    mistakes: list[Mistake] = []
    reader = FORMATS[file.format]
    before = 0
    for raw in _blocks(file.path):
        text = _text(file.path, raw, before, mistakes)
        lines = pl.Series("line", [text]).str.split("\n").explode()
        piece, bad = reader(lines)
        for one in bad[:MOST_MISTAKES]:
            problem = (
                f"not a host name: found '{printable(one.text[:80])}'; one name a line, international names as xn--..."
            )
            mistakes.append(Mistake(str(file.path), before + one.row + 1, one.column, problem))
        yield piece
        if len(mistakes) >= MOST_MISTAKES:
            break
        before += raw.count(b"\n")
    if mistakes:
        raise ConfigurationError(mistakes[:MOST_MISTAKES])


def _text(path: Path, raw: bytes, before: int, mistakes: list[Mistake]) -> str:
    try:
        return raw.decode("utf-8-sig" if before == 0 else "utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start)
        column = error.start - raw.rfind(b"\n", 0, error.start)
        mistakes.append(Mistake(str(path), before + line + 1, column, "not UTF-8; save the file as UTF-8"))
        return ""


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the file in pieces of whole lines."""
    try:
        with path.open("rb") as file:
            yield from _whole_lines(file)
    except OSError as error:
        raise ConfigurationError([Mistake(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while block := file.read(PIECE):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
    if rest:
        yield rest
