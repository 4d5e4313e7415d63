"""``filterwatch lists``: public category lists, fetched, judged and compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from filterwatch.cli import FINDINGS
from filterwatch.text import defang, printable

if TYPE_CHECKING:
    from filterwatch.app.lists import SchoolLists, Status
    from filterwatch.lists.updating import Outcome

# typer reads this spelling of "may be left out".
# ruff: noqa: UP045

Config = Annotated[Path, typer.Option("--config", "-c", envvar="FILTERWATCH_CONFIG", help="Configuration file.")]
DEFAULT = Path("/etc/filterwatch/filterwatch.yaml")
Accept = Annotated[
    Optional[list[str]], typer.Option(help="A list to take in although it shrank or holds odd names; may be repeated.")
]
SHOWN = 20
"""Entries set aside and ordinary sites that are shown by name without --all."""

Progress = tuple[Callable[[str], None], Callable[["Outcome"], None]]
"""What is called with the id of a list before it is fetched, and with what became of it."""

NONE_IN_USE = "no public list is in use (lists.use); `filterwatch lists catalogue` shows what there is"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="lists", help="Category lists: fetch, check, look up.", no_args_is_help=True)
    app.add_typer(group)
    _changing(group)
    _asking(group)


def _changing(group: typer.Typer) -> None:
    @group.command()
    def update(
        ids: Annotated[Optional[list[str]], typer.Argument(metavar="[LIST]...", help="Default: all in use.")] = None,
        config: Config = DEFAULT,
        force: Annotated[bool, typer.Option("--force", help="Ask for lists that are not due too.")] = False,
        accept: Accept = None,
    ) -> None:
        """Fetch the lists named under `lists.use` that are due, check them and compile all lists anew.

        A list that is not believed is refused with the reason and the last good version stays. A running daemon takes
        the new lists by itself. Exits 1 when a list was refused or could not be fetched.
        """
        lists = _opened(config)
        if not (ids or lists.ids):
            typer.echo(NONE_IN_USE)
        with _progress(len(ids or lists.ids)) as (begun, told):
            outcomes = lists.update(ids or (), force=force, accept=accept or (), begun=begun, told=told)
        _end(outcomes)

    @group.command("import")
    def import_(
        path: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle, or with --list the file of one list.")],
        config: Config = DEFAULT,
        list_: Annotated[str, typer.Option("--list", help="The list whose file it is, as its makers give it.")] = "",
        accept: Accept = None,
    ) -> None:
        """Take in lists that were carried here, by the same checks as fetched ones. Exits 1 when one was refused."""
        _end(_opened(config).take(path, list_, accept=accept or ()))

    @group.command()
    def export(
        path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The file to write.")], config: Config = DEFAULT
    ) -> None:
        """Write the fetched lists into a bundle, for a gateway that may not reach the internet."""
        held = _opened(config).export(path)
        typer.echo(f"{printable(str(path))}: {', '.join(held)}")

    @group.command()
    def rollback(
        ids: Annotated[list[str], typer.Argument(metavar="LIST...", help="Lists to put back.")],
        config: Config = DEFAULT,
    ) -> None:
        """Put the version before in place of the current one; the bad one is not taken again by itself."""
        _end(_opened(config).rollback(ids))

    @group.command("compile")
    def compile_(config: Config = DEFAULT) -> None:
        """Compile all lists anew after a list of the school's own was changed; a running daemon takes them."""
        index = _opened(config).compile()
        typer.echo(f"{len(index.lists)} lists, {len(index):,} names")


def _asking(group: typer.Typer) -> None:
    @group.command()
    def status(
        config: Config = DEFAULT,
        everything: Annotated[bool, typer.Option("--all", help="Name every entry that is set aside.")] = False,
        licences: Annotated[bool, typer.Option("--licences", help="Show licences and credits too.")] = False,
    ) -> None:
        """Show how the lists in use are, what was set aside, and ordinary sites that a list gives a category.

        Exits 1 when a list is missing, stale or was refused, or when an ordinary site has a category.
        """
        if _status(_opened(config), None if everything else SHOWN, licences=licences):
            raise typer.Exit(FINDINGS)

    @group.command()
    def lookup(
        what: Annotated[str, typer.Argument(metavar="HOST|URL", help="Host, address or URL.")],
        config: Config = DEFAULT,
    ) -> None:
        """Show what the lists say of a host or a page, nearest entry first. Exits 1 when it has a category."""
        if _look_up(what, config):
            raise typer.Exit(FINDINGS)

    @group.command()
    def catalogue(config: Config = DEFAULT) -> None:
        """Show the public lists that can be named under `lists.use`, whatever is named there now."""
        from filterwatch.app.parts import School
        from filterwatch.app.places import is_there
        from filterwatch.app.settings import load
        from filterwatch.errors import ConfigurationError

        school, configured = School(), is_there(config)
        try:
            school = School(load(config)) if configured else school
        except ConfigurationError:  # its mistakes are those of `filterwatch check`; here somebody looks up a name
            typer.echo("the configuration has mistakes: a catalogue of the school's own is not shown", err=True)
        for id_, one in sorted(school.known().items()):
            typer.echo(f"{id_}: {one.title} ({one.word or 'public suffixes'}, {one.licence}, trust {one.trust})")
            if one.note:
                typer.echo(f"    {printable(one.note)}")


