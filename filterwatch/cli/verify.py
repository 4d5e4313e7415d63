"""``filterwatch verify``: is the evidence what was written?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from filterwatch.cli import FINDINGS

# typer reads this spelling of "may be left out".
# ruff: noqa: UP045


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def verify(
        config: Annotated[
            Path, typer.Option("--config", "-c", envvar="FILTERWATCH_CONFIG", help="Configuration file.")
        ] = Path("/etc/filterwatch/filterwatch.yaml"),
        state: Annotated[
            Optional[Path], typer.Option("--state", help="State directory, where there is no configuration.")
        ] = None,
        notes: Annotated[
            Optional[list[typer.FileText]],
            typer.Option("--note", help="A signed head of the ledger as it was mailed; may be given several times."),
        ] = None,
    ) -> None:
        """Compare every sealed file with its checksum, and the ledger with its seals and signed heads.

        Lists everything that is not as it was written, one a line, and exits 1; else says what was looked at and
        exits 0.
        """
        from filterwatch.app.verifying import verify as look
        from filterwatch.text import printable

        found = look(config, state, [note.read() for note in notes or ()])
        for problem in found.problems:
            typer.echo(printable(problem))
        if found.problems:
            raise typer.Exit(FINDINGS)
        typer.echo(f"archive: {found.files} files with {found.events:,} events are what was sealed")
        if found.entries is not None:
            typer.echo(f"ledger: {found.entries:,} entries are what was written")
