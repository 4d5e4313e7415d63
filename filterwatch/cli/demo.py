"""``filterwatch demo``: a demonstration school."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def demo(
        stay: Annotated[
            bool, typer.Option("--stay", help="Keep it up until Ctrl-C instead of ending by itself.")
        ] = False,
        folder: Annotated[
            Optional[Path],  # noqa: UP045 - typer reads this spelling
            typer.Option(help="A new folder for the school; default: a temporary one, which is kept."),
        ] = None,
    ) -> None:
        """Show a demonstration school: logs written live, the real daemon, mails caught on this machine.

        Ends by itself after about a minute; nothing leaves this machine.
        """
        import tempfile

        from rich.console import Console

        from filterwatch.errors import FilterwatchError

        try:
            from filterwatch.demo.play import play
        except ModuleNotFoundError as error:
            raise FilterwatchError(
                f"the demonstration needs the package {error.name}: install filterwatch[demo]"
            ) from None
        if folder is not None and folder.exists():
            raise FilterwatchError(f"{folder}: exists already; name a new folder")
        where = folder or Path(tempfile.mkdtemp(prefix="filterwatch-demo-"))
        raise typer.Exit(play(where.resolve(), stay=stay, console=Console()))
