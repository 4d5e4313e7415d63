"""docs/formats.md and docs/columns.md say what the decoders do, and their example works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from decoding import LONDON, batch

from filterwatch.decoders import documenting, maps, names
from filterwatch.decoders.mapped import MappedDecoder
from filterwatch.events import EVENT_COLUMNS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"formats": documenting.formats_page, "columns": documenting.columns_page}


@pytest.mark.parametrize("page", PAGES)
def test_the_committed_page_is_what_the_decoders_say(page: str) -> None:
    fresh = "\n".join(PAGES[page]()) + "\n"

    assert (DOCS / f"{page}.md").read_text() == fresh, (
        f"run: python -m filterwatch.decoders.documenting {page} > docs/{page}.md"
    )


def test_every_format_and_every_key_of_a_map_is_described() -> None:
    page = "\n".join(documenting.formats_page())

    assert [name for name in names() if f"\n### {name}\n" not in page] == []
    assert re.findall(r"\n\| `\w+` \|  \|", page) == []


def test_every_column_has_its_names_elsewhere_or_none() -> None:
    page = "\n".join(documenting.columns_page())

    assert [name for name in EVENT_COLUMNS if f"\n| `{name}` | " not in page] == []


def test_the_worked_example_reads_its_line(tmp_path: Path) -> None:
    page = "\n".join(documenting.formats_page())
    line = re.findall(r"```text\n(.*?)\n```", page, re.DOTALL)[0]
    (tmp_path / "gate.yaml").write_text(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])

    decoded = MappedDecoder(maps.load(tmp_path / "gate.yaml"), LONDON).decode(
        batch([line.encode(), line.replace("STOPPED", "TEST").encode(), b"something else"])
    )

    event = {key: value for key, value in decoded.events.row(0, named=True).items() if value is not None}
    assert event.pop("time").isoformat() == "2026-11-22T10:14:22+00:00"
    assert event == {
        "line": 0, "kind": "http", "action": "blocked", "client_ip": "10.1.2.3", "user": "y9.sam", "bytes_in": 0,
        "url": "http://casino.test/", "host": "casino.test", "filter_category": "Gambling",
    }  # fmt: skip
    assert decoded.skipped.rows() == [(1, "the appliance's own test")]
    assert decoded.rejected["line"].to_list() == [2]
