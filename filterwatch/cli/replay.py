"""``filterwatch replay``: the whole pass over old logs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Optional

import typer

# typer reads these spellings of "may be left out".
# ruff: noqa: UP045


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def replay(
        files: Annotated[
            Optional[list[Path]], typer.Argument(help="Logs, plain or compressed; - reads standard input.")
        ] = None,
        config: Annotated[
            Optional[Path], typer.Option("--config", "-c", help="Configuration: people, calendar, sources, rules.")
        ] = None,
        rules: Annotated[Optional[Path], typer.Option(help="Directory of the rules to judge by.")] = None,
        format_: Annotated[Optional[str], typer.Option("--format", help="Format of FILES; default: found out.")] = None,
        source: Annotated[
            Optional[list[str]], typer.Option(metavar="NAME=FILE", help="A log of a configured source (or format).")
        ] = None,
        against: Annotated[
            Optional[Path], typer.Option(metavar="DIR", help="Print only what the rules in DIR would add and remove.")
        ] = None,
        output: Annotated[Optional[Path], typer.Option(help="Write here instead of standard output.")] = None,
    ) -> None:
        """Run old logs through the whole pass, merged by time; nothing is sent, nothing recorded.

        Prints one JSON line for each detection.
        """
        # Before Polars is imported: the pass has two threads of its own (docs/performance.md).
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        from filterwatch import policy
        from filterwatch.app import replay as part
        from filterwatch.pipeline import Pass

        asked = part.Asked(config, rules, files or (), format_, source or ())
        school = asked.school()
        inputs = asked.inputs(school)
        work = Pass({one.source: one.feed for one in inputs}, school.enrichment(), school.bench())
        other = school.bench(policy.load(against)) if against else None
        with _written(output) as out, _progress(_size(path for one in inputs for path in one.paths)) as seen:
            for detections in part.replay(work, inputs, against=other, seen=seen):
                out.write(part.as_json_lines(detections))


def _size(paths: Iterable[Path]) -> int:
    """Return the bytes on disk that will be read; 0 where that cannot be said."""
    known = list(paths)
    return sum(path.stat().st_size for path in known) if all(path.is_file() for path in known) else 0


@contextmanager
def _written(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with path.open("wb") as out:
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
