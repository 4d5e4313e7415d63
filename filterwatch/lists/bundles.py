"""Bundles: the lists of one gateway, carried to another that may not reach the internet."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from filterwatch.config import Part
from filterwatch.errors import FilterwatchError
from filterwatch.lists.store import Store
from filterwatch.lists.unpacking import Refused, members

MANIFEST = "filterwatch-lists.json"
MOST = 2 << 30
"""Bytes of a bundle; all lists of the catalogue make some 200 MB."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Carried:
    """A list out of a bundle.

    Attributes:
        id: Of the list.
        path: Its entries in our own form.
        at: When this version came to where the bundle was made.
        newest: When it was last known there to be its makers' newest.
    """

    id: str
    path: Path
    at: datetime
    newest: datetime


class _Item(Part):
    sha256: str
    at: AwareDatetime
    newest: AwareDatetime | None = None


class _Contents(Part):
    lists: dict[str, _Item]


def export(store: Store, ids: Iterable[str], out: Path) -> list[str]:
    """Write the current version of the lists *ids* into the bundle *out*; return those that are in it.

    Raises:
        FilterwatchError: It cannot be written, or there is nothing to put into it.
    """
    known = store.read()
    versions = {id_: kept.current for id_ in ids if (kept := known.get(id_)) and kept.current}
    if not versions:
        raise FilterwatchError("no list was fetched yet; run `filterwatch lists update` first")
    if bad := [id_ for id_, one in versions.items() if not store.intact(one)]:
        raise FilterwatchError(f"{bad[0]}: its file is gone or damaged; run `filterwatch lists update` first")
    items = {
        id_: _Item(sha256=one.digest, at=one.at, newest=known[id_].newest or one.at) for id_, one in versions.items()
    }
    raw = _Contents(lists=items).model_dump_json(indent=1).encode()
    temporary = out.with_name(f".{out.name}.new")
    try:
        with tarfile.open(temporary, "w") as tar:
            info = tarfile.TarInfo(MANIFEST)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
            for id_, one in versions.items():
                tar.add(store.file(one), arcname=f"{id_}.list", filter=_plain)
        temporary.replace(out)
    except OSError as error:
        raise FilterwatchError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return list(versions)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out whose file it was."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info


def unpacked(bundle: Path, store: Store) -> Iterator[Carried]:
    """Yield each list of a bundle as a new file of the store, which may be moved away.

    The bundle is read through before the first: of one that is damaged or cut short nothing is taken.

    Raises:
        FilterwatchError: It cannot be read, is no bundle, or what is in it is not what was put into it.
    """
    try:
        contents = _checked(bundle)
        for name, stream in members(bundle, "tar", MOST):
            if name == MANIFEST:
                continue
            id_, path = name.removesuffix(".list"), store.new()
            try:
                with path.open("wb") as file:
                    shutil.copyfileobj(stream, file, _BLOCK)
                yield Carried(id_, path, contents[id_].at, contents[id_].newest or contents[id_].at)
            finally:
                path.unlink(missing_ok=True)
    except Refused as error:
        raise FilterwatchError(
            f"{bundle}: no bundle of lists: {error}; make it with `filterwatch lists export`"
        ) from None
    except OSError as error:
        raise FilterwatchError(f"{bundle}: cannot be read or unpacked: {error.strerror}") from None


def _checked(bundle: Path) -> Mapping[str, _Item]:
    """Return the table of contents of a bundle that holds just what it says."""
    contents: Mapping[str, _Item] = {}
    seen: set[str] = set()
    for name, stream in members(bundle, "tar", MOST):
        if name == MANIFEST:
            contents = _contents(stream.read(1 << 20))
            continue
        id_ = name.removesuffix(".list")
        if id_ not in contents:
            raise Refused(f"'{name[:60]}' is not in its table of contents, which must come first")
        digest = hashlib.sha256()
        while block := stream.read(_BLOCK):
            digest.update(block)
        if digest.hexdigest() != contents[id_].sha256:
            raise Refused(f"'{name[:60]}' is not what was put into it")
        seen.add(id_)
    if absent := sorted(set(contents) - seen):
        raise Refused(f"cut short: '{absent[0][:60]}' is not in it")
    if not contents:
        raise Refused("it holds no list")
    return contents


def _contents(raw: bytes) -> Mapping[str, _Item]:
    try:
        return _Contents.model_validate_json(raw).lists
    except ValidationError:
        raise Refused("its table of contents is damaged") from None
