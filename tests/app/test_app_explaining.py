"""``filterwatch explain``: what the rules say of an address, and why an alert was raised."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from filterwatch import policy, records
from filterwatch.app import explaining
from filterwatch.app.evidence import shown
from filterwatch.app.explaining import Request
from filterwatch.app.explaining.address import read
from filterwatch.app.parts import School
from filterwatch.app.settings import load
from filterwatch.cli import make_app
from filterwatch.clock import SystemClock
from filterwatch.detections import make
from filterwatch.enrich import host_of
from filterwatch.errors import FilterwatchError
from filterwatch.events import GROUP, LEVEL, OUTCOME
from filterwatch.journal import Commit, Journal

records.setup(":memory:", "a secret for tests")

from filterwatch.records.models import Alert, AlertDetection, LedgerEntry, Outbox  # noqa: E402
from filterwatch.records.opening import open_registers  # noqa: E402
from filterwatch.records.services import open_alert  # noqa: E402

MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
HEAD = "level: high\noutcome: breach\npolicy: {text: 'The words.', section: 'Use'}\n"
CONFIG = """\
site: st-pauls
sources: [{name: squid, format: squid, path: access.log}]
people: {roster: roster.csv}
alerts:
  recipients:
    coordinator: {name: Jane Roe, channels: [jane]}
    head: {name: Ann Head, channels: [ann]}
    governor: {name: Gus Gov, channels: [gus]}
