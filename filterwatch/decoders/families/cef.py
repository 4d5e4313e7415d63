r"""The families CEF and LEEF: a header of columns between pipes, then pairs.

CEF (ArcSight): ``CEF:0|vendor|product|version|id|name|severity|key=value ...``; a value runs to the next key, with
``\=``, ``\\`` and ``\n``.  LEEF (IBM): ``LEEF:1.0|vendor|product|version|id|`` and pairs between tabs; LEEF 2.0 names
what stands between them.  The header's columns have the keys ``cef.vendor``, ``cef.product``, ``cef.id``, ``cef.name``
...  (``leef. ...``).  Some senders leave out the word before the first pipe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.decoders.families.cut import SURE, Cut

_COLUMNS = ("version", "vendor", "product", "device_version", "id", "name", "severity")
_KEY = r"[A-Za-z_][A-Za-z0-9_.\[\]-]*"
_HEADER = re.compile(r"(?:CEF: ?)?(\d+)" + r"\|((?:[^|\\]|\\.)*+)" * 6 + r"\|", re.DOTALL)
_PAIRS = re.compile(rf"(?:^| )(?P<key>{_KEY})=(?P<value>(?:[^\\ ]|\\.| (?!{_KEY}=))*+)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_FAST = r"^(?:CEF: ?)?(\d+)" + r"\|([^|]*)" * 6 + r"\|(.*)$"
_VALUE = rf"^(.*?)(?: {_KEY}=|$)"

_LEEF = re.compile(r"(?:LEEF: ?)?(?P<version>[12]\.0)\|(?P<rest>.*)", re.DOTALL)
_DELIMITER = re.compile(r"(?P<plain>[^|])\||(?P<hex>(?:0x|x)[0-9A-Fa-f]{1,2})\|")


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)


def make() -> Cut:
    """Return how CEF messages are cut; the message begins with ``CEF:`` or the version."""
    return Cut(_exact, _fast)


def _exact(text: str) -> Mapping[str, str] | None:
    header = _HEADER.match(text)
    if not header:
        return None
    found = {f"cef.{name}": _plain(value).strip() for name, value in zip(_COLUMNS, header.groups(), strict=True)}
    for pair in _PAIRS.finditer(text, header.end()):
        found.setdefault(pair["key"], _plain(pair["value"]).strip(" "))
    return found


def _fast(texts: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
    parts = texts.str.extract_groups(_FAST).struct.unnest()
    parts.columns = [*(f"cef.{name}" for name in _COLUMNS), "pairs"]
    frame = parts.with_columns(pairs=" " + pl.col("pairs"))
    columns = []
    for key in keys:
        if key in frame.columns:
            columns.append(pl.col(key).str.strip_chars(" \t"))
            continue
        rest = pl.col("pairs").str.splitn(f" {key}=", 2).struct.field("field_1")
        columns.append(rest.str.extract(_VALUE).str.strip_chars(" ").alias(key))
    sure = pl.col("pairs").is_not_null() & ~pl.Series(texts).str.contains(r"\\|\t", literal=False)
    return frame.select(*columns, sure.alias(SURE))


def make_leef() -> Cut:
    """Return how LEEF messages are cut; there are few of them, so each is cut by itself."""
    return Cut(_leef)


def _leef(text: str) -> Mapping[str, str] | None:
    whole = _LEEF.match(text)
    columns = whole["rest"].split("|", 4) if whole else []
    if not whole or len(columns) < 5:
        return None
    found = dict(zip(("leef.vendor", "leef.product", "leef.device_version", "leef.id"), columns, strict=False))
    found["leef.version"] = whole["version"]
    rest, delimiter = columns[4], "\t"
    named = _DELIMITER.match(rest) if whole["version"] == "2.0" else None
    if named:
        delimiter = named["plain"] or chr(int(named["hex"].partition("x")[2], 16))
        rest = rest[named.end() :]
    if delimiter == "\t":
        # rsyslog writes the tab as #011.
        rest = rest.replace("#011", "\t")
    for pair in rest.split(delimiter):
        key, equals, value = pair.strip(" \r").partition("=")
        if equals and key not in found:
            found[key] = value
    return found
