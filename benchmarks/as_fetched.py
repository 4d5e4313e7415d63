"""Lists of the catalogue from files at hand, taken in as if they had been fetched: translated, judged, stored.

Used by the other benchmarks, which name lists as ``ID=PATH``. PATH is what the list's address gives once it is
unpacked: a file (also compressed with xz), or a folder of squidGuard's with ``domains`` and ``urls``.
"""

from __future__ import annotations

import argparse
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterwatch.clock import SystemClock
from filterwatch.lists import ListFile
from filterwatch.lists.catalogue import SQUIDGUARD, V2FLY, Listed, load
from filterwatch.lists.guard import Guard
from filterwatch.lists.store import Store, Version
from filterwatch.lists.updating import Updater

SQUIDGUARDS = ("domains", "urls")


@dataclass(frozen=True, slots=True)
class Given:
    """One list of the command line.

    Attributes:
        id: Of the list in the catalogue.
        path: What its address would give.
    """

    id: str
    path: Path


@dataclass(frozen=True, slots=True)
class Taken:
    """One list as the store holds it.

    Attributes:
        listed: What the catalogue says of it.
        version: What became of its lines.
        file: Its entries in our own form, for the index.
    """

    listed: Listed
    version: Version
    file: ListFile


def given(text: str) -> Given:
    """Read ``ID=PATH``.

    Raises:
        argparse.ArgumentTypeError: It is not of that form.
    """
    id_, equals, path = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"write ID=PATH, found '{text}'")
    return Given(id_, Path(path))


def take(
    lists: Sequence[Given], rules: Path, scratch: Path, further: Path | None = None, *, accept: bool = False
) -> Iterator[Taken]:
    """Take lists in as the updater does; say of those that it refuses, why, and leave them out.

    Args:
        lists: Of the catalogue.
        rules: With ``lists/catalogue.yaml`` and ``lists/guard.yaml``.
        scratch: An empty directory for the store.
        further: Another catalogue, in the same form.
        accept: Whether to take in lists that hold names they should not.
    """
    catalogue = load(rules / "lists" / "catalogue.yaml", *([further] if further else []))
    store = Store(scratch / "store")
    updater = Updater(store, catalogue, Guard.load(rules / "lists" / "guard.yaml"), SystemClock())
    for one in lists:
        listed = catalogue[one.id]
        came = scratch / "came"
        came.write_bytes(_packed(one.path, listed))
        with store.locked():
            outcome = updater.take(one.id, came, accept=accept)
        version = store.read()[one.id].current
        if outcome.bad or version is None:
            print(f"{one.id}: {outcome.word}: {outcome.said}")
            continue
        yield Taken(listed, version, ListFile(store.file(version), one.id, listed.word, allow=listed.mode == "allow"))


def _packed(path: Path, listed: Listed) -> bytes:
    """Return what the list's address would give."""
    files = [found for name in SQUIDGUARDS for found in path.glob(f"{name}*")] if path.is_dir() else [path]
    parts = {_place(file, listed): _content(file) for file in files}
    if listed.archive == "none":
        return b"".join(parts.values())
    out = io.BytesIO()
    if listed.archive == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in parts.items():
                zipped.writestr(name, content)
        return out.getvalue()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for name, content in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _place(file: Path, listed: Listed) -> str:
    """Return where the archive of a list holds a file."""
    if listed.format == SQUIDGUARD:
        return f"{listed.pick}/{file.name.removesuffix('.xz')}"
    return f"data/{listed.pick}" if listed.format == V2FLY else listed.pick or file.name


def _content(file: Path) -> bytes:
    return lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()
