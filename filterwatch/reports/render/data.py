"""A page for programs: JSON, and one table as CSV."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime

from filterwatch.errors import FilterwatchError
from filterwatch.reports.page import Page, Table
from filterwatch.text import csv_cell


def as_json(page: Page) -> str:
    """Return *page* as one JSON object: values as they are, times ISO 8601 UTC, null for what is not known."""
    whole = {
        "report": page.name,
        "title": page.title,
        "site": page.site,
        "from": page.period.first.isoformat(),
        "to": page.period.last.isoformat(),
        "zone": str(page.period.zone),
        "made": _plain(page.made),
        "facts": [
            {"section": section.title, "label": fact.label, "value": fact.value, "standing": fact.standing}
            | _note(fact.note)
            for section in page.sections
            for fact in section.facts
        ],
        "tables": {
            table.name: {
                "title": table.title,
                "columns": [{"name": one.name, "title": one.title, "unit": one.unit} for one in table.columns],
                "rows": [
                    {one.name: _plain(row[one.name]) for one in table.columns}
                    for row in table.rows.iter_rows(named=True)
                ],
            }
            for table in page.tables
        },
        "statements": list(page.statements),
    }
    # Escaped to ASCII: no control or direction mark of a log reaches the terminal of who looks at it.
    return json.dumps(whole, indent=2) + "\n"


def _note(note: str) -> dict[str, str]:
    return {"note": note} if note else {}


def as_csv(page: Page, name: str | None = None) -> str:
    """Return one table of *page* as CSV: a header of column names, times ISO 8601 UTC, empty for what is not known.

    Args:
        page: The page.
        name: Which table; null for the main one.

    Raises:
        FilterwatchError: The page has no such table.
    """
    table = _table(page, name)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(one.name for one in table.columns)
    for row in table.rows.iter_rows(named=True):
        writer.writerow(_cell(row[one.name]) for one in table.columns)
    return out.getvalue()


MAIN = {"bandwidth": "users", "bypass": "stories", "weekly": "alerts", "governors": "alerts"}
"""The table that a report is mainly about."""


def _table(page: Page, name: str | None) -> Table:
    wanted = name or MAIN.get(page.name) or page.tables[0].name
    for table in page.tables:
        if table.name == wanted:
            return table
    known = ", ".join(table.name for table in page.tables)
    raise FilterwatchError(f"report {page.name} has no table '{wanted}'; it has: {known}")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _cell(value: object) -> object:
    if value is None:
        return ""
    plain = _plain(value)
    return csv_cell(plain) if isinstance(plain, str) else plain
