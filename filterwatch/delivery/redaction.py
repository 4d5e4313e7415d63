"""Complaints of a service, without what must not be written down."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from filterwatch.text import printable

_LONGEST = 200
_SHORTEST_SECRET = 4
_ADDRESS = re.compile(r"[\w.+%-]+@[\w.-]+|\b[a-z][a-z0-9+.-]*://\S+|\b\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE)


def redacted(complaint: str, url: str) -> str:
    """Return *complaint* without mail addresses, URLs, IP addresses and any part of *url*; at most 200 characters."""
    for secret in sorted(_parts(url), key=len, reverse=True):
        complaint = complaint.replace(secret, "[...]")
    return printable(_ADDRESS.sub("[...]", complaint))[:_LONGEST]


def _parts(url: str) -> set[str]:
    """Return what in *url* may be secret: user, password, host, tokens in path and query."""
    split = urlsplit(url)
    words = {split.username or "", split.password or "", split.hostname or ""}
    words |= {word for part in (split.path, split.query, split.netloc) for word in re.split(r"[/&=?:@]", part)}
    words |= {unquote(word) for word in words}
    return {word for word in words if len(word) >= _SHORTEST_SECRET}
