"""The path of a URL as servers read it, however it was written: one reading for lists, searches and rules; its host.

Browsers resolve ``.`` and ``..`` before they ask; other programs leave that to the server, and so does whoever wants
to be overlooked.  Escapes of letters, figures, ``-``, ``.``, ``_`` and ``~`` mean nothing (RFC 3986, section 2.3).
"""

from __future__ import annotations

import re

import polars as pl

_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_ESCAPES = {f"%{ord(sign):02X}": sign for sign in _UNRESERVED}
_ESCAPE = re.compile("|".join(_ESCAPES), re.IGNORECASE)

_HOST = r"^(?i:https?)://(?:[^/?#@\\]*@)?([^/?#:@\\]+)"
_BARE_HOST = r"^([^/?#:@\\]+\.[^/?#:@\\]+)(?:[/?#:]|$)"
_DOTTED = r"/\.\.?(?:[/?#]|$)"
_PARTS = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*|[^/?#]*)([^?#]*)(.*)", re.DOTALL)
_SLASHES = re.compile("/{2,}")


def written_host(pages: pl.Expr) -> pl.Expr:
    """Return the host of *pages*, as it is written; their addresses may lack the scheme, as some filters write them."""
    return pl.coalesce(pages.str.extract(_HOST), pages.str.extract(_BARE_HOST))


def unescaped(urls: pl.Series) -> pl.Series:
    """Return *urls* with the escapes undone that nobody needs: ``/pr%6Fxy`` is ``/proxy`` (promise S21)."""
    rows = urls.str.contains("%", literal=True).fill_null(value=False).arg_true()
    if rows.is_empty():
        return urls
    plain = urls.gather(rows).str.replace_many(list(_ESCAPES), list(_ESCAPES.values()), ascii_case_insensitive=True)
    return urls.clone().scatter(rows, plain)


def resolved(urls: pl.Series) -> pl.Series:
    """Return *urls*, with or without a scheme, with the dot segments of their paths resolved; few have any."""
    rows = urls.str.contains(_DOTTED).fill_null(value=False).arg_true()
    if rows.is_empty():
        return urls
    plain = [_resolved(url) for url in urls.gather(rows).to_list()]
    return urls.clone().scatter(rows, pl.Series(plain, dtype=pl.String))


def _resolved(url: str) -> str:
    found = _PARTS.match(url)
    if found is None:  # every text has these three parts
        raise ValueError(url)
    return found[1] + without_dots(found[2]) + found[3]


def without_dots(path: str) -> str:
    """Return *path*, which is empty or begins with a slash, without dot segments.  Source: RFC 3986, section 5.2.4."""
    if "/." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    end = "/" if path.endswith(("/.", "/..")) else ""
    return f"/{'/'.join(kept)}{end}"


def straight(path: str) -> str:
    """Return *path*, which is empty or begins with a slash, plain: no needless escape, dot segment or double slash."""
    if "%" in path:
        path = _ESCAPE.sub(lambda found: _ESCAPES[found[0].upper()], path)
    return _SLASHES.sub("/", without_dots(path)) if "/." in path or "//" in path else path
