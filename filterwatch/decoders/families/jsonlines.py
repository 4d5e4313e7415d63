"""JSON lines: one object a line, taken apart into flat texts; exactly, and vectorised.

What a value is called and how it is written, the same on both paths:

* a member is named by the way to it, with dots: ``http.hostname``.  A name with dots in it counts at the top only
  (Zeek writes ``"id.orig_h"``), and before members on the way of the same name;
* a list of texts and numbers is one text, joined by ``", "``; of a list of objects, ``answers.0.rdata`` is what the
  first one says and ``answers.*.rdata`` what all say, joined.  Lists within such lists of objects hold texts only;
* numbers are written plainly (``1.50`` is ``1.5``, ``1e3`` is ``1000``), booleans ``true`` and ``false``; null members
  are left out;
* of a name that stands twice in one object, the first counts.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NoReturn

import numpy as np
import polars as pl

from filterwatch.decoders.families.jsonpaths import Plan, joined_texts, plan
from filterwatch.decoders.screen import Lines, Places, kept

SURE: Final = "sure"
"""Column of :func:`fast`: whether the other columns say what :func:`exact` says."""

DEEPEST: Final = 64
"""Objects and lists within each other; a line that goes deeper is no log line."""

_MANY_NAMES: Final = 32
"""Up to so many names Polars surely takes the first of two equal ones."""

_SMALLEST: Final = 64
"""Lines that are not divided further to find the one that is no JSON."""

_BLANK = 32
_INDEX = re.compile(r"0|[1-9][0-9]*|\*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Json = str | list["Json"] | dict[str, "Json"] | None
"""A value as read: numbers and booleans are texts already."""


def exact(text: str) -> dict[str, str] | None:
    """Return the texts of one line by name; null where the line is no JSON object or nested beyond reason.

    Lone surrogates become U+FFFD.
    """
    found = parsed(text)
    if not isinstance(found, dict):
        return None
    texts: dict[str, str] = {}
    try:
        _members(found, texts)
    except RecursionError:
        return None
    return texts


def parsed(text: str) -> Json:
    """Return the value that *text* is; null where it is no JSON, or the value null."""
    return _parsed(text, _DECODER)


def _parsed(text: str, decoder: json.JSONDecoder) -> Json:
    try:
        found: Json = decoder.decode(text)
    except (ValueError, RecursionError):
        return None
    return _clean(found) if _SURROGATE.search(text) else found


def fast(texts: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
    """Return a text column for each of *keys*, null where the line does not have it, and :data:`SURE`.

    One row for each of *texts*, in order; where it is not sure, all keys are null.
    """
    screened = _screen(texts)
    kept = texts.filter(screened)
    found = _read(kept, plan(tuple(dict.fromkeys(keys))))
    if len(kept) == len(texts):
        return found
    places = pl.select(pl.lit(screened).arg_true().alias("place")).to_series()
    index = (
        pl.Series("index", [None], pl.UInt32)
        .new_from_index(0, len(texts))
        .scatter(places, pl.arange(len(kept), dtype=pl.UInt32, eager=True))
    )
    return found.select(pl.all().gather(index)).with_columns(pl.col(SURE).fill_null(value=False))


def _screen(texts: pl.Series) -> pl.Series:
    """Return which lines Polars may be asked about: regular ones, which it reads as we do."""
    text = pl.col("text").str
    regular = text.starts_with("{") & text.contains(r"\} *$") & ~text.contains(_SURROGATE.pattern)
    regular &= text.count_matches(r"[\[{]") <= DEEPEST
    few = text.count_matches('":', literal=True) + text.count_matches('" +:') <= _MANY_NAMES
    frame = texts.alias("text").to_frame()
    if _has_control_bytes(frame):
        regular &= ~text.contains(r"[\x00-\x1f]")
    good = frame.select(regular.fill_null(value=False).alias("good"), few.fill_null(value=True).alias("few"))
    if good["few"].all():
        return good["good"]
    names = pl.col("text").str.extract_all(r'"[^"]*" *:')
    distinct = (names.list.n_unique() == names.list.len()) & ~pl.col("text").str.contains("\\u", literal=True)
    many = frame.filter(~good["few"]).select(distinct.fill_null(value=False)).to_series()
    places = pl.select(pl.lit(~good["few"]).arg_true()).to_series()
    return good["good"] & good["few"].clone().scatter(places, many)


def _has_control_bytes(texts: pl.DataFrame) -> bool:
    """Return whether control bytes stand in a line: Polars and we do not say the same of all of them."""
    array = np.frombuffer(_lines(texts), np.uint8)
    return bool(np.count_nonzero(array < _BLANK) != len(texts))


def _lines(texts: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    texts.write_csv(file, include_header=False, quote_style="never")
    return file.getvalue()


def _read(texts: pl.Series, wanted: Plan) -> pl.DataFrame:
    """Return what Polars reads from lines; what it cannot read it is not sure of."""
    if not len(texts):
        return wanted.nothing(0)
    data = _lines(texts.to_frame())
    try:
        found = [pl.read_ndjson(data, schema=schema, ignore_errors=True) for schema in wanted.schemas]
    except pl.exceptions.ComputeError:
        # Somewhere is a line that is no JSON; its neighbours shall not suffer for it.
        if len(texts) <= _SMALLEST:
            return wanted.nothing(len(texts))
        half = len(texts) // 2
        return pl.concat([_read(texts[:half], wanted), _read(texts[half:], wanted)])
    if any(len(frame) != len(texts) for frame in found):
        return wanted.nothing(len(texts))
    return wanted.texts(found, texts, _list_text)


def _list_text(text: str) -> str | None:
    found = _parsed(text, _RENDERED)
    return joined_texts(found) if isinstance(found, list) else None


def _members(found: Mapping[str, Json], texts: dict[str, str]) -> None:
    dotted: dict[str, str] = {}
    for name, value in found.items():
        if "." in name:
            _leaf(name, value, dotted)
            _deep(value, 1)
        else:
            _value(name, value, texts, 1)
    texts.update(dotted)


def _value(name: str, value: Json, texts: dict[str, str], depth: int, *, in_list: bool = False) -> None:
    """Put what *value* says under *name* and behind it into *texts*."""
    if depth > DEEPEST:
        raise RecursionError
    _leaf(name, value, texts)
    if isinstance(value, dict):
        usable = not _INDEX.fullmatch(name)
        for member, inner in value.items():
            if usable and "." not in member and not _INDEX.fullmatch(member):
                _value(f"{name}.{member}", inner, texts, depth + 1, in_list=in_list)
            else:
                _deep(inner, depth + 1)
    elif isinstance(value, list):
        if in_list or _INDEX.fullmatch(name):
            _deep(value, depth)
        else:
            _items(name, value, texts, depth)


def _items(name: str, items: Iterable[Json], texts: dict[str, str], depth: int) -> None:
    together: dict[str, list[str]] = {}
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            _deep(item, depth + 1)
            continue
        own: dict[str, str] = {}
        for member, inner in item.items():
            if "." in member or _INDEX.fullmatch(member):
                _deep(inner, depth + 2)
            else:
                _value(f".{member}", inner, own, depth + 2, in_list=True)
        for behind, text in own.items():
            texts[f"{name}.{index}{behind}"] = text
            together.setdefault(behind, []).append(text)
    texts.update((f"{name}.*{behind}", ", ".join(found)) for behind, found in together.items())


def _leaf(name: str, value: Json, texts: dict[str, str]) -> None:
    text = joined_texts(value) if isinstance(value, list) else value
    if isinstance(text, str):
        texts[name] = text


def _deep(value: Json, depth: int) -> None:
    """Refuse what is nested too deeply, where nothing of it is kept."""
    if depth > DEEPEST:
        raise RecursionError
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _deep(inner, depth + 1)


def _clean(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {str(_clean(name)): _clean(inner) for name, inner in value.items()}
    return value


def _first(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        members = dict(reversed(pairs))
    for name, value in members.items():
        if value is True or value is False:
            members[name] = "true" if value else "false"
    return members


def _integer(text: str) -> str:
    return "0" if text == "-0" else text


def _float(text: str) -> str:
    shortest = repr(float(text))
    if "e" in shortest:
        return f"{Decimal(shortest):f}"
    return text if "n" in shortest else shortest.removesuffix(".0")


def _no_number(_: str) -> NoReturn:
    raise ValueError("JSON has no such number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_first, parse_int=_integer, parse_float=_float, parse_constant=_no_number
)
_RENDERED: Final = json.JSONDecoder(
    object_pairs_hook=_first, parse_int=str, parse_float=_float, parse_constant=_no_number
)
"""Reads what Polars rendered: it writes the float -0.0 as ``-0``, and the integer as ``0``."""


def objects(lines: Lines) -> tuple[pl.Series, Places]:
    """Return the lines of ASCII that begin with a brace, and their indices: those that :func:`fast` may take."""
    good = lines.array[lines.starts] == ord("{") if len(lines) else np.zeros(0, np.bool_)
    good[np.searchsorted(lines.ends, np.flatnonzero(lines.array > 126))] = False
    places = np.flatnonzero(good)
    texts = pl.read_lines(kept(lines, good)).to_series() if len(places) else pl.Series([], dtype=pl.String)
    return texts, places
