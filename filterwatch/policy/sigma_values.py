"""Values of Sigma as texts and patterns of our engine."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl
from pydantic import TypeAdapter, ValidationError
from sigma.types import (
    CompareOperators,
    SigmaCasedString,
    SigmaCompareExpression,
    SigmaExists,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
    SpecialChars,
)

from filterwatch.policy.values import Regex

Leaf = dict[str, object]
"""What ``match`` of a rule may say."""

Parts = Sequence[str | SpecialChars]
"""A text, cut at its wildcards."""

_ESCAPED, _NAMED = re.compile(r"\\."), re.compile(r"\[:\^?\w+:\]")
_CLASS = re.compile(r"\[\^?\]?((?:\[:\^?\w+:\]|[^\]])*)\]")
"""Parts of a pattern: a sign behind a backslash, a class by its name, what stands inside a class."""


class Refused(Exception):
    """Something our rules cannot say; its text is ``what: why; remedy``."""


def plain(value: SigmaType) -> str:
    """Return *value* as text without wildcards."""
    parts = parts_of(value)
    if not all(isinstance(part, str) for part in parts):
        raise Refused("this field takes no wildcards; write its values out")
    return "".join(map(str, parts))


def written(parts: Parts) -> None:
    """Refuse a text with nothing in it: what is empty is null in events, which other logs mean by "not logged"."""
    if not parts or (len(parts) == 1 and isinstance(parts[0], str) and not parts[0].strip()):
        raise Refused("an empty text is never logged; leave it out")


def parts_of(value: SigmaType) -> list[str | SpecialChars]:
    """Return *value* cut at its wildcards.

    Raises:
        Refused: It is no text, or one with placeholders.
    """
    # A part of a time stamp (|hour, |minute) is a number too.
    if type(value) is SigmaNumber:
        return [str(value.number)]
    if not isinstance(value, SigmaString):
        raise Refused(f"{type(value).__name__.removeprefix('Sigma')}: values of this kind cannot be compared here")
    parts: list[str | SpecialChars] = []
    for part in value.s:
        if not isinstance(part, str | SpecialChars):
            raise Refused("placeholders (expand) have no values here; write them out")
        parts.append(part)
    return parts


def whole(parts: Parts, any_: str, one: str) -> str:
    """Return a pattern over a whole text; runs at its ends are left to the engine."""
    open_ = bool(parts) and parts[0] is SpecialChars.WILDCARD_MULTI
    said = pattern(parts[1:] if open_ else parts, any_, one, "$" if not open_ or len(parts) > 1 else "")
    return said or "^" if open_ else f"^{said}"


def escaped(part: str | SpecialChars) -> str:
    """Return a pattern for *part* itself."""
    return pl.escape_regex(str(part))


def flags(value: SigmaType) -> str:
    """Return how a pattern made of *value* treats case: any, unless it is cased."""
    return "(?s)" if isinstance(value, SigmaCasedString) else "(?is)"


def regex(value: SigmaRegularExpression) -> str:
    """Return the pattern of *value* with its flags.

    Raises:
        Refused: Our engine does not take it, or means something else by it.
    """
    signs = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    said = value.regexp.original
    _same_everywhere(said)
    return checked(f"(?{signs}){said}" if signs else said)


def _same_everywhere(said: str) -> None:
    """Refuse a pattern whose ``[...]`` means a set of sets in our engine and plain characters elsewhere.

    Source: https://docs.rs/regex/latest/regex/#character-classes.
    """
    for inside in _CLASS.findall(_ESCAPED.sub("", said)):
        if sign := next((sign for sign in ("[", "&&", "--", "~~") if sign in _NAMED.sub("", inside)), ""):
            raise Refused(f"{sign} inside [...] means a set in this engine; write it with a backslash")


def checked(pattern: str) -> str:
    """Return *pattern*.

    Raises:
        Refused: The engine does not take it.
    """
    try:
        return TypeAdapter(Regex).validate_python(pattern)
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise Refused(f"{said}; patterns here have no look-around and no back-references") from None


def pattern(parts: Parts, any_: str, one: str, end: str) -> str:
    """Return a pattern for *parts* up to their end; a star there is left to the engine."""
    open_ = bool(parts) and parts[-1] is SpecialChars.WILDCARD_MULTI
    said = "".join(
        any_ if part is SpecialChars.WILDCARD_MULTI else one if part is SpecialChars.WILDCARD_SINGLE else escaped(part)
        for part in (parts[:-1] if open_ else parts)
    )
    return said if open_ else f"{said}{end}"


def bounds(value: SigmaCompareExpression, highest: int) -> tuple[int, int]:
    """Return the least and the greatest whole number that *value* allows, between 0 and *highest*.

    Raises:
        Refused: It is compared with no whole number.
    """
    number = value.number.number
    if number != int(number):
        raise Refused(f"{number}: not a whole number; write one")
    at = int(number)
    return {
        CompareOperators.LT: (0, at - 1),
        CompareOperators.LTE: (0, at),
        CompareOperators.GT: (at + 1, highest),
        CompareOperators.GTE: (at, highest),
    }[value.op]


def presence(key: str, value: SigmaType, filled: str, there: str, *, glob: bool = False) -> Leaf | None:
    """Return that a field is or is not there, where *value* asks for that; else null.

    Args:
        key: Key of ``match``.
        value: Of the field.
        filled: What fits every text but the empty one; empty where that cannot be asked.
        there: What fits every text.
        glob: Both are globs, not patterns.
    """
    if not isinstance(value, SigmaNull | SigmaExists):
        return None
    fits = there if isinstance(value, SigmaExists) else filled
    if not fits:
        raise Refused("whether this field is there at all cannot be asked; name its values")
    held: Leaf = {key: [fits] if glob else {"regex": fits}}
    return held if isinstance(value, SigmaExists) and value.exists else {"none": [held]}


def text(key: str, value: SigmaType) -> Leaf:
    """Return a condition on a whole text, in any case unless it is cased."""
    if (there := presence(key, value, "(?s).", "^")) is not None:
        return there
    if isinstance(value, SigmaRegularExpression):
        return {key: {"regex": regex(value)}}
    parts = parts_of(value)
    written(parts)
    match parts:
        case [SpecialChars.WILDCARD_MULTI, str(said), SpecialChars.WILDCARD_MULTI]:
            if not isinstance(value, SigmaCasedString) and said.isascii() and said.strip():
                return {key: {"contains": [said]}}
    return {key: {"regex": checked(flags(value) + whole(parts, ".*", "."))}}
