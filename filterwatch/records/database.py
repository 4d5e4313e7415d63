"""Making the registers ready: which database, its settings, and its schema brought up to date under a lock.

Django is imported inside the functions: a process that only reads settings (ingest) never loads it.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from filterwatch.errors import FilterwatchError
from filterwatch.records import settings as fixed

SQLITE_START = (
    # FULL: these rows are evidence, NORMAL may lose the last commits at a power loss.
    "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
    "PRAGMA secure_delete=ON;"  # what is erased is overwritten
)
# Not trusted_schema=OFF: Debian's SQLite calls JSON_VALID in the check of a JSON column unsafe then.
_MIGRATING = 0x66_77_61_74  # "fwat": PostgreSQL's advisory lock while the schema changes

DatabaseOptions = dict[str, Any]  # Django's own shape: text, numbers and a nested mapping of driver options


def database_options(database: str | Path, password_file: Path | None = None) -> DatabaseOptions:
    """Return Django's settings of one database.

    Args:
        database: A SQLite file, or ``postgresql://user@host:port/name``; what stands behind ``?`` goes to the driver.
        password_file: File with the password; without it the driver looks where it always looks.

    Raises:
        FilterwatchError: The password file cannot be read.
    """
    text = str(database)
    if not text.startswith(("postgresql://", "postgres://")):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": text,
            # DEFERRED transactions fail with "database is locked" beside a second writer; IMMEDIATE ones wait.
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 5, "init_command": SQLITE_START},
        }
    url = urlsplit(text)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": _password(password_file),
        "HOST": unquote(url.hostname or ""),
        "PORT": str(url.port or ""),
        "OPTIONS": dict(parse_qsl(url.query)),
    }


def _password(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise FilterwatchError(
            f"{path}: the database password cannot be read: {error.strerror}; check the path and its permissions"
        ) from None


def setup(
    database: str | Path,
    secret: str,
    *,
    password_file: Path | None = None,
    django: Mapping[str, object] | None = None,
) -> None:
    """Make the registers ready for this process; models may be imported afterwards.

    A second call switches this thread over to another database (the demonstration and the tests do).

    Args:
        database: As for :func:`database_options`.
        secret: Django's secret: sessions and signatures hang on it.
        password_file: As for :func:`database_options`.
        django: More of Django's settings (the console's); used by the first call only.

    Raises:
        FilterwatchError: As :func:`database_options`.
    """
    import django as framework
    from django.conf import settings
    from django.db import connections

    options = database_options(database, password_file)
    if settings.configured:
        connections["default"].close()
        connections.settings["default"] = connections.configure_settings({"default": options})["default"]
        del connections["default"]
        return
    mine = {name: getattr(fixed, name) for name in dir(fixed) if name.isupper()}
    settings.configure(**{**mine, "SECRET_KEY": secret, "DATABASES": {"default": options}, **(django or {})})
    framework.setup()


def migrate() -> None:
    """Bring the schema up to date; one process does it, others wait.

    Raises:
        FilterwatchError: The database cannot be opened or written.
    """
    from django.core.management import call_command
    from django.db import DatabaseError, connection

    try:
        with _alone():
            if not _current():
                call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        name = connection.settings_dict["NAME"]
        raise FilterwatchError(
            f"{name}: the registers cannot be opened: {error}; check that the place exists, may be written and has room"
        ) from None


def _current() -> bool:
    """Whether schema and triggers are as they should be: asking takes 1 ms, migrating nothing 200."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from filterwatch.records import triggers

    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes()) and not triggers.missing(connection)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock under which the schema changes."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATING])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATING])
        return
    path = f"{connection.settings_dict['NAME']}.lock"
    try:
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o660)
    except OSError as error:
        raise FilterwatchError(
            f"{path}: cannot be made: {error.strerror}; the daemon must own its state directory"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
