"""URL prefixes: the one form in which a list's pages and a log's URLs are compared.

``host/path``: no scheme, no user, no port, no ``www.``; percent-encoding undone and case folded, for servers differ
in both and lists were typed by people; ``.`` and ``..`` in a path resolved, as browsers do before they ask.  A prefix
ends at ``/``, ``?``, ``&``, ``#`` or the end, so ``host/a`` speaks of ``host/a/b`` and ``host/a?q=1``, not of
``host/ab``.  Source: squidGuard's ``urls`` and its manual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from filterwatch.lists.paths import without_dots

MOST_CUTS = 32
"""Prefixes of one URL that are looked up, shortest first, and the longest a list may name."""

LONGEST = 8_192
"""Characters of a URL that are looked at: what is longer, web servers refuse unless told otherwise (nginx, Apache)."""

_HEAD = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")
_END = re.compile(r"[/?#]")
_QUERY = re.compile(r"[?#]")
_CUT = re.compile(r"[/?&#]")
_PORT = re.compile(r":[0-9]*$")


def path_of(url: str) -> str:
    """Return what follows the host of a URL or of ``host/path``, in its one form; empty for a front page."""
    text = _HEAD.sub("", url[:LONGEST].strip(), count=1)
    found = _END.search(text)
    return tidy(text[found.start() :]) if found else ""


def tidy(path: str) -> str:
    """Return a path in its one form: decoded, lower case, without what may be left out at its end."""
    begin = found.start() if (found := _QUERY.search(path)) else len(path)
    decoded = without_dots(unquote(path[:begin], errors="replace")) + unquote(path[begin:], errors="replace")
    return re.sub("/{2,}", "/", decoded.lower()).rstrip("/?&#")


def page(entry: str) -> tuple[str, str] | None:
    """Return host and path of a list's entry; null when it has more parts than are ever looked up.

    The path is empty for an entry that names a front page.
    """
    text = _HEAD.sub("", entry, count=1)
    found = _END.search(text)
    host = text[: found.start()] if found else text
    host = _PORT.sub("", host.rpartition("@")[2]).lower().removesuffix(".")
    path = path_of(entry)
    if len(entry) > LONGEST or len(_CUT.findall(path)) > MOST_CUTS:
        return None
    return (host.removeprefix("www.") or host), path


def prefixes(path: str) -> Iterator[str]:
    """Yield the prefixes of a path (as of :func:`path_of`), longest first, not the empty one."""
    ends = [found.start() for found in _CUT.finditer(path) if found.start()][: MOST_CUTS - 1]
    yield from dict.fromkeys([path, *(path[:end].rstrip("/?&#") for end in reversed(ends))]) if path else ()
