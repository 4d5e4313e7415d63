"""A page for a terminal, and as plain text for a mail."""

from __future__ import annotations

import io
from typing import IO

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from filterwatch.reports.page import Fact, Page, Table
from filterwatch.reports.render.cells import shown
from filterwatch.text import printable

STYLES = {"good": "green", "attention": "yellow", "bad": "bold red", "unknown": "dim", "plain": ""}
MARKS = {"good": "  ok  ", "attention": " look ", "bad": " ACT  ", "unknown": "  ?   ", "plain": "      "}
"""Standings without colour."""

MAIL_WIDTH = 100
"""Characters of a line of plain text."""


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
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, expand=False)
    for column in table.columns:
        is_number = column.unit not in ("text", "time", "day")
        grid.add_column(
            Text(column.title), justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    for row in table.rows.iter_rows(named=True):
        grid.add_row(*(Text(printable(shown(row[one.name], one.unit, page.period.zone))) for one in table.columns))
    console.print(grid)
    if table.note:
        console.print(Text(printable(table.note), "dim"))
