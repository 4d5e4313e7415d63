"""What is to be read of a file that came: all of it, or what a list picks out of an archive."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path, PurePosixPath

from filterwatch.lists import v2fly
from filterwatch.lists.catalogue import SQUIDGUARD, SUFFIXES, V2FLY, Listed
from filterwatch.lists.reading import OWN_FORMAT
from filterwatch.lists.unpacking import Capped, Refused, members

_SQUIDGUARD = {"domains": "domains", "urls": "urls"}


def streams(came: Path, listed: Listed, *, canonical: bool) -> Iterator[tuple[Capped, str]]:
    """Yield what is to be read of the file that came, each with its format.

    Raises:
        Refused: The archive is unsafe, or does not hold the list.
    """
    most = listed.unpacked_megabytes << 20
    if canonical:
        for _, stream in members(came, "none", most):
            yield stream, SUFFIXES if listed.format == SUFFIXES else OWN_FORMAT
        return
    found = False
    files: dict[str, str] = {}
    for name, stream in members(came, listed.archive, most):
        path = PurePosixPath(name)
        if listed.format == V2FLY and listed.archive != "none":
            if path.parent.name == "data":
                files[path.name] = stream.read().decode("utf-8", errors="replace")
            continue
        format_ = _format(path, listed)
        if format_ is not None:
            found = True
            yield stream, format_
    if files:
        text = "\n".join(v2fly.resolved(files, listed.pick)).encode()
        yield Capped(BytesIO(text), most, most), V2FLY
    elif not found:
        raise Refused(f"'{listed.pick}' is not in it")


def _format(path: PurePosixPath, listed: Listed) -> str | None:
    """Return the format of a file in an archive; null for one that is not wanted."""
    if listed.format == SQUIDGUARD:
        # Files `expressions` hold words to be found anywhere in an address: they would hit half the web.
        return _SQUIDGUARD.get(path.name) if path.parent.name == listed.pick else None
    return listed.format if listed.archive in {"none", "gz"} or fnmatch(path.name, listed.pick) else None
