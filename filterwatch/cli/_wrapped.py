"""Text as lines of a terminal."""

from __future__ import annotations

import textwrap

import typer

from filterwatch.text import printable

WIDTH = 80


def wrapped(text: str, indent: str = "") -> None:
    """Print *text*, made printable, in lines of 80 columns; what follows the first line is indented more."""
    for line in textwrap.wrap(
        printable(text), WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    ):
        typer.echo(line)
