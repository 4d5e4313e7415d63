"""What a format is: its name, its options, how its lines are read, and by what a line of it is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from filterwatch.config import Part
from filterwatch.decoders.decoded import Decoder
from filterwatch.decoders.line_decoder import LineDecoder, Reader
from filterwatch.decoders.maps import FieldMap
from filterwatch.decoders.reading import address


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; write it as in Europe/London") from None
    return name


def _address(text: str) -> str:
    canonical = address(text)
    if canonical is None:
        raise ValueError("no IP address")
    return canonical


Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
Action = Literal["allowed", "blocked", "auth_required", "rewritten", "error", "unknown"]


class Options(Part):
    """Options that every format takes."""

    zone: Zone | None = Field(default=None, description="Time zone of stamps that have none; default: the site's.")
    year: int | None = Field(
        default=None,
        ge=1970,
        le=2199,
        description="Year of stamps that have none; default: the one nearest to the time of reading.",
    )
    journal: Literal["json", "json_message"] | None = Field(
        default=None,
        description="The log is what `journalctl -o json` writes: `json` reads each record as a line of a system log, "
        "`json_message` reads its message alone; default: it is the log itself.",
    )


Make = Callable[[str, Options, ZoneInfo], Decoder]
"""Makes the decoder of a format from its name, its options and the zone of times that have none."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        title: What it is, for people.
        family: The family of its lines, for people: ``key=value``, ``CSV``, ``logformat`` ...
        options: The model of its options.
        make: Makes its decoder.
        claims: Whether a line, of which the decoder made this event (nulls left out), bears marks that no other format
            has; by it a file without a named format is told.  Null: the format must always be named.
        source: Where its grammar is from.
        marks: A regular expression for texts, where it alone is what *claims* looks at: looked for in many at once.
        beyond: Formats all of whose lines this one has as well: where one line is surely of this, theirs are too.
        map_: The field map that it is; null for a grammar.
    """

    title: str
    family: str
    options: type[Options]
    make: Make
    claims: Callable[[bytes, Mapping[str, object]], bool] | None = None
    source: str = ""
    marks: str | None = None
    beyond: tuple[str, ...] = ()
    map_: FieldMap | None = field(default=None, compare=False)


def of_lines(reader: Callable[[str, Options], Reader]) -> Make:
    """Return what makes the decoder of a format whose lines stand for themselves, from what makes its reader."""

    def make(name: str, options: Options, zone: ZoneInfo) -> Decoder:
        return LineDecoder(reader(name, options), ZoneInfo(options.zone) if options.zone else zone, options.year)

    return make
