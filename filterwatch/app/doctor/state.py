"""Where filterwatch keeps things: the state directory, the disk, secrets, the clock."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filterwatch.app.doctor.gateway import Finding, Gateway

FREE_BYTES = 2**30
"""Least free space: the journal of a busy week and a back-up of it."""


def account(gateway: Gateway) -> Iterator[Finding]:
    """Yield when the daemon's account does not exist: nothing can be said about its permissions."""
    try:
        pwd.getpwnam(gateway.account)
    except KeyError:
        yield Finding(
            f"The account {gateway.account} does not exist.",
            "The units run under it; its permissions were not looked at here.",
            f"useradd --system --home-dir /var/lib/filterwatch --shell /usr/sbin/nologin {gateway.account}\n"
            "If the daemon runs under another one: doctor --account NAME",
        )


def directory(gateway: Gateway) -> Iterator[Finding]:
    """Yield what is wrong with the state directory."""
    state, account = gateway.configuration.state, gateway.account
    if not state.is_dir():
        yield Finding(
            f"The state directory {state} does not exist.",
            "filterwatch keeps journal, registers and archive there; it has not run yet, or elsewhere.",
            f"install -d -m 700 -o {account} -g {account} {state}",
        )
        return
    status = state.stat()
    if not (gateway.may("w", state) and gateway.may("x", state)):
        yield Finding(
            f"The state directory {state} cannot be written by the account {account}; it belongs to {_owner(status)}.",
            "The daemon does not start.",
            f"chown -R {account}: {state}",
        )
    if status.st_mode & 0o077:
        yield Finding(
            f"The state directory {state} is open to others (mode {stat.S_IMODE(status.st_mode):o}).",
            "It holds who did what: only filterwatch may read it.",
            f"chmod 700 {state}",
        )


def _owner(status: os.stat_result) -> str:
    try:
        return pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        return str(status.st_uid)


def space(gateway: Gateway) -> Iterator[Finding]:
    """Yield when the disk is nearly full."""
    place = gateway.configuration.state
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    if usage.free < FREE_BYTES:
        yield Finding(
            f"Only {usage.free / 2**20:,.0f} MB are free at {place}.",
            "When the disk is full reading stops until there is space; logs may be rotated away meanwhile.",
            "Free some space, shorten `archive` retention, or move `state` to a larger disk.",
        )


def secrets(gateway: Gateway) -> Iterator[Finding]:
    """Yield secrets that everybody may read."""
    for path in _secret_files(gateway):
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # `check` tells what must be there; the rest is made at the first start
        if mode & 0o007:
            yield Finding(
                f"{path} may be read by everybody (mode {stat.S_IMODE(mode):o}).",
                "It holds a secret: a password, or the key that signs the ledger.",
                f"chmod o= {path}",
            )
        elif not gateway.may("r", path):
            yield Finding(
                f"{path} may not be read by the account {gateway.account}.",
                "What needs the secret does not start.",
                f"chown {gateway.account}: {path}",
            )


def _secret_files(gateway: Gateway) -> Iterator[Path]:
    configuration = gateway.configuration
    said, state = configuration.settings.records, configuration.state
    yield configuration.at(said.secret_file) if said.secret_file else state / "secret"
    yield configuration.at(said.ledger_key) if said.ledger_key else state / "ledger.key"
    if said.password_file:
        yield configuration.at(said.password_file)
    channels = configuration.settings.delivery.channels.values()
    yield from (configuration.at(one.url_file) for one in channels if one.url_file)
    if any(one.url for one in channels):
        yield Path(configuration.document.path)


def clock(gateway: Gateway) -> Iterator[Finding]:
    """Yield when the machine says that its clock is not synchronised."""
    program = shutil.which("timedatectl")
    if program is None or gateway.root != Path("/"):
        return
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, fixed arguments
            [program, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True, text=True, check=False, timeout=5,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return  # it cannot be told
    if done.returncode == 0 and done.stdout.strip() == "no":
        yield Finding(
            "The clock is not synchronised.",
            "Times of alerts would not stand up as evidence, and leases tell the wrong device.",
            "timedatectl set-ntp true",
        )


LOOKS: Sequence[Callable[[Gateway], Iterator[Finding]]] = (account, directory, space, secrets, clock)
