"""Values that a rule may hold, each refusing what people get wrong."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, TypeVar

import polars as pl
from pydantic import AfterValidator, BeforeValidator

from filterwatch.lists import addresses

LONGEST_PATTERN = 1024
"""Characters of a pattern.  Source: promise S7 (a linear engine and a bound on what it is given)."""

LARGEST_PATTERN = 1000
"""Parts of a pattern once its counted repetitions are written out.  Measured with Polars 2.1 on a hostile line of
64 KiB: 10,000 parts take 5.7 s, 1,000 at most 0.5 s (docs/decisions/0042)."""

_SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|[0-9a-f:]*:[0-9a-f:.]*")

Item = TypeVar("Item")


def one_of(words: Sequence[str]) -> BeforeValidator:
    """Return a validator that takes only *words* and names the nearest one."""

    def check(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        near = difflib.get_close_matches(str(value)[:64], words, 1)
        raise ValueError(f"not known here; did you mean '{near[0]}'?" if near else f"use one of {', '.join(words)}")

    return BeforeValidator(check)


def _text(value: object) -> object:
    return str(value) if type(value) is int else value


def _written(value: str) -> str:
    if not value.strip():
        raise ValueError("empty; write some text or remove it")
    return value


Text = Annotated[str, BeforeValidator(_text), AfterValidator(_written)]
"""Text; a bare number is read as its digits (a year group, a category number of the filter)."""


def _listed(value: object) -> object:
    if value is None or isinstance(value, dict | list | tuple):
        return value
    return [value]


def _filled(value: tuple[Item, ...]) -> tuple[Item, ...]:
    if not value:
        raise ValueError("an empty list never holds; add an entry or remove the key")
    return value


Listed = Annotated[tuple[Item, ...], BeforeValidator(_listed), AfterValidator(_filled)]
"""One value or a list of them."""


def glob_pattern(glob: str) -> str:
    """Return *glob* as a pattern over the whole text, whatever its case: ``*`` any run, ``?`` any one character."""
    parts = (
        ".*" if part == "*" else "." if part == "?" else pl.escape_regex(part) for part in re.split("([*?])", glob)
    )
    return f"(?is)^{''.join(parts)}$"


def _glob(value: str) -> str:
    if len(value) > LONGEST_PATTERN:
        raise ValueError(f"longer than {LONGEST_PATTERN} characters; shorten it")
    return value


Glob = Annotated[Text, AfterValidator(_glob)]
"""Text compared whole and whatever its case; ``*`` and ``?`` stand for any characters."""


def _regex(value: str) -> str:
    if len(value) > LONGEST_PATTERN:
        raise ValueError(f"longer than {LONGEST_PATTERN} characters; shorten it or split the rule")
    if (size := _expanded(value)) > LARGEST_PATTERN:
        raise ValueError(f"its counted repetitions make {size} parts; stay below {LARGEST_PATTERN}")
    try:
        pl.Series([""]).str.contains(value)
    except pl.exceptions.ComputeError as error:
        raise ValueError(_refusal(str(error))) from None
    return value


def _refusal(message: str) -> str:
    """Return what the Rust engine says against a pattern, in one line."""
    lines = message.splitlines()
    why = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), "")
    if not why:
        return "the pattern is too large once compiled; simplify it"
    caret = next((line for line in lines if line.strip() and not line.strip("^ ")), "")
    at = f" at character {caret.index('^') - 3}" if caret.startswith("    ") else ""
    return f"not a pattern of the Rust regex engine{at}: {why}"


def _expanded(pattern: str) -> int:
    """Return how many parts *pattern* has once counted repetitions are written out."""
    totals, last, at = [0], 1, 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "{" and (found := re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}").match(pattern, at)):
            times = max(int(found[1]), int(found[2] or 0), 1)
            totals[-1] += last * (times - 1)
            last, at = last * times, found.end()
            continue
        if sign == "(":
            totals.append(0)
        elif sign == ")" and len(totals) > 1:
            last = totals.pop()
            totals[-1] += last
        elif sign not in "|?*+^$)":
            last = 1
            totals[-1] += 1
            at += _one(pattern, at)
            continue
        at += 1
    return sum(totals)


def _one(pattern: str, at: int) -> int:
    """Return the length of the class, escape or character that starts at *at*."""
    if pattern[at] == "\\":
        return 2
    if pattern[at] == "[":
        found = re.compile(r"\[\^?\]?(?:\\.|[^\\\]])*\]", re.DOTALL).match(pattern, at)
        return len(found[0]) if found else 1
    return 1


Regex = Annotated[Text, AfterValidator(_regex)]
"""A pattern of the Rust regex engine, found anywhere in the text; ``(?i)`` for any case."""


def _path(value: str) -> str:
    if not value.startswith("/") or value.startswith("//"):
        raise ValueError("a path begins with one /")
    return value


PathPrefix = Annotated[Text, AfterValidator(_path)]
"""How the path of a URL begins."""


def _host(value: str) -> str:
    name = value.lower().removesuffix(".")
    if name.startswith("*."):
        raise ValueError(f"write {name[2:]}: every name below it is included")
    if "/" in name or re.fullmatch(r"[^:]*:\d+", name):
        raise ValueError("write only the host, without scheme, port or path")
    if not name.isascii():
        raise ValueError("write the name as it travels, in its xn-- form")
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise ValueError("not a host name")
    return addresses.normal(name) or name


HostName = Annotated[Text, AfterValidator(_host)]
"""A host name, lower case, or an address in its one form."""


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("write an address or a network, e.g. 192.168.0.0/16 (host bits zero)") from None


Network = Annotated[Text, AfterValidator(_network)]
"""An address or network in CIDR form."""


def _ports(value: object) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", str(value)) if type(value) in (int, str) else None
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= 65_535:
        raise ValueError('write a port or a range from 1 to 65535, e.g. 1194 or "6881-6999"')
    return first, last


Ports = Annotated[tuple[int, int], BeforeValidator(_ports)]
"""A port, or a range of ports with both ends."""


def _size(value: object) -> int:
    if type(value) is int and 0 <= value < 2**62:
        return value
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?) ?([kMGT]?B|[KMG]iB)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"write bytes or a size with its unit ({', '.join(_SIZES)}), e.g. 10MB")
    return int(float(found[1]) * _SIZES[found[2]])


Size = Annotated[int, BeforeValidator(_size)]
"""Bytes: ``10MB`` (10,000,000) or ``10MiB`` (10,485,760)."""
