"""Whole files decoded from the first line to the last, with the format named or found out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from filterwatch.config.document import parse
from filterwatch.decoders.catalogue import make, names
from filterwatch.decoders.decoded import Decoded
from filterwatch.decoders.detect import format_of, likely, shares
from filterwatch.errors import FilterwatchError
from filterwatch.lines import LineBatch


class FormatNotTold(FilterwatchError):
    """Nobody named the format, and the file does not show it."""


def options(texts: Iterable[str]) -> dict[str, object]:
    """Return the options written as ``NAME=VALUE``; a value is YAML, as in the configuration, but for a logformat.

    A definition is taken as it stands: nearly all of its characters mean something to YAML.

    Raises:
        FilterwatchError: One is not written so.
        ConfigurationError: A value is not YAML.
    """
    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise FilterwatchError(f"--option {text}: expected NAME=VALUE")
        literal = name == "logformat"
        found[name] = value if literal else parse(f"value: {value}", f"--option {name}").data["value"]
    return found


def decoded(
    batches: Iterator[LineBatch], file: str, format_: str | None, given: Mapping[str, object]
) -> Iterator[tuple[Decoded, int]]:
    """Yield the answers to *batches* of one file, and how many lines each had.

    Args:
        batches: The lines of the file, in order.
        file: Its name, for messages.
        format_: Its format; null to find it out.
        given: Options of the format.

    Raises:
        FormatNotTold: *format_* is null and the first lines do not tell it.
        UnknownFormat: There is no such format.
        ConfigurationError: An option is wrong.
    """
    if format_ is not None:
        decoder = make(format_, given, zone=local_zone())
    else:
        first = next(batches, None)
        if first is None:
            return
        batches = chain([first], batches)
        decoder = make(told(first, file), given, zone=local_zone())
    for batch in batches:
        yield decoder.decode(batch), len(batch)


def told(batch: LineBatch, file: str) -> str:
    """Return the format of the *file* whose first lines *batch* holds.

    Raises:
        FormatNotTold: They do not tell it.
    """
    name = format_of(batch)
    if name is None:
        raise FormatNotTold(f"{file}: cannot tell the format{not_told(batch)}")
    return name


def not_told(batch: LineBatch) -> str:
    """Return what to say of a file whose format its first lines do not tell: what it may be, and the remedy."""
    several = ", ".join(f"{one} {share:.0%}" for one, share in shares(batch).items())
    seen = f" (lines of several: {several})" if several else ""
    few = likely(batch)
    read = f"lines of it are read by {', '.join(few)}" if few else "no format reads its lines"
    return f"{seen}; {read}; name it with --format (docs/formats.md has all {len(names())})"


def local_zone() -> ZoneInfo:
    """Return the machine's time zone; UTC where it has none that is named."""
    name = os.environ.get("TZ", "").removeprefix(":")
    if not name:
        path = os.path.realpath("/etc/localtime")
        name = path.partition("/zoneinfo/")[2]
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
