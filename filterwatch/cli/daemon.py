"""``filterwatch run``, ``ingest``, ``deliver``: the daemon, or one half of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="FILTERWATCH_CONFIG", help="Configuration file."),
]
DEFAULT = Path("/etc/filterwatch/filterwatch.yaml")


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def run(config: Config = DEFAULT) -> None:
        """Run the daemon: follow the logs, tell the responsible people.

        It starts `ingest` and `deliver`, and `receive` where a source listens, as child processes and starts them again
        when they end; with systemd each can be its own unit instead.
        """
        from filterwatch.app import daemon, settings
        from filterwatch.app.run import parts_of, supervise

        daemon.log_to_standard_error()
        loaded = settings.load(config)  # every mistake before anything is started
        supervise(config, daemon.Stop(), parts_of(loaded.settings))

    @app.command()
    def ingest(config: Config = DEFAULT) -> None:
        """Follow the logs and write the journal; needs no network."""
        from filterwatch.app import daemon, settings
        from filterwatch.app import ingest as part
        from filterwatch.clock import SystemClock

        daemon.log_to_standard_error()
        with daemon.tried_again():
            part.run(settings.load(config), daemon.Stop(), SystemClock())

    @app.command()
    def deliver(config: Config = DEFAULT) -> None:
        """Raise alerts from the journal and send them; needs no log."""
        from filterwatch.app import daemon, deliver, settings
        from filterwatch.clock import SystemClock

        daemon.log_to_standard_error()
        with daemon.tried_again():
            deliver.run(settings.load(config), daemon.Stop(), SystemClock())
