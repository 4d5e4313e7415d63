"""The SQLite file: how it is opened, brought to the newest layout, and checked."""

from __future__ import annotations

import secrets
import sqlite3
import zlib
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from filterwatch.errors import FilterwatchError

APPLICATION_ID = 0x46574A31
"""``FWJ1`` in the file's header: `file journal.db` tells what it is, and we never write into another program's."""

BUSY_SECONDS = 5
DETECTIONS_CHECKED = 10_000
"""Newest detections whose checksum is looked at before a start: 50 ms; alerts have long read the others."""

POSITIONED = ("batch", "detection", "quarantine", "gap")
"""Tables whose positions others remember; a position is never given twice, see :func:`advance`."""


def microseconds(when: datetime) -> int:
    """Return *when* as the journal stores it."""
    return int(when.timestamp()) * 1_000_000 + when.microsecond


def moment(value: int | None) -> datetime | None:
    """Return the time that the journal stored, UTC."""
    return (
        None
        if value is None
        else datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)
    )


def connect(path: Path, *, writer: bool) -> sqlite3.Connection:
    """Open *path*; a writer's commits are on the disk when they return.

    ``synchronous=FULL`` because this is evidence: NORMAL may lose the last commits at a power cut.  Deleted personal
    data is overwritten (``secure_delete``) and the room given back (``auto_vacuum``).
    """
    mode = "rwc" if writer else "ro"
    db = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        db.execute("pragma trusted_schema = off")
        db.execute("pragma cell_size_check = on")
        if writer:
            db.execute("pragma auto_vacuum = incremental")
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = full")
            db.execute("pragma secure_delete = on")
            db.execute("pragma journal_size_limit = 67108864")
        else:
            db.execute("pragma query_only = on")
        db.execute("select count(*) from sqlite_schema").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    return db


def migrations() -> list[str]:
    """Return the scripts that lead from an empty file to the newest layout, in order."""
    folder = resources.files("filterwatch.journal") / "migrations"
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [script.read_text(encoding="utf-8") for script in scripts]


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring *db* to the newest layout, one transaction a step: killed midway, a step has happened or has not.

    Raises:
        FilterwatchError: Another program's file, or one that a newer filterwatch wrote.
    """
    version = db.execute("pragma user_version").fetchone()[0]
    steps = migrations()
    if version > len(steps):
        raise FilterwatchError(
            f"{path}: journal: layout {version} is newer than {len(steps)}, the newest known here; upgrade filterwatch"
        )
    if version == 0 and db.execute("select count(*) from sqlite_schema").fetchone()[0]:
        raise FilterwatchError(f"{path}: journal: belongs to another program; name another state directory")
    db.execute(f"pragma application_id = {APPLICATION_ID}")
    for step in steps[version:]:
        try:
            db.executescript(step)
        except sqlite3.Error:
            if db.in_transaction:
                db.rollback()
            raise
    db.execute("insert or ignore into meta values ('id', ?)", [secrets.token_hex(8)])


def advance(db: sqlite3.Connection, now: datetime) -> None:
    """Make new positions greater than any given before, also by a file that was lost.

    Others remember positions (alerts: how far it has read; segment names).  After a restored backup or a torn tail
    the same positions would be given again and be taken for old.  So they go on from the clock's microseconds; nothing
    makes a million rows a second for long.
    """
    for table in POSITIONED:
        found = db.execute("select seq from sqlite_sequence where name = ?", [table]).fetchone()
        if found is None:
            db.execute("insert into sqlite_sequence values (?, ?)", [table, microseconds(now)])
        elif found[0] < microseconds(now):
            db.execute("update sqlite_sequence set seq = ? where name = ?", [microseconds(now), table])


def crc(*values: str | float | None, data: bytes = b"") -> int:
    """Return the checksum of a row: *values* in the order of its columns, then its blob."""
    return zlib.crc32(data, zlib.crc32(repr(values).encode()))


def damage(db: sqlite3.Connection) -> str | None:
    """Return what is wrong with the file, or null where all is as it was written.

    SQLite's own check sees its structure only; contents that ingest goes on from carry checksums of ours.
    """
    for (said,) in db.execute("pragma quick_check(1)"):
        if said != "ok":
            return str(said)
    return _wrong_header(db) or _wrong_content(db)


def _wrong_header(db: sqlite3.Connection) -> str | None:
    ours = db.execute("pragma application_id").fetchone()[0] == APPLICATION_ID
    version = db.execute("pragma user_version").fetchone()[0]
    made = db.execute("select count(*) from sqlite_schema where name = 'meta'").fetchone()[0]
    if not made:
        return "its tables are gone" if ours and version else None
    if not ours:
        return "the header does not say that it is a journal"
    if [(str(version),)] != db.execute("select value from meta where name = 'version'").fetchall():
        return "the header names another layout than the file has"
    return None


def _wrong_content(db: sqlite3.Connection) -> str | None:
    if not db.execute("pragma user_version").fetchone()[0]:
        return None
    for *values, stored in db.execute("select * from checkpoint"):
        if crc(*values) != stored:
            return f"checkpoint of source {values[0]}"
    for name, value, stored in db.execute("select name, value, crc from state"):
        if crc(name, data=value) != stored:
            return f"state of {name}"
    for number, *values, stored, events in db.execute("select * from batch"):
        if crc(*values, data=events) != stored:
            return f"batch {number}"
    newest = db.execute("select * from detection order by position desc limit ?", [DETECTIONS_CHECKED])
    for number, *values, _, stored in newest:
        if crc(*values) != stored:
            return f"detection {number}"
    return None
