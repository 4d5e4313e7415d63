"""Every format we can read: its name, its options, and how to make its decoder.

A format is found by itself: a module in ``grammars`` with a table ``FORMATS``, a field map in ``formats``, or one in a
folder of the school's own (:func:`add`).
"""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from filterwatch.config import Document, validate
from filterwatch.decoders import grammars
from filterwatch.decoders.decoded import Decoder
from filterwatch.decoders.format import Format
from filterwatch.decoders.headed import format_of_map
from filterwatch.decoders.journald import opened
from filterwatch.decoders.maps import load
from filterwatch.errors import ConfigurationError, FilterwatchError, Mistake

_MAPS = Path(__file__).parent / "formats"


class UnknownFormat(FilterwatchError):
    """A source names a format that does not exist."""


_own: dict[str, Format] = {}


def add(folder: Path) -> None:
    """Let the field maps (``*.yaml``) of a school's own *folder* be formats from now on, in this process.

    Raises:
        ConfigurationError: There is no such folder; all mistakes in its maps, and names that we use ourselves.
    """
    if not folder.is_dir():
        raise ConfigurationError([Mistake(str(folder), 0, 0, "there is no such folder; correct its path")])
    mistakes: list[Mistake] = []
    found: dict[str, Format] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            map_ = load(path)
        except ConfigurationError as error:
            mistakes += error.mistakes
            continue
        if map_.format in shipped() or map_.format in found:
            problem = f"format '{map_.format}' exists already; give it another name"
            mistakes.append(Mistake(str(path), 1, 1, problem))
        found[map_.format] = format_of_map(map_)
    if mistakes:
        raise ConfigurationError(mistakes)
    _own.update(found)


def formats() -> Mapping[str, Format]:
    """Return all formats by name, the school's own among them."""
    return MappingProxyType(dict(sorted({**shipped(), **_own}.items())))


@cache
def shipped() -> Mapping[str, Format]:
    """Return the formats that come with filterwatch."""
    found: dict[str, Format] = {}
    for module in _modules():
        found.update(_table(module))
    found |= {name: format_of_map(load(path)) for name, path in _maps().items()}
    return MappingProxyType(dict(sorted(found.items())))


@cache
def _likely(name: str) -> Format | None:
    """Return the shipped format *name* if its map, or a module that begins as it does, holds it.

    A daemon reads one or two formats; to load all of them takes a third of a second of its start.
    """
    if name in _maps():
        return format_of_map(load(_maps()[name]))
    family = name.partition("_")[0]
    likely = (module for module in _modules() if module.rpartition(".")[2].partition("_")[0] == family)
    return next((table[name] for module in likely if name in (table := _table(module))), None)


@cache
def _modules() -> tuple[str, ...]:
    return tuple(module.name for module in pkgutil.iter_modules(grammars.__path__, f"{grammars.__name__}."))


@cache
def _maps() -> Mapping[str, Path]:
    """Return the shipped field maps by format; each file bears its format's name."""
    return {path.stem: path for path in sorted(_MAPS.glob("*.yaml"))}


def _table(module: str) -> Mapping[str, Format]:
    table: Mapping[str, Format] = getattr(import_module(module), "FORMATS", {})
    return table


def names() -> tuple[str, ...]:
    """Return the names of all formats, sorted."""
    return tuple(formats())


def make(name: str, options: Mapping[str, object], *, zone: ZoneInfo) -> Decoder:
    """Make the decoder of the format *name*.

    Args:
        name: One of :func:`names`.
        options: The options of the source, as in its configuration.
        zone: Zone of times that have none, where the options name no other.

    Raises:
        UnknownFormat: There is no such format.
        ConfigurationError: An option is unknown or wrong; its place is the format's name.
    """
    found = _own.get(name) or _likely(name) or shipped().get(name)
    if found is None:
        near = difflib.get_close_matches(name, names(), 1)
        remedy = f"did you mean '{near[0]}'?" if near else f"docs/formats.md has all {len(names())}"
        raise UnknownFormat(f"unknown format '{name}'; {remedy}")
    own = validate(Document(f"options of format {name}", dict(options)), found.options)
    return opened(found.make(name, own, zone), own.journal)
