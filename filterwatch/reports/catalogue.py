"""Which reports there are and how they are written; heavy parts are imported only when one is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filterwatch.reports.material import Material
    from filterwatch.reports.page import Page


@dataclass(frozen=True, slots=True)
class Report:
    """One report.

    Attributes:
        name: What it is called on the command line; the module of its page has the same name.
        about: What it tells, in a sentence.
        is_weekly: Whether it is about the last whole week unless told otherwise; else about the last seven days.
        reads_detections: Whether it tells of detections: log files need not be judged for one that does not.
        finding: Table whose rows are findings; null where none is.
        column: Column of it that is null for rows that are none.
    """

    name: str
    about: str
    is_weekly: bool = False
    reads_detections: bool = True
    finding: str | None = None
    column: str | None = None

    def page(self, material: Material) -> Page:
        """Return its page."""
        make: Callable[[Material], Page] = import_module(f"filterwatch.reports.pages.{self.name}").page
        return make(material)

    def findings(self, page: Page) -> int:
        """Return how many rows of its page are something to look at."""
        rows = [table.rows for table in page.tables if table.name == self.finding]
        return sum(len(frame) - (frame[self.column].null_count() if self.column else 0) for frame in rows)


REPORTS = {
    report.name: report
    for report in (
        Report(
            "bandwidth",
            "who used the internet link, and whom that hindered",
            reads_detections=False,
            finding="users",
            column="verdict",
        ),
        Report("bypass", "who tried to get round the filter, and how far they got", finding="stories"),
        Report("weekly", "the week for coordinator and head, on one page", is_weekly=True),
        Report(
            "governors", "the week for governors: counts and assurance only", is_weekly=True, reads_detections=False
        ),
    )
}
"""Every report, by name."""

FORMATS = ("table", "json", "csv", "html", "text")


def rendered(page: Page, form: str, table: str | None = None) -> str:
    """Return *page* as ``text``, ``json``, ``csv`` (one *table*) or ``html``."""
    if form == "html":
        from filterwatch.reports.render import html  # noqa: PLC0415 - heavy

        return html.render(page)
    if form == "text":
        from filterwatch.reports.render import table as plain  # noqa: PLC0415 - heavy

        return plain.text(page)
    from filterwatch.reports.render import data  # noqa: PLC0415 - beside the others

    return data.as_csv(page, table) if form == "csv" else data.as_json(page)
