"""CSV tables that people write (a roster, a list of devices), with the place of every mistake."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterwatch.errors import ConfigurationError, Mistake

MAX_BYTES = 20_000_000
"""A roster of 100,000 people has about 5 MB."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        path: The file.
        line: Where the row begins, from 1.
        values: Text by column, stripped; columns that are empty are left out.
        columns: Where each value begins in the line, from 1.
    """

    path: str
    line: int
    values: dict[str, str]
    columns: dict[str, int]

    def mistake(self, column: str, problem: str) -> Mistake:
        """Return a mistake at the value of *column*, or at the row where it has none."""
        return Mistake(self.path, self.line, self.columns.get(column, 1), f"{column}: {problem}")


def rows(path: Path, known: Sequence[str], mistakes: list[Mistake]) -> Iterator[Row]:
    """Yield the rows of a CSV file whose first line names its columns.

    Args:
        path: UTF-8, separated by commas, semicolons or tabs (what the first line uses most); lines that begin with
            ``#`` and blank lines are passed over.
        known: The columns it may have.
        mistakes: What is wrong with the file is added here; such rows are not yielded.

    Raises:
        ConfigurationError: The file cannot be read at all.
    """
    name = str(path)
    text = _text(path)
    separator = ","
    header: dict[str, int] | None = None
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if header is None:
            separator = max(",;\t", key=line.count)
        try:
            cells, starts = _split(line.rstrip("\n"), separator)
        except csv.Error as error:
            mistakes.append(Mistake(name, number, 1, f"no row of a CSV file: {error}"))
            continue
        if header is None:
            header = _header(name, number, list(zip(cells, starts, strict=True)), known, mistakes)
            continue
        if len(cells) > len(header):
            problem = f"{len(cells)} values for {len(header)} columns; quote a value that holds {separator!r}"
            mistakes.append(Mistake(name, number, starts[len(header)], problem))
            continue
        values = {column: cells[at] for column, at in header.items() if at < len(cells) and cells[at]}
        yield Row(name, number, values, {column: starts[header[column]] for column in values})
    if header is None:
        mistakes.append(Mistake(name, 1, 1, f"the file is empty; its first line names the columns: {', '.join(known)}"))


def _text(path: Path) -> str:
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError([Mistake(name, 0, 0, f"cannot be read: {error.strerror}")]) from None
    if len(raw) > MAX_BYTES:
        raise ConfigurationError([Mistake(name, 0, 0, f"larger than {MAX_BYTES} bytes; is it the right file?")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ConfigurationError([Mistake(name, line, column, "not UTF-8; save the file as CSV UTF-8")]) from None


def _split(line: str, separator: str) -> tuple[list[str], list[int]]:
    """Return the cells of a line, and the column at which each begins."""
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    starts, quoted = [1], False
    for at, character in enumerate(line, 2):
        if character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            starts.append(at)
    return cells, (starts + [1] * len(cells))[: len(cells)]


def _header(
    name: str, line: int, cells: Sequence[tuple[str, int]], known: Sequence[str], mistakes: list[Mistake]
) -> dict[str, int]:
    header: dict[str, int] = {}
    for at, (cell, column) in enumerate(cells):
        word = cell.casefold()
        if word not in known:
            near = difflib.get_close_matches(word, known, 1)
            remedy = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}; take the column out"
            mistakes.append(Mistake(name, line, column, f"unknown column {cell!r}; {remedy}"))
        elif word in header:
            mistakes.append(Mistake(name, line, column, f"column '{word}' is given twice; remove one"))
        header.setdefault(word, at)
    return header
