"""YAML that people write: YAML 1.2 core scalars, no aliases, no duplicate keys, a place for every value.

PyYAML speaks YAML 1.1 (``8:30`` is 510 there, ``no`` is false) and its C loader dies on deep nesting, so the
event stream is screened before anything is built.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from filterwatch.errors import ConfigurationError, Mistake

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
_LONGEST_SHOWN = 80

Loc = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class _Core(yaml.CSafeLoader):
    """YAML 1.2 core scalars: true/false, null, decimal int, decimal float; all else is text."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own class attribute


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    # Eighteen digits fit everywhere; Python refuses to read an integer of 4,301 by an exception of its own.
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    ("float", r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}", list("-+0123456789")),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


@dataclass(frozen=True)
class Document:
    """One YAML file: its data and where each value stands.

    Attributes:
        path: The file, as it was named.
        data: Plain dicts, lists and scalars; ``{}`` for an empty file.
        marks: Line and column (from 1) of each value by its path of keys; a key's own place stands under
            ``(*path, "<key>", key)``.
    """

    path: str
    data: Any
    marks: Mapping[Loc, tuple[int, int]] = field(default_factory=dict)

    def mistake(self, loc: Loc, problem: str, *, key: str | None = None) -> Mistake:
        """Return a mistake at the value (or the *key*) that *loc* leads to, or at the nearest known parent."""
        place = self.marks.get((*loc, "<key>", key)) if key is not None else None
        while place is None:
            place = self.marks.get(loc, (1, 1) if not loc else None)
            loc = loc[:-1]
        return Mistake(self.path, *place, problem)


