"""From a compiled ``logformat`` to the reader of a format."""

from __future__ import annotations

from collections.abc import Sequence

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.families.logformat import parse
from filterwatch.decoders.families.logformat_fast import Fast
from filterwatch.decoders.families.logformat_reader import TWO_READINGS, Compiled
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, visible


def compiled(definition: str, *, blocks: bool = False) -> Compiled:
    """Return a *definition* ready to read lines.

    Args:
        definition: A logformat, without its name.
        blocks: Whether header blocks may follow, as behind squid's own formats.

    Raises:
        Wrong: The definition cannot be compiled.
    """
    return Compiled(parse(definition), blocks)


def reader_of(name: str, one: Compiled) -> Reader:
    """Return the reader of the format *name* whose lines one definition describes, bare or behind a syslog head."""

    def exact(line: bytes) -> Answer:
        return _answer(name, visible(line), [one])

    return Reader(name, exact, Fast(one).read if Fast.able(one) else None)


def reader_of_any(name: str, several: Sequence[Compiled]) -> Reader:
    """Return the reader of the format *name* whose lines fit one of *several* definitions.

    A line that two of them read differently is refused.
    """

    def exact(line: bytes) -> Answer:
        return _answer(name, visible(line), several)

    return Reader(name, exact)


def _answer(name: str, text: str, several: Sequence[Compiled]) -> Answer:
    if text.startswith("#"):
        return Skipped("a comment")
    found = _agreed(text, several)
    if found is None:
        inside = open_envelope(text)
        found = _agreed(inside.message, several) if inside.program else None
    if found is None:
        return Rejected(f"{name}: the line does not fit the logformat")
    return Rejected(f"{name}: {found.why}") if isinstance(found, Rejected) else found


def _agreed(text: str, several: Sequence[Compiled]) -> Event | Rejected | None:
    """Return what the definitions that fit say, if they say the same."""
    found: Event | Rejected | None = None
    for one in several:
        answer = one.read(text)
        if answer is None:
            continue
        if isinstance(answer, Event) and isinstance(found, Event) and not _same(found, answer):
            return Rejected(TWO_READINGS)
        if found is None or isinstance(found, Rejected):
            found = answer
    return found


def _same(one: Event, other: Event) -> bool:
    """Return whether two readings say nothing that differs."""
    both = one.values.keys() & other.values.keys()
    return one.stamp == other.stamp and all(
        one.values[key] == other.values[key]
        for key in both - {"action"}
        if one.values[key] is not None and other.values[key] is not None
    )
