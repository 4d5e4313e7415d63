"""The command line: one module per command group, found by itself; parses, calls, prints; no logic.

A module here has a function ``register(app)`` that adds its commands.  Nothing heavy (polars, django) is imported
at the top of such a module: ``--help`` must answer at once.
"""

from __future__ import annotations

import gc
import inspect
import pkgutil
import shutil
import signal
import sys
import textwrap
from importlib import import_module

import typer

from filterwatch.errors import FilterwatchError
from filterwatch.text import printable

FINDINGS = 1
"""Exit code: done, and there is something to look at."""

MISTAKES = 2
"""Exit code: wrong use or configuration; every mistake is listed on standard error."""


def make_app(only: str = "") -> typer.Typer:
    """Return the application with every command group of this package.

    Args:
        only: A command; where a module is called after it the others are left out, so that it starts sooner.
    """
    app = typer.Typer(
        name="filterwatch",
        help="Audit daemon for school gateways: reads the filter's logs, applies the e-safety policy, "
        "tells the coordinator safely.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def _groups() -> None:
        """Keep command names even while there is only one command."""

    modules = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    named = only.replace("-", "_")
    for module in [named] if named in modules else modules:
        import_module(f"{__name__}.{module}").register(app)
    _unwrap(app)
    return app


def _unwrap(app: typer.Typer) -> None:
    """Let the terminal wrap what commands say of themselves: a line end of the source is none there."""
    for command in app.registered_commands:
        text = command.help or inspect.getdoc(command.callback) or ""
        command.help = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _unwrap(group.typer_instance)


def main() -> None:
    """Run the command line; what a person can put right is shown without a traceback."""
    # While modules, rules and packs are built nothing of it is garbage, and by default Python looks every 700 objects.
    gc.set_threshold(50_000)
    # `filterwatch ... | head` ends quietly, as every other tool does.
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        make_app(sys.argv[1] if len(sys.argv) > 1 else "")()
    except FilterwatchError as error:
        # A message may quote what a file holds, and a file may hold anything.
        sys.stderr.write("".join(f"{_shown(line)}\n" for line in str(error).split("\n")))
        raise SystemExit(MISTAKES) from None
    finally:
        sys.stdout.flush()  # while a reader that has gone still ends us quietly
        signal.signal(signal.SIGPIPE, before)


def _shown(line: str) -> str:
    """Return a line of an error; on a terminal no word of it is cut at the edge, elsewhere it stays one line."""
    text = printable(line)
    if not sys.stderr.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)) or text
