"""What we make of an export, for a person to confirm: for ``filterwatch columns``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import yaml

from filterwatch.config import Document, validate
from filterwatch.decoders import listing
from filterwatch.decoders.catalogue import formats, make
from filterwatch.decoders.columns import among
from filterwatch.decoders.decoded import Decoded
from filterwatch.decoders.exports import ExportOptions, Layout, Sheet, Unread, head_in, looked_at
from filterwatch.decoders.maps import Target
from filterwatch.decoders.parts import part
from filterwatch.decoders.whole import local_zone
from filterwatch.errors import FilterwatchError
from filterwatch.lines import LineBatch
from filterwatch.text import printable

_LINES = 4_000
"""Lines that are read to show what becomes of them."""

_SHOWN = 3
"""Rows that are shown."""

_MOST_WORDS = 12
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "blank"}
_KINDS = {"table": "a table", "json": "JSON lines", "keyvalue": "key=value pairs"}


def described(batch: LineBatch, name: str, given: Mapping[str, object]) -> tuple[str, bool]:
    """Return what is found in an export, as text for a terminal, and whether its rows can be read.

    Args:
        batch: The first lines of the file.
        name: ``export`` or a product's format.
        given: Options of the format.

    Raises:
        FilterwatchError: *name* is no format of exports.
        ConfigurationError: An option is wrong.
    """
    one = formats().get(name)
    if one is None or one.options is not ExportOptions:
        known = ", ".join(sorted(other for other, of in formats().items() if of.options is ExportOptions))
        raise FilterwatchError(f"format '{name}' has no column map; those that have one: {known}")
    options = ExportOptions.model_validate(
        validate(Document(f"options of format {name}", dict(given)), ExportOptions).model_dump()
    )
    sheet = looked_at(head_in(batch)[0], name, one.title, options)
    if isinstance(sheet, Unread):
        lines = [*(_layout(sheet.layout) if sheet.layout else []), *(_table(sheet.layout, {}) if sheet.layout else [])]
        return "\n".join([*lines, f"cannot be read: {sheet.why}"]) + "\n", False
    decoded = make(name, given, zone=local_zone()).decode(part(batch, 0, min(len(batch), _LINES)))
    zone = options.zone or sheet.meaning.zone or local_zone().key
    lines = [
        *_layout(sheet.layout),
        f"zone:      {zone}, for times without one",
        "",
        *_table(sheet.layout, _becomes(sheet)),
        *_unknown_words(sheet),
        "",
        *_rows(decoded),
        "",
        *_source(sheet, batch.path, name, given),
    ]
    return "\n".join(lines) + "\n", len(decoded.events) > 0


def _layout(layout: Layout) -> list[str]:
    between = f", {_DELIMITERS.get(layout.delimiter, layout.delimiter)} between" if layout.delimiter else ""
    encodings = ", ".join(f"{name} ({count} lines beyond ASCII)" for name, count in layout.encodings.items())
    header = "none" if layout.header is None else f"line {layout.header}"
    return [
        f"layout:    {_KINDS[layout.kind]}{between}",
        f"encoding:  {encodings or 'ASCII'}",
        *([f"header:    {header}"] if layout.kind == "table" else []),
    ]


def _becomes(sheet: Sheet) -> dict[str, str]:
    """Return what each column of the file becomes."""
    found: dict[str, list[str]] = {}
    meaning = sheet.meaning
    for place in meaning.time:
        for key in place.keys:
            found.setdefault(key, []).append(f"time, written {place.written}")
        if place.zone:
            found.setdefault(place.zone, []).append("zone of the time")
    for column, target in meaning.fields.items():
        for rank, key in enumerate(target.keys):
            found.setdefault(key, []).append(column if not rank else f"{column}, where no column before it has one")
        for key in (*target.host, *target.scheme):
            found.setdefault(key, []).append(f"{column}, where that is only a path")
    for step in meaning.action.steps if meaning.action else ():
        for key in step.keys:
            if "action" not in found.setdefault(key, []):
                found[key].append("action")
    return {key: "; ".join(several) for key, several in found.items()}


def _table(layout: Layout, becomes: Mapping[str, str]) -> list[str]:
    names = [printable(name) for name in layout.columns]
    width = max(map(len, [*names, "column of the file"]))
    told = [becomes.get(name, "(not used)") for name in layout.columns]
    head = f"{'column of the file':{width}}  becomes"
    return [head, *(f"{name:{width}}  {printable(what)}" for name, what in zip(names, told, strict=True))]


def _unknown_words(sheet: Sheet) -> list[str]:
    """Return the words of the verdict that mean nothing to us."""
    if sheet.meaning.action is None:
        return ["", "No column tells the filter's verdict: the action of every event is empty."]
    known: dict[str, list[str]] = {}
    for step in sheet.meaning.action.steps:
        for key in step.keys:
            known.setdefault(key, []).extend(word for words in step.words.values() for word in words)
    lines = []
    for key, words in known.items():
        texts = pl.Series([row.get(sheet.layout.keys[key], "") for row in sheet.layout.rows], dtype=pl.String)
        other = Counter(texts.filter(~texts.str.contains(among(["", *sheet.map.nothing, *words]))).to_list())
        if other:
            told = ", ".join(f"{printable(word)} ({count})" for word, count in other.most_common(_MOST_WORDS))
            lines.append(f"Words of '{printable(key)}' that mean nothing to us: {told}.")
    return (
        ["", *lines, "Say what they mean with the option `verdicts`: {blocked: [...], allowed: [...]}"] if lines else []
    )


def _rows(decoded: Decoded) -> list[str]:
    def numbered(frame: pl.DataFrame) -> list[str]:
        whys = frame.group_by("why").len().sort("len", descending=True)
        return [f"  {count} x {why}" for why, count in whys.iter_rows()]

    first = Decoded(decoded.events.head(_SHOWN), decoded.rejected.clear(), decoded.skipped.clear())
    counts = f"{len(decoded.events)} events, {len(decoded.rejected)} rejected, {len(decoded.skipped)} skipped"
    return [
        f"{counts} in the first lines:",
        *(f"  {line}" for line in listing.json_lines(first, 1).decode().splitlines()),
        *(["rejected:", *numbered(decoded.rejected)] if len(decoded.rejected) else []),
        *(["skipped:", *numbered(decoded.skipped)] if len(decoded.skipped) else []),
    ]


def _source(sheet: Sheet, path: str, name: str, given: Mapping[str, object]) -> list[str]:
    """Return the section of the configuration by which the file is read as it is shown here."""
    file = os.path.abspath(path) if Path(path).is_file() else "/path/of/the/export.csv"  # noqa: PTH100 - links stay
    section = {
        "name": name.replace("_", "-"),
        "format": name,
        "path": file,
        "options": pasted(sheet, given),
    }
    text = yaml.safe_dump([section], sort_keys=False, default_flow_style=None, width=110)
    entry = (f"  {line}" for line in text.splitlines())
    return ["To read it, put this under `sources:` (and see that the columns above are right):", "", *entry]


def pasted(sheet: Sheet, given: Mapping[str, object]) -> dict[str, object]:
    """Return the options by which an export is read as *sheet* says, whatever later files of it show."""
    layout, meaning = sheet.layout, sheet.meaning
    found: dict[str, object] = {"layout": layout.kind}
    if layout.delimiter:
        found["delimiter"] = layout.delimiter
    found["time"] = [
        {"from": _short(place.keys), "as": place.written} | ({"zone": place.zone} if place.zone else {})
        for place in meaning.time
    ]
    found["fields"] = {column: _target(target) for column, target in meaning.fields.items()}
    if meaning.zone:
        found["zone"] = given.get("zone", meaning.zone)
    return {**found, **{key: value for key, value in given.items() if key not in found}}


def _target(target: Target) -> object:
    told = target.model_dump(by_alias=True, exclude_defaults=True)
    return _short(target.keys) if set(told) == {"from"} else told


def _short(keys: Sequence[str]) -> str | list[str]:
    return keys[0] if len(keys) == 1 else list(keys)
