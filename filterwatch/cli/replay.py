"""``filterwatch replay``: the whole pass over old logs, and what other rules would change."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Optional

import typer

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from filterwatch.app.bench import Difference
    from filterwatch.app.bench_sides import Sides
    from filterwatch.app.parts import School
    from filterwatch.app.replay import Asked

# typer reads these spellings of "may be left out".
# ruff: noqa: UP045


FOLD = {"Rule": 19, "Level": 8, "Alerts a week": 7}
"""Characters of columns with which the table takes no more than 80, and cuts no word."""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def replay(  # noqa: PLR0917 - typer's way to declare options
        files: Annotated[
            Optional[list[Path]],
            typer.Argument(metavar="FILE", help="Logs, plain or compressed; - reads standard input."),
        ] = None,
        config: Annotated[
            Optional[Path], typer.Option("--config", "-c", help="Configuration: people, calendar, sources, rules.")
        ] = None,
        rules: Annotated[Optional[Path], typer.Option(help="Directory of the rules to judge by.")] = None,
        format_: Annotated[Optional[str], typer.Option("--format", help="Format of FILES; default: found out.")] = None,
        source: Annotated[
            Optional[list[str]], typer.Option(metavar="NAME=FILE", help="A log of a configured source (or format).")
        ] = None,
        first: Annotated[Optional[str], typer.Option("--from", help="Archived events from this day on.")] = None,
        last: Annotated[Optional[str], typer.Option("--to", help="... to this day; default: yesterday.")] = None,
        span: Annotated[Optional[str], typer.Option("--last", help="Archived events of so long: 7d, 2w.")] = None,
        against: Annotated[
            Optional[Path], typer.Option(metavar="DIR", help="Say what the rules in DIR would add, remove and change.")
        ] = None,
        samples: Annotated[
            int, typer.Option(min=0, max=20, help="With --against: so many detections of each rule.")
        ] = 0,
        output: Annotated[Optional[Path], typer.Option(help="Write the JSON lines here; - is standard output.")] = None,
    ) -> None:
        """Run old logs through the whole pass, merged by time; nothing is sent, nothing recorded.

        Prints one JSON line for each detection, in the order in which they are known: the first of a visit at once, its
        last (with the count of the others) when the visit is over, up to thirteen minutes of the log later. With
        --against: a table of what other rules would change, the detections that differ as JSON lines with --output;
        exits 1 when anything differs.
        """
        # Before Polars is imported: the pass has two threads of its own (docs/performance.md).
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        from filterwatch.app import replay as part
        from filterwatch.app.bench_archive import days_asked
        from filterwatch.app.places import DEFAULT
        from filterwatch.clock import SystemClock
        from filterwatch.errors import FilterwatchError

        if samples and against is None:
            raise FilterwatchError(
                "--samples shows detections that differ from those of other rules; name these with --against DIR, or "
                "leave --samples out"
            )
        archived = first is not None or last is not None or span is not None
        if archived and (files or source):
            raise FilterwatchError("either logs, or days of the archive (--from, --to, --last); leave one out")
        asked = part.Asked(config or (DEFAULT if archived else None), rules, files or (), format_, source or ())
        school = asked.school()
        today = SystemClock().now().astimezone(school.zone).date()
        work = _Work(school, asked, days_asked(first, last, span, today))
        if against is None:
            work.print_detections(output)
        elif work.print_difference(against, samples, output):
            raise typer.Exit(1)


class _Work:
    """What is replayed, and by what rules."""

    def __init__(self, school: School, asked: Asked, days: tuple[date, date] | None) -> None:
        self.school, self.asked, self.days = school, asked, days

    def print_detections(self, output: Path | None) -> None:
        """Print a JSON line for each detection."""
        from filterwatch.app import replay as part

        with _written(output) as out, self._sides() as sides:
            for (held,) in part.judged(sides.frames, sides.bench(None)):
                out.write(part.as_json_lines(held))
        self._say_what_is_not_replayed()

    def print_difference(self, against: Path, samples: int, output: Path | None) -> bool:
        """Print what the rules in *against* change; return whether they change anything."""
        from filterwatch.app import bench
        from filterwatch.app.replay import as_json_lines

        known, zone = self.school.configuration, self.school.zone
        alerts = known.settings.alerts if known else None
        with _written(output) if output else nullcontext() as out:
            with self._sides() as sides:
                old, new = sides.bench(None), sides.bench(against)
                found = bench.compare(sides.frames, old, new, zone=zone, alerts=alerts, samples=samples)
            if out is not None:
                out.write(as_json_lines(found.detections))
        if output != Path("-"):
            _table(found, zone)
        self._say_what_is_not_replayed()
        return bool(len(found.detections))

    def _say_what_is_not_replayed(self) -> None:
        """Say beside the output what archived events cannot answer."""
        from filterwatch.app.bench_archive import NOT_REPLAYED
        from filterwatch.cli._wrapped import wrapped

        if self.days is not None:
            wrapped(NOT_REPLAYED, below="", err=True)

    @contextmanager
    def _sides(self) -> Iterator[Sides]:
        """Give what is judged and what judges it."""
        from filterwatch.app import bench_sides

        if self.days is not None and self.school.configuration is not None:
            days = (self.days[1] - self.days[0]).days + 1
            with _progress(days) as seen:
                yield bench_sides.of_archive(self.school, self.school.configuration, self.days, seen)
            return
        inputs = self.asked.inputs(self.school)
        with _progress(_size(path for one in inputs for path in one.paths)) as seen:
            yield bench_sides.of_logs(self.school, inputs, seen)


def _table(found: Difference, zone: ZoneInfo) -> None:
    from filterwatch.app.bench_alerts import WEEK
    from filterwatch.cli._records import say, table
    from filterwatch.cli._wrapped import wrapped

    columns = ("Rule", "Added", "Removed", "Changed", "Level", "People", "Devices", "Alerts a week")
    table(
        columns,
        [
            (
                one.rule,
                f"{one.added:,}",
                f"{one.removed:,}",
                f"{one.changed:,}",
                _arrow(*one.levels),
                f"{one.people:,}",
                f"{one.devices:,}",
                _arrow(*(_number(alerts) for alerts in one.alerts)),
            )
            for one in found.rules
        ],
        "Nothing differs.",
        fold=FOLD,
    )
    _samples(found, zone)
    before, after = (_number(one) for one in found.alerts)
    say("")
    for gone, new in found.renamed:
        wrapped(f"{new} holds for the very lines that {gone} held for: renamed.")
    if found.unfelt:
        wrapped(f"Rules that are new, gone or worded otherwise and change nothing here: {', '.join(found.unfelt)}.")
    wrapped(
        f"{len(found.detections):,} detections differ, {found.kept:,} are the same, over {found.days} "
        f"day{'s' if found.days > 1 else ''} with {found.people:,} people and {found.devices:,} devices."
    )
    if found.empty:
        wrapped(f"No event at all on {', '.join(f'{day:%a %d %b}' for day in found.empty)}.")
    wrapped(f"Estimated alerts a week in all: {before} before, {after} after.")
    if found.days < WEEK:
        wrapped("A guess: less than a week was judged, and each school day is taken to be like these.")


def _samples(found: Difference, zone: ZoneInfo) -> None:
    from filterwatch.cli._records import say
    from filterwatch.cli._wrapped import wrapped
    from filterwatch.text import defang

    for rule in found.rules:
        if not len(rule.samples):
            continue
        say("")
        say(rule.rule)
        for row in rule.samples.iter_rows(named=True):
            illegal = row["category"] == "csam"
            host = "host withheld: illegal content" if illegal else defang(row["host"] or "no host")
            when = row["time"].astimezone(zone)
            said = f"{row['change']} {when:%d %b %H:%M}, {row['group'] or 'unknown'}, {host}"
            wrapped(f"{said}, {row['action'] or 'action unknown'}: {row['reason']}", "  ")


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} > {after}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _size(paths: Iterable[Path]) -> int:
    """Return the bytes on disk that will be read; 0 where that cannot be said."""
    known = list(paths)
    return sum(path.stat().st_size for path in known) if all(path.is_file() for path in known) else 0


@contextmanager
def _written(path: Path | None) -> Iterator[BinaryIO]:
    """Give where to write; a file is for its owner alone, for it is about people."""
    from filterwatch.errors import FilterwatchError

    if path is None or path == Path("-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FilterwatchError(f"--output {path}: cannot be written: {error.strerror}; name another file") from None
    with os.fdopen(descriptor, "wb") as out:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
        yield out


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal; it counts bytes before decompression grew them, so it may end early."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Reading", total=total or None)
        yield lambda size: bar.advance(task, size)
