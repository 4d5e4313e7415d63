"""Names that rotation gives to logs: which log a file belongs to, and which of two is older.

The forms are those of logrotate (``create``, ``dateext``, ``extension``), savelog, newsyslog, squid's own
``logfile_rotate``, cronolog and Python's rotating handlers; ``docs/decisions/0010-following-files.md`` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPRESSIONS = {".gz": "gzip", ".xz": "xz", ".zst": "zstd", ".bz2": "bzip2"}
"""Suffix of a compressed log and how it is compressed."""

_MARK = (
    r"(?:\.\d{1,3}"  # access.log.1
    r"|\.old"
    r"|[-._]\d{4}-?\d\d-?\d\d(?:[-T_.]?\d\d(?:[-:.]?\d\d){0,2})?"  # -20261122, .2026-11-22, -20261122-0300
    r"|[-.]\d{6}"  # -202611
    r"|[-.]\d{9,10})"  # seconds since 1970
)
_STEM = r"(?P<stem>(?=[^A-Za-z]*[A-Za-z]).+?)"  # 192.168.1.10 is a host's own log, not the tenth of 192.168.1
_BEHIND = re.compile(rf"{_STEM}(?P<mark>{_MARK}{{1,2}})")  # access.log.1
_BEFORE = re.compile(rf"{_STEM}(?P<mark>{_MARK}{{1,2}})(?P<extension>\.[A-Za-z]\w{{0,9}})")  # access-20261122.log


@dataclass(frozen=True, slots=True)
class NameParts:
    """One way to take a file's name apart.

    Attributes:
        base: The name without what rotation added.
        mark: What rotation added: ``.1``, ``-20261122``; empty for none.
        compression: A value of :data:`COMPRESSIONS`; null for a plain file.
    """

    base: str
    mark: str
    compression: str | None


def readings(name: str) -> Iterator[NameParts]:
    """Yield every way to read the file name *name*, the one that takes least away first."""
    stem, dot, suffix = name.rpartition(".")
    compression = COMPRESSIONS.get(dot + suffix) if stem else None
    plain = stem if compression else name
    yield NameParts(plain, "", compression)
    if behind := _BEHIND.fullmatch(plain):
        yield NameParts(behind["stem"], behind["mark"], compression)
    if before := _BEFORE.fullmatch(plain):
        yield NameParts(before["stem"] + before["extension"], before["mark"], compression)


def stripped(name: str) -> NameParts:
    """Return the reading of *name* that takes most away."""
    *_, last = readings(name)
    return last


def order_of(mark: str) -> tuple[str, int]:
    """Return a kind of mark and a number that grows with age within that kind; kinds do not compare."""
    if re.fullmatch(r"\.\d{1,3}", mark):
        return "number", int(mark[1:])
    if mark == ".old":
        return "number", 1
    digits = re.sub(r"\D", "", mark)
    return ("date", -int(digits.ljust(20, "0")[:20])) if digits else ("none", 0)
