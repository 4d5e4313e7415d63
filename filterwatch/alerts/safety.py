"""Looking for what must not leave: every host, name, address and term of the detections, and whatever links itself.

Tests run every outgoing text through this; it is no part of making a message, which never holds such text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import polars as pl

_COLUMNS = ("person", "user", "device", "client_ip", "host", "matched")
_SHORTEST = 3
"""Characters; shorter names would be found in every text."""

_NEVER = ("child porn", "kiddie porn", "child erotica", "paedophile ring")
"""AX8: what IWF and CEOP never say."""

_LINK = re.compile(
    r"(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.|mailto:)\S+"
    r"|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,}\b"
)


def forbidden(detections: pl.DataFrame) -> frozenset[str]:
    """Return what stands in *detections* and must not stand in a message.

    Of a host also each parent domain of two labels or more.
    """
    found: set[str] = set()
    for column in _COLUMNS:
        if column in detections.columns:
            found.update(str(value) for value in detections[column].drop_nulls().unique())
    for host in list(found):
        labels = host.split(".")
        if len(labels) > 2 and not labels[-1].isdigit():
            found.update(".".join(labels[start:]) for start in range(1, len(labels) - 1))
    return frozenset(value for value in found if len(value) >= _SHORTEST)


def leaks(text: str, secrets: Iterable[str]) -> list[str]:
    """Return which of *secrets* stand in *text* as words of their own, also defanged, escaped or in another case."""
    plain = _plain(text)
    return sorted(
        {secret for secret in secrets if _stands_in(_plain(secret), plain)} | {w for w in _NEVER if w in plain}
    )


def links(text: str, allowed: str = "") -> list[str]:
    """Return what a mail program or chat application would turn into a link, apart from what begins with *allowed*."""
    found = (match.group() for match in _LINK.finditer(text))
    mine = urlsplit(allowed).netloc
    return [one for one in found if not (allowed and (one.startswith(allowed) or one == mine))]


def _plain(text: str) -> str:
    unfanged = unquote(text).replace("[.]", ".").replace("[:]", ":").replace("hxxp", "http")
    return unicodedata.normalize("NFKC", unfanged).casefold()


def _stands_in(secret: str, text: str) -> bool:
    start = text.find(secret)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(secret) : start + len(secret) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        start = text.find(secret, start + 1)
    return False
