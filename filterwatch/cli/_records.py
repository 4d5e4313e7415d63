"""What the commands of the registers share: where they are, who acts, what time is meant, how it is shown."""

from __future__ import annotations

import getpass
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from filterwatch.clock import SystemClock
from filterwatch.errors import FilterwatchError
from filterwatch.text import printable

if TYPE_CHECKING:
    from filterwatch.app.parts import School
    from filterwatch.app.settings import Configuration
    from filterwatch.records.ledger import Actor

Config = Annotated[Path | None, typer.Option("--config", "-c", envvar="FILTERWATCH_CONFIG", help="Configuration file.")]
State = Annotated[
    Path | None, typer.Option("--state", help="State directory, where there is no configuration (Europe/London).")
]
By = Annotated[str, typer.Option("--by", envvar="FILTERWATCH_BY", help="Your name: it is recorded.")]


_WORD = re.compile(r"[^-_. ]+[-_. ]*|[-_. ]+")
"""Parts of a text between which a line may end, with the signs behind them."""


def school_of(config: Path | None, rules: Path | None, *, beside: bool = True) -> School:
    """Return the school of a configuration, or where there is none that of the shipped rules.

    Args:
        config: The configuration; null for the one in its usual place.
        rules: A directory of rules, in place of the configuration's.
        beside: Whether the configuration in its usual place is read where *rules* are named.
    """
    from filterwatch.app.parts import School
    from filterwatch.app.places import DEFAULT, is_there, shipped

    known = None
    if config or ((beside or rules is None) and is_there(DEFAULT)):
        from filterwatch.app.settings import load

        known = load(config or DEFAULT)
    return School(known, rules or (known.rules if known else shipped("rules")))


@dataclass(frozen=True, slots=True)
class Desk:
    """The registers are open.

    Attributes:
        zone: The school's.
        now: When the command began, UTC.
        head: Name of the head, where the configuration says it.
        known: What the school says; null where no configuration is named.
    """

    zone: ZoneInfo
    now: datetime
    head: str = ""
    known: Configuration | None = None

    def show(self, when: datetime | None) -> str:
        """Return a time as people read it in the school."""
        return f"{when.astimezone(self.zone):%a %d %b %Y %H:%M}" if when else ""

    def short(self, when: datetime | None) -> str:
        """Return a time for a narrow column; the year only where it is not this one."""
        local = when.astimezone(self.zone) if when else None
        this = self.now.astimezone(self.zone).year
        return f"{local:%d %b %H:%M}" if local and local.year == this else f"{local:%d %b %Y %H:%M}" if local else ""

    def span(self, start: datetime | None, end: datetime | None, still: str = "") -> str:
        """Return two times for a narrow column."""
        return f"{self.short(start)} to {self.short(end) or still}" if start else ""

    def time(self, text: str) -> datetime:
        """Return the time that somebody typed: ``2026-11-23 14:00``, or ``14:00`` for today; the school's zone.

        Raises:
            FilterwatchError: It is neither.
        """
        today = self.now.astimezone(self.zone).date()
        for whole in (text, f"{today} {text}"):
            try:
                found = datetime.strptime(whole, "%Y-%m-%d %H:%M")  # noqa: DTZ007 - the zone follows
            except ValueError:
                continue
            return found.replace(tzinfo=self.zone)
        raise FilterwatchError(f'{printable(text)}: write a time as "2026-11-23 14:00", or "14:00" for today')

    def date(self, text: str) -> date:
        """Return the date that somebody typed.

        Raises:
            FilterwatchError: It is none.
        """
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise FilterwatchError(f"{printable(text)}: write a date as 2026-11-23") from None


def opened(config: Path | None, state: Path | None) -> Desk:
    """Open the registers that the options name.

    Raises:
        FilterwatchError: None are named, or they cannot be opened.
    """
    from filterwatch.records import Settings as Records
    from filterwatch.records.opening import open_registers

    now = SystemClock().now()
    if state is not None:
        open_registers(Records(), state)
        return Desk(ZoneInfo("Europe/London"), now)
    from filterwatch.app.places import DEFAULT, is_there
    from filterwatch.app.settings import load

    if config is None and not is_there(DEFAULT):
        raise FilterwatchError("which registers? name the configuration with --config, or the directory with --state")
    known = load(config or DEFAULT)
    open_registers(known.settings.records, known.state, known.directory)
    return Desk(known.settings.timezone, now, known=known)


def actor(name: str) -> Actor:
    """Return who acts: the name they give, and the login they have."""
    from filterwatch.records.ledger import Actor

    return Actor(name, getpass.getuser())


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    empty: str,
    wrap: Sequence[str] = (),
    fold: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Print a table that fits the terminal; every value is made printable and none is taken for markup.

    Args:
        columns: Their headings.
        rows: One value for each.
        empty: What to print where there are none.
        wrap: Columns that may take several lines; the others hold what must be readable as a whole.
        fold: Columns that take several lines of at most so many characters, cut where a word ends; the first takes what
            a terminal has beyond 80.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    fold = dict(fold)
    for first in list(fold)[:1]:
        fold[first] += max(0, console.width - 80)
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        shown.add_column(_cell(column, fold.get(column)), no_wrap=column not in wrap, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(_cell(str(value), fold.get(column))) for column, value in zip(columns, row, strict=True)))
    if shown.row_count:
        console.print(shown)
    else:
        typer.echo(empty)


def _cell(text: str, width: int | None) -> str:
    if width is None:
        return printable(text)
    lines = [""]
    for word in _WORD.findall(text):
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(printable(part) for line in lines for part in textwrap.wrap(line, width) or [""])


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values below each other; what has no value is left out."""
    known = [(name, printable(str(value))) for name, value in pairs if value not in {None, ""}]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        typer.echo(f"{name:<{width}}  {value}")


def say(text: str) -> None:
    """Print one line."""
    typer.echo(printable(text))
