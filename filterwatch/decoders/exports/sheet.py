"""What the head of an export says: how it is laid out, and which event column each of its columns is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from filterwatch.decoders.exports.layout import Layout, Unread, layout_of
from filterwatch.decoders.exports.meaning import Meaning, meaning_of
from filterwatch.decoders.exports.options import ExportOptions
from filterwatch.decoders.exports.words import meant, plain, words
from filterwatch.decoders.maps import FieldMap, Shape


@dataclass(frozen=True, slots=True)
class Sheet:
    """An export that can be read.

    Attributes:
        layout: How it is laid out.
        meaning: What its columns mean.
        map: The same as a field map, with the columns' keys in place of their names.
    """

    layout: Layout
    meaning: Meaning
    map: FieldMap


def looked_at(head: bytes, name: str, title: str, options: ExportOptions) -> Sheet | Unread:
    """Return how a file is read that begins with *head*, or why it cannot be read.

    Args:
        head: Its first lines, at most :data:`layout.MOST_HEAD` bytes.
        name: Name of the format: ``export``, or a product of ``words.yaml``.
        title: What that is, for people.
        options: What a person said of the file.
    """
    if not head.strip():
        return Unread("the head of the file is empty or cannot be read; name its columns with the option `columns`")
    meanings = words().meanings(name)
    named = {plain(key) for key in _named(options)}
    layout = layout_of(head, options, lambda cell: plain(cell) in named or meant(cell, meanings) is not None)
    if isinstance(layout, Unread):
        return layout
    meaning = meaning_of(layout, options, meanings)
    if isinstance(meaning, Unread):
        return Unread(meaning.why, layout)
    return Sheet(layout, meaning, _map(layout, meaning, name, title))


def _named(options: ExportOptions) -> list[str]:
    """Return the columns that a person named."""
    found = [key for place in options.time for key in (*place.keys, *([place.zone] if place.zone else ()))]
    for target in options.fields.values():
        found += [*target.keys, *target.host, *target.scheme]
    return found + [key for step in (options.action.steps if options.action else ()) for key in step.keys]


def _map(layout: Layout, meaning: Meaning, name: str, title: str) -> FieldMap:
    own = meaning.renamed(layout.keys)
    if layout.kind == "table":
        columns = [layout.keys[column] for column in layout.columns]
        places: Mapping[str, int] = {key: int(key.removeprefix("cell ")) for key in columns}
        row = [""] * max(places.values())
        for key, place in places.items():
            row[place - 1] = key
        shape = Shape(family="delimited", separator=layout.delimiter, columns=row, sheet=True)
    elif layout.kind == "json":
        shape = Shape(family="json")
    else:
        shape = Shape(family="keyvalue", separator=layout.delimiter, open_values=True)
    return FieldMap(
        format=name,
        title=title,
        nothing=words().nothing,
        shapes=[shape],
        time=own.time,
        time_needed=True,
        kind=own.kind,
        fields=own.fields,
        action=own.action,
    )
