"""The reader of our own form: a column of lines becomes a column of entries."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from filterwatch.lists import addresses, pages
from filterwatch.lists.modes import Mode


@dataclass(frozen=True, slots=True)
class Piece:
    """Some entries of one list.

    Attributes:
        names: Names, addresses, ranges and pages, each in its one form (String, no nulls).
        modes: :class:`Mode` of each (UInt8).
    """

    names: pl.Series
    modes: pl.Series


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that is no entry.

    Attributes:
        row: Its number, from 0.
        column: Where it begins in its line, from 1.
        text: What stands there.
    """

    row: int
    column: int
    text: str


_MARKED = r"^(@@|\?)?(=|\*\.)?(.*)$"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = rf"^(?:{_LABEL}\.)*{_LABEL}$"
_IS_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_RANGE = re.compile(r"[0-9a-f.:]+/[0-9]{1,3}")
_SCOPES = {"=": Mode.EXACT, "*.": Mode.CHILDREN}
_GIVES = {"@@": Mode.ALLOW, "?": Mode.ASIDE}


def read(lines: pl.Series) -> tuple[Piece, list[Bad]]:
    """Return the entries of *lines* (String, no line ends), and the lines that are neither entry nor comment."""
    line = pl.col("line")
    if lines.str.contains("#", literal=True).any():
        line = line.str.splitn("#", 2).struct.field("field_0")
    # ".x" is squid's spelling of x and all below it.
    typed = line.str.strip_chars().str.strip_prefix(".")
    rows = lines.to_frame("line").with_row_index("row").select("row", typed=typed)
    rows = rows.with_columns(word=pl.col("typed").str.strip_chars_end(".").str.to_lowercase()).filter(
        pl.col("word") != ""
    )
    if rows.select(pl.col("word").str.head(1).is_in(["=", "*", "@", "?"]).any()).item():
        marks = rows["word"].str.extract_groups(_MARKED).struct.unnest()
        scope = marks["2"].replace_strict(_SCOPES, default=Mode.SUFFIX, return_dtype=pl.UInt8)
        gives = marks["1"].replace_strict(_GIVES, default=Mode.SUFFIX, return_dtype=pl.UInt8)
        aside = pl.Series([int(Mode.ASIDE)], dtype=pl.UInt8)
        mode = pl.select(pl.when(gives == Mode.ASIDE).then(aside).otherwise(gives + scope)).to_series()
        rows = rows.with_columns(word=marks["3"], mode=mode)
    else:
        rows = rows.with_columns(mode=pl.lit(Mode.SUFFIX, dtype=pl.UInt8))
    good = pl.col("word").str.contains(_NAME) & (pl.col("word").str.len_bytes() < 254)
    rows = rows.with_columns(good=good)
    entries = rows.filter("good").select("row", "word", "mode")
    bad: list[Bad] = []
    if len(entries) < len(rows):
        others, bad = _others(rows.filter(~pl.col("good")), lines)
        entries = pl.concat([entries, others]).sort("row") if len(others) else entries
    return Piece(entries["word"], entries["mode"]), bad


def _others(rows: pl.DataFrame, lines: pl.Series) -> tuple[pl.DataFrame, list[Bad]]:
    """Return IPv6 addresses, ranges and pages among *rows* in their one form, and what is none of them."""
    found: list[tuple[int, str, int]] = []
    bad = []
    for row, word, typed, mode in rows.select("row", "word", "typed", "mode").iter_rows():
        entry = _other(word, typed, Mode(mode))
        if entry is None:
            line: str = lines[row]
            bad.append(Bad(row, len(line) - len(line.lstrip()) + 1, word))
        else:
            found.append((row, *entry))
    schema = {"row": rows.schema["row"], "word": pl.String(), "mode": pl.UInt8()}
    return pl.DataFrame(found, schema=schema, orient="row"), bad


def _other(word: str, typed: str, mode: Mode) -> tuple[str, int] | None:
    if address := addresses.normal(word):
        return address, mode
    if "/" not in word or "://" in word or _RANGE.fullmatch(word) or mode.scope not in {Mode.SUFFIX, Mode.ASIDE}:
        return None
    host, path = pages.page(typed.lstrip("@?")) or ("", "")
    if not path.startswith("/") or not is_name(host):
        return None
    return host + path, mode + Mode.PAGE if mode < Mode.PAGES_BELOW else mode


def is_name(host: str) -> bool:
    """Say whether *host* is a name in our form."""
    return len(host) < 254 and _IS_NAME.fullmatch(host) is not None
