"""Bundles: the lists of one gateway, carried to another that may not reach the internet."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from filterwatch.errors import FilterwatchError
from filterwatch.lists.store import Store
from filterwatch.lists.unpacking import Capped, Refused, members

MANIFEST = "filterwatch-lists.json"
MOST = 2 << 30
"""Bytes of a bundle; all lists of the catalogue make some 200 MB."""


def export(store: Store, ids: Iterable[str], out: Path) -> list[str]:
    """Write the current version of the lists *ids* into the bundle *out*; return those that are in it.

    Raises:
        FilterwatchError: It cannot be written, or there is nothing to put into it.
    """
    known = store.read()
    versions = {id_: kept.current for id_ in ids if (kept := known.get(id_)) and kept.current}
    if not versions:
        raise FilterwatchError("no list was fetched yet; run `filterwatch lists update` first")
    manifest = {id_: {"sha256": one.digest, "at": one.at.isoformat()} for id_, one in versions.items()}
    raw = json.dumps({"lists": manifest}, indent=1).encode()
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


def unpacked(bundle: Path, store: Store) -> Iterator[tuple[str, Path]]:
    """Yield each list of a bundle as a new file of the store, compared with its checksum; it may be moved away.

    Raises:
        FilterwatchError: It cannot be read, is no bundle, or what is in it is not what was put into it.
    """
    sums: dict[str, str] = {}
    try:
        for name, stream in members(bundle, "tar", MOST):
            if name == MANIFEST:
                sums = _sums(stream.read(1 << 20))
                continue
            id_ = name.removesuffix(".list")
            path = store.new()
            _copy(stream, path, sums.get(id_), name)
            yield id_, path
            path.unlink(missing_ok=True)
    except Refused as error:
        raise FilterwatchError(
            f"{bundle}: no bundle of lists: {error}; make it with `filterwatch lists export`"
        ) from None
    except OSError as error:
        raise FilterwatchError(f"{bundle}: cannot be read or unpacked: {error.strerror}") from None
    if not sums:
        raise FilterwatchError(f"{bundle}: no bundle of lists; make it with `filterwatch lists export`")


def _copy(stream: Capped, path: Path, expected: str | None, name: str) -> None:
    if expected is None:
        raise Refused(f"'{name[:60]}' is not in its table of contents, which must come first")
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while block := stream.read(1 << 20):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != expected:
        raise Refused(f"'{name[:60]}' is not what was put into it")


def _sums(raw: bytes) -> dict[str, str]:
    try:
        said = cast("dict[str, dict[str, dict[str, str]]]", json.loads(raw))
        return {id_: one["sha256"] for id_, one in said["lists"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("its table of contents is damaged") from None