delivery: {channels: {jane: {url: "json://a"}, ann: {url: "json://b"}, gus: {url: "json://c"}}}
"""
EXAMPLES = "examples: {holds: [{host: x.test}], does_not_hold: [{host: y.test}]}\n"


@pytest.fixture
def rules(tmp_path) -> Path:
    directory = tmp_path / "rules"
    (directory / "lists").mkdir(parents=True)
    (directory / "lists" / "gambling.txt").write_text("# category: gambling\nbet.test\n")
    gambling = "id: gambling\ntitle: The title\ncategory: gambling\nmatch: {categories: [gambling]}\n"
    (directory / "gambling.yaml").write_text(gambling + "who: {groups: [pupils]}\n" + HEAD + EXAMPLES)
    csam = "id: csam\ntitle: The title\ncategory: csam\nmatch: {host: {exact: [img.awful.test]}}\n"
    (directory / "csam.yaml").write_text(csam + HEAD + EXAMPLES)
    return directory


def explained(rules: Path, address: str, **asked) -> explaining.Explained:
    return explaining.explain(School(None, rules), Request(address, MONDAY, **asked))


def test_the_host_that_an_address_shows_inside_itself_is_told(rules):
    for address in ("https://web.archive.org/web/2020/http://www.bet.test/", "www-bet-test.translate.goog"):
        found = explained(rules, address, group="pupils")
        assert found.inside.host == "www.bet.test"
        assert [(one.host, one.entry) for one in found.listings] == [("www.bet.test", "bet.test")]
        assert [one.rule for one in found.holds] == ["gambling"]
        assert json.loads(explaining.as_json(found))["address"]["inside"]["host"] == "www.bet.test"
    assert explained(rules, "https://www.bet.test/x").inside is None


def test_a_rule_that_holds_says_why_and_one_that_nearly_holds_says_what_is_missing_and_where(rules):
    found = explained(rules, "https://www.bet.test/x", group="pupils")
    assert [(one.rule, one.reason, one.more) for one in found.holds] == [
        ("gambling", "host is on the gambling list", 0)
    ]
    assert found.nearly == []
    assert [(one.list, one.entry, one.used) for one in found.listings] == [("gambling", "bet.test", True)]
    assert (found.address.host, found.domain, found.in_school_hours) == ("www.bet.test", "bet.test", True)
    found = explained(rules, "www.bet.test", group="staff")
    assert found.holds == []
    [near] = found.nearly
    [lack] = near.lacks
    assert (near.rule, lack.needs, lack.found, lack.excepts) == (
        "gambling",
        "the person is one of pupils",
        "staff",
        False,
    )
    assert lack.says == "who.groups: pupils"
    line = (rules / "gambling.yaml").read_text().splitlines()[lack.line - 1]
    assert (lack.file, line) == (str(rules / "gambling.yaml"), "who: {groups: [pupils]}")


@pytest.mark.parametrize(
    ("typed", "url", "steps"),
    [
        ("https://www.bet.test/x?a=1", "https://www.bet.test/x?a=1", ()),
        ("bet.test", "http://bet.test/", ()),
        ("bet.test:443", "https://bet.test/", ("no scheme: https taken", "the scheme's own port dropped")),
        ("HTTP://user:pw@WWW.Bet.TEST.:8080/#x", "http://www.bet.test:8080/#x", (
            "user name and password dropped", "capitals made small", "dot at the end dropped",
        )),
        ("mailto:sam@bet.test", "http://bet.test/", ("user name and password dropped",)),
        ("http://bet.test/?u=1&password=hunter2", "http://bet.test/?u=1&password=***",
         ("secrets in it cut out, as out of every log line",)),
        ("http://bücher.test/", "http://xn--bcher-kva.test/", ("letters beyond a to z written as they travel (xn--)",)),
        ("http://\uff42et.test/", "http://bet.test/", ("letters of other forms made plain",)),
        ("http://0x7f.1/", "http://127.0.0.1/", ("an IP address in its usual form",)),
        ("[::FFFF:192.0.2.1]:81", "http://192.0.2.1:81/",
         ("capitals made small", "an IP address in its usual form", "no scheme: http taken")),
        ("2001:DB8::0:1", "http://[2001:db8::1]/", ("capitals made small", "an IP address in its usual form")),
        ("http:/bet.test/x", "http://bet.test/x", ()),
        ("https:\\\\bet.test", "https://bet.test/", ("\\ read as /",)),
        ("192.0.2.0/24", "http://192.0.2.0/", ("a range of addresses: its first one is asked for",)),
        (" bet.test\\x ", "http://bet.test/x",
         ("blanks and line ends dropped", "\\ read as /", "no scheme: http taken")),
        ("b%65t.test/p", "http://bet.test/p", ("percent-escapes in the host undone", "no scheme: http taken")),
    ],
)  # fmt: skip
def test_an_address_written_in_a_strange_way_is_the_one_it_means_and_it_is_said_why(typed, url, steps):
    found = read(typed)
    assert (found.url, found.steps) == (url, steps)
    assert host_of(found.url) == found.host == host_of(typed.partition("/24")[0])


@given(st.text(max_size=80) | st.from_regex(r"(https?://)?([a-z:@%]{0,9}@)?[A-Za-z0-9.%\[\]:-]{1,20}[/?#\\].{0,20}"))
def test_whatever_is_typed_its_one_form_names_the_same_host(text):
    found = read(text)
    assert (found is None) == (host_of(text) is None)
    if found is not None:
        assert host_of(found.url) == found.host == host_of(text)
        assert "@" not in found.url.partition("://")[2].partition("/")[0]


def test_a_person_is_known_by_user_name_or_by_name_and_a_stranger_is_nobody(rules, tmp_path):
    (tmp_path / "roster.csv").write_text("user,person,group,year\ny5.amina,Amina Example,pupils,5\n")
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)
    school = School(load(tmp_path / "filterwatch.yaml"), rules)

    def who(person):
        found = explaining.explain(school, Request("bet.test", MONDAY, person))
        return found.who.person, found.who.group, found.who.year, [one.rule for one in found.holds]

    amina = ("amina example", "pupils", "5", ["gambling"])
    assert who("y5.amina") == amina
    assert who(" Amina  EXAMPLE ") == amina
    assert who("somebody") == ("somebody", "unknown", None, [])
    assert who(None) == (None, "unknown", None, [])


@pytest.mark.parametrize("address", ["", "\x1b[31m", "http://", "a b", "..", "[::"])
def test_what_names_no_host_is_refused(rules, address):
    with pytest.raises(FilterwatchError, match="names no host"):
        explained(rules, address)


def test_a_group_that_does_not_exist_is_refused(rules):
    with pytest.raises(FilterwatchError, match="there is no group 'pupil'; use one of pupils, staff"):
        explained(rules, "bet.test", group="pupil")


def test_bytes_that_are_no_text_end_in_no_traceback(rules):
    for words in (["http://bet.test/\udcff?\ud800"], ["--search", "b\udcffet"], ["bet.test", "--person", "\udcff"]):
        done = CliRunner().invoke(make_app("explain"), ["explain", *words, "--rules", str(rules)])
        assert done.exit_code == 0, done.exception
    refused = CliRunner().invoke(make_app("explain"), ["explain", "\udcff", "--rules", str(rules)])
    assert isinstance(refused.exception, FilterwatchError)


@pytest.mark.parametrize(("port", "number"), [("8080", 8080), ("0", None), ("65536", None), ("9" * 5000, None)])
def test_a_port_that_does_not_exist_is_none(rules, port, number):
    assert read(f"http://bet.test:{port}/").port == number
    assert explained(rules, f"bet.test:{port}", kind="flow").address.host == "bet.test"


def test_an_illegal_address_is_shown_nowhere(rules):
    done = CliRunner().invoke(make_app("explain"), ["explain", "https://img.awful.test/a", "--rules", str(rules)])
    assert done.exit_code == 0, done.output
    assert "withheld: illegal content" in done.output
    assert "awful" not in done.output
    assert "csam: The title" in done.output


def test_every_line_of_an_explanation_fits_the_terminal(rules):
    words = ["explain", "www.bet.test", "--group", "pupils", "--at", "2026-11-23 10:15", "--rules", str(rules)]
    output = CliRunner().invoke(make_app("explain"), words).output
    assert "Mon 23 Nov 2026 10:15: in school hours (08:30 to 15:30)" in output
    assert 'policy: "The words." (Use)' in output
    assert max(len(line) for line in output.splitlines()) <= 80
    for width in (40, 60, 120):
        output = CliRunner(env={"COLUMNS": str(width)}).invoke(make_app("explain"), words).output
        assert max(len(line) for line in output.splitlines()) <= width


def test_a_raw_line_cannot_move_the_cursor_and_holds_no_link():
    line = (
        b"1795311995.403 0 10.1.2.3 TCP_MISS/200 9 GET https://u.bet.test/\x1b[2J\xff - www.bet.test \xe2\x80\xaetext"
    )
    assert shown(line) == (
        "1795311995.403 0 10.1.2.3 TCP_MISS/200 9 GET hxxps://u[.]bet[.]test/\\x1b[2J\ufffd - www[.]bet[.]test "
        "\\u202etext"
    )


@pytest.fixture
def case(tmp_path):
    """An alert of which the journal still holds the line; return a function that explains it."""
    open_registers(records.Settings(), tmp_path)
    row = {
        "time": [MONDAY], "rule": ["vpn"], "rule_version": ["abc123def456"], "level": ["high"], "category": ["bypass"],
        "outcome": ["breach"], "reason": ["host is on the vpn list"], "source": ["squid"], "stream": ["s"],
        "line_offset": [7], "group": ["pupils"],
    }  # fmt: skip
    types = {"time": pl.Datetime("us", "UTC"), "level": LEVEL, "outcome": OUTCOME, "group": GROUP}
    found = make(pl.DataFrame(row, schema_overrides=types))
    raw = pl.Series("raw", [b"10.0.0.9 sam.poe GET http://secretvpn.example/ \x1b]52;c;evil\x07"], pl.Binary)
    with Journal.open(tmp_path / "journal.db", writer=True, clock=SystemClock()) as journal:
        journal.commit(Commit(read_at=MONDAY, detections=found.with_columns(raw)))

    def alert(**more):
        values = {
            "id": "a" * 32, "number": "FW-2026-22222", "site": "st-pauls", "family": "bypass", "chain": "general",
            "level": "high", "route": "immediate", "outcome": "breach", "subject": "s", "pseudonym": "P-234567",
            "person": "sam poe", "client_ip": "10.0.0.9", "first_time": MONDAY, "last_time": MONDAY,
            "created_at": MONDAY, "count": 3,
        }  # fmt: skip
        made = Alert(**values | more)
        open_alert(made, MONDAY)
        AlertDetection.objects.create(
            id=found["id"][0], alert=made, time=MONDAY, rule="vpn", rule_version="abc123def456", level="high",
            line_offset=7, category="bypass", reason="host is on the vpn list", source="squid",
            host="secretvpn.example",
        )  # fmt: skip

        def explain(*words) -> str:
            done = CliRunner().invoke(
                make_app("explain"), ["explain", "FW-2026-22222", *words, "--state", str(tmp_path)]
            )
            return done.output if done.exception is None else str(done.exception)

        return explain

    yield alert
    records.setup(":memory:", "a secret for tests")


def test_an_alert_is_explained_without_names_until_they_are_asked_for(case):
    said = case()()
    assert "vpn (version abc123def456, high)" in said
    assert "because host is on the vpn list" in said
    assert "secretvpn[.]example" in said
    assert re.search(r"log squid, byte 7; detection [0-9a-f]{12}\n", said)
    for personal in ("sam", "10.0.0.9"):
        assert personal not in said
    assert not LedgerEntry.objects.filter(action="names looked at").exists()


@pytest.mark.parametrize(("count", "told"), [(1, "at least 1 event,"), (1200, "at least 1,200 events,")])
def test_a_case_counts_its_events_in_words_and_fits_a_narrow_terminal(case, monkeypatch, count, told):
    monkeypatch.setenv("COLUMNS", "60")
    said = case(count=count)()
    assert f", {told} " in said
    hint = said[said.index("Who it is") :]
    assert max(map(len, hint.splitlines())) <= 60


@pytest.mark.parametrize(("port", "said"), [("99999", True), ("0", True), ("65535", False), ("8080", False)])
def test_a_port_that_there_is_not_is_told(port, said):
    address = read(f"http://user:pw@evil.test:{port}/")
    assert address
    step = f"no port {port} exists: no browser asks for this address"
    assert (step in address.steps) is said


def test_an_alert_tells_what_its_rules_are_about_today_and_who_was_told(case, rules):
    explain = case()
    row = {"about": "a" * 32, "alert_id": "a" * 32, "channel": "jane", "title": "t", "body": "b"}
    moments = {"next_attempt_at": MONDAY, "created_at": MONDAY}
    Outbox.objects.create(id="1", kind="immediate", recipient="coordinator", sent_at=MONDAY, **row, **moments)
    Outbox.objects.create(id="2", kind="escalation", recipient="head", **row, **moments)
    said = explain("--rules", str(rules))
    assert "Told   coordinator (immediate), Mon 23 Nov 2026 10:15" in said
    assert "head (escalation), new" in said
    assert "vpn: found over time, or a rule that is gone" in said
    vpn = "id: vpn\ntitle: Ways round the filter\ncategory: bypass\nmatch: {categories: [bypass]}\n"
    (rules / "vpn.yaml").write_text(vpn + HEAD + EXAMPLES)
    said = explain("--rules", str(rules))
    assert 'vpn: Ways round the filter\n  policy: "The words." (Use)\n  it was another version then' in said
    (rules / "vpn.yaml").write_text("id: vpn\n")
    assert "The rules hold mistakes" in explain("--rules", str(rules))


def test_a_case_is_not_told_as_json_and_one_thing_is_explained_at_a_time():
    for words in (["FW-2026-22222", "--json"], [], ["bet.test", "--search", "cats"]):
        done = CliRunner().invoke(make_app("explain"), ["explain", *words])
        assert isinstance(done.exception, FilterwatchError)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bet.test", "--names"], r"--names: only for a case, not for an address or a search; leave it out"),
        (["--search", "cats", "--why", "x", "--second", "y"], r"--why, --second: only for a case"),
        (["bet.test", "--state", "/nowhere"], r"--state: only for a case"),
        (["FW-2026-22222", "--person", "sam"], r"--person: only for an address or a search, not for a case"),
        (["FW-2026-22222", "--at", "10:15", "--kind", "http", "--all"], r"--at, --kind, --all: only for an address"),
        (["FW-2026-22222", "--why", "x"], r"--why: only with --names"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(words, told):
    with pytest.raises(FilterwatchError, match=told):
        CliRunner().invoke(make_app("explain"), ["explain", *words], catch_exceptions=False)


def test_a_name_in_the_environment_hinders_nothing(rules):
    words = ["explain", "bet.test", "--rules", str(rules)]
    assert CliRunner(env={"FILTERWATCH_BY": "Jane"}).invoke(make_app("explain"), words).exit_code == 0


def test_who_looks_at_names_and_lines_is_recorded(case):
    explain = case()
    assert "say why the names are needed" in explain("--names", "--by", "Jane")
    said = explain("--names", "--by", "Jane", "--why", "to speak to the pupil")
    assert "line: 10.0.0.9 sam[.]poe GET hxxp://secretvpn[.]example/ \\x1b]52;c;evil\\x07" in said
    assert "\x1b" not in said
    assert LedgerEntry.objects.filter(action="names looked at").count() == 1


def test_illegal_content_shows_no_address_even_to_two_persons(case):
    explain = case(illegal_protocol=True, compartment="illegal", family="illegal")
    assert "a second person must agree" in explain("--names", "--by", "Jane", "--why", "x")
    said = explain("--names", "--by", "Jane", "--why", "x", "--second", "Ann Head")
    assert "sam poe" in said
    assert "secretvpn" not in said
    assert "withheld" in said


def test_terms_of_a_search_are_told_with_their_weights_and_json_says_the_same(rules):
    (rules / "terms").mkdir()
    (rules / "terms" / "drugs.yaml").write_text(
        "id: drugs\nlanguage: en\nat_least: 3\nterms: [{term: buy weed, weight: 3}]\nbenign: [sea weed]\n"
    )
    drugs = "id: drugs\ntitle: Drugs\ncategory: drugs\nmatch: {search_terms: {pack: drugs}}\n"
    (rules / "drugs.yaml").write_text(drugs + HEAD + EXAMPLES)
    words = ["explain", "--search", "where to buy weed [not sea weed]", "--rules", str(rules)]
    said = CliRunner(env={"COLUMNS": "120"}).invoke(make_app("explain"), words).output
    assert "where to [buy weed] (not {sea weed})" in said
    assert "pack drugs: 3 points, 3 are enough" in said
    assert 'harmless together, so that their words do not count: "sea weed"' in said
    told = json.loads(CliRunner().invoke(make_app("explain"), [*words, "--json"]).output)["search"]
    assert (told["engine"], told["kind"]) == ("google", "search")
    assert told["packs"][0]["terms"][0]["places"] == [[9, 12], [13, 17]]
    awful = (
        CliRunner().invoke(make_app("explain"), ["explain", "img.awful.test", "--rules", str(rules), "--json"]).output
    )
    assert "awful" not in awful


def test_packs_are_read_for_a_search_and_where_a_rule_that_holds_asks_for_one(rules, monkeypatch):
    (rules / "terms").mkdir(exist_ok=True)
    (rules / "terms" / "odd.yaml").write_text("id: odd\nlanguage: en\nterms: [oddity]\n")
    body = f"match: {{any: [{{host: [either.test]}}, {{search_terms: {{pack: odd}}}}]}}\n{EXAMPLES}"
    (rules / "either.yaml").write_text(f"id: either\ntitle: Either\nlevel: low\noutcome: technical\n{body}")
    asked = []
    whole = policy.load
    monkeypatch.setattr(policy, "load", lambda *args, **more: asked.append(more) or whole(*args, **more))
    (held,) = [one for one in explained(rules, "either.test").holds if one.rule == "either"]
    assert asked == [{"searches": False}, {}]
    assert re.fullmatch("[0-9a-f]{12}", held.version)
    asked.clear()
    assert not explained(rules, "nothing.test").holds
    assert asked == [{"searches": False}]
    found = explained(rules, "https://www.google.com/search?q=oddity")
    assert [one.version for one in found.holds if one.rule == "either"] == [held.version]
