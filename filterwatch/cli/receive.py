"""``filterwatch receive``: the part of the daemon that appliances send their logs to."""

from __future__ import annotations

import typer

from filterwatch.cli.daemon import DEFAULT, Config


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def receive(config: Config = DEFAULT) -> None:
        """Receive syslog (UDP, TCP, TLS) into the spool, which `ingest` reads; needs no log and no register."""
        from filterwatch.app import daemon, settings
        from filterwatch.app import receive as part
        from filterwatch.clock import SystemClock

        daemon.log_to_standard_error()
        with daemon.tried_again():
            part.run(settings.load(config), daemon.Stop(), SystemClock())
