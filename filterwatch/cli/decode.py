"""``filterwatch decode``: what our decoders make of a log, line by line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from filterwatch.lines import LineBatch


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def decode(
        files: Annotated[list[str], typer.Argument(help="Logs, plain or compressed; - reads standard input.")],
        format_: Annotated[
            Optional[str],  # noqa: UP045 - typer reads this spelling
            typer.Option("--format", metavar="F", help="Format of the logs; default: found out, or 'cannot tell'."),
        ] = None,
        option: Annotated[
            list[str] | None,
            typer.Option(
                metavar="NAME=VALUE", help="An option of the format, as in the configuration (zone, year, ...)."
            ),
        ] = None,
        formats: Annotated[
            list[Path] | None,
            typer.Option(metavar="DIR", help="Folder of field maps of your own (docs/formats.md); may be repeated."),
        ] = None,
        explain: Annotated[
            bool, typer.Option("--explain", help="Show for people how each line is read: time, fields, verdict.")
        ] = False,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="With --explain: lines of each file.")] = 20,
    ) -> None:
        """Print one JSON object for every line: its event, why it was rejected, or why it was skipped.

        Lines count from 1 in each file; with several files each object names its file.
        """
        from filterwatch.decoders import add, listing, whole
        from filterwatch.sources import read_files

        for folder in formats or []:
            add(folder)
        options = whole.options(option or [])
        if explain:
            for file in files:
                _explain(file, format_, options, limit)
            return
        for file in files:
            name = file if len(files) > 1 else None
            line = 1
            for decoded, count in whole.decoded(_warned(read_files([file])), file, format_, options):
                sys.stdout.buffer.write(listing.json_lines(decoded, line, name))
                line += count
        sys.stdout.buffer.flush()


def _explain(file: str, format_: str | None, options: dict[str, object], limit: int) -> None:
    """Print how the first lines of a file are read."""
    from filterwatch.decoders import explaining, whole
    from filterwatch.sources import read_files
    from filterwatch.text import printable

    batch = next(_warned(read_files([file])), None)
    if batch is None:
        return
    name = format_ or whole.told(batch, file)
    typer.secho(printable(f"{file}: {name}"), bold=True)
    for one in explaining.explain(batch, name, options, whole.local_zone(), limit):
        before = ""
        typer.echo("")
        for label, text in explaining.text_of(one):
            colour = typer.colors.YELLOW if label in ("dropped", "verdict") else typer.colors.CYAN
            typer.echo(typer.style(f"{'' if label == before else label:<9}", fg=colour) + printable(text))
            before = label


def _warned(batches: Iterator[LineBatch]) -> Iterator[LineBatch]:
    """Pass batches on; what a damaged file does not give is said on standard error."""
    from filterwatch.text import printable

    for batch in batches:
        for gap in batch.gaps:
            typer.echo(f"{printable(batch.path)}: {printable(gap.why)}", err=True)
        yield batch
