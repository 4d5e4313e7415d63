"""A page as one HTML file: no script, nothing fetched from anywhere, every value escaped."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from filterwatch.errors import FilterwatchError
from filterwatch.reports.page import Column, Page, Table
from filterwatch.reports.render.cells import shown
from filterwatch.text import printable

WORDS = {"good": "✓ good", "attention": "⚠ look", "bad": "✗ act", "unknown": "? unknown"}
"""Standings in words: colour alone tells nothing to those who do not see it, or print in grey."""


def render(page: Page) -> str:
    """Return *page* as HTML.

    Raises:
        FilterwatchError: A chart is wanted and what draws it is not installed.
    """
    environment = Environment(
        loader=PackageLoader("filterwatch.reports.render", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )

    def cells(table: Table) -> Iterator[list[tuple[Column, str]]]:
        for row in table.rows.iter_rows(named=True):
            yield [(one, shown(row[one.name], one.unit, page.period.zone)) for one in table.columns]

    return environment.get_template("page.html.j2").render(
        page=page, words=WORDS, cells=cells, drawing=_drawing, number=_number,
        made=f"{page.made.astimezone(page.period.zone):%A %-d %B %Y, %H:%M}",
    )  # fmt: skip


def _drawing(table: Table) -> Markup:
    try:
        from filterwatch.reports.render import charts  # noqa: PLC0415 - half a second that only a chart needs
    except ImportError as error:
        missing = f"charts need {error.name}, which is not installed; pip install 'filterwatch[reports]'"
        raise FilterwatchError(missing) from None
    # vl-convert escapes what it draws, and charts.svg() what it adds; both are tested with hostile names.
    return Markup(charts.svg(table, f"chart-{table.name}"))  # noqa: S704 - see above


def _safe(value: object) -> object:
    """Show what could hide, turn or forge text as its code; Jinja escapes it after this."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _number(column: Column) -> Markup:
    if column.unit == "text":
        return Markup("")
    return Markup(' class="when"') if column.unit in ("time", "day") else Markup(' class="number"')
