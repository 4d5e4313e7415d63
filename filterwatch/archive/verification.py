"""Is the archive what was sealed?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filterwatch.archive import disk
from filterwatch.archive.errors import ManifestDamaged, explained
from filterwatch.archive.manifest import BEGINNING, NAME, Manifest, Segment, laid_aside
from filterwatch.archive.sealing import INTENT


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was sealed.

    Attributes:
        path: The file.
        what: What is wrong with it, and the remedy.
    """

    path: Path
    what: str

    def __str__(self) -> str:
        """Return ``path: what``."""
        return f"{self.path}: {self.what}"


def verify(directory: Path, head: str | None = None) -> list[Problem]:
    """Return everything in the archive that is not as it was sealed; reads every file.

    Args:
        directory: The archive; one that does not exist yet is in order.
        head: Hash of the newest manifest line as another place remembers it (the journal, a mailed ledger page): a
            manifest whose end was cut off is found by it alone.
    """
    with explained(directory):
        try:
            before = [Manifest.read(directory, path.name) for path in laid_aside(directory)]
            manifest = Manifest.read(directory)
        except ManifestDamaged as error:
            return [Problem(error.path, f"line {error.line}: {error.why}")]
        files = sorted(manifest.live.values(), key=lambda one: one.path)
        problems = [found for one in files if (found := _compare(directory, one))]
        problems += _extra(manifest)
        problems += _broken([*before, manifest])
        if head is not None and not manifest.knows(head):
            problems.append(Problem(directory / NAME, f"its end is missing: no line has hash {head}; put back a copy"))
    return problems


def _compare(directory: Path, segment: Segment) -> Problem | None:
    path = directory / segment.path
    if not path.exists():
        return Problem(path, f"missing: {segment.rows} events of {segment.local_date}; put back a copy")
    size = path.stat().st_size
    if size != segment.bytes:
        return Problem(path, f"altered: {size} bytes found, {segment.bytes} were sealed; put back a copy")
    if disk.sha256(path) != segment.sha256:
        return Problem(path, "altered: SHA-256 differs from what was sealed; put back a copy")
    return None


def _broken(manifests: Sequence[Manifest]) -> list[Problem]:
    """Return where manifests do not follow each other: the first begins the chain, each next one goes on from it."""
    problems, expected = [], BEGINNING[1]
    for manifest in manifests:
        if manifest.begins != expected and manifest.lines:
            path = manifest.directory / NAME
            problems.append(Problem(path, f"lines before {manifest.first} are gone: put back the manifest before it"))
        expected = manifest.head
    return problems


def _extra(manifest: Manifest) -> list[Problem]:
    intent = manifest.directory / INTENT
    begun = set(json.loads(intent.read_bytes())) if intent.exists() else set()
    known = {*manifest.live, *manifest.replaced, *begun}
    problems = []
    for path in sorted(manifest.directory.glob("site=*/date=*/*.parquet")):
        name = str(path.relative_to(manifest.directory))
        if name in manifest.purged:
            problems.append(Problem(path, "was purged and is still there; the next tidying removes it"))
        elif name not in known:
            problems.append(Problem(path, "not sealed by us: the manifest does not know it; remove it"))
    return problems
