"""Keeping the archive in shape: few large files, nothing longer than allowed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from filterwatch.archive import disk, segments
from filterwatch.archive.errors import explained
from filterwatch.archive.manifest import Line, Manifest, Segment
from filterwatch.archive.sealing import INTENT, announce, seal, settled
from filterwatch.archive.settings import Settings
from filterwatch.journal import Journal


@dataclass(frozen=True, slots=True)
class Tidied:
    """What :func:`tidy` did.

    Attributes:
        sealed: New files of sealed events.
        compacted: New files that replaced smaller ones.
        purged: Files deleted because their time was over.
        problems: Files that were left alone because they are not what was sealed.
    """

    sealed: Sequence[Segment]
    compacted: Sequence[Segment]
    purged: Sequence[Segment]
    problems: Sequence[str]


def tidy(
    journal: Journal, directory: Path, *, now: datetime, zone: ZoneInfo, settings: Settings | None = None
) -> Tidied:
    """Seal what is due, compact the days that are over, delete the days whose time is over.

    The daemon calls it every hour, and :func:`seal` every minute, from one thread of its own.

    Args:
        journal: The open writer.
        directory: The archive.
        now: UTC.
        zone: The school's, which says what day it is.
        settings: How long and how large.
    """
    settings = settings or Settings()
    sealed = seal(journal, directory, now=now, settings=settings)
    today = now.astimezone(zone).date()
    compacted, problems = compact(directory, now=now, before=today, settings=settings)
    purged = purge(directory, now=now, before=today - settings.keep, why=f"kept for {settings.keep.days} days")
    return Tidied(sealed, compacted, purged, problems)


def compact(
    directory: Path, *, now: datetime, before: date, settings: Settings | None = None
) -> tuple[list[Segment], list[str]]:
    """Put small files of one site and day together, for days before *before*.

    The small files stay for the settings' ``grace``, for readers that have begun, and are removed by a later call.  A
    file that is not what was sealed is never made part of another.

    Returns:
        The new files, and what is wrong with those left alone.
    """
    settings = settings or Settings()
    made: list[Segment] = []
    problems: list[str] = []
    with explained(directory), disk.locked(directory):
        manifest = settled(directory)
        for (_, day), parts in manifest.partitions().items():
            if day >= before:
                continue
            for group in _groups(parts, settings.segment_events):
                bad = [one.path for one in group if disk.sha256(directory / one.path) != one.sha256]
                if bad:
                    problems += [f"{path}: altered since it was sealed; put back a copy" for path in bad]
                else:
                    made.append(_join(manifest, group, now))
        _remove_replaced(manifest, now, settings)
    return made, problems


def purge(directory: Path, *, now: datetime, before: date, why: str, hold: Collection[date] = ()) -> list[Segment]:
    """Delete the events of all local days before *before*; return the files that went.

    A tombstone with hash, number of events and reason stays in the manifest.

    Args:
        directory: The archive.
        now: UTC.
        before: First local date that is kept.
        why: The reason, for the tombstone.
        hold: Days that must be kept whatever their age: a legal hold.
    """
    with explained(directory), disk.locked(directory):
        manifest = settled(directory)
        old = [
            one
            for (_, day), parts in manifest.partitions().items()
            if day < before and day not in hold
            for one in parts
        ]
        if old:
            manifest.append(Line(manifest.lines + 1, now, "purge", why, removed=tuple(old)))
        for path in manifest.purged:
            _remove(directory, path)
    return old


def _groups(parts: Sequence[Segment], rows: int) -> list[list[Segment]]:
    """Return neighbours that fit into one file of *rows* events, two or more at a time."""
    groups: list[list[Segment]] = []
    room = 0
    for one in parts:
        if one.rows > room:
            groups.append([])
            room = rows
        groups[-1].append(one)
        room -= one.rows
    return [group for group in groups if len(group) > 1]


def _join(manifest: Manifest, group: Sequence[Segment], now: datetime) -> Segment:
    numbers = min(one.first for one in group), max(one.last for one in group)
    site, day = group[0].site, group[0].day
    path = f"{segments.folder(site, day)}/{numbers[0]:019}-{numbers[1]:019}.{manifest.lines + 1}.parquet"
    announce(manifest.directory, [path])
    events = segments.read(manifest.directory, group).collect()
    made = segments.write(manifest.directory, path, site, day, events, numbers)
    manifest.append(Line(manifest.lines + 1, now, "compact", "", added=(made,), removed=tuple(group)))
    disk.remove(manifest.directory / INTENT)
    return made


def _remove_replaced(manifest: Manifest, now: datetime, settings: Settings) -> None:
    for path, (_, at) in manifest.replaced.items():
        if now - at >= settings.grace:
            _remove(manifest.directory, path)


def _remove(directory: Path, path: str) -> None:
    target = directory / path
    disk.remove(target)
    disk.remove_empty_folder(target.parent)
