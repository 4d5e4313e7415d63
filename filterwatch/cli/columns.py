"""``filterwatch columns``: how we read an export, for a person to confirm."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def columns(
        file: Annotated[
            str, typer.Argument(help="An export: CSV, TSV, JSON lines, key=value; - reads standard input.")
        ],
        format_: Annotated[
            str, typer.Option("--format", metavar="F", help="export, or the product it is from.")
        ] = "export",
        option: Annotated[
            list[str] | None,
            typer.Option(
                metavar="NAME=VALUE", help="An option of the format, as in the configuration (dates, fields, ...)."
            ),
        ] = None,
    ) -> None:
        """Show how an export is laid out, what its columns become, its first rows, and the source section to paste.

        Exit code 1 where its rows cannot be read; the last line says what to do.
        """
        from filterwatch.decoders import exporting, whole
        from filterwatch.sources import read_files
        from filterwatch.text import printable

        batch = next(read_files([file]), None)
        if batch is None or not len(batch):
            typer.echo(f"{printable(file)}: no lines")
            raise typer.Exit(1)
        text, good = exporting.described(batch, format_, whole.options(option or []))
        typer.echo(text, nl=False)
        if not good:
            raise typer.Exit(1)
