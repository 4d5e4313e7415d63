"""A page for a terminal, and as plain text for a mail."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import IO, Literal, TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from filterwatch.reports.page import Column, Fact, Page, Table
from filterwatch.reports.render.cells import shown
from filterwatch.text import printable

STYLES = {"good": "green", "attention": "yellow", "bad": "bold red", "unknown": "dim", "plain": ""}
MARKS = {"good": "  ok  ", "attention": " look ", "bad": " ACT  ", "unknown": "  ?   ", "plain": "      "}
"""Standings without colour."""

MAIL_WIDTH = 100
"""Characters of a line of plain text."""

MOST_ROWS = 25
"""Rows of a table that are printed: what is longer is for a browser or a program."""

GAP = 3
"""Characters between columns."""

_TEXT = 14
"""Characters that a column of text gets at least, where it needs them."""

Cells: TypeAlias = dict[Column, list[str]]
"""What is shown, by column."""


def write(page: Page, out: IO[str], *, width: int | None = None) -> None:
    """Print *page*: colours only where *out* is a terminal.

    Args:
        page: What to print.
        out: Where to.
        width: Characters of a line; null for that of the terminal.
    """
    is_terminal = out.isatty()
    if width is None and not is_terminal:
        width = MAIL_WIDTH
    console = Console(file=out, width=width, highlight=False, markup=False, emoji=False, no_color=not is_terminal)
    console.print(Text(printable(f"{page.title}: {page.site}"), "bold"))
    console.print(Text(str(page.period)))
    if page.confidential:
        console.print(Text(page.confidential, "dim"))
    for section in page.sections:
        console.print()
        console.print(Text(section.title.upper(), "bold"))
        if section.facts:
            console.print(_facts(section.facts))
        for table in section.tables:
            _table(console, table, page)
    console.print()
    for statement in page.statements:
        console.print(Text(f"* {printable(statement)}", "dim"))


def text(page: Page, *, width: int = MAIL_WIDTH) -> str:
    """Return *page* as plain text."""
    out = io.StringIO()
    write(page, out, width=width)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _facts(facts: tuple[Fact, ...]) -> Grid:
    grid = Grid.grid(padding=(0, 1))
    for fact in facts:
        value = f"{fact.value} ({fact.note})" if fact.note else fact.value
        mark = MARKS[fact.standing] if fact.label else "  -"
        style = STYLES[fact.standing]
        said = (Text(printable(fact.label)), Text(printable(value), style)) if fact.label else (Text(printable(value)),)
        grid.add_row(Text(mark, style), *said)
    return grid


def _table(console: Console, table: Table, page: Page) -> None:
    console.print()
    console.print(Text(table.title, "underline"))
    if not table.rows.height:
        console.print(Text(table.empty))
        return
    rows = table.rows.head(MOST_ROWS)
    cells = {
        column: [printable(shown(value, column.unit, page.period.zone)) for value in rows[column.name]]
        for column in table.columns
    }
    kept = _fitting(cells, console.width)
    if kept is None:
        _records(console, cells)
    else:
        console.print(_grid({column: cells[column] for column in kept}))
    for line in _left_out(table, kept or table.columns):
        console.print(Text(line, "dim"))
    if table.note:
        console.print(Text(printable(table.note), "dim"))


def _fitting(cells: Cells, room: int) -> list[Column] | None:
    """Return the columns to show, details left out from the right until the rest fits; null where it does not."""
    kept = list(cells)
    while sum(_least(column, cells[column]) + GAP for column in kept) > room:
        details = [column for column in kept if column.is_detail]
        if not details:
            return None
        kept.remove(details[-1])
    return kept


def _left_out(table: Table, kept: Sequence[Column]) -> Iterator[str]:
    """Say what is not shown, and where it is."""
    titles = [column.title for column in table.columns if column not in kept]
    if titles:
        yield f"No room for {', '.join(titles)}: --format html, csv or json has all."
    if table.rows.height > MOST_ROWS:
        yield f"{table.rows.height - MOST_ROWS:,} rows more: --format html, csv or json has all."


def _least(column: Column, cells: Sequence[str]) -> int:
    """Return the width below which a column cannot be read: its longest word, or 14 of a text's letters."""
    title = max(map(len, column.title.split()), default=0)
    longest = max(map(len, cells), default=0)
    return max(title, longest if column.unit != "text" else min(longest, _TEXT))


def _grid(cells: Cells) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, expand=False)
    for column, own in cells.items():
        is_number = column.unit not in ("text", "time", "day")
        side: Literal["left", "right"] = "right" if is_number else "left"
        grid.add_column(Text(column.title), justify=side, min_width=_least(column, own), overflow="fold")
    for row in zip(*cells.values(), strict=True):
        grid.add_row(*map(Text, row))
    return grid


def _records(console: Console, cells: Cells) -> None:
    """Print a table that is too wide for the terminal row by row, a value a line."""
    width = max(len(column.title) for column in cells)
    for row in zip(*cells.values(), strict=True):
        console.print()
        for column, cell in zip(cells, row, strict=True):
            console.print(Text(f"  {column.title:<{width}}  {cell}"))
