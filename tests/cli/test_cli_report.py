import json
import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from typer.testing import CliRunner

from filterwatch import archive
from filterwatch.app import reporting
from filterwatch.archive import ArchiveError
from filterwatch.cli import main, make_app
from filterwatch.detectors import volume
from filterwatch.events import complete
from filterwatch.journal import Commit, Counts, Journal
from filterwatch.lines import Checkpoint
from filterwatch.reports.asked import Asked
from filterwatch.reports.catalogue import REPORTS
from filterwatch.reports.material import Material
from filterwatch.reports.page import Page
from filterwatch.reports.pseudonyms import Pseudonyms

ZONE = ZoneInfo("Europe/London")
TODAY = date(2026, 11, 20)
CONFIG = """\
site: st-pauls
state: state
sources: [{name: squid, path: access.log, format: squid}]
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
"""


@pytest.fixture
def asked(monkeypatch):
    """What the command asked for; a link of 8 Mbit/s that one device filled for a minute."""
    seen: list[Asked] = []

    def made(one: Asked) -> Page:
        seen.append(one)
        when = datetime(2026, 11, 17, 10, 0, 30, tzinfo=UTC)
        row = {
            "time": when,
            "started": when,
            "kind": "http",
            "action": "allowed",
            "device": "\x1b[31mcb-1",
            "bytes_in": 60_000_000,
        }
        names = Pseudonyms(None if one.with_names else "secret", "st-pauls")
        material = Material(
            "st-pauls", one.period(ZONE, TODAY), when, complete(pl.DataFrame([row])), names,
            link=volume.Settings(link_mbit=8),
        )  # fmt: skip
        return one.report.page(material)

    monkeypatch.setattr(reporting, "page", made)
    return seen


def run(*arguments: str):
    return CliRunner().invoke(make_app(), ["report", *arguments], catch_exceptions=False)


def test_a_report_is_printed_as_a_table_without_colours_and_codes(asked):
    done = run("bandwidth")
    assert done.exit_code == 0
    assert "Who used the internet link: st-pauls" in done.output
    assert "\x1b" not in done.output
    assert asked[0].report is REPORTS["bandwidth"]


@pytest.mark.usefixtures("asked")
def test_names_are_shown_only_when_asked_for_and_cannot_move_the_cursor():
    assert "cb-1" not in run("bandwidth").output
    assert "\\x1b[31mcb-1" in run("bandwidth", "--names").output


@pytest.mark.usefixtures("asked")
def test_every_format_is_written_to_a_file(tmp_path):
    for form, begin in (
        ("json", "{"),
        ("csv", "user,"),
        ("html", "<!doctype html>"),
        ("table", "Who used"),
        ("text", "Who"),
    ):
        path = tmp_path / form
        assert run("bandwidth", "--format", form, "--output", str(path)).output == ""
        assert path.read_text().startswith(begin)


@pytest.mark.usefixtures("asked")
def test_json_is_for_programs():
    rows = json.loads(run("bandwidth", "--format", "json").output)["tables"]["users"]["rows"]
    assert rows[0]["verdict"] == "peak"


def test_days_files_and_format_reach_whoever_makes_it(asked, tmp_path):
    log = tmp_path / "access.log"
    run("bypass", "--from", "2026-11-16", "--to", "2026-11-18", "--log-format", "squid", str(log))
    assert (asked[0].first, asked[0].last) == (date(2026, 11, 16), date(2026, 11, 18))
    assert (asked[0].files, asked[0].log_format) == ([log], "squid")


@pytest.mark.usefixtures("asked")
def test_findings_fail_only_when_asked_to():
    assert run("bandwidth").exit_code == 0
    assert run("bandwidth", "--fail").exit_code == 1
    assert run("bypass", "--fail").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bandwith"], "report bandwith: unknown; one of bandwidth, bypass, weekly, governors"),
        (["bandwidth", "--format", "xml"], "--format xml: unknown; one of table, json, csv, html, text"),
        (["bandwidth", "--from", "16.11.2026"], "--from 16.11.2026: write a date as 2026-11-16"),
        (["bandwidth", "--from", "2026-11-18", "--to", "2026-11-16"], "--to 2026-11-16 is before --from 2026-11-18"),
        (["governors", "--from", "2026-11-17", "--to", "2026-11-18"], "whole week"),
        (["bandwidth", "--format", "csv", "--table", "x"], "has no table 'x'; it has: hours, users, destinations"),
        (["bandwidth", "--output", "/nowhere/at/all"], "/nowhere/at/all: cannot be written"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_wrong_use_is_said_with_the_remedy_and_ends_with_two(monkeypatch, capsys, arguments, said):
    monkeypatch.setattr(sys, "argv", ["filterwatch", "report", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


LOGGED = (date(2026, 9, 2), date(2026, 9, 9))


@pytest.mark.parametrize(
    ("name", "first", "last", "logged", "days"),
    [
        ("bandwidth", None, None, None, ("2026-11-14", "2026-11-20")),
        ("bandwidth", "2026-11-01", None, None, ("2026-11-01", "2026-11-20")),
        ("bandwidth", None, "2026-11-01", None, ("2026-11-01", "2026-11-01")),
        ("bandwidth", "2026-12-01", None, None, ("2026-12-01", "2026-12-01")),
        ("bandwidth", None, None, LOGGED, ("2026-09-02", "2026-09-09")),
        ("weekly", None, None, None, ("2026-11-09", "2026-11-15")),
        ("weekly", None, None, LOGGED, ("2026-09-07", "2026-09-13")),
        ("weekly", "2026-11-16", "2026-11-17", None, ("2026-11-16", "2026-11-17")),
    ],
)
def test_which_days_a_report_is_about(name, first, last, logged, days):
    given = [date.fromisoformat(day) if day else None for day in (first, last)]
    period = Asked(REPORTS[name], *given).period(ZONE, TODAY, logged)
    assert (str(period.first), str(period.last)) == days


def test_a_log_of_no_known_format_names_the_option_that_a_report_has(tmp_path):
    log = tmp_path / "odd.log"
    log.write_text("nothing that a decoder knows\n")

    done = CliRunner().invoke(make_app(), ["report", "bandwidth", str(log)])

    assert "--log-format" in str(done.exception)


def test_a_sealed_file_that_is_gone_is_said_with_the_remedy(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)
    event = complete(
        pl.DataFrame([{"time": datetime(2026, 11, 17, 12, tzinfo=UTC), "site": "st-pauls", "line_offset": 0}])
    )
    state = tmp_path / "state"
    state.mkdir()
    with Journal.open(state / "journal.db", writer=True) as journal:
        journal.commit(Commit(event["time"][0], Checkpoint("squid", "s", 50), 0, event, counts=Counts(1, 1)))
        settings = archive.Settings(seal_after=timedelta(0))
        archive.seal(journal, state / "archive", now=datetime.now(UTC) + timedelta(hours=1), settings=settings)
    (sealed,) = archive.files(state / "archive")
    sealed.unlink()

    arguments = ["bandwidth", "--config", str(tmp_path / "filterwatch.yaml"), "--from", "2026-11-16"]
    done = CliRunner().invoke(make_app(), ["report", *arguments])

    assert isinstance(done.exception, ArchiveError)
    assert "a segment is gone; run filterwatch verify" in str(done.exception)
