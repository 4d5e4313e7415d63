"""``filterwatch check``: every mistake in configuration and rules at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

# typer reads these spellings of "may be left out".
# ruff: noqa: UP045


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def check(
        config: Annotated[
            Optional[Path],
            typer.Option("--config", "-c", help="Configuration to check, with all it names; default: rules alone."),
        ] = None,
        rules: Annotated[
            Optional[Path], typer.Option(help="Directory of rules; default: the configuration's, else the shipped.")
        ] = None,
        against: Annotated[
            Optional[Path], typer.Option(metavar="DIR", help="Rules before: run their examples on these rules too.")
        ] = None,
    ) -> None:
        """Check a configuration and the rules, and run every rule's examples.

        Lists every mistake as path:line:column on standard error and exits 2; else says what was checked and exits 0.
        With --against: exits 1 when a rule is gone or no longer does what its examples said before.
        """
        from filterwatch.app.checking import check as look
        from filterwatch.text import printable

        found = look(config, rules, against)
        typer.echo(f"{found.rule_count} rules, {found.examples} examples ({printable(str(found.rules))})")
        typer.echo(f"{found.lists} category lists, {found.names:,} names")
        if config is not None:
            typer.echo(f"{found.sources} sources, {found.people} people on the roster ({printable(str(config))})")
        typer.echo("No mistakes.")
        if against is not None and not found.lost:
            typer.echo(f"Every example before still does as it says ({printable(str(against))})")
        for one in found.lost:
            typer.echo(printable(str(one)))
        if found.lost:
            raise typer.Exit(1)
