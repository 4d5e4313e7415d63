"""A report before it is rendered: facts, tables and statements, and what is to be charted.

Values stay values (numbers, times, null for what is not known); how they look is decided by what renders them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

from filterwatch.reports.period import Period

Unit = Literal["text", "count", "bytes", "mbit", "share", "minutes", "time", "day", "hour"]
"""What a column holds: ``mbit`` is Mbit/s; ``share`` 0 to 1; ``time`` a UTC moment shown in the school's zone; ``hour``
a local hour of the day."""

Standing = Literal["plain", "good", "attention", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its name in the frame, in CSV and JSON.
        title: What people read above it.
        unit: What it holds.
        is_detail: Whether it may be left out where there is no room for all.
    """

    name: str
    title: str
    unit: Unit = "text"
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of columns of its table.

    Attributes:
        kind: ``bars`` (one bar a row), ``stacked`` (bars in parts) or ``lines``.
        x: Column along the long axis.
        y: Column with the amount.
        parts: Column that splits a bar or names a line; null for none.
        title: What it shows.
        says: The same in a sentence, for those who do not see it.
    """

    kind: Literal["bars", "stacked", "lines"]
    x: str
    y: str
    title: str
    says: str
    parts: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading.

    Attributes:
        name: Its name in JSON and for ``--table``.
        title: Its heading.
        columns: What is shown, in this order; the frame may hold more.
        rows: The frame; every string in it is hostile.
        note: A sentence below it.
        empty: What to say when it has no rows.
        chart: A picture beside it.
        chart_rows: What the picture shows where that is more than the table; null for the table's rows.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: pl.DataFrame
    note: str = ""
    empty: str = "None."
    chart: Chart | None = None
    chart_rows: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One answer to one question.

    Attributes:
        label: The question in a few words.
        value: The answer.
        standing: How it stands.
        note: What to do, or why.
    """

    label: str
    value: str
    standing: Standing = "plain"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page.

    Attributes:
        title: Its heading.
        facts: Answers, first.
        tables: Then tables.
    """

    title: str
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report.

    Attributes:
        name: ``bandwidth``, ``bypass``, ``weekly``, ``governors``.
        title: Its title.
        site: Which school.
        period: Which days.
        made: When, UTC.
        sections: Its parts.
        statements: What was watched, what was not, and what the figures cannot say; in every report (NB11, DC3).
        confidential: Who may read it.
    """

    name: str
    title: str
    site: str
    period: Period
    made: datetime
    sections: tuple[Section, ...]
    statements: tuple[str, ...] = ()
    confidential: str = ""

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables."""
        return tuple(table for section in self.sections for table in section.tables)
