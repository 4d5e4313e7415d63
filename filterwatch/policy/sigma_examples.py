"""Examples for a compiled rule: an event it holds for, found in its own conditions and tried in the engine."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator, Mapping
from re import _constants as codes  # type: ignore[attr-defined] # how Python itself reads patterns
from re import _parser as patterns  # type: ignore[attr-defined]
from typing import Any

from filterwatch.policy.sigma_urls import ORIGIN
from filterwatch.policy.sigma_values import Leaf

SITE = "http://site.example/"
_AUTHORITY = re.compile(r"(?<=://)[^/?#]*")
_MOST = 64
"""Combinations tried."""

_LISTS = {"method", "mime_type", "user", "query_type", "protocol", "action"}

Facts = dict[str, Any]
"""What an example states."""


def candidates(match: Leaf, kind: str) -> Iterator[Facts]:
    """Yield events that *match* may hold for; not each does.

    Args:
        match: Conditions of a rule.
        kind: Kind of event: http, dns or flow.
    """
    for wanted in itertools.islice(_ways(match), _MOST):
        facts: Facts = {"kind": kind}
        for key, texts in wanted.items():
            _state(facts, key, texts, kind)
        if kind == "http" and not {"host", "url"} & set(facts):
            facts["host"] = "site.example"
        if {"host", "url"} <= set(facts):
            before, after = _AUTHORITY.split(facts["url"], maxsplit=1)
            facts["url"] = before + facts["host"] + after
        yield facts


def others(kind: str) -> Iterator[Facts]:
    """Yield events that a rule on something particular does not hold for."""
    if kind == "dns":
        yield {"kind": "dns", "query": "www.example.org"}
    elif kind == "flow":
        yield {"kind": "flow", "dest_ip": "192.0.2.1", "dest_port": 9}
    else:
        yield {"kind": "http", "host": "www.example.org", "url": "http://www.example.org/"}
    yield {"kind": "lease", "note": "another kind of event"}


def _ways(match: Mapping[str, object]) -> Iterator[dict[str, list[object]]]:
    """Yield what has to be true together, by key, for each choice among alternatives."""
    choices: list[list[dict[str, list[object]]]] = []
    for key, value in match.items():
        if key in {"none", "kind"}:
            continue
        parts: list[Any] = value if isinstance(value, list) else [value]
        if key == "all":
            choices += [list(itertools.islice(_ways(part), _MOST)) for part in parts]
        elif key == "any":
            choices.append([way for part in parts for way in itertools.islice(_ways(part), _MOST)])
        elif isinstance(value, dict):
            choices.append([{key: [(sub, one)]} for sub, inner in value.items() for one in _several(inner)])
        else:
            choices.append([{key: [one]} for one in parts])
    for combination in itertools.product(*choices):
        together: dict[str, list[object]] = {}
        for part in combination:
            for key, values in part.items():
                together.setdefault(key, []).extend(values)
        yield together


def _several(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def _state(facts: Facts, key: str, wanted: list[object], kind: str) -> None:
    one = wanted[0]
    if key in {"host", "url", "user_agent"}:
        text = _text([pair for pair in wanted if isinstance(pair, tuple)]) or "x"
        if key == "url" and "://" not in text:
            text = SITE + text.removeprefix("/")
        if key == "host":
            text = f"{'www' * text.startswith('.')}{text}{'example' * text.endswith('.')}"
        facts["query" if key == "host" and kind == "dns" else key] = text
    elif key in _LISTS:
        facts[key] = str(one).replace("*", "").replace("?", "x")
    elif key == "dest_port":
        facts[key] = int(str(one).split("-")[0])
    elif key == "dest_ip":
        facts[key] = str(ipaddress.ip_network(str(one))[0])
    elif isinstance(one, tuple):
        facts[key] = one[1]


def _text(wanted: list[tuple[str, object]]) -> str:
    """Return a text in which all of *wanted* stands: what begins it first, what ends it last."""
    first: list[str] = []
    middle: list[str] = []
    last: list[str] = []
    for how, said in wanted:
        text = str(said)
        if how != "regex":
            middle.append(text)
            continue
        made = _sample(text.replace(ORIGIN, "^http://site\\.example"))
        bare = text.removeprefix("(?is)").removeprefix("(?s)").removeprefix("(?i)")
        (first if bare.startswith("^") else last if bare.endswith("$") else middle).append(made)
    return "".join([*first, *middle, *last])


def _sample(pattern: str) -> str:
    """Return a text that *pattern* is found in; as short as possible, empty where it cannot be read."""
    try:
        return "".join(_made(patterns.parse(pattern)))
    except (patterns.error, RecursionError, OverflowError):
        return ""


def _made(tokens: Any) -> Iterator[str]:  # noqa: ANN401 - Python's own tree has no types
    for code, value in tokens:
        if code is codes.LITERAL:
            yield chr(value)
        elif code is codes.ANY:
            yield "x"
        elif code is codes.NOT_LITERAL:
            yield "x" if value != ord("x") else "y"
        elif code is codes.IN:
            yield _one_of(value)
        elif code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
            yield "".join(_made(value[2])) * min(int(value[0]), 64)
        elif code is codes.SUBPATTERN:
            yield from _made(value[3])
        elif code is codes.BRANCH:
            yield from _made(value[1][0])


def _one_of(members: Any) -> str:  # noqa: ANN401 - as above
    if members[0][0] is codes.NEGATE:
        return next((sign for sign in "x1-a_" if f"{sign}" not in _plain(members[1:])), "x")
    return (_plain(members) or "x")[0]


def _plain(members: Any) -> str:  # noqa: ANN401 - as above
    out = ""
    for code, value in members:
        if code is codes.LITERAL:
            out += chr(value)
        elif code is codes.RANGE:
            out += "".join(map(chr, range(value[0], min(value[1], value[0] + 64) + 1)))
        elif code is codes.CATEGORY:
            out += "1" if value is codes.CATEGORY_DIGIT else "a"
    return out
