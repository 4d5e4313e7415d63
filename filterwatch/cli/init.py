"""``filterwatch init``: a first configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from filterwatch.text import printable


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def init(
        directory: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("/etc/filterwatch"),
        root: Annotated[Path, typer.Option(help="Look for logs below this directory instead of /.")] = Path("/"),
    ) -> None:
        """Write a commented configuration with the logs that this gateway has; nothing is ever overwritten."""
        from filterwatch.app.starting import start

        made = start(directory, root)
        for log in made.logs:
            typer.echo(printable(f"found    {log.path}: {log.format} ({log.note})"))
        if not made.logs:
            typer.echo("found    no log that can be read; name yours under `sources:`")
        for path in made.written:
            typer.echo(printable(f"written  {path}"))
        for path in made.kept:
            typer.echo(printable(f"kept     {path} (was there already)"))
        config = printable(str(directory / "filterwatch.yaml"))
        typer.echo("\nNext:")
        typer.echo(f"1. Put the people who are told into {config}")
        typer.echo("   and their addresses into the files under credentials/.")
        typer.echo("2. Fill in roster.csv, devices.csv, the address ranges and the terms.")
        typer.echo(f"3. filterwatch check --config {config}")
        typer.echo(f"4. filterwatch doctor --config {config}")
