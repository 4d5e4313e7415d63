"""A page for a terminal, and as plain text for a mail."""

from __future__ import annotations

import io
from typing import IO

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

_TEXT = 24
"""Characters that a column of text gets at least, where it needs them."""


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
    cells = [
        [printable(shown(row[one.name], one.unit, page.period.zone)) for one in table.columns]
        for row in table.rows.iter_rows(named=True)
    ]
    widths = [_least(column, place, cells) for place, column in enumerate(table.columns)]
    if sum(widths) + 2 * len(widths) > console.width:
        _records(console, table, cells)
    else:
        console.print(_grid(table, cells, widths))
    if table.note:
        console.print(Text(printable(table.note), "dim"))


def _least(column: Column, place: int, cells: list[list[str]]) -> int:
    """Return the width below which a column cannot be read: its longest word, or 24 of a text's letters."""
    title = max(map(len, column.title.split()), default=0)
    longest = max((len(row[place]) for row in cells), default=0)
    return max(title, longest if column.unit != "text" else min(longest, _TEXT))


def _grid(table: Table, cells: list[list[str]], widths: list[int]) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, expand=False)
    for column, width in zip(table.columns, widths, strict=True):
        is_number = column.unit not in ("text", "time", "day")
        grid.add_column(Text(column.title), justify="right" if is_number else "left", min_width=width, overflow="fold")
    for row in cells:
        grid.add_row(*map(Text, row))
    return grid


def _records(console: Console, table: Table, cells: list[list[str]]) -> None:
    """Print a table that is too wide for the terminal row by row, a value a line."""
    width = max(len(column.title) for column in table.columns)
    for row in cells:
        console.print()
        for column, cell in zip(table.columns, row, strict=True):
            console.print(Text(f"  {column.title:<{width}}  {cell}"))
