"""``filterwatch report``: what the archive, or a log file, says."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from filterwatch.cli import FINDINGS
from filterwatch.errors import FilterwatchError
from filterwatch.reports.catalogue import FORMATS, REPORTS, Report
from filterwatch.text import printable

if TYPE_CHECKING:
    from filterwatch.reports.page import Page

ABOUT = "; ".join(f"{report.name}: {report.about}" for report in REPORTS.values())


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def report(  # noqa: PLR0917 - typer's way to declare options
        name: Annotated[str, typer.Argument(help=f"{ABOUT}.", metavar="NAME")],
        files: Annotated[list[Path] | None, typer.Argument(help="Logs to read instead of the archive.")] = None,
        first: Annotated[Optional[str], typer.Option("--from", help="First day, 2026-11-16.")] = None,  # noqa: UP045
        last: Annotated[Optional[str], typer.Option("--to", help="Last day, included.")] = None,  # noqa: UP045
        form: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "table",
        table: Annotated[Optional[str], typer.Option(help="Which table, for csv.")] = None,  # noqa: UP045
        config: Annotated[Optional[Path], typer.Option("--config", "-c", help="Configuration.")] = None,  # noqa: UP045
        log_format: Annotated[Optional[str], typer.Option(help="Format of FILES; default: found out.")] = None,  # noqa: UP045
        names: Annotated[bool, typer.Option("--names", help="Name people and devices; else pseudonyms.")] = False,
        output: Annotated[Optional[Path], typer.Option(help="Write here instead of standard output.")] = None,  # noqa: UP045
        fail: Annotated[bool, typer.Option("--fail", help="Exit with 1 where there is something to look at.")] = False,
        mail: Annotated[bool, typer.Option("--mail", help="Send it to whom the configuration names.")] = False,
    ) -> None:
        """Tell what the archive says of bandwidth, bypass or the week; with FILES, what those logs say.

        People and devices have pseudonyms, the same that their alerts carry, unless --names is given.
        """
        from filterwatch.app import reporting
        from filterwatch.reports.asked import Asked

        wanted, paths = _report(name), files or []
        if form not in FORMATS:
            raise FilterwatchError(f"--format {printable(form)}: unknown; one of {', '.join(FORMATS)}")
        with _progress(paths) as seen:
            asked = Asked(wanted, _day("--from", first), _day("--to", last), config, paths, log_format, names, seen)
            if mail:
                reporting.mail(asked)
                return
            page = reporting.page(asked)
        _write(page, form, table, output)
        if fail and wanted.findings(page):
            raise typer.Exit(FINDINGS)


def _report(name: str) -> Report:
    if name not in REPORTS:
        raise FilterwatchError(f"report {printable(name)}: unknown; one of {', '.join(REPORTS)}")
    return REPORTS[name]


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise FilterwatchError(f"{option} {printable(text or '')}: write a date as 2026-11-16") from None


@contextmanager
def _progress(files: Sequence[Path]) -> Iterator[Callable[[int], None]]:
    """Show how much of *files* was read, on a terminal, while it is read; else nothing."""
    if not sys.stderr.isatty():
        yield lambda _bytes: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    total = sum(os.stat(path).st_size for path in files if path.is_file()) or None  # noqa: PTH116 - one call a file
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading logs" if files else "Reading the archive", total=total)
        yield lambda count: bar.advance(task, count)


def _write(page: Page, form: str, table: str | None, output: Path | None) -> None:
    from filterwatch.reports.catalogue import rendered

    if output is not None:
        text = rendered(page, "text" if form == "table" else form, table)
        try:
            output.touch(mode=0o600)  # it is about people
            output.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise FilterwatchError(f"{output}: cannot be written: {error.strerror}") from None
        return
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that knows ASCII only gets codes for what it cannot show, not an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    if form == "table":
        from filterwatch.reports.render import table as terminal

        terminal.write(page, sys.stdout)
    else:
        sys.stdout.write(rendered(page, form, table))
