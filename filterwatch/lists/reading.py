"""Reading list files: their header, and their entries in large vectorised pieces.

A list file is text. Comments at its top say what it is (``# category: gambling``), then comes one entry a line, in
the form of :mod:`filterwatch.lists.modes` or in another format that the header names (``# format: hosts``).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import BYPASS_KINDS, CATEGORIES
from filterwatch.lists import domains
from filterwatch.lists.domains import Bad, Piece
from filterwatch.lists.formats import FORMATS
from filterwatch.lists.unpacking import whole_lines
from filterwatch.text import printable

OWN_FORMAT = "domains"

MOST_MISTAKES = 20
"""Mistakes reported for one file; a list in the wrong format would give one a line."""


@dataclass(frozen=True, slots=True)
class ListFile:
    """One list: where it is and what its names mean.

    Attributes:
        path: The file.
        id: Name of the list, unique among those compiled together: the file's name without its ending.
        category: Category word (``bypass.vpn`` with its kind); ``all`` for an allow list that cancels every category.
        allow: Whether entries cancel the category instead of giving it.
        own: Whether the list is the school's own: only its own allow lists cancel what it says.
        format: ``domains`` or a word of :data:`filterwatch.lists.formats.FORMATS`.
        source: Where the names come from.
        licence: SPDX id or plain words.
        credit: The line that the licence wants shown.
        secret: Whether no entry may ever be shown, not even one that is wrong.
        digest: SHA-256 of the file where it was taken in as such; empty where nobody knows it.
    """

    path: Path
    id: str
    category: str
    allow: bool = False
    own: bool = False
    format: str = "domains"
    source: str = ""
    licence: str = ""
    credit: str = ""
    secret: bool = False
    digest: str = ""

    @property
    def intact(self) -> bool:
        """Whether the file is what was taken in; reads it through."""
        return not self.digest or intact(self.path, self.digest)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def intact(path: Path, digest: str) -> bool:
    """Say whether a file has the SHA-256 *digest*; one that cannot be read has none."""
    try:
        return sha256(path) == digest
    except OSError:
        return False


_ASKED = ("category", "kind", "mode", "format", "source", "licence", "credit")


def describe(path: Path, *, own: bool = False) -> ListFile:
    """Read the header of a list file.

    Args:
        path: The file.
        own: Whether it is one of the school's own.

    Raises:
        ConfigurationError: The file cannot be read, or its header leaves out or misspells what it must say.
    """
    said: dict[str, str] = {}
    places: dict[str, int] = {}
    mistakes: list[Mistake] = []
    for number, line in enumerate(_header(path), 1):
        key, colon, value = line.lstrip("#").partition(":")
        key = key.strip().lower()
        if not colon or key not in _ASKED:
            continue
        if key in said:
            mistakes.append(Mistake(str(path), number, 1, f"'{key}' is given twice (first on line {places[key]})"))
        said[key], places[key] = value.strip(), number
    mistakes += _wrong(path, said, places)
    if mistakes:
        raise ConfigurationError(mistakes)
    category, kind = said["category"], said.get("kind", "")
    return ListFile(
        path=path,
        id=path.stem,
        category=f"{category}.{kind}" if kind else category,
        allow=said.get("mode") == "allow",
        own=own,
        format=said.get("format", OWN_FORMAT),
        source=said.get("source", ""),
        licence=said.get("licence", ""),
        credit=said.get("credit", ""),
    )


def _header(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            top = file.read(16_384).decode("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise ConfigurationError([Mistake(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None
    lines = []
    for line in top:
        if line.strip() and not line.startswith("#"):
            break
        lines.append(line)
    return lines


def _wrong(path: Path, said: Mapping[str, str], places: Mapping[str, int]) -> Iterator[Mistake]:
    def mistake(key: str, problem: str) -> Mistake:
        return Mistake(str(path), places[key], 1, f"{key}: {problem}, found '{printable(said[key])}'")

    mode = said.get("mode", "deny")
    if mode not in {"deny", "allow"}:
        yield mistake("mode", "must be deny or allow")
    if "category" not in said:
        known = ", ".join(CATEGORIES)
        yield Mistake(str(path), 1, 1, f"'category' is missing; add '# category: ...' at the top, one of: {known}")
    elif said["category"] not in CATEGORIES and not (said["category"] == "all" and mode == "allow"):
        yield mistake("category", f"not a category; one of: {', '.join(CATEGORIES)}, or all with mode: allow")
    if said.get("category") == "csam":
        yield mistake("category", "addresses of such material are never listed here; the filter's own verdict tells")
    if "kind" in said and (said.get("category") != "bypass" or said["kind"] not in BYPASS_KINDS):
        yield mistake("kind", f"only category bypass has kinds: {', '.join(BYPASS_KINDS)}")
    if "kind" in said and mode == "allow":
        yield mistake("kind", "an allow list cancels a whole category; leave the kind out")
    if said.get("format", OWN_FORMAT) not in (OWN_FORMAT, *FORMATS):
        yield mistake("format", f"not a list format; one of: {', '.join((OWN_FORMAT, *FORMATS))}")


def pieces(file: ListFile) -> Iterator[Piece]:
    """Yield the entries of *file*, some hundred thousand at a time.

    Raises:
        ConfigurationError: With every line that is no entry, at most :data:`MOST_MISTAKES`, after the last piece.
    """
    mistakes: list[Mistake] = []
    before = 0
    for raw in _blocks(file.path):
        text = _text(file.path, raw, before, mistakes)
        piece, bad = entries(pl.Series("line", [text]).str.split("\n").explode(), file.format)
        for one in bad[:MOST_MISTAKES]:
            found = "found something else" if file.secret else f"found '{printable(one.text[:80])}'"
            problem = f"not a host name: {found}; one name a line, international names as xn--..."
            mistakes.append(Mistake(str(file.path), before + one.row + 1, one.column, problem))
        if file.secret and not piece.names.str.contains(r"[.:/]").all():
            problem = (
                "holds words without a dot; of a list of hashes nothing can be known: addresses or names are needed"
            )
            mistakes.append(Mistake(str(file.path), 0, 0, problem))
        yield piece
        if len(mistakes) >= MOST_MISTAKES:
            break
        before += raw.count(b"\n")
    if mistakes:
        raise ConfigurationError(mistakes[:MOST_MISTAKES])


def entries(lines: pl.Series, format_: str) -> tuple[Piece, list[Bad]]:
    """Return the entries of *lines*, and the lines that are neither entry nor comment; what is left out is not told."""
    if format_ == OWN_FORMAT:
        return domains.read(lines)
    said = FORMATS[format_](lines).drop_nulls("entry")
    piece, bad = domains.read(said["entry"])
    places: list[int] = said["row"].to_list()
    return piece, [Bad(places[one.row], one.column, one.text) for one in bad]


def members(path: Path, category: str, format_: str) -> ListFile:
    """Return a list that a body hands to its members alone; nothing of it is ever shown.

    Args:
        path: The file; nobody but its owner may read it.
        category: What it gives; ``csam`` too.
        format_: As of :class:`ListFile`.

    Raises:
        ConfigurationError: It cannot be read, or others can read it.
    """
    problem = ""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & 0o077:
            problem = "others may read this list, which is for members alone; chmod 600 it"
        elif not os.access(path, os.R_OK):
            problem = "cannot be read; make it filterwatch's own"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    if problem:
        raise ConfigurationError([Mistake(str(path), 0, 0, problem)])
    return ListFile(path, f"members-{path.stem}", category, own=True, format=format_, secret=True)


def _text(path: Path, raw: bytes, before: int, mistakes: list[Mistake]) -> str:
    try:
        return raw.decode("utf-8-sig" if before == 0 else "utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start)
        column = error.start - raw.rfind(b"\n", 0, error.start)
        mistakes.append(Mistake(str(path), before + line + 1, column, "not UTF-8; save the file as UTF-8"))
        return ""


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the file in pieces of whole lines."""
    try:
        with path.open("rb") as file:
            yield from whole_lines(file)
    except OSError as error:
        raise ConfigurationError([Mistake(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None
