"""``filterwatch decode``: what our decoders make of a log, line by line."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer


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
    ) -> None:
        """Print one JSON object for every line: its event, why it was rejected, or why it was skipped.

        Lines count from 1 in each file; with several files each object names its file.
        """
        from filterwatch.decoders import listing, whole
        from filterwatch.sources import read_files

        options = whole.options(option or [])
        for file in files:
            name = file if len(files) > 1 else None
            line = 1
            for decoded, count in whole.decoded(read_files([file]), file, format_, options):
                sys.stdout.buffer.write(listing.json_lines(decoded, line, name))
                line += count
        sys.stdout.buffer.flush()
