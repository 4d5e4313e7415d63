"""Charts as SVG, drawn here and now: no script, no font and no request to anywhere.

A chart is a Vega-Lite specification, which is data; vl-convert draws it.
"""

from __future__ import annotations

from typing import TypeAlias
from xml.etree import ElementTree as ET

import polars as pl
import vl_convert

from filterwatch.reports.page import Chart, Table
from filterwatch.text import printable

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

WIDTH, HEIGHT, BAR = 300, 90, 17
"""Pixels: of a chart, of one with lines, of a bar."""

COLOURS: list[Json] = ["#1b5e9b", "#e08a1e", "#6b6f76", "#b3b8bf", "#2a9d8f", "#9b2c4a"]
"""In this order; they stay apart in grey and for those who see colours differently."""

LONGEST = 24
"""Characters of a name in a chart; the table beside it has it whole."""

CONFIG: Json = {
    "font": "system-ui, Segoe UI, Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {"labelFontSize": 11, "gridColor": "#e3e5e8", "domainColor": "#9aa0a6", "tickSize": 3, "title": None},
    "legend": {"orient": "top", "labelFontSize": 11, "title": None, "symbolSize": 70, "offset": 2, "padding": 0},
}


def svg(table: Table, place: str) -> str:
    """Return the picture of *table* as an SVG element to be put into a page.

    Args:
        table: With a chart.
        place: Prefix of the ids in it: an id stands once in a page.
    """
    if table.chart is None:
        raise ValueError(f"table {table.name} has no chart")
    rows = _clean(table.rows if table.chart_rows is None else table.chart_rows, table.chart)
    drawn = _lines(table.chart, rows) if table.chart.kind == "lines" else _bars(table.chart, rows)
    spec: dict[str, Json] = {
        "data": {"values": [dict(row) for row in rows.iter_rows(named=True)]},
        "width": WIDTH,
        "background": "#ffffff",
        "padding": {"left": 4 + _slack(table.chart, rows), "right": 6, "top": 2, "bottom": 2},
        "config": CONFIG,
        **drawn,
    }
    return _embedded(vl_convert.vegalite_to_svg(spec), table.chart, place)


def _slack(chart: Chart, rows: pl.DataFrame) -> int:
    """Return pixels to leave before names: what reads the page may have wider letters than what measured them here."""
    if chart.kind == "lines" or not len(rows):
        return 0
    return 2 * max(len(name) for name in rows[chart.x])


def _clean(rows: pl.DataFrame, chart: Chart) -> pl.DataFrame:
    """Return what is drawn, with text that cannot move or hide anything; long names are cut."""
    names = list(dict.fromkeys([chart.x, chart.y, chart.parts or chart.x]))
    drawn = rows.select(names)
    cut = {name: [_cut(word) for word in drawn[name]] for name in names if drawn.schema[name] == pl.String}
    return drawn.with_columns(pl.Series(name, words, dtype=pl.String) for name, words in cut.items())


def _cut(word: str | None) -> str:
    shown = printable(word or "")
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _colour(chart: Chart, rows: pl.DataFrame) -> Json:
    if chart.parts is None:
        return {"value": COLOURS[0]}
    parts = rows[chart.parts].unique(maintain_order=True).to_list()
    return {"field": _field(chart.parts), "type": "nominal", "scale": {"domain": parts, "range": COLOURS}}


def _amount(chart: Chart) -> dict[str, Json]:
    return {"field": _field(chart.y), "type": "quantitative", "axis": {"tickCount": 4, "format": "~s"}}


def _bars(chart: Chart, rows: pl.DataFrame) -> dict[str, Json]:
    names = rows[chart.x].unique(maintain_order=True).to_list()
    encoding: dict[str, Json] = {
        "y": {"field": _field(chart.x), "type": "nominal", "sort": names, "axis": {"labelLimit": 170, "grid": False}},
        "x": _amount(chart) | {"stack": "zero"},
        "color": _colour(chart, rows),
    }
    return {"mark": "bar", "encoding": encoding, "height": max(2, len(names)) * BAR}


def _lines(chart: Chart, rows: pl.DataFrame) -> dict[str, Json]:
    clock: Json = {
        "field": _field(chart.x),
        "type": "quantitative",
        "scale": {"zero": False, "nice": False},
        "axis": {"tickMinStep": 1, "format": "02d", "grid": False},
    }
    encoding: dict[str, Json] = {"x": clock, "y": _amount(chart), "color": _colour(chart, rows)}
    return {"mark": {"type": "line", "point": True, "strokeWidth": 2}, "encoding": encoding, "height": HEIGHT}


def _field(name: str) -> str:
    """Vega takes dots and brackets in a name for paths; columns of ours have none, and shall not."""
    if not name.isidentifier():
        raise ValueError(f"column {name!r} cannot be charted: use letters, digits and _")
    return name


def _embedded(drawn: str, chart: Chart, place: str) -> str:
    """Return the drawing as an element of HTML: ids of its own, a name and a description, no namespaces.

    In HTML an SVG element needs no namespace; without one the page holds no address at all.  It is read as XML and
    written anew: what looks like markup in a name stays text.
    """
    root = ET.fromstring(drawn)  # noqa: S314 - vl-convert wrote it, a moment ago
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name, value in list(element.attrib.items()):
            del element.attrib[name]
            element.attrib[name.rpartition("}")[2]] = _of_its_own(name, value, place)
    head = {"role": "img", "aria-labelledby": f"{place}-title {place}-says", "preserveAspectRatio": "xMinYMin meet"}
    root.attrib = head | {name: value for name, value in root.attrib.items() if name in ("width", "height", "viewBox")}
    for number, (name, text) in enumerate((("title", chart.title), ("desc", chart.says))):
        element = ET.Element(name, {"id": f"{place}-{'title' if name == 'title' else 'says'}"})
        element.text = printable(text)
        root.insert(number, element)
    return ET.tostring(root, encoding="unicode", method="html")


def _of_its_own(name: str, value: str, place: str) -> str:
    if name == "id":
        return f"{place}-{value}"
    return value.replace("url(#", f"url(#{place}-") if value.startswith("url(#") else value
