import csv
import io
import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from filterwatch.errors import FilterwatchError
from filterwatch.reports.page import Chart, Column, Fact, Page, Section, Table
from filterwatch.reports.period import Period
from filterwatch.reports.render import cells, data, html
from filterwatch.reports.render import table as plain
from filterwatch.text import printable

ZONE = ZoneInfo("Europe/London")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></svg><script>x</script>",
    "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("http://evil.test","x")',
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "-1+1",
    "\x1b[2J\x1b[31mred\x07",
    "two\r\nlines",
    "\u202egnp.exe",
    'id="x" xmlns="http://evil.test" url(#x)',
    "a" * 300,
    "\ud800 lone",
    "",
]  # fmt: skip


def page(names: list[str] = HOSTILE, **changed) -> Page:
    rows = pl.DataFrame(
        {
            "who": [name.encode("utf-8", "replace").decode() for name in names],
            "bytes": list(range(len(names))),
            "share": [n / 100 for n in range(len(names))],
            "at": [datetime(2026, 6, 1, 12, tzinfo=UTC)] * len(names),
            "none": [None] * len(names),
        }
    )
    columns = (
        Column("who", "Who"), Column("bytes", "Bytes", "bytes"), Column("share", "Share", "share"),
        Column("at", "At", "time"), Column("none", "None", "count"),
    )  # fmt: skip
    says = names[0]
    charts = [
        Chart("bars", "who", "bytes", says, says),
        Chart("stacked", "who", "bytes", says, says, "who"),
        Chart("lines", "share", "bytes", says, says, "who"),
    ]
    tables = tuple(Table(f"t{n}", "A & B", columns, rows, says, chart=chart) for n, chart in enumerate(charts))
    values = {
        "name": "bypass", "title": "T & T", "site": "st-pauls", "made": datetime(2026, 6, 8, 6, tzinfo=UTC),
        "period": Period(date(2026, 6, 1), date(2026, 6, 7), ZONE),
        "sections": (Section("S", (Fact(says, says, "bad", says), Fact("", says)), tables),),
        "statements": (says,), "confidential": "c",
    }  # fmt: skip
    return Page(**(values | changed))


