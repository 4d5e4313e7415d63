"""The raw lines behind an alert, for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from filterwatch.journal import JournalError, Reader
from filterwatch.text import defang, printable

_LINK = re.compile(r"(?i)\bhttps?://\S*|(?<![\w.-])(?:[\w-]+\.)+[a-z][a-z0-9-]+\b")
"""What a terminal or a chat program would turn into a link: URLs and host names."""


def raw_lines(state: Path, ids: Iterable[str]) -> Mapping[str, bytes]:
    """Return the line behind each detection of *ids* that the journal still has; none where there is no journal."""
    try:
        with Reader.at(state / "journal.db") as journal:
            return journal.raw_lines(ids)
    except JournalError:
        return {}


def shown(line: bytes) -> str:
    """Return a raw line as a terminal may show it: nothing moves, hides or forges, and no address is a link."""
    return printable(_LINK.sub(lambda found: defang(found[0]), line.decode("utf-8", "replace")))
