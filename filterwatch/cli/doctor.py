"""``filterwatch doctor``: what is wrong on this gateway, and what to do about it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated, Optional

import typer

from filterwatch.cli import FINDINGS
from filterwatch.cli._records import Config
from filterwatch.text import printable

WIDTH = 80


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def doctor(
        folders: Annotated[
            Optional[list[Path]],  # noqa: UP045 - typer reads this spelling
            typer.Argument(help="Folders of logs, or logs: propose their `sources:` section instead."),
        ] = None,
        config: Config = None,
        account: Annotated[str, typer.Option(help="Account that the daemon runs under.")] = "filterwatch",
        root: Annotated[Path, typer.Option(help="Take the system's files from below this directory.")] = Path("/"),
    ) -> None:
        """Look for what is wrong on this gateway, or into FOLDERS of logs; changes nothing.

        Exits 1 when something is found, when no log is, or when one is read badly.  Run it as root: it sees more.
        """
        if folders:
            _learn_own_formats(config)
            _propose(folders, root)
            return
        from filterwatch.app.doctor import Gateway, examine
        from filterwatch.app.places import DEFAULT, is_there
        from filterwatch.app.settings import load
        from filterwatch.clock import SystemClock
        from filterwatch.errors import FilterwatchError

        if config is None and not is_there(DEFAULT):
            raise FilterwatchError(
                f"{DEFAULT}: there is no configuration; name it with --config, or run: filterwatch init"
            )
        gateway = Gateway(load(config or DEFAULT), SystemClock().now(), root, account)
        findings = examine(gateway)
        for number, one in enumerate(findings, 1):
            _print(f"{number}. ", one.what, "   ")
            _print("   Why: ", one.why, "        ")
            _print("   Do:  ", one.remedy, "        ")
            typer.echo("")
        if findings:
            typer.secho(f"{len(findings)} findings.", bold=True)
            raise typer.Exit(FINDINGS)
        typer.echo(f"Nothing found wrong: {len(gateway.configuration.settings.sources)} sources looked at.")


def _learn_own_formats(config: Path | None) -> None:
    """Learn the school's own formats; a mistake is said and stops nothing: the section is what may repair it."""
    from filterwatch.app.places import DEFAULT, is_there
    from filterwatch.app.settings import load
    from filterwatch.decoders import add
    from filterwatch.errors import ConfigurationError

    try:
        if config is None and not is_there(DEFAULT):
            return
        if own := load(config or DEFAULT).formats():
            add(own)
    except ConfigurationError as error:
        for line in (*str(error).split("\n"), "Formats of your own are not looked for.", ""):
            typer.echo(printable(line), err=True)


def _propose(folders: list[Path], root: Path) -> None:
    """Print what logs there are and the section for them; exit 1 where there is none, or one is read badly."""
    from filterwatch.app.proposing import proposed, section, table, well
    from filterwatch.app.surveying import survey
    from filterwatch.decoders.whole import local_zone

    logs = list(survey(folders, local_zone(), root))
    for line in table(logs, folders):
        typer.echo(line)
    proposals = proposed(logs, root)
    if proposals:
        typer.echo("")
        typer.echo(section(proposals), nl=False)
    else:
        typer.echo("\nNo log was found that filterwatch can follow.")
    if not well(logs, proposals):
        raise typer.Exit(FINDINGS)


def _print(label: str, text: str, indent: str) -> None:
    """Print a text of one or more lines; a command (it begins in lower case) is not broken: people copy it."""
    for line in text.split("\n"):
        if line[:1].islower():
            typer.echo(label + printable(line))
            label = indent
            continue
        wrapped = textwrap.wrap(
            printable(line), WIDTH, initial_indent=label, subsequent_indent=indent,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        typer.echo("\n".join(wrapped))
        label = indent
