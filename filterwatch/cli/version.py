"""``filterwatch version``."""

from __future__ import annotations

import typer

from filterwatch import __version__


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def version() -> None:
        """Print the version."""
        typer.echo(f"filterwatch {__version__}")
