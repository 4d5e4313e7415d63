"""Text as lines of a terminal."""

from __future__ import annotations

import shutil
import textwrap

import typer

from filterwatch.text import printable

NARROWEST, WIDEST = 40, 120
"""Lines of prose that people still read."""


def wrapped(text: str, indent: str = "", below: str | None = None, *, err: bool = False) -> None:
    """Print *text*, made printable, in lines as wide as the terminal: 80 columns where there is none.

    Args:
        text: What to print.
        indent: Stands before the first line.
        below: Stands before the others; two blanks more than *indent* where it is left out.
        err: Print it beside what the command prints, for people.
    """
    width = max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST))
    more = f"{' ' * len(indent)}  " if below is None else below
    for line in textwrap.wrap(
        printable(text), width, initial_indent=indent, subsequent_indent=more, break_on_hyphens=False
    ):
        typer.echo(line, err=err)
