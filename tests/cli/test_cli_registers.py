"""The registers at the terminal, as a technician or coordinator without a browser uses them."""

import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from typer.testing import CliRunner

from filterwatch import records
from filterwatch.app.parts import School
from filterwatch.app.places import shipped
from filterwatch.app.settings import load
from filterwatch.cli import make_app
from filterwatch.cli._records import table
from filterwatch.errors import FilterwatchError

records.setup(":memory:", "a secret for tests")

from filterwatch.records import services  # noqa: E402
from filterwatch.records.ledger import Actor  # noqa: E402
from filterwatch.records.models import Alert, AlertDetection, Incident, LedgerEntry, LedgerText, Outbox  # noqa: E402
from filterwatch.records.opening import open_registers  # noqa: E402
from filterwatch.records.services import open_alert  # noqa: E402
from filterwatch.records.services.unblocks import Wish  # noqa: E402

SCHOOL = """\
site: st-pauls
state: state
suffix_list: suffixes.dat
sources: [{name: squid, format: squid, path: access.log}]
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://a"}, n: {url: "json://b"}}}
"""
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A database with its schema, to be copied."""
    state = tmp_path_factory.mktemp("registers")
    open_registers(records.Settings(), state)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    records.setup(":memory:", "a secret for tests")
    return state / "records.db"


@pytest.fixture(scope="module")
def app():
    return make_app()


@pytest.fixture
def run(app, migrated, tmp_path, monkeypatch):
    """Run a command on fresh registers and return what it prints; a refusal is returned as its text."""
    monkeypatch.setenv("COLUMNS", "200")
    shutil.copy(migrated, tmp_path)

    def go(*words, code=0):
        done = CliRunner().invoke(app, [*words, "--state", str(tmp_path)])
        if isinstance(done.exception, FilterwatchError):
            assert code == 2
            return str(done.exception)
        assert done.exit_code == code, done.output
        return done.output

    open_registers(records.Settings(), tmp_path)
    yield go
    records.setup(":memory:", "a secret for tests")


@pytest.fixture
def alert(run):  # noqa: ARG001 - the registers first
    made = Alert(
        id="a" * 32, number="FW-2026-22222", site="st-pauls", family="bypass", chain="general", level="high",
        route="immediate", outcome="breach", subject="s", pseudonym="P-234567", person="sam.poe",
        device="\x1b]52;c;evil\x07", first_time=NOW, last_time=NOW, created_at=NOW, count=3,
    )  # fmt: skip
    open_alert(made, NOW)
    AlertDetection.objects.create(
        id="d1", alert=made, time=NOW, rule="vpn", level="high", category="bypass", reason="[red]listed[/red]\x1b[2J",
        host="secretvpn.example", source="squid", line_offset=7,
    )  # fmt: skip
    Outbox.objects.create(
        id="o1", about=made.pk, alert=made, kind="immediate", recipient="coordinator", channel="mail", title="t",
        body="b", code="2222-3333", next_attempt_at=NOW, created_at=NOW,
    )  # fmt: skip
    return made


@pytest.mark.usefixtures("alert")
def test_an_alert_is_listed_shown_acknowledged_triaged_and_closed(run):
    assert "FW-2026-22222" in run("alert", "list")
    assert "acknowledged by Jane Roe" in run("alert", "ack", "2222-3333", "--by", "Jane Roe")
    assert "already acknowledged" in run("alert", "ack", "2222-3333", "--by", "Dan", code=2)
    assert "FW-2026-22222: breach." in run("alert", "triage", "fw-2026-22222", "breach", "--by", "Jane Roe")
    assert "closed" in run("alert", "close", "FW-2026-22222", "--by", "Jane Roe")
    assert "No open alerts." in run("alert", "list")
    assert "FW-2026-22222" in run("alert", "list", "--all")
    assert "open again" in run("alert", "reopen", "FW-2026-22222", "--why", "more came", "--by", "Jane Roe")


@pytest.mark.usefixtures("alert")
def test_an_alert_shows_no_name_until_it_is_asked_for_with_a_reason(run):
    shown = run("alert", "show", "FW-2026-22222")
    assert "P-234567" in shown
    assert "sam.poe" not in shown
    assert "say why" in run("alert", "show", "FW-2026-22222", "--names", "--by", "Jane Roe", code=2)
    named = run("alert", "show", "FW-2026-22222", "--names", "--by", "Jane Roe", "--why", "to speak to the pupil")
    assert "sam.poe" in named
    assert LedgerEntry.objects.filter(action="names looked at").count() == 1


def test_explain_and_show_withhold_the_host_of_a_line_that_is_illegal_content_in_another_alert(run, alert, tmp_path):
    (tmp_path / "squid.yaml").write_text(SCHOOL.replace("suffix_list: suffixes.dat", "rules: rules"))
    (tmp_path / "rules").mkdir()
    shutil.copy(shipped("rules") / "games.yaml", tmp_path / "rules")
    rest = {"rule": "vpn", "category": "bypass", "level": "high", "time": NOW, "reason": "why", "source": "squid"}
    AlertDetection.objects.create(id="d2", alert=alert, host="other.example", line_offset=8, **rest)
    alert.pk, alert.number, alert.illegal_protocol = "b" * 32, "FW-2026-33333", True
    open_alert(alert, NOW)
    AlertDetection.objects.create(id="d3", alert=alert, line_offset=7, **rest | {"category": "csam"})
    shown = run("alert", "show", "FW-2026-22222")
    told = run("explain", "FW-2026-22222", "--config", str(tmp_path / "squid.yaml"))
    for text in (shown, told):
        assert "secretvpn" not in text
        assert "withheld" in text
        assert "other[.]example" in text
    assert "because withheld" in told


@pytest.mark.usefixtures("alert")
def test_nothing_from_a_log_reaches_the_terminal_as_it_is(run):
    shown = run("alert", "show", "FW-2026-22222", "--names", "--by", "Jane", "--why", "x")
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]listed[/red]" in shown
    assert "secretvpn[.]example" in shown


@pytest.mark.usefixtures("alert")
def test_who_acts_is_recorded_with_name_and_login(run):
    run("alert", "ack", "2222-3333", "--by", "Jane Roe")
    body = LedgerText.objects.order_by("-entry").first().body
    assert re.search(r'"by":"Jane Roe","login":"\w+"', body)


def test_nobody_acts_without_a_name(run):
    assert "--by" in run("alert", "ack", "2222-3333", code=2)


def test_a_silence_is_agreed_listed_and_ended(run):
    words = ("--rule", "games", "--until", "2099-01-01 10:00", "--reason", "club", "--by", "Jane")
    assert "within 31 days" in run("alert", "silence", *words, code=2)
    assert "No silences." in run("alert", "silences")


def test_an_incident_from_opening_to_signature(run):
    opened = run(
        "incident", "open", "--by", "Jane Roe", "--at", "2026-11-23 09:15", "--place", "Room 4",
        "--description", "A page was opened.", "--identified", "staff report",
    )  # fmt: skip
    number = re.search(r"IN-2\d{3}-\w{5}", opened)[0]
    assert "still missing: details of people involved" in opened
    assert "missing:" in run("incident", "conclude", number, "unfounded", "--by", "Jane Roe", code=2)
    run("incident", "person", number, "Sam Poe", "--role", "subject", "--by", "Jane Roe")
    run("incident", "action", number, "Spoke to the mother.", "--kind", "parent contacted", "--by", "Jane Roe")
    run("incident", "decision", number, "police", "--why", "no crime", "--not-told", "--by", "Jane Roe")
    run("incident", "edit", number, "--place", "Library", "--by", "Jane Roe")
    run("incident", "conclude", number, "education and advice", "--by", "Jane Roe")
    assert "type your own name" in run("incident", "sign", number, "--name", "x", "--by", "Jane Roe", code=2)
    assert "signed by Jane Roe" in run("incident", "sign", number, "--name", "Jane Roe", "--by", "Jane Roe")
    assert "final" in run("incident", "edit", number, "--place", "x", "--by", "Jane Roe", code=2)
    run("incident", "review", number, "--role", "committee", "--by", "Cy Chair")
    page = run("incident", "print", number, "--by", "Ann Head")
    for part in (
        "Where the incident took place\n    Library",
        "Description of the incident\n    A page was opened.",
        "subject: Sam Poe",
        "How the incident was identified\n    staff report",
        "Jane Roe: parent contacted: Spoke to the mother.",
        "police not told, because: no crime.",
        "Conclusion of the incident\n    education and advice",
        "Name and signature of staff member recording the incident\n    Jane Roe, signed by Jane Roe",
        "Reviewed by the committee",
    ):
        assert part in page
    assert number in run("incident", "list", "--all")
    assert "No open incidents." in run("incident", "list")
    assert LedgerEntry.objects.filter(action="read").count() == 1


def test_an_incident_prints_hostile_text_harmlessly(run):
    run("incident", "open", "--by", "Jane", "--description", "x\x1b]0;evil\x07\u202ey")
    number = Incident.objects.get().number
    page = run("incident", "show", number, "--by", "Jane")
    assert "\x1b" not in page
    assert "x\\x1b]0;evil\\x07\\u202ey" in page


def test_a_switch_off_from_request_to_check(run):
    asked = run(
        "switch-off", "request", "--by", "Tom Tech", "--reason", "new proxy", "--from", "2098-11-23 14:00",
        "--to", "2098-11-23 15:00",
    )  # fmt: skip
    number = re.search(r"SO-\d{4}-\w{5}", asked)[0]
    assert "cannot approve it" in run("switch-off", "approve", number, "--by", "tom tech", code=2)
    approved = run("switch-off", "approve", number, "--by", "Ann Head")
    assert "14:00 to Sun 23 Nov 2098 15:00" in approved
    run("switch-off", "start", number, "--by", "Tom Tech")
    run("switch-off", "end", number, "--by", "Tom Tech")
    run("switch-off", "check", number, "--how", "test page blocked", "--by", "Tom Tech")
    assert "test page blocked" in run("switch-off", "show", number)
    assert "checked" in run("switch-off", "list")


def test_an_unblock_request_from_asking_to_end(run):
    asked = run("unblock", "request", "https://www.example.org/x", "--purpose", "art", "--by", "Jane Roe")
    number = re.search(r"UB-\d{4}-\w{5}", asked)[0]
    assert "example[.]org" in asked
    agree = ("--agree", "--reason", "fine", "--by", "Ann Head")
    assert "--risk" in run("unblock", "decide", number, *agree, code=2)
    run("unblock", "decide", number, *agree, "--risk", "looked at it", "--expires", "2098-01-01")
    run("unblock", "apply", number, "--by", "Tom Tech")
    run("unblock", "verify", number, "--how", "12 allowed", "--by", "Tom Tech")
    assert "Nothing is overdue." in run("unblock", "overdue")
    run("unblock", "end", number, "--by", "Tom Tech")
    run("unblock", "review", number, "--note", "read", "--by", "Committee")
    assert "looked at it" in run("unblock", "show", number)
    assert "ended" in run("unblock", "list")


def test_what_stays_unblocked_too_long_is_a_finding(run):
    run("unblock", "request", "example.org", "--purpose", "art", "--risk", "x", "--by", "Jane", "--to", "2026-01-02")
    number = re.search(r"UB-\d{4}-\w{5}", run("unblock", "list"))[0]
    run("unblock", "decide", number, "--agree", "--reason", "fine", "--by", "Ann")
    run("unblock", "apply", number, "--by", "Tom")
    assert number in run("unblock", "overdue", code=1)


@pytest.mark.parametrize("words", [("alert",), ("incident",), ("switch-off",), ("unblock",)])
def test_every_group_explains_itself(words):
    done = CliRunner().invoke(make_app(words[0]), [*words, "--help"])
    assert done.exit_code == 0
    assert "list" in done.output


def test_times_and_dates_are_asked_for_as_they_are_written(run):
    asked = ("switch-off", "request", "--by", "T", "--reason", "x", "--to", "15:00")
    assert 'write a time as "2026-11-23 14:00"' in run(*asked, "--from", "2pm", code=2)
    words = ("unblock", "request", "example.org", "--purpose", "x", "--by", "T", "--from", "tomorrow")
    assert "write a date as 2026-11-23" in run(*words, code=2)


def test_without_configuration_or_state_the_remedy_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("filterwatch.app.places.DEFAULT", tmp_path / "absent.yaml")
    done = CliRunner().invoke(make_app(), ["alert", "list"])
    assert "--config" in str(done.exception)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        ("80", ["child_abuse_images-", "a_rule_of_a_school_", "with_a_long_name"]),
        ("120", ["child_abuse_images-searches", "a_rule_of_a_school_with_a_long_name"]),
    ],
)
def test_a_folded_cell_is_cut_where_a_word_ends_and_takes_what_room_there_is(monkeypatch, capsys, width, shown):
    monkeypatch.setenv("COLUMNS", width)
    rows = [("child_abuse_images-searches", "1"), ("a_rule_of_a_school_with_a_long_name", "2"), ("x" * 30, "3")]
    table(("Rule", "Added"), rows, "", fold={"Rule": 19})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(width)
    firsts = [line.split()[0] for line in lines]
    assert [first for first in firsts if first in shown] == shown
    assert "".join(firsts).count("x") == 30


def test_an_unblock_request_is_for_the_site_that_the_schools_suffix_list_makes(app, migrated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    (tmp_path / "state").mkdir()
    shutil.copy(migrated, tmp_path / "state")
    begin = "// ===BEGIN {0} DOMAINS===\n{1}\n// ===END {0} DOMAINS===\n"
    suffixes = begin.format("ICANN", "org\nnewly.org") + begin.format("PRIVATE", "blogs.example.org")
    (tmp_path / "suffixes.dat").write_text(suffixes)
    (tmp_path / "filterwatch.yaml").write_text(SCHOOL)
    for site, domain in (
        ("https://www.a.newly.org/x", "a[.]newly[.]org"),
        ("b.blogs.example.org", "b[.]blogs[.]example[.]org"),
        ("blogs.example.org", "example[.]org"),
        ("192.0.2.7", "192[.]0[.]2[.]7"),
    ):
        words = [
            "unblock",
            "request",
            site,
            "--purpose",
            "maths",
            "--by",
            "Jane Roe",
            "--config",
            f"{tmp_path.name}/filterwatch.yaml",
        ]
        done = CliRunner().invoke(app, words)
        assert f"requested for {domain}." in done.output, done.exception
    records.setup(":memory:", "a secret for tests")
    School(load(Path(tmp_path.name, "filterwatch.yaml"))).enrichment()  # reads the same file


def test_explain_tells_the_unblock_requests_for_a_site_and_makes_no_register(app, migrated, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "filterwatch.yaml").write_text(SCHOOL.replace("suffix_list: suffixes.dat", "rules: rules"))
    (tmp_path / "rules" / "lists").mkdir(parents=True)
    shutil.copy(shipped("rules") / "games.yaml", tmp_path / "rules")

    def explain(*words):
        config = ["--config", str(tmp_path / "filterwatch.yaml")]
        done = CliRunner().invoke(app, ["explain", "www.example.org", *config, *words])
        records.setup(":memory:", "a secret for tests")
        assert done.exception is None, done.exception
        return done.output

    assert json.loads(explain("--json"))["unblocks"] is None
    assert list((tmp_path / "state").glob("records*")) == []
    shutil.copy(migrated, tmp_path / "state")
    assert json.loads(explain("--json"))["unblocks"] == []
    open_registers(records.Settings(), tmp_path / "state")
    jane, ann, last = Actor("Jane", "j"), Actor("Ann", "a"), date(2026, 12, 18)
    one = services.request_unblock(Wish("example.org", "maths", risk_check="looked"), jane, NOW)
    services.decide(one.number, agreed=True, reason="fine", by=ann, now=NOW, scope="Year 5", expires=last)
    services.apply(one.number, jane, NOW + timedelta(hours=1))
    services.request_unblock(Wish("example.com", "art"), jane, NOW)
    asked = {"number": one.number, "state": "applied", "scope": "Year 5", "until": "2026-12-18"}
    for at, in_force in (("2026-11-23 09:30", False), ("2026-11-23 10:30", True), ("2026-12-19 09:00", False)):
        assert json.loads(explain("--json", "--at", at))["unblocks"] == [asked | {"in_force": in_force}]
    told = " ".join(explain("--at", "2026-11-23 10:30").split())
    assert f"Unblock {one.number}: applied, for Year 5, until 18 Dec 2026: the filter lets it through" in told
    (tmp_path / "state" / "records.db").write_bytes(b"no database at all")
    assert json.loads(explain("--json"))["unblocks"] is None
