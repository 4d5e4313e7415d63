"""A look through folders of logs: which log is in which format, and how well we read it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from filterwatch.app.sampling import BYTES, sample
from filterwatch.app.wordings import Wording, said_of, wordings
from filterwatch.decoders import format_and_shares, make
from filterwatch.errors import FilterwatchError
from filterwatch.lines import LineBatch
from filterwatch.sources import read_files
from filterwatch.sources.names import order_of, stripped

DEPTH = 5
"""Folders below the one that was named."""

MOST = 300
"""Logs that are looked at: a gateway has some tens, and each takes a moment."""

SPEAKS = 0.005
"""Least share of a format's lines in a mixed log: one of the two hundred that are looked at."""

READ = 0.6
"""Least share of lines that a format must read which only a configuration or a name speaks for."""

EVENTS = "filter_events"
"""What reads from any system log what happened to a filter."""

SYSTEM = ("syslog", "messages", "daemon.log", "auth.log", "secure", "cache.log", "FTL.log")
"""System logs and filters' own, which say when a filter stops: worth following before they hold such a line."""

_NEAR = timedelta(minutes=10)
_BINARY = 0.02


@dataclass(frozen=True, slots=True)
class Log:
    """One log, with its rotated siblings.

    Attributes:
        path: The live file.
        siblings: How many rotated files it has.
        format: What it is in; null where that cannot be told.
        why: By what that was told, or why it was not, or why it was not read at all.
        options: Options of the format.
        zone: The zone of its times, where it is not the gateway's.
        lines: Lines that were looked at.
        read: Share of them that became events or are known to mean nothing.
        rejected: Why the first rejected line was.
        newest: Time of the newest line, UTC.
        held: Share of the lines of each other format that shows, the greatest first; of :data:`EVENTS` it is 0.
        passed: Whether it is no log of text at all, or an empty one.
    """

    path: Path
    siblings: int = 0
    format: str | None = None
    why: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    zone: str | None = None
    lines: int = 0
    read: float = 0.0
    rejected: str | None = None
    newest: datetime | None = None
    held: Mapping[str, float] = field(default_factory=dict)
    passed: bool = False


def survey(folders: Sequence[Path], zone: ZoneInfo, root: Path = Path("/")) -> Iterator[Log]:
    """Yield every log below *folders*, in the order of their paths; symbolic links are not followed.

    Args:
        folders: Folders, or logs.
        zone: Zone of times that have none.
        root: What to take for ``/`` where the filters' configuration is looked at.

    Raises:
        FilterwatchError: A folder is not there or may not be looked into; more than :data:`MOST` logs are there.
    """
    known = wordings(root)
    found: dict[Path, list[str]] = {}
    for folder in folders:
        if not folder.exists():
            raise FilterwatchError(f"{folder}: there is no such folder; name one with logs, such as /var/log")
        if not os.access(folder, os.R_OK):
            raise FilterwatchError(f"{folder}: you may not look into it; run doctor as root")
        names = [(folder.parent, folder.name)] if folder.is_file() else _files(folder, DEPTH)
        for where, name in names:
            found.setdefault(where / stripped(name).base, []).append(name)
    if len(found) > MOST:
        raise FilterwatchError(f"{len(found)} logs are more than the {MOST} that are looked at; name folders below")
    for path in sorted(found):
        yield _looked_at(path, found[path], zone, known)


def _files(folder: Path, depth: int) -> Iterator[tuple[Path, str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return  # a folder inside that we may not see; doctor runs as root where it matters
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth:
                yield from _files(folder / entry.name, depth - 1)
        elif entry.is_file(follow_symlinks=False):
            yield folder, entry.name


def _looked_at(path: Path, names: Sequence[str], zone: ZoneInfo, known: Mapping[str, Wording]) -> Log:
    live = path.name in names
    log = Log(path, siblings=len(names) - live)
    newest = min(names, key=lambda name: (name != path.name, order_of(stripped(name).mark)[1], name))
    file = path.with_name(newest)
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
        if head == b"SQLite format 3\0":
            return replace(log, passed=True, why="a database")
        batch = sample(file) if live else _unpacked(file)
    except (OSError, FilterwatchError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return replace(log, passed=True, why=f"cannot be read: {reason}")
    if batch is None or not len(batch):
        empty = replace(log, passed=True, why="empty, or its first line is not finished")
        said = said_of(path, known) if live and not file.stat().st_size else None
        return replace(empty, format=said.format, options=said.options, why="empty; " + said.why) if said else empty
    if _is_binary(batch.data):
        return replace(log, passed=True, why="binary")
    return _told(log, batch, zone, said_of(path, known), live=live)


def _unpacked(file: Path) -> LineBatch | None:
    return next(read_files([file], BYTES), None)


def _is_binary(data: bytes) -> bool:
    """Say whether *data* is no text: a log that lost power holds some NUL, a database many other controls."""
    odd = sum(data.count(byte) for byte in range(1, 32) if byte not in b"\t\n\r\x1b\f")
    return data.count(0) > len(data) / 2 or odd > _BINARY * len(data)


def _told(log: Log, batch: LineBatch, zone: ZoneInfo, said: Wording | None, *, live: bool) -> Log:
    name, seen = format_and_shares(batch)
    held = {one: share for one, share in seen.items() if share >= SPEAKS}
    why = "told by its lines"
    options: Mapping[str, object] = {}
    if said and (name is None or said.sure):
        read = _answers(log, batch, said.format, zone, said.options)
        if read.read >= READ and read.newest is not None:
            name, why, options, held = said.format, said.why, said.options, {}
    if name != EVENTS and (log.path.name in SYSTEM or name is None):
        events = _answers(log, batch, EVENTS, zone, {})
        held |= {EVENTS: 0.0} if events.newest is not None else {}
    if name is None:
        return replace(log, lines=len(batch), held=held, why="its lines do not tell its format")
    held.pop(name, None)
    told = _answers(replace(log, format=name, why=why, options=options, held=held), batch, name, zone, options)
    return _zoned(told, batch, name, zone) if live else told


def _answers(log: Log, batch: LineBatch, name: str, zone: ZoneInfo, options: Mapping[str, object]) -> Log:
    decoded = make(name, options, zone=zone).decode(batch)
    newest = decoded.events["time"].max() if len(decoded.events) else None
    return replace(
        log,
        lines=len(batch),
        read=1 - len(decoded.rejected) / len(batch),
        rejected=decoded.rejected["why"][0] if len(decoded.rejected) else None,
        newest=newest if isinstance(newest, datetime) else None,
    )


def _zoned(log: Log, batch: LineBatch, name: str, zone: ZoneInfo) -> Log:
    """Return *log* with the zone of its times, where the file was written when that says and not when ours does."""
    written = batch.read_at
    if log.newest is None or abs(log.newest - written) <= _NEAR:
        return log
    other = _answers(log, batch, name, ZoneInfo("UTC"), log.options)
    if written.astimezone(zone).utcoffset() and other.newest and abs(other.newest - written) <= _NEAR:
        return replace(other, zone="UTC")
    return log