def _look_up(what: str, config: Path) -> bool:
    """Print what the lists say; return whether it has a category."""
    from filterwatch.app.explaining.address import read
    from filterwatch.app.explaining.listed import Lists
    from filterwatch.cli._listed import entry, signs
    from filterwatch.errors import FilterwatchError

    address = read(what)
    if address is None:
        raise FilterwatchError("this names no host; write a host, an address or a URL")
    school = _opened(config)
    categories, _ = school.lookup(address.url, address.host)
    said = Lists(school.school, school.compile())
    found = said.of(address.host, address.url)
    for one in found:
        typer.echo(entry(one, address.host))
    if name := said.name(address.host):
        typer.echo(signs(name, listed=any(one.used and one.mode != "allow" for one in found)))
    typer.echo(f"{defang(address.host)}: {', '.join(categories) or 'no category'}")
    return bool(categories)


def _status(lists: SchoolLists, most: int | None, *, licences: bool) -> bool:
    """Print how all lists are; return whether somebody should look."""
    found = [_show(one, licences=licences, most=most) for one in lists.status()]
    if not lists.ids:
        typer.echo(NONE_IN_USE)
    index = lists.compile()
    for held in lists.members(index):
        begin = "PROBLEM " if held.problem else ""
        typer.echo(f"{begin}{held.id} ({held.word}, for members alone): {held.entries:,} entries of {held.at:%d %b %Y}")
        if held.problem:
            typer.echo(f"    {held.problem}")
        found.append(bool(held.problem))
    typer.echo(f"compiled: {len(index.lists)} lists, {len(index):,} names, {index.fingerprint[:12]}")
    wrong = list(lists.overblocked(index))
    for site in wrong[:most]:
        typer.echo(f"OVERBLOCK {defang(site.host)}: {', '.join(site.categories)} by {', '.join(site.lists)}")
    if most is not None and len(wrong) > most:
        typer.echo(f"and {len(wrong) - most} more (--all)")
    return bool(wrong) or any(found)


def _show(one: Status, *, licences: bool, most: int | None) -> bool:
    """Print how a list is; return whether somebody should look."""
    now = one.kept.current
    held = f"{now.entries:,} entries of {now.at:%d %b %Y}" if now else "no entries"
    typer.echo(f"{'PROBLEM ' if one.problem else ''}{one.id} ({one.word or 'public suffixes'}): {held}")
    if one.problem:
        typer.echo(f"    {_plainly(one.problem)}")
    if licences:
        typer.echo(f"    {printable(one.licence)}: {printable(one.credit)}")
    if now and now.aside:
        typer.echo(f"    {now.aside:,} entries set aside, they give no category:")
        for named in now.named[:most]:
            typer.echo(f"      {defang(named.entry)}: {named.reason}")
        if most and len(now.named) > most:
            typer.echo(f"      and {now.aside - most} more (--all)")
    return bool(one.problem)


def _opened(config: Path) -> SchoolLists:
    from filterwatch.app.lists import SchoolLists
    from filterwatch.app.settings import load
    from filterwatch.clock import SystemClock

    return SchoolLists(load(config), SystemClock())


def _progress(count: int) -> AbstractContextManager[Progress]:
    """Return a bar on a terminal, nothing elsewhere."""
    return _bar(count) if sys.stderr.isatty() else nullcontext((lambda _: None, lambda _: None))


@contextmanager
def _bar(count: int) -> Iterator[Progress]:
    """Name the list that is being fetched, and move on when it is done."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("lists", total=count)
        yield (
            lambda id_: bar.update(task, description=printable(id_)),
            lambda _: bar.advance(task),
        )


def _end(outcomes: Sequence[Outcome]) -> None:
    for one in outcomes:
        typer.echo(f"{one.id}: {one.word}{': ' if one.said else ''}{_plainly(one.said)}")
    if any(one.bad for one in outcomes):
        raise typer.Exit(FINDINGS)


def _plainly(text: str) -> str:
    """Return what a list may have chosen the words of."""
    return printable(text)