def read(path: Path) -> Document:
    """Read one YAML file.

    Raises:
        ConfigurationError: It cannot be read, is not YAML, or holds something that configuration never needs.
    """
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError([Mistake(name, 0, 0, f"cannot be read: {error.strerror}")]) from None
    if len(raw) > MAX_BYTES:
        problem = f"larger than {MAX_BYTES} bytes; split it into several files"
        raise ConfigurationError([Mistake(name, 0, 0, problem)])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        place = (before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise ConfigurationError([Mistake(name, *place, "not UTF-8; save the file as UTF-8")]) from None
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """Parse YAML *text*; *name* is used in error messages.

    Raises:
        ConfigurationError: As :func:`read`.
    """
    try:
        mistakes = list(_screen(text, name))
        if mistakes:
            raise ConfigurationError(mistakes)
        loader = _Core(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigurationError([Mistake(name, *place, error.problem or "not YAML")]) from None
    except yaml.reader.ReaderError as error:
        at = error.position
        place = (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        problem = f"character {error.character!r} is not allowed in YAML"
        raise ConfigurationError([Mistake(name, *place, problem)]) from None
    marks: dict[Loc, tuple[int, int]] = {(): (1, 1)}
    mistakes = []
    data = _build(node, (), loader, _Places(name, marks, mistakes)) if node else {}
    if mistakes:
        raise ConfigurationError(mistakes)
    return Document(name, data, marks)


def _screen(text: str, name: str) -> Iterator[Mistake]:
    """Yield what is refused before any object is built; never recurses."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Core):
        mark = event.start_mark
        place = (name, mark.line + 1, mark.column + 1) if mark else (name, 1, 1)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            yield Mistake(*place, "anchors and aliases (& and *) are not allowed; write the value out")
            return
        if tag := getattr(event, "tag", None):
            yield Mistake(*place, f"tags are not allowed, found {tag!r}; remove it")
            return
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                yield Mistake(*place, "a second document starts here; one document a file")
                return
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                yield Mistake(*place, f"nested deeper than {MAX_DEPTH} levels")
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


@dataclass(frozen=True, slots=True)
class _Places:
    """What :func:`_build` fills while it walks."""

    name: str
    marks: dict[Loc, tuple[int, int]]
    mistakes: list[Mistake]


def _build(node: yaml.Node, loc: Loc, loader: _Core, places: _Places) -> Any:  # noqa: ANN401 - YAML holds anything
    places.marks[loc] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*loc, i), loader, places) for i, child in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node, deep=True)
    out: dict[str, Any] = {}
    first: dict[str, int] = {}
    for key, value in node.value:
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        if not isinstance(key, yaml.ScalarNode):
            places.mistakes.append(Mistake(places.name, line, column, "a key must be one word"))
            continue
        word = str(key.value)
        if word in out:
            problem = f"key '{word}' is given twice (first on line {first[word]}); remove one"
            places.mistakes.append(Mistake(places.name, line, column, problem))
        first.setdefault(word, line)
        places.marks[*loc, "<key>", word] = (line, column)
        out[word] = _build(value, (*loc, word), loader, places)
    return out


def validate(document: Document, model: type[Model], at: Loc = (), context: Any = None) -> Model:  # noqa: ANN401 - pydantic's
    """Return the part of *document* at *at* as *model*.

    *context* is handed to the model's validators (``info.context``).

    Raises:
        ConfigurationError: With every mistake at its line and column.
    """
    data = document.data
    for step in at:
        data = data[step]
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        told = (one for one in error.errors() if not _only_follows(one))
        raise ConfigurationError(_mistake(document, at, model, one) for one in told) from None


def _only_follows(error: ErrorDetails) -> bool:
    """Return whether a list is called too short only because its items are wrong, which is told of each."""
    given = error["input"]
    return error["type"] == "too_short" and isinstance(given, list) and len(given) >= error["ctx"]["min_length"]


def _mistake(document: Document, at: Loc, model: type[BaseModel], error: ErrorDetails) -> Mistake:
    loc = tuple(step for step in error["loc"] if not _is_tag(step))
    if error["type"] == "extra_forbidden":
        word = str(loc[-1])
        known = sorted(_fields_at(model, loc[:-1]))
        near = difflib.get_close_matches(word, known, 1)
        remedy = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}" if known else "remove it"
        return document.mistake((*at, *loc[:-1]), f"unknown key '{word}'; {remedy}", key=word)
    where = ".".join(str(step) for step in loc)
    if error["type"] == "missing":
        parent = ".".join(str(step) for step in loc[:-1])
        inside = f" in {parent}" if parent else ""
        return document.mistake((*at, *loc[:-1]), f"key '{loc[-1]}' is missing{inside}; add it")
    message = _PLAIN.get(error["type"], error["msg"].removeprefix("Value error, "))
    message = message[:1].lower() + message[1:]
    found = error["input"]
    shown = f", found {_short(repr(found))}" if isinstance(found, str | int | float | bool) else ""
    return document.mistake((*at, *loc), f"{where or 'the file'}: {message}{shown}")


_PLAIN = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "write keys with values here"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), "write a list here"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "write true or false"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "write a whole number"),
    "string_type": "write text here",
    "path_type": "write a path here",
    "too_short": "name at least one",
}
"""What pydantic says in Python's words, in words for people."""


def _short(shown: str) -> str:
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def _is_tag(step: str | int) -> bool:
    """Whether pydantic put *step* into a location for itself (a union member, a validator)."""
    return isinstance(step, str) and bool(re.fullmatch(r"(function-\w+|\w+)\[.*\]|\w+-\w+\(.*\)", step))


def _fields_at(model: type[BaseModel], loc: Loc) -> set[str]:
    """Return the keys that *model* knows at *loc*; empty when that cannot be said."""
    names: set[str] = set()
    models = {model}
    for step in loc:
        if isinstance(step, int):
            continue
        models = {
            inner
            for one in models
            for field_ in [_field(one, step)]
            if field_ is not None
            for inner in _models_in(field_)
        }
    for one in models:
        names |= {info.alias or name for name, info in one.model_fields.items()}
    return names


def _field(model: type[BaseModel], key: str) -> Any:  # noqa: ANN401 - an annotation is any object
    for name, info in model.model_fields.items():
        if key in (name, info.alias):
            return info.annotation
    return None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - an annotation is any object
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)