class Elements(HTMLParser):
    """Every element, attribute and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "p", "strong", "br", "main", "section", "h2",
    "h3", "dl", "div", "dt", "dd", "small", "span", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "figure",
    "figcaption", "footer", "svg", "desc", "g", "path", "rect", "line", "text", "defs", "clippath",
}  # fmt: skip


def test_hostile_names_become_text_and_nothing_else():
    found = Elements(html.render(page()))
    assert set(found.tags) <= ALLOWED
    assert not found.open
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in ("src", "style-src", "action")]
    assert "49" not in "".join(found.text)
    shown = "".join(found.text)
    assert "<script>alert(1)</script>" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\u202egnp.exe" in shown


def test_every_hostile_name_alone_as_title_of_a_chart_too():
    for name in HOSTILE[:9]:
        found = Elements(html.render(page([name, "b"])))
        assert set(found.tags) <= ALLOWED
        assert not found.open


def test_a_page_fetches_nothing_and_runs_nothing():
    text = html.render(page(["amy", "ben"]))
    found = Elements(text)
    assert "script" not in found.tags
    assert not [name for name, _ in found.attributes if name in ("src", "href", "srcset", "data", "xlink:href")]
    assert not re.search(r"https?:|//|@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_charts_have_a_name_a_description_and_a_table_beside_them_and_ids_stand_once():
    text = html.render(page(["amy", "ben"]))
    found = Elements(text)
    ids = [value for name, value in found.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert found.tags.count("svg") == found.tags.count("desc") == found.tags.count("table") == 3
    for value in [value for name, value in found.attributes if name == "aria-labelledby"]:
        assert set(value.split()) <= set(ids)
    assert ("lang", "en-GB") in found.attributes
    assert [value for name, value in found.attributes if name == "scope"].count("row") == 6


def test_what_is_good_or_bad_is_said_in_words_too():
    facts = tuple(Fact("l", "v", standing) for standing in ("good", "attention", "bad", "unknown", "plain"))
    shown = "".join(Elements(html.render(page(sections=(Section("S", facts),)))).text)
    for word in ("good", "look", "act", "unknown"):
        assert word in shown


def test_an_empty_table_says_so_and_draws_nothing():
    empty = Table("t", "T", (Column("a", "A"),), pl.DataFrame({"a": []}), empty="None at all.")
    text = html.render(page(sections=(Section("S", tables=(empty,)),)))
    assert "None at all." in text
    assert "<svg" not in text


def test_a_terminal_gets_nothing_that_moves_or_hides():
    out = plain.text(page())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u200b-\u200f]", out)
    assert "\\x1b[2J" in out
    assert "<script>alert(1)</script>" in out  # a terminal is no browser


def test_plain_text_fits_its_width_and_markup_is_text():
    assert max(map(len, plain.text(page(["amy", "[bold red]x[/]", ":smile:"]), width=80).splitlines())) <= 80
    shown = plain.text(page(["[bold red]x[/]", ":smile:"]))
    assert "[bold red]x[/]" in shown
    assert ":smile:" in shown


def wide(rows: int = 2) -> Page:
    names = ["who", "much", "day", "long", "why"]
    columns = tuple(Column(name, name.capitalize(), is_detail=name in ("day", "long")) for name in names)
    frame = pl.DataFrame({name: [f"{name}-{n}-" + "x" * 14 for n in range(rows)] for name in names})
    return page(sections=(Section("S", tables=(Table("t", "T", columns, frame),)),), statements=())


def test_where_there_is_no_room_details_are_left_out_from_the_right_and_that_is_said():
    shown = plain.text(wide(), width=80)
    assert "Day" in shown
    assert "No room for Long: --format html, csv or json has all." in shown
    shown = plain.text(wide(), width=60)
    assert "No room for Day, Long: --format" in shown
    assert "Why" in shown


def test_a_table_that_is_too_wide_without_details_is_printed_a_value_a_line():
    shown = plain.text(wide(), width=40)
    assert "  Long  long-1" in shown
    assert "No room" not in shown


def test_a_long_table_ends_with_how_many_rows_are_left():
    shown = plain.text(wide(1040), width=120)
    assert "who-24-" in shown
    assert "who-25-" not in shown
    assert "1,015 rows more: --format html, csv or json has all." in shown
    assert "rows more" not in plain.text(wide(25), width=120)


def test_colours_are_for_terminals_only():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    out, file = Terminal(), io.StringIO()
    plain.write(page(["amy"]), out, width=100)
    plain.write(page(["amy"]), file, width=100)
    assert "\x1b" not in file.getvalue()
    assert "amy" in file.getvalue()


def test_a_spreadsheet_takes_no_cell_for_a_formula():
    rows = list(csv.reader(io.StringIO(data.as_csv(page(), "t0"))))
    assert rows[0] == ["who", "bytes", "share", "at", "none"]
    for (who, *_), name in zip(rows[1:], page().tables[0].rows["who"], strict=True):
        assert who == (f"'{printable(name)}" if name.startswith(("=", "+", "@", "-")) else printable(name))
    assert "\x1b" not in data.as_csv(page(["\x1b[2Jamy"]), "t0")
    assert rows[1][3:] == ["2026-06-01T12:00:00Z", ""]


def test_numbers_in_csv_keep_their_minus():
    rows = pl.DataFrame({"n": [-5, 7]})
    table = Table("t", "T", (Column("n", "N", "count"),), rows)
    assert data.as_csv(page(sections=(Section("S", tables=(table,)),)), "t") == "n\r\n-5\r\n7\r\n"


def test_a_table_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(FilterwatchError, match="report bypass has no table 'users'; it has: t0, t1, t2"):
        data.as_csv(page(), "users")


def test_json_holds_values_as_they_are_and_no_raw_control_characters():
    text = data.as_json(page())
    assert text.isascii()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)
    whole = json.loads(text)
    assert whole["from"] == "2026-06-01"
    table = whole["tables"]["t0"]
    assert table["rows"][0] == {"who": HOSTILE[0], "bytes": 0, "share": 0.0, "at": "2026-06-01T12:00:00Z", "none": None}
    assert table["columns"][1] == {"name": "bytes", "title": "Bytes", "unit": "bytes"}


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "count", cells.UNKNOWN),
        (1234, "count", "1,234"),
        (999, "bytes", "999 B"),
        (1_440_000_000, "bytes", "1.44 GB"),
        (999_999, "bytes", "1,000 kB"),
        (0.5, "share", "50.0 %"),
        (0.0001, "share", "< 0.1 %"),
        (0.99999, "share", "> 99.9 %"),
        (1.0, "share", "100 %"),
        (0, "share", "0 %"),
        (250, "minutes", "4 h 10 min"),
        (12.34, "mbit", "12.3"),
        (123.4, "mbit", "123"),
        (9, "hour", "09:00"),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), "time", "Wed 1 Jul 13:00"),
        (date(2026, 7, 1), "day", "Wed 1 Jul"),
    ],
)
def test_values_as_people_read_them(value, unit, shown):
    assert cells.shown(value, unit, ZONE) == shown
