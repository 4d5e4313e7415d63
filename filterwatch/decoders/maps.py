"""Field maps: a vendor's format as data, one YAML file each.

A file names the shapes its lines come in (a family of ``families`` and its dialect), where the time stands, and what a
record means: its kind, its columns, the filter's verdict, or why it means nothing to us.  ``mapped`` reads lines by it;
docs/formats.md tells how to write one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from filterwatch.config import Part, Slug, read, validate
from filterwatch.decoders import convert
from filterwatch.decoders.written import check_pattern

Action = Literal["allowed", "blocked", "auth_required", "rewritten", "error", "unknown"]
Kind = Literal["http", "dns", "flow", "control", "lease", "auth"]


def _expression(text: str) -> str:
    try:
        pl.Series(["x"]).str.contains(text)
    except pl.exceptions.ComputeError as error:
        told = [line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")]
        raise ValueError(f"no regular expression{f' ({told[0]})' if told else ''}") from None
    return text


def _column(name: str) -> str:
    if name not in convert.BY_COLUMN:
        raise ValueError(f"no event column; known: {', '.join(sorted(convert.BY_COLUMN))}")
    return name


def _conversion(name: str) -> str:
    if name not in convert.CONVERSIONS:
        raise ValueError(f"no conversion; known: {', '.join(sorted(convert.CONVERSIONS))}")
    return name


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _named(key: str) -> BeforeValidator:
    """Let a text or a list stand for an object with that one *key*."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str | int | list) else value)


Expression = Annotated[str, AfterValidator(_expression)]
"""A regular expression of Polars' engine, which is linear in the line."""


def _places(columns: object) -> object:
    """Return names in order, where a file gives the place of each: {type: 3, src: 7}."""
    if not isinstance(columns, dict) or not all(isinstance(at, int) and 0 <= at < _COLUMNS for at in columns.values()):
        return columns
    at = {place: name for name, place in columns.items()}
    return [at.get(place, "") for place in range(max(at, default=-1) + 1)]


_COLUMNS = 1_000
"""No line has more columns."""

Keys = Annotated[list[str], BeforeValidator(_listed)]
Words = Annotated[list[Annotated[str, BeforeValidator(str)]], BeforeValidator(_listed)]


class Condition(Part):
    """What the text of a key must be."""

    words: Words = Field(default=[], alias="is", description="One of these, without case; * stands for anything.")
    like: Expression | None = Field(default=None, description="A regular expression found in it.")
    present: bool | None = Field(default=None, description="Whether the line must have the key at all.")


When = dict[str, Annotated[Condition, _named("is")]]
"""Conditions by key, all of which must hold."""


class Shape(Part):
    """One way in which lines of a format are written."""

    family: Literal["keyvalue", "delimited", "json", "cef", "leef", "pattern"]
    begins: Expression | None = Field(
        default=None, description="Where the message begins: the first match; default: where the family says."
    )
    head: Expression | None = Field(
        default=None, description="Found in the line behind <pri>; its named groups are keys too, and win over pairs."
    )
    behind: Expression | None = Field(default=None, description="The message begins right behind this.")
    ends: Expression | None = Field(default=None, description="What may close the message and is no part of it.")
    needs: Keys = Field(default=[], description="A line of this shape has one of these keys.")
    separator: str = Field(default=" ", min_length=1, max_length=1, description="Stands between pairs or columns.")
    equals: str = Field(default="=", min_length=1, max_length=1, description="Stands between a key and its value.")
    brackets: bool = Field(default=False, description="Pairs stand in square brackets as well.")
    open_values: bool = Field(default=False, description="Values without quotes hold blanks, up to the next key.")
    columns: Annotated[list[str], BeforeValidator(_places)] = Field(
        default=[], description="Keys of the columns, in order ('' for one nobody needs), or key: place, from 0 on."
    )
    header: str | None = Field(
        default=None,
        description="A line that begins so names the columns of those behind it; no line before it has them.",
    )
    pattern: Expression | None = Field(default=None, description="Regular expression whose named groups are the keys.")
    prefixes: Keys = Field(default=[], description="What is cut from the beginning of keys.")
    names: dict[str, Keys] = Field(default={}, description="Key -> what lines of this shape call it, best first.")
    sheet: bool = Field(
        default=False,
        description="Columns as spreadsheets write them: quotes between tabs too, none left open, no cell too many.",
    )

    @model_validator(mode="after")
    def _complete(self) -> Shape:
        if self.family == "pattern" and self.pattern is None:
            raise ValueError("family pattern needs 'pattern'")
        if self.family == "delimited" and not self.columns and not self.header:
            raise ValueError("family delimited needs 'columns' or 'header'")
        return self


