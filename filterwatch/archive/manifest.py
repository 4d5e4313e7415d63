"""The manifest: one line of JSON per change of the archive, each bound to all before it.

A line says what was added and removed, in one step: after a crash a change has happened wholly or not at all.  Its
``hash`` is SHA-256 over the line before it and its own content, so that no line can be altered, left out or put in
unnoticed; that the tail is not cut, the journal's copy of the newest hash shows.

Every scan reads the manifest, so it must not grow for years: a large one is laid aside as
``_manifest-<number>.jsonl`` and a new one begins with a line that carries over what counts, bound to the old one's
last line.
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

STEM = "_manifest"
NAME = f"{STEM}.jsonl"
_DOMAIN = b"filterwatch/archive/v1\n"

Did = Literal["seal", "compact", "purge", "carry"]

ROLL_BYTES = 2 * 2**20
ROLL_BYTES_A_FILE = 1_350
"""A manifest is laid aside at this size: 2 MiB (2,000 lines, 80 ms to read), and thrice what is carried over."""


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


BEGINNING = 1, ""
"""Number of the first line, and the hash it stands behind."""


class Altered(Exception):
    """A line is not what was written; says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One change.

    Attributes:
        number: 1, 2, 3, ...; goes on when a manifest is laid aside.
        at: When, UTC.
        did: What was done.
        why: For people; for a purge its reason.
        added: Files that count from now on.
        removed: Files that no longer count: of a purge the tombstones; of a carry those that still lie there.
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

        At the beginning of a manifest (1, ``""``) a carry may stand instead, whatever its number.

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
        begins = (number, previous) == BEGINNING and body["did"] == "carry"
        if not begins and (body["previous"], body["number"]) != (previous, number):
            raise Altered("a line before it was taken out, put in or altered")
        line = cls(
            body["number"],
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
        lines: Number of the newest line.
        head: Hash of the newest line; ``""`` before the first.
        size: Bytes of the manifest that count; what lies behind never happened.
        hashes: Hash of every line, and of the last one of the manifest before.
        first: Number of the first line.
        begins: Hash of the line it stands behind.
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
    first: int = 1
    begins: str = ""

    @classmethod
    def read(cls, directory: Path, name: str = NAME) -> Manifest:
        """Read the manifest in *directory*; none yet is an empty archive.

        Args:
            directory: The archive.
            name: Another one than the current.

        Raises:
            ManifestDamaged: A line was altered or is missing.
        """
        manifest = cls(directory)
        path = directory / name
        data = path.read_bytes() if path.exists() else b""
        for raw in data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]:
            try:
                line, digest = Line.parse(raw, manifest.lines + 1, manifest.head)
            except Altered as error:
                raise ManifestDamaged(path, manifest.lines + 1, str(error)) from error
            if not manifest.size:
                manifest.first, manifest.begins = line.number, json.loads(raw)["previous"]
                manifest.hashes.add(manifest.begins)
            manifest.take(line, digest, len(raw) + 1)
        return manifest

    def take(self, line: Line, digest: str, size: int) -> None:
        """Go on by one line."""
        for segment in line.removed:
            self.live.pop(segment.path, None)
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

    def roll(self, now: datetime) -> None:
        """Begin a new manifest once this one is large, and mostly about files that no longer count.

        The old one keeps every line.  It is given its other name first: at any moment there is one to read.
        """
        live = tuple(self.live.values())
        if self.size < ROLL_BYTES + ROLL_BYTES_A_FILE * len(live):
            return
        waiting = tuple(segment for segment, _ in self.replaced.values() if (self.directory / segment.path).exists())
        line = Line(self.lines + 1, now, "carry", "", live, waiting, self.through)
        raw, digest = line.sealed(self.head)
        old = self.directory / f"{STEM}-{self.lines:010}.jsonl"
        disk.name_also(self.directory / NAME, old)
        disk.write(self.directory / NAME, raw + b"\n")
        self.first, self.begins, self.hashes = line.number, self.head, {self.head}
        self.live, self.replaced, self.purged, self.size = {}, {}, {}, 0
        self.take(line, digest, len(raw) + 1)

    def knows(self, digest: str) -> bool:
        """Return whether a line has hash *digest*, here or in a manifest that was laid aside."""
        quoted = f'"{digest}"'.encode()
        return digest in self.hashes or any(quoted in path.read_bytes() for path in laid_aside(self.directory))

    def partitions(self) -> dict[tuple[str, date], list[Segment]]:
        """Return the files that count by site and local date, in order of their batches."""
        found: dict[tuple[str, date], list[Segment]] = {}
        for segment in sorted(self.live.values(), key=lambda one: (one.site, one.local_date, one.first, one.path)):
            found.setdefault((segment.site, segment.day), []).append(segment)
        return found


def laid_aside(directory: Path) -> list[Path]:
    """Return the manifests before the current one, oldest first."""
    current = directory / NAME
    return [
        path
        for path in sorted(directory.glob(f"{STEM}-*.jsonl"))
        if not (current.exists() and path.samefile(current))  # died before the new one took its place
    ]


def _canonical(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _digest(body: Mapping[str, object]) -> str:
    content = _canonical(body)
    return hashlib.sha256(_DOMAIN + len(content).to_bytes(8, "big") + content).hexdigest()
