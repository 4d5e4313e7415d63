"""Fields and values of Sigma as conditions of ours: one entry a field, and how its values are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl
from pydantic import TypeAdapter, ValidationError
from sigma.types import (
    CompareOperators,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
    SpecialChars,
)

from filterwatch.policy.values import HostName, Regex

Leaf = dict[str, object]
"""What ``match`` of a rule may say."""

_ORIGIN = "^[a-z][a-z0-9+.-]*://[^/?#]*"
_LAST_PORT = 65_535
_ACTIONS = MappingProxyType(
    dict.fromkeys(("deny", "denied", "block", "blocked", "drop", "dropped", "reject", "rejected"), "blocked")
    | dict.fromkeys(("allow", "allowed", "accept", "accepted", "permit", "permitted", "pass", "passed"), "allowed")
)


class Refused(Exception):
    """Something our rules cannot say; its text is ``what: why; remedy``."""


@dataclass(frozen=True, slots=True)
class Field:
    """How one Sigma field is said.

    Attributes:
        key: Key of ``match``.
        make: Makes a condition of a value.
    """

    key: str
    make: Callable[[str, SigmaType], Leaf]


def leaf(name: str, fields: Mapping[str, Field], value: SigmaType) -> Leaf:
    """Return the condition that the field *name* has *value*.

    Raises:
        Refused: There is no such column, or the value cannot be compared so.
    """
    field = fields.get(name)
    if field is None:
        known = ", ".join(sorted(fields))
        raise Refused(f"{name}: no condition of ours looks at this field; use one of {known}")
    if isinstance(value, SigmaExpansion):
        return any_of([leaf(name, fields, one) for one in value.values])
    return field.make(field.key, value)


def any_of(leaves: Sequence[Leaf]) -> Leaf:
    """Return that any of *leaves* holds; lists of the same key become one."""
    lists: dict[tuple[str, str], list[object]] = {}
    others: list[Leaf] = []
    for one in leaves:
        place, values = _listed(one)
        if values is None:
            others.append(one)
        else:
            lists.setdefault(place, []).extend(values)
    joined: list[Leaf] = [
        {key: {sub: list(dict.fromkeys(values))} if sub else list(dict.fromkeys(values))}
        for (key, sub), values in lists.items()
    ]
    every = [*joined, *others]
    return every[0] if len(every) == 1 else {"any": every}


def _listed(one: Leaf) -> tuple[tuple[str, str], list[object] | None]:
    """Return the place and the values of a condition that takes a list, alone with it."""
    (key, value), *more = one.items()
    if more or key in {"any", "all", "none"}:
        return ("", ""), None
    if isinstance(value, list):
        return (key, ""), value
    if isinstance(value, dict) and len(value) == 1:
        ((sub, inner),) = value.items()
        if isinstance(inner, list):
            return (key, sub), inner
    return ("", ""), None


def _text(key: str, value: SigmaType) -> Leaf:
    """Return a condition on a whole text, in any case unless it is cased."""
    if (said := _presence(key, value, "(?s).", "^")) is not None:
        return said
    if isinstance(value, SigmaRegularExpression):
        return {key: {"regex": _regex(value)}}
    parts = _parts(value)
    ends, inner = {parts[0], parts[-1]} if parts else set(), parts[1:-1]
    if ends == {SpecialChars.WILDCARD_MULTI} and len(inner) == 1 and not isinstance(value, SigmaCasedString):
        text = inner[0]
        if isinstance(text, str) and text.isascii() and text.strip():
            return {key: {"contains": [text]}}
    return {key: {"regex": checked(_flags(value) + _whole(parts, ".*", "."))}}


def _host(key: str, value: SigmaType) -> Leaf:
    if (said := _presence(key, value, "(?s).", "^")) is not None:
        return said
    if isinstance(value, SigmaRegularExpression):
        # The decoders keep hosts in lower case, so that case says nothing here.
        return {key: {"regex": checked(f"(?i){_regex(value)}")}}
    if isinstance(value, SigmaCasedString):
        raise Refused("cased: logged hosts are kept in lower case; leave the modifier out")
    parts = _parts(value)
    if len(parts) == 1 and isinstance(parts[0], str):
        try:
            name = TypeAdapter(HostName).validate_python(parts[0])
        except ValidationError:
            raise Refused(f"{parts[0]!r}: no host is called so; write its name, in its xn-- form") from None
        return {key: {"exact": [name]}}
    return {key: {"regex": checked("(?is)" + _whole(parts, ".*", "."))}}


def _of_url(before: str, any_: str, one: str, after: str) -> Callable[[str, SigmaType], Leaf]:
    """Return what makes a condition on a part of the URL, between two patterns."""

    def make(key: str, value: SigmaType) -> Leaf:
        if not isinstance(value, SigmaString):
            raise Refused("only texts are compared with a part of a URL; use c-uri")
        said = "".join(
            any_
            if part is SpecialChars.WILDCARD_MULTI
            else one
            if part is SpecialChars.WILDCARD_SINGLE
            else _said(part)
            for part in _parts(value)
        )
        return {key: {"regex": checked(f"{_flags(value)}{before}{said}{after}")}}

    return make


def _request(key: str, value: SigmaType) -> Leaf:
    """Return a condition on path and query together, which begin with a slash."""
    if not isinstance(value, SigmaString):
        raise Refused("only texts are compared with a part of a URL; use c-uri")
    first, *rest = _parts(value) or [""]
    if isinstance(first, str) and not first.startswith("/"):
        raise Refused(f"{first!r}: path and query begin with /; write /..., or use |contains")
    body = _whole([first[1:], *rest] if isinstance(first, str) else [first, *rest], ".*", ".").removeprefix("^")
    if first is SpecialChars.WILDCARD_SINGLE:
        body = _whole(rest, ".*", ".").removeprefix("^")
    elif first is SpecialChars.WILDCARD_MULTI:
        while rest and rest[0] is SpecialChars.WILDCARD_MULTI:
            rest = rest[1:]
        # The slash itself may be what stands behind the star.
        after: str | None = None
        if rest and (rest[0] is SpecialChars.WILDCARD_SINGLE or (isinstance(rest[0], str) and rest[0].startswith("/"))):
            after = rest[0][1:] if isinstance(rest[0], str) else ""
        body = _whole([SpecialChars.WILDCARD_MULTI, *rest], ".*", ".", anchored=True).removeprefix("^")
        if after is not None:
            body = f"(?:{body}|{_whole([after, *rest[1:]], '.*', '.').removeprefix('^')})"
    return {key: {"regex": checked(f"{_flags(value)}{_ORIGIN}/{body}")}}


def _glob(key: str, value: SigmaType) -> Leaf:
    if (said := _presence(key, value, "?*", "*", glob=True)) is not None:
        return said
    if isinstance(value, SigmaNumber):
        return {key: [str(value.number)]}
    if isinstance(value, SigmaCasedString) or not isinstance(value, SigmaString):
        raise Refused("this field is compared whole and in any case only; leave the modifier out")
    signs = {SpecialChars.WILDCARD_MULTI: "*", SpecialChars.WILDCARD_SINGLE: "?"}
    parts = _parts(value)
    if any(isinstance(part, str) and set(part) & set("*?") for part in parts):
        raise Refused("a real * or ? cannot be told from a wildcard in this field; use ? for one character")
    said_ = "".join(part if isinstance(part, str) else signs[part] for part in parts)
    if not said_.strip():
        raise Refused("an empty text is never logged; leave it out")
    return {key: [said_]}


def _network(key: str, value: SigmaType) -> Leaf:
    if isinstance(value, SigmaCIDRExpression):
        return {key: [str(value.network)]}
    if (said := _presence(key, value, "", "")) is not None:
        return said
    parts = _parts(value)
    if len(parts) == 1 and isinstance(parts[0], str):
        return {key: [parts[0]]}
    raise Refused("addresses are compared whole or as networks; write them with |cidr")


def _port(key: str, value: SigmaType) -> Leaf:
    if isinstance(value, SigmaCompareExpression):
        low, high = _bounds(value, _LAST_PORT)
        return {key: [f"{max(low, 1)}-{high}"]}
    if (said := _presence(key, value, "", "")) is not None:
        return said
    text = str(value.number) if isinstance(value, SigmaNumber) else "".join(str(one) for one in _parts(value))
    if not text.isascii() or not text.isdigit():
        raise Refused(f"{text!r}: not a port; write a number, or compare with |gte and |lte")
    return {key: [int(text)]}


def _size(key: str, value: SigmaType) -> Leaf:
    if not isinstance(value, SigmaCompareExpression) or value.op not in {CompareOperators.GT, CompareOperators.GTE}:
        raise Refused("sizes are told from a bound on only; compare with |gt or |gte")
    return {key: {"at_least": _bounds(value, 0)[0]}}


def _action(key: str, value: SigmaType) -> Leaf:
    text = "".join(str(one) for one in _parts(value)).casefold()
    if text not in _ACTIONS:
        raise Refused(f"{text!r}: not a verdict known here; use one of {', '.join(_ACTIONS)}")
    return {key: [_ACTIONS[text]]}


def _bounds(value: SigmaCompareExpression, highest: int) -> tuple[int, int]:
    number = value.number.number
    if number != int(number):
        raise Refused(f"{number}: not a whole number; write one")
    whole = int(number)
    return {
        CompareOperators.LT: (0, whole - 1),
        CompareOperators.LTE: (0, whole),
        CompareOperators.GT: (whole + 1, highest),
        CompareOperators.GTE: (whole, highest),
    }[value.op]


def _presence(key: str, value: SigmaType, written: str, there: str, *, glob: bool = False) -> Leaf | None:
    """Return that a field is or is not there, where *value* asks for that; else null."""
    if not isinstance(value, SigmaNull | SigmaExists):
        return None
    pattern = there if isinstance(value, SigmaExists) else written
    if not pattern:
        raise Refused("whether this field is there at all cannot be asked; name its values")
    held: Leaf = {key: [pattern] if glob else {"regex": pattern}}
    return held if isinstance(value, SigmaExists) and value.exists else {"none": [held]}


def _parts(value: SigmaType) -> list[str | SpecialChars]:
    if isinstance(value, SigmaNumber):
        return [str(value.number)]
    if not isinstance(value, SigmaString):
        raise Refused(f"{type(value).__name__.removeprefix('Sigma')}: values of this kind cannot be compared here")
    parts: list[str | SpecialChars] = []
    for part in value.s:
        if not isinstance(part, str | SpecialChars):
            raise Refused("placeholders (expand) have no values here; write them out")
        parts.append(part)
    return parts


def _whole(parts: Sequence[str | SpecialChars], any_: str, one: str, *, anchored: bool = False) -> str:
    """Return a pattern over a whole text; runs at its ends are left to the engine."""
    first = parts[0] if parts else ""
    last = parts[-1] if parts else ""
    inner = list(parts)
    begin, end = "^", "$"
    if first is SpecialChars.WILDCARD_MULTI and not anchored:
        begin, inner = "", inner[1:]
    if last is SpecialChars.WILDCARD_MULTI and inner:
        end, inner = "", inner[:-1]
    said = "".join(
        any_ if part is SpecialChars.WILDCARD_MULTI else one if part is SpecialChars.WILDCARD_SINGLE else _said(part)
        for part in inner
    )
    return f"{begin}{said}{end}" or "^"


def _said(part: str | SpecialChars) -> str:
    return pl.escape_regex(str(part))


def _flags(value: SigmaType) -> str:
    return "(?s)" if isinstance(value, SigmaCasedString) else "(?is)"


def _regex(value: SigmaRegularExpression) -> str:
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    text = value.regexp.original
    return checked(f"(?{flags}){text}" if flags else text)


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


_URL, _AGENT, _HOST = Field("url", _text), Field("user_agent", _text), Field("host", _host)
_METHOD, _MIME, _USER = Field("method", _glob), Field("mime_type", _glob), Field("user", _glob)
_IP, _PORT, _PROTOCOL = Field("dest_ip", _network), Field("dest_port", _port), Field("protocol", _glob)
_ACTION, _TYPE, _REQUEST = Field("action", _action), Field("query_type", _glob), Field("url", _request)
_PATH = Field("url", _of_url(f"{_ORIGIN}/?", "[^?#]*", "[^?#]", "(?:[?#]|$)"))
_QUERY = Field("url", _of_url(r"^[a-z][a-z0-9+.-]*://[^?#]*\?", "[^#]*", "[^#]", "(?:#|$)"))
_EXTENSION = Field("url", _of_url(rf"{_ORIGIN}/[^?#]*\.", "[^?#./]*", "[^?#./]", "(?:[?#]|$)"))

PROXY: Mapping[str, Field] = MappingProxyType(
    {
        "c-uri": _URL, "cs-uri": _URL, "url": _URL, "uri": _REQUEST, "c-uri-extension": _EXTENSION,
        "c-uri-query": _QUERY, "cs-uri-query": _QUERY, "cs-host": _HOST, "r-dns": _HOST, "host": _HOST,
        "c-useragent": _AGENT, "cs-user-agent": _AGENT, "user_agent": _AGENT, "cs-method": _METHOD, "method": _METHOD,
        "cs-username": _USER, "cs-mime-type": _MIME, "rs-mime-type": _MIME, "dst_ip": _IP, "r-ip": _IP,
        "dst_port": _PORT, "r-port": _PORT, "sc-bytes": Field("bytes_in", _size), "cs-bytes": Field("bytes_out", _size),
        "id.resp_h": _IP, "id.resp_p": _PORT, "action": _ACTION,
    }
)  # fmt: skip
DNS: Mapping[str, Field] = MappingProxyType(
    dict.fromkeys(("query", "QueryName", "r-dns", "dns.question.name", "qname"), _HOST)
    | dict.fromkeys(("record_type", "query_type", "qtype_name", "QueryType"), _TYPE)
    | {"dst_ip": _IP, "dst_port": _PORT, "action": _ACTION, "id.resp_h": _IP, "id.resp_p": _PORT}
)
FIREWALL: Mapping[str, Field] = MappingProxyType(
    dict.fromkeys(("dst_ip", "destination.ip", "id.resp_h"), _IP)
    | dict.fromkeys(("dst_port", "destination.port", "id.resp_p"), _PORT)
    | dict.fromkeys(("protocol", "proto"), _PROTOCOL)
    | {"action": _ACTION, "sc-bytes": Field("bytes_in", _size), "user": _USER, "username": _USER}
)
