"""What a person reads of an explanation."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.main import get_command
from typer.testing import CliRunner

from filterwatch.app.explaining import Request, explain
from filterwatch.app.parts import School
from filterwatch.cli import main, make_app
from filterwatch.cli._explained import _SEARCHES, headline, marked, show
from filterwatch.enrich.search import Kind
from filterwatch.errors import FilterwatchError
from filterwatch.policy.terms import Found, Span

MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
HEAD = "title: The title\nlevel: {level}\noutcome: breach\npolicy: {{text: 'The words.', section: 'Use'}}\n"
EXAMPLES = "examples: {holds: [{host: x.test}], does_not_hold: [{host: y.test}]}\n"
COUNT = "count: {at_least: 3, within: 7d, by: person, apart: 30m}\nvisits: only\n"
FURNITURE = "No visit of a person: pages and programs load it by themselves."


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules")
    (rules / "lists").mkdir()
    (rules / "lists" / "gambling.txt").write_text("# category: gambling\nbet.test\n")
    bodies = {
        "gambling": ("medium", "category: gambling\nmatch: {categories: [gambling]}\n"),
        "often": ("high", f"category: games\nmatch: {{host: [game.test, bet.test]}}\n{COUNT}"),
        "csam": ("critical", "category: csam\nmatch: {host: [awful.test]}\n"),
    }
    for number in range(9):
        body = f"category: games\nmatch: {{host: [near.test], kind: [dns]}}\ndescription: '{number}'\n"
        bodies[f"near-{number}"] = ("low", body)
    for name, (level, body) in bodies.items():
        (rules / f"{name}.yaml").write_text(f"id: {name}\n{HEAD.format(level=level)}{body}{EXAMPLES}")
    return School(None, rules)


def said(school: School, address: str, *, everything: bool = False, **more: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        show(explain(school, Request(address, MONDAY, **more)), everything=everything)
    return out.getvalue()


@pytest.mark.parametrize(
    ("address", "verdict"),
    [
        ("bet.test", "The title: a detection, medium, a breach of the policy."),
        ("game.test", "No detection by itself. It counts towards: The title."),
        ("fine.test", "No detection: no rule holds."),
        ("awful.test", "Illegal content: the address is withheld. Do not look for it; follow the protocol."),
        ("www.google-analytics.com", f"No detection: no rule holds. {FURNITURE}"),
    ],
)
def test_the_first_lines_are_the_verdict(school, address, verdict):
    assert headline(explain(school, Request(address, MONDAY))) == verdict
    assert " ".join(said(school, address).split("\n\n")[0].split()) == verdict


def test_a_rule_that_counts_says_how_many_more_and_a_sentence_of_the_policy_stands_once(school):
    text = said(school, "bet.test")
    told = "reported after 2 more within 7 days by the same person, each 30 minutes or more after the last"
    assert told in " ".join(text.split())
    assert "looks at visits only" in text
    assert text.count('policy: "The words." (Use)') == 1


def test_of_many_rules_that_nearly_hold_the_rest_is_counted(school):
    text = said(school, "near.test")
    assert len(re.findall(r"^  near-\d: ", text, re.MULTILINE)) == 6
    assert "and 3 more (--all)" in text
    assert "needs: the event is of kind dns; here: http\n      near-0.yaml:7  match.kind: dns" in text
    assert len(re.findall(r"^  near-\d: ", said(school, "near.test", everything=True), re.MULTILINE)) == 9


def test_nothing_of_an_illegal_address_is_printed(school):
    for address in ("http://awful.test/picture?q=x", "https://translate.google.com/translate?u=http://awful.test/y"):
        text = said(school, address, kind="http")
        assert "withheld" in text or "awful" in address.partition("?")[2]
    assert "awful" not in said(school, "http://awful.test/picture")


def test_a_name_asked_and_a_connection_are_told_as_such(school):
    assert "bet[.]test, a name asked of the resolver" in said(school, "bet.test", kind="dns")
    assert "bet[.]test, a connection to port 443 through the firewall" in said(school, "bet.test", kind="flow")
    assert "Filter     blocked, as you said" in said(school, "bet.test", action="blocked")


def test_every_kind_of_search_has_words():
    assert set(_SEARCHES) == set(get_args(Kind))


def span(*places: tuple[int, int], counts: bool = True) -> Span:
    return Span("term", 1, places, None, counts)


@pytest.mark.parametrize(
    ("terms", "hidden", "expected"),
    [
        ([span((4, 7), (8, 12))], [], "how [buy weed] [now]".replace("[now]", "(now)")),
        ([span((4, 7)), span((4, 7), (8, 12))], [], "how [buy weed] (now)"),
        ([span((4, 7), (8, 12)), span((0, 3), counts=False)], [], "how [buy weed] (now)"),
        ([span((0, 3), (8, 12))], [], "[how] buy [weed] (now)"),
        ([span((0, 3))], [span((4, 7), (8, 12))], "[how] {buy weed} (now)"),
    ],
)
def test_terms_are_marked_where_they_stand_and_nobody_can_forge_a_mark(terms, hidden, expected):
    assert marked("how buy weed [now]", Found("p", True, 1, 1, tuple(terms), tuple(hidden))) == expected


@settings(max_examples=20, deadline=None)
@given(
    st.text(max_size=60) | st.from_regex(r"https?://bet\.test/.{0,60}"),
    st.sampled_from(["http", "dns", "flow"]),
)
def test_whatever_is_typed_nothing_moves_or_forges_in_the_terminal(school, text, kind):
    try:
        shown = said(school, text, kind=kind)
    except FilterwatchError:
        return
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", shown)


def test_a_module_that_is_called_after_a_command_has_it():
    def commands(only=""):
        return set(get_command(make_app(only)).commands)

    for name in commands():
        assert name in commands(name)
    assert commands("explain") == {"explain"}
    assert commands("no-such") == commands()


def test_help_is_wrapped_by_the_terminal_and_not_by_the_source(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(make_app("check"), ["check", "--help"]).output.splitlines()
    at = next(n for n, line in enumerate(lines) if "Lists every mistake" in line)
    assert lines[at + 1].rstrip().endswith("exits 1 when a rule is gone")


def test_an_error_is_not_cut_within_a_word_on_a_terminal_and_is_one_line_elsewhere(monkeypatch, capsys):
    def told(*, terminal):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().err.splitlines()

    monkeypatch.setattr(sys, "argv", ["filterwatch", "explain", "bet.test", "--group", "nobody"])
    monkeypatch.setenv("COLUMNS", "60")
    (whole,) = told(terminal=False)
    lines = told(terminal=True)
    assert " ".join(lines) == whole
    assert max(map(len, lines)) <= 60 < len(whole)
