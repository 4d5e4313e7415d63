"""``filterwatch columns`` shows what an export becomes, and the section that reads it so."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from filterwatch.cli import columns
from filterwatch.config.document import parse
from filterwatch.decoders import make
from filterwatch.errors import ConfigurationError, FilterwatchError
from filterwatch.sources import Settings, read_files

EXPORT = (
    "Web activity;;;;\nDate;Time;User Name;Client IP;Website;Building;Action\n"
    "05/11/2026;09:00;Zoë;10.0.0.5;https://casino.example/a;North;Blocked\n"
    "13/11/2026;09:01;sam;10.0.0.6;b.example;North;Geblokkeerd\n"
)


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    columns.register(app)
    result = CliRunner().invoke(app, ["columns", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_it_shows_layout_columns_rows_words_and_what_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(EXPORT.encode("cp1252"))

    code, text = run(str(file))

    assert code == 0
    shown = {line.split("  ")[0]: line.rpartition("  ")[2].strip() for line in text.splitlines() if "  " in line}
    assert shown["Client IP"] == "client_ip"
    assert shown["Building"] == "(not used)"
    assert shown["Date"] == "time, written %d/%m/%Y %H:%M"
    assert "a table, semicolon between" in text
    assert "cp1252 (1 lines beyond ASCII)" in text
    assert "Geblokkeerd (1)" in text
    assert '"user":"Zoë"' in text


def test_the_section_to_paste_reads_the_file_as_it_was_shown(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(EXPORT.encode("cp1252"))
    _, text = run(str(file))

    under = "sources:\n  - {name: another, format: squid, path: /a.log}"
    _, section = parse(under + text[text.index("\n  - name:") :], "pasted").data["sources"]
    source = Settings.model_validate(section)

    zone = ZoneInfo("Europe/London")
    [lines] = read_files([file])
    pasted = make(source.format, source.options, zone=zone).decode(lines)
    found = make("export", {}, zone=zone).decode(lines)
    assert source.path == (str(file),)
    assert len(pasted.events) == 2
    assert_frame_equal(pasted.events, found.events, check_column_order=False)


def test_a_file_that_cannot_be_read_is_a_finding_with_the_remedy_and_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text("Time,URL\n05/11/2026 09:00,http://a.example/\n")

    code, text = run(str(file))

    assert code == 1
    assert "URL " in text
    assert text.splitlines()[-1].startswith("cannot be read: the dates do not show")
    assert run(str(file), "--option", "dates=day_first")[0] == 0


def test_an_empty_file_has_no_columns(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()

    assert run(str(tmp_path / "empty.csv"))[0] == 1


def test_names_of_columns_cannot_steer_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text("Time,URL,\x1b[2J\u202eevil\n13/11/2026 09:00,http://a.example/,x\n")

    _, text = run(str(file))

    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_format_without_columns_and_an_unknown_option_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text(EXPORT)

    with pytest.raises(FilterwatchError, match="those that have one: export"):
        run(str(file), "--format", "squid")
    with pytest.raises(ConfigurationError, match="delimeter"):
        run(str(file), "--option", "delimeter=;")
