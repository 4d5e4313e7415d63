"""The manifest: one line of JSON per change of the archive, each bound to all before it.

A line says what was added and removed, in one step: after a crash a change has happened wholly or not at all.  Its
``hash`` is SHA-256 over the line before it and its own content, so that no line can be altered, left out or put in
unnoticed; that the tail is not cut, the journal's copy of the newest hash shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from filterwatch.archive import disk
from filterwatch.archive.errors import ManifestDamaged

NAME = "_manifest.jsonl"
_DOMAIN = b"filterwatch/archive/v1\n"

Did = Literal["seal", "compact", "purge"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One Parquet file of sealed events.

    Attributes:
        path: Below the archive's directory.
        site: Whose events.
        local_date: Their local date, ``yyyy-mm-dd``.
        first: Number of the first journal batch in it.
        last: Number of the last.
        rows: How many events.
        bytes: Size of the file.
        sha256: Of the file, hex.
        first_time: Earliest event time, ISO 8601 UTC; null where no event has one.
        last_time: Latest.
        columns: Fingerprint of the column names and types it was written with.
    """

    path: str
    site: str
    local_date: str
    first: int
    last: int
    rows: int
    bytes: int
    sha256: str
    first_time: str | None
    last_time: str | None
    columns: str

    @property
    def day(self) -> date:
        """Their local date."""
        return date.fromisoformat(self.local_date)


class Altered(Exception):
    """A line is not what was written; says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One change.

    Attributes:
        number: 1, 2, 3, ...
        at: When, UTC.
        did: What was done.
        why: For people; for a purge its reason.
        added: Files that count from now on.
        removed: Files that no longer count: of a purge the tombstones.
        through: How far each ``(source, stream)`` is sealed: offset of the first byte that is not.
    """

    number: int
    at: datetime
    did: Did
    why: str
    added: tuple[Segment, ...] = ()
    removed: tuple[Segment, ...] = ()
    through: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def sealed(self, previous: str) -> tuple[bytes, str]:
        """Return the line as written behind the one with hash *previous*, and its own hash."""
        body = {
            "number": self.number,
            "at": self.at.astimezone(UTC).isoformat(),
            "did": self.did,
            "why": self.why,
            "added": [asdict(segment) for segment in self.added],
            "removed": [asdict(segment) for segment in self.removed],
            "through": [[*key, offset] for key, offset in sorted(self.through.items())],
            "previous": previous,
        }
        digest = _digest(body)
        return _canonical(body | {"hash": digest}), digest

    @classmethod
    def parse(cls, raw: bytes, number: int, previous: str) -> tuple[Line, str]:
        """Read a line that must be *number* and stand behind the one with hash *previous*; return it and its hash.

        Raises:
            Altered: It is not, with the reason.
        """
        try:
            body: dict[str, Any] = json.loads(raw)
            digest = body.pop("hash")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Altered("it cannot be read") from error
        if _digest(body) != digest:
            raise Altered("it was altered: its hash does not fit its content")
        if body["previous"] != previous or body["number"] != number:
            raise Altered("a line before it was taken out, put in or altered")
        line = cls(
            number,
            datetime.fromisoformat(body["at"]),
            body["did"],
            body["why"],
            tuple(Segment(**one) for one in body["added"]),
            tuple(Segment(**one) for one in body["removed"]),
            {(source, stream): offset for source, stream, offset in body["through"]},
        )
        return line, digest


@dataclass
class Manifest:
    """What the lines of a manifest come to.

    Attributes:
        directory: The archive.
        live: Files that count, by path.
        replaced: Files that larger ones replaced, by path, and when.
        purged: Files whose time was over, by path.
        through: How far each ``(source, stream)`` is sealed.
        lines: How many lines.
        head: Hash of the newest line; ``""`` before the first.
        size: Bytes of the manifest that count; what lies behind never happened.
        hashes: Hash of every line.
    """

    directory: Path
    live: dict[str, Segment] = field(default_factory=dict)
    replaced: dict[str, tuple[Segment, datetime]] = field(default_factory=dict)
    purged: dict[str, Segment] = field(default_factory=dict)
    through: dict[tuple[str, str], int] = field(default_factory=dict)
    lines: int = 0
    head: str = ""
    size: int = 0
    hashes: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Read the manifest in *directory*; none yet is an empty archive.

        Raises:
            ManifestDamaged: A line was altered or is missing.
        """
        manifest = cls(directory)
        path = directory / NAME
        data = path.read_bytes() if path.exists() else b""
        for raw in data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]:
            try:
                line, digest = Line.parse(raw, manifest.lines + 1, manifest.head)
            except Altered as error:
                raise ManifestDamaged(path, manifest.lines + 1, str(error)) from error
            manifest.take(line, digest, len(raw) + 1)
        return manifest

    def take(self, line: Line, digest: str, size: int) -> None:
        """Go on by one line."""
        for segment in line.removed:
            del self.live[segment.path]
            if line.did == "purge":
                self.purged[segment.path] = segment
            else:
                self.replaced[segment.path] = segment, line.at
        self.live.update({segment.path: segment for segment in line.added})
        self.through.update(line.through)
        self.lines, self.head, self.size = line.number, digest, self.size + size
        self.hashes.add(digest)

    def settle(self) -> None:
        """Finish or undo a line that was being written when the process died."""
        path = self.directory / NAME
        tail = path.read_bytes()[self.size :] if path.exists() else b""
        if not tail:
            return
        try:
            line, digest = Line.parse(tail, self.lines + 1, self.head)
        except Altered:
            disk.cut(path, self.size)
        else:
            disk.append(path, b"")
            self.take(line, digest, len(tail) + 1)

    def append(self, line: Line) -> None:
        """Write *line* and go on by it; when this returns it is on the disk."""
        raw, digest = line.sealed(self.head)
        disk.append(self.directory / NAME, raw)
        self.take(line, digest, len(raw) + 1)

    def partitions(self) -> dict[tuple[str, date], list[Segment]]:
        """Return the files that count by site and local date, in order of their batches."""
        found: dict[tuple[str, date], list[Segment]] = {}
        for segment in sorted(self.live.values(), key=lambda one: (one.site, one.local_date, one.first, one.path)):
            found.setdefault((segment.site, segment.day), []).append(segment)
        return found


def _canonical(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _digest(body: Mapping[str, object]) -> str:
    content = _canonical(body)
    return hashlib.sha256(_DOMAIN + len(content).to_bytes(8, "big") + content).hexdigest()