class Zoned(Part):
    """Where a time stands and how it is written."""

    keys: Keys = Field(default=[], alias="from", description="One key, or several whose texts a blank joins.")
    written: Annotated[str, AfterValidator(check_pattern)] = Field(
        alias="as", description="epoch (s, ms, us or ns by its length), iso, envelope, or a pattern as strftime has it."
    )
    zone: str | None = Field(default=None, description="Key of the zone: +0100, +11, CET.")
    utc: bool = Field(default=False, description="Times without a zone are UTC, whatever the zone of the site.")


class Target(Part):
    """Where an event column comes from."""

    keys: Keys = Field(default=[], alias="from", description="One key, or several: the first that a line has.")
    conversion: Annotated[str, AfterValidator(_conversion)] | None = Field(
        default=None, alias="as", description="How the text becomes the value; default: as the column demands."
    )
    pattern: Expression | None = Field(default=None, description="Only its first group in the text counts.")
    words: dict[str, Words] = Field(default={}, description="Value -> texts that mean it; others mean null.")
    value: str | int | None = Field(default=None, description="This value, whatever the line says.")
    host: Keys = Field(default=[], description="Of a URL: keys of the host, where the text is only a path.")
    query: Keys = Field(default=[], description="Of a URL: keys of what follows its path, where that stands apart.")
    scheme: Keys = Field(default=[], description="Of a URL: keys of its scheme, service or port, where it has none.")


Targets = dict[Annotated[str, AfterValidator(_column)], Annotated[Target, _named("from")]]


class Verdict(Part):
    """Words of the line that tell the filter's verdict."""

    keys: Keys = Field(alias="from")
    words: dict[Action, Words] = Field(description="Action -> texts, without case; * stands for anything.")


class Verdicts(Part):
    """The filter's verdict: what the first step says that says anything, else ``otherwise``."""

    steps: list[Verdict] = Field(default=[])
    otherwise: Action | None = None


class Record(Part):
    """What lines of one type mean; its columns and verdict win over those of the whole format."""

    when: When = Field(default={})
    kind: Kind | None = None
    fields: Targets = Field(default={})
    action: Verdicts | None = None
    skip: str | None = Field(default=None, description="Why lines of this type mean nothing to us.")


class FieldMap(Part):
    """One format as data."""

    format: Slug
    title: str
    source: str = Field(default="", description="Where the grammar is from.")
    claims: Expression | None = Field(default=None, description="Marks in a line that no other format has.")
    comment: str | None = Field(default=None, description="How comment lines begin.")
    time_needed: bool = Field(
        default=False, description="Whether a line without a time is rejected; default: it has the time of reading."
    )
    nothing: list[str] = Field(default=["", "-"], description="Texts that mean: the line does not say.")
    shapes: list[Shape] = Field(min_length=1)
    time: list[Annotated[Zoned, _named("as")]] = Field(default=[], description="Places, the best first.")
    kind: Kind
    fields: Targets
    action: Verdicts | None = None
    records: list[Record] = Field(default=[], description="Types of lines; the first whose conditions hold counts.")
    rest: str | None = Field(default=None, description="Why lines of no type are skipped; default: they are events.")


def load(path: Path) -> FieldMap:
    """Return the field map of a file.

    Raises:
        ConfigurationError: All mistakes of the file, each with its place.
    """
    return validate(read(path), FieldMap)
