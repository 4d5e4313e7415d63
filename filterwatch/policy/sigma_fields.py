"""Fields and values of Sigma as conditions of ours: one entry a field, and how its values are compared."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError
from sigma.types import (
    CompareOperators,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExpansion,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
    SpecialChars,
)

from filterwatch.policy import sigma_urls
from filterwatch.policy.sigma_values import (
    Leaf,
    Refused,
    bounds,
    checked,
    parts_of,
    plain,
    presence,
    regex,
    text,
    whole,
    written,
)
from filterwatch.policy.values import HostName

_LAST_PORT = 65_535
_LARGEST = 2**62
"""Bytes, see :data:`filterwatch.policy.values.Size`."""
_ACTIONS = MappingProxyType(
    dict.fromkeys(("deny", "denied", "block", "blocked", "drop", "dropped", "reject", "rejected"), "blocked")
    | dict.fromkeys(("allow", "allowed", "accept", "accepted", "permit", "permitted", "pass", "passed"), "allowed")
)


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


def _host(key: str, value: SigmaType) -> Leaf:
    if (said := presence(key, value, "(?s).", "^")) is not None:
        return said
    if isinstance(value, SigmaRegularExpression):
        # The decoders keep hosts in lower case, so that case says nothing here.
        return {key: {"regex": checked(f"(?i){regex(value)}")}}
    if isinstance(value, SigmaCasedString):
        raise Refused("cased: logged hosts are kept in lower case; leave the modifier out")
    parts = parts_of(value)
    written(parts)
    if isinstance(parts[-1], str) and parts[-1].endswith(".") and parts != ["."]:
        raise Refused(f"{parts[-1]!r}: names are kept without their last dot; leave it out")
    if len(parts) == 1 and isinstance(parts[0], str):
        try:
            name = TypeAdapter(HostName).validate_python(parts[0])
        except ValidationError:
            raise Refused(f"{parts[0]!r}: no host is called so; write its name, in its xn-- form") from None
        return {key: {"exact": [name]}}
    return {key: {"regex": checked("(?is)" + whole(parts, ".*", "."))}}


def _glob(key: str, value: SigmaType) -> Leaf:
    if (said := presence(key, value, "?*", "*", glob=True)) is not None:
        return said
    if type(value) is SigmaNumber:
        return {key: [str(value.number)]}
    if isinstance(value, SigmaCasedString) or not isinstance(value, SigmaString):
        raise Refused("this field is compared whole and in any case only; leave the modifier out")
    signs = {SpecialChars.WILDCARD_MULTI: "*", SpecialChars.WILDCARD_SINGLE: "?"}
    parts = parts_of(value)
    if any(isinstance(part, str) and set(part) & set("*?") for part in parts):
        raise Refused("a real * or ? cannot be told from a wildcard in this field; use ? for one character")
    written(parts)
    return {key: ["".join(part if isinstance(part, str) else signs[part] for part in parts)]}


def _word(example: str) -> Callable[[str, SigmaType], Leaf]:
    """Return what makes a condition on a column of words, which some logs give as numbers."""

    def make(key: str, value: SigmaType) -> Leaf:
        if isinstance(value, SigmaNumber) or "".join(map(str, getattr(value, "s", ()))).isdecimal():
            raise Refused(f"{value}: kept as a word here, not as a number; write one such as {example}")
        return _glob(key, value)

    return make


def _user(key: str, value: SigmaType) -> Leaf:
    if isinstance(value, SigmaString) and any(isinstance(part, str) and set(part) & set("\\@") for part in value.s):
        raise Refused(f"{value}: names are kept without their domain; write the name alone")
    return _glob(key, value)


def _network(key: str, value: SigmaType) -> Leaf:
    if isinstance(value, SigmaCIDRExpression):
        return {key: [str(value.network)]}
    if (said := presence(key, value, "", "")) is not None:
        return said
    parts = parts_of(value)
    if len(parts) == 1 and isinstance(parts[0], str):
        try:
            return {key: [str(ipaddress.ip_address(parts[0]))]}
        except ValueError:
            raise Refused(f"{parts[0]!r}: no address; write one, or a network with |cidr") from None
    raise Refused("addresses are compared whole or as networks; write them with |cidr")


def _port(key: str, value: SigmaType) -> Leaf:
    if isinstance(value, SigmaCompareExpression):
        low, high = bounds(value, _LAST_PORT)
        low, high = max(low, 1), min(high, _LAST_PORT)
        if low > high:
            raise Refused(f"{value.number}: no port is so; write a number from 1 to {_LAST_PORT}")
        return {key: [f"{low}-{high}"]}
    if (there := presence(key, value, "", "")) is not None:
        return there
    said = plain(value)
    if not said.isascii() or not said.isdigit() or not 1 <= int(said[:6]) <= _LAST_PORT:
        raise Refused(f"{said!r}: not a port; write a number from 1 to {_LAST_PORT}, or compare with |gte and |lte")
    return {key: [int(said)]}


def _size(key: str, value: SigmaType) -> Leaf:
    if not isinstance(value, SigmaCompareExpression) or value.op not in {CompareOperators.GT, CompareOperators.GTE}:
        raise Refused("sizes are told from a bound on only; compare with |gt or |gte")
    least = bounds(value, 0)[0]
    if not 0 <= least < _LARGEST:
        raise Refused(f"{least}: no size; write bytes from 0 on")
    return {key: {"at_least": least}}


def _action(key: str, value: SigmaType) -> Leaf:
    said = plain(value).casefold()
    if said not in _ACTIONS:
        raise Refused(f"{said!r}: not a verdict known here; use one of {', '.join(_ACTIONS)}")
    return {key: [_ACTIONS[said]]}


_URL, _AGENT, _HOST = Field("url", sigma_urls.uri), Field("user_agent", text), Field("host", _host)
_METHOD, _MIME, _USER = Field("method", _glob), Field("mime_type", _glob), Field("user", _user)
_IP, _PORT, _PROTOCOL = Field("dest_ip", _network), Field("dest_port", _port), Field("protocol", _word("tcp"))
_ACTION, _TYPE = Field("action", _action), Field("query_type", _word("TXT"))
_REQUEST, _STEM = Field("url", sigma_urls.request), Field("url", sigma_urls.stem)
_QUERY, _EXTENSION = Field("url", sigma_urls.query), Field("url", sigma_urls.extension)

PROXY: Mapping[str, Field] = MappingProxyType(
    {
        "c-uri": _URL, "cs-uri": _URL, "url": _URL, "uri": _REQUEST, "c-uri-stem": _STEM, "cs-uri-stem": _STEM,
        "c-uri-query": _QUERY, "cs-uri-query": _QUERY, "c-uri-extension": _EXTENSION,
        "cs-host": _HOST, "r-dns": _HOST, "host": _HOST,
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
