"""Opening the registers of one gateway: secret, database, schema."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filterwatch.errors import FilterwatchError
from filterwatch.records.configuration import Settings
from filterwatch.records.database import migrate, setup
from filterwatch.records.files import make_once

_PATIENCE = 3
"""Seconds in which a database must answer whoever only looks; without, one that is gone holds them up for minutes."""


@dataclass(frozen=True, slots=True)
class Registers:
    """Open registers; models and services may be imported now.

    Attributes:
        secret: The school's secret: codes and pseudonyms hang on it.
        ledger_key: Where the key is that signs the ledger.
    """

    secret: str
    ledger_key: Path


def open_registers(settings: Settings, state: Path, directory: Path | None = None) -> Registers:
    """Open the registers, brought up to date; the first call makes them and their secret.

    Args:
        settings: The section ``records``.
        state: The state directory.
        directory: What relative paths of the section are relative to; default: *state*.

    Raises:
        FilterwatchError: Something cannot be read or made; its text names the file.
    """
    base = directory or state
    secret = read_secret(base / settings.secret_file if settings.secret_file else state / "secret")
    database = _database(settings, state, base)
    if "://" not in str(database):
        _make_private(Path(database))
    setup(database, secret, password_file=base / settings.password_file if settings.password_file else None)
    migrate()
    key = base / settings.ledger_key if settings.ledger_key else state / "ledger.key"
    return Registers(secret, key)


def look_into_registers(settings: Settings, state: Path, directory: Path | None = None) -> bool:
    """Make the registers ready to be read, as they are; say whether there are any.  Nothing is made or changed.

    Args:
        settings: The section ``records``.
        state: The state directory.
        directory: As for :func:`open_registers`.

    Raises:
        FilterwatchError: The password cannot be read.
    """
    base = directory or state
    database = _database(settings, state, base)
    if "://" not in str(database) and not os.access(database, os.R_OK):
        return False
    if "://" in str(database) and "connect_timeout" not in str(database):
        database = f"{database}{'&' if '?' in str(database) else '?'}connect_timeout={_PATIENCE}"
    password = base / settings.password_file if settings.password_file else None
    setup(database, secrets.token_urlsafe(), password_file=password)  # a secret that signs nothing
    return True


def _database(settings: Settings, state: Path, base: Path) -> str | Path:
    if not settings.database:
        return state / "records.db"
    return settings.database if "://" in settings.database else base / settings.database


def read_secret(path: Path) -> str:
    """Return the secret in *path*; the first call makes it, readable by its owner and group alone.

    Raises:
        FilterwatchError: It cannot be read or made, everybody may read it, or it is too short.
    """
    try:
        if not path.exists():
            _make_secret(path)
        if path.stat().st_mode & 0o007:
            raise FilterwatchError(f"{path}: everybody may read the secret; run chmod o= {path}")
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise FilterwatchError(
            f"{path}: the secret cannot be read or made: {error.strerror}; "
            "run as the owner of the state directory, and free disk space where it is full"
        ) from None
    if len(secret) < 32:
        raise FilterwatchError(f"{path}: the secret has {len(secret)} characters, at least 32 are needed; remove it")
    return secret


def _make_private(database: Path) -> None:
    """Make the file that SQLite would make readable by everybody; where it cannot be made, opening it says why."""
    with suppress(OSError):
        os.close(os.open(database, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640))


def _make_secret(path: Path) -> None:
    make_once(path, f"{secrets.token_urlsafe(48)}\n".encode(), 0o640)
