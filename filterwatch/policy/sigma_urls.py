"""Sigma's fields for a URL and its parts, as patterns over the whole URL."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from sigma.types import SigmaString, SigmaType, SpecialChars

from filterwatch.policy.sigma_values import (
    Leaf,
    Parts,
    Refused,
    checked,
    escaped,
    flags,
    parts_of,
    pattern,
    text,
    written,
)

ORIGIN = "^(?:[a-z][a-z0-9+.-]*://[^/?#]*|[^/?#]*[^/?#:])"
"""Scheme and host of a URL, or the host alone, as some filters write it."""


def uri(key: str, value: SigmaType) -> Leaf:
    """Return a condition on the URL as it was asked for.

    Some logs have the whole URL there and some what stands behind the host: rules are written for either.  A value
    that begins with a slash can only be the latter, and no URL of ours begins so.
    """
    first = value.s[0] if isinstance(value, SigmaString) and value.s else None
    return (request if isinstance(first, str) and first.startswith("/") else text)(key, value)


def _of_url(before: str, any_: str, one: str, after: str) -> Callable[[str, SigmaType], Leaf]:
    """Return what makes a condition on a part of the URL, between two patterns."""

    def make(key: str, value: SigmaType) -> Leaf:
        if not isinstance(value, SigmaString):
            raise Refused("only texts are compared with a part of a URL; use c-uri")
        written(parts_of(value))
        said = "".join(
            any_
            if part is SpecialChars.WILDCARD_MULTI
            else one
            if part is SpecialChars.WILDCARD_SINGLE
            else escaped(part)
            for part in parts_of(value)
        )
        return {key: {"regex": checked(f"{flags(value)}{before}{said}{after}")}}

    return make


def _from_slash(any_: str, one: str, end: str) -> Callable[[str, SigmaType], Leaf]:
    """Return what makes a condition on a part of the URL that begins with the slash behind the host."""

    def make(key: str, value: SigmaType) -> Leaf:
        if not isinstance(value, SigmaString):
            raise Refused("only texts are compared with a part of a URL; use c-uri")
        parts = parts_of(value)
        written(parts)
        behind = [_behind_slash(parts)] if parts[0] is not SpecialChars.WILDCARD_MULTI else _behind_star(parts)
        bodies = [pattern(one_, any_, one, end) for one_ in behind]
        body = bodies[0] if len(bodies) == 1 else f"(?:{'|'.join(bodies)})"
        return {key: {"regex": checked(f"{flags(value)}{ORIGIN}/{body}")}}

    return make


def _behind_slash(parts: Parts) -> list[str | SpecialChars]:
    """Return what stands behind the slash of *parts*, which begin with it or with a sign for any one character."""
    first, *rest = parts
    if first is SpecialChars.WILDCARD_SINGLE:
        return rest
    if not isinstance(first, str) or not first.startswith("/"):
        raise Refused(f"{first!r}: this part of a URL begins with /; write /..., or use |contains")
    return [first[1:], *rest]


def _behind_star(parts: Parts) -> list[list[str | SpecialChars]]:
    """Return what may stand behind the slash of *parts*, which begin with a star: that may be all of it, or nothing."""
    rest = list(itertools.dropwhile(lambda part: part is SpecialChars.WILDCARD_MULTI, parts))
    whole = [[SpecialChars.WILDCARD_MULTI, *rest]]
    slash = bool(rest) and (rest[0] is SpecialChars.WILDCARD_SINGLE or str(rest[0]).startswith("/"))
    return [*whole, _behind_slash(rest)] if slash else whole


request = _from_slash(".*", ".", "$")
"""Path and query."""

stem = _from_slash("[^?#]*", "[^?#]", "(?:[?#]|$)")
"""The path alone."""

query = _of_url(rf"{ORIGIN}(?:/[^?#]*)?\?", "[^#]*", "[^#]", "(?:#|$)")
"""What stands behind the question mark."""

extension = _of_url(rf"{ORIGIN}/[^?#]*\.", "[^?#./]*", "[^?#./]", "(?:[?#]|$)")
"""What stands behind the last dot of the path."""
