"""``filterwatch explain --detection``: what was recorded, and what today's lists and rules say of the same event."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from typer.testing import CliRunner

from filterwatch import detections, policy
from filterwatch.app.replay import Asked, settled
from filterwatch.app.settings import load
from filterwatch.cli import make_app
from filterwatch.clock import SystemClock
from filterwatch.errors import FilterwatchError
from filterwatch.events import LEVEL, OUTCOME, TIME
from filterwatch.journal import Commit, Counts, Journal
from filterwatch.lines import Checkpoint
from filterwatch.pipeline import Pass

MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
CONFIG = """\
site: st-pauls
state: state
rules: rules
people: {roster: roster.csv}
lists: {members: [{path: members.txt, category: csam}]}
sources: [{name: squid, format: squid, path: access.log}]
alerts:
  recipients:
    coordinator: {name: Jane Roe, channels: [jane]}
    head: {name: Ann Head, channels: [ann]}
    governor: {name: Gus Gov, channels: [gus]}
delivery: {channels: {jane: {url: "json://a"}, ann: {url: "json://b"}, gus: {url: "json://c"}}}
"""
RULE = (
    "title: The title\nlevel: high\noutcome: breach\npolicy: {text: 'The words.', section: 'Use'}\n"
    "examples: {holds: [{host: x.test}], does_not_hold: [{host: y.test}]}\n"
)
LINE = "{at}.000 0 10.0.0.9 TCP_MISS/200 1 GET {url} {user} HIER_DIRECT/192.0.2.1 text/html\n"
PAGES = {
    "amina": "http://bet.test/secret-page?q=1", "jane": "http://bet.test/", "kim": "http://awful.test/x",
    "tom": "http://www.google.com/search?q=bet+night", "lee": "http://both.test/",
    "ann": "http://bet.test/secret-page/2", "bob": "http://translate.google.com/translate?u=http://bet.test/secret-page/2",
}  # fmt: skip


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway whose journal holds detections; return its folder and their ids by user."""
    folder = tmp_path_factory.mktemp("gateway")
    rules = folder / "rules"
    (rules / "lists").mkdir(parents=True)
    (rules / "terms").mkdir()
    (rules / "lists" / "gambling.txt").write_text("# category: gambling\nbet.test\nboth.test\n")
    (rules / "terms" / "bets.yaml").write_text("id: bets\nlanguage: en\nterms: [bet]\n")
    any_of = "{any: [{categories: [gambling]}, {search_terms: {pack: bets}}]}"
    (rules / "gambling.yaml").write_text(f"id: gambling\ncategory: gambling\nmatch: {any_of}\n{RULE}")
    any_of = "{any: [{categories: [csam]}, {host: [awful.test]}]}"
    (rules / "csam.yaml").write_text(f"id: csam\ncategory: csam\nmatch: {any_of}\n{RULE}")
    (folder / "filterwatch.yaml").write_text(CONFIG)
    (folder / "members.txt").write_text("both.test\n")
    (folder / "members.txt").chmod(0o600)
    (folder / "roster.csv").write_text("user,person,group\namina,Amina A,pupils\njane,Jane R,staff\n")
    at = int(MONDAY.timestamp())
    (folder / "access.log").write_text("".join(LINE.format(at=at, url=url, user=user) for user, url in PAGES.items()))
    asked = Asked(folder / "filterwatch.yaml", None, sources=[f"squid={folder / 'access.log'}"])
    known = asked.school()
    inputs = asked.inputs(known)
    work = Pass({one.source: one.feed for one in inputs}, known.enrichment(), known.bench())
    events = pl.concat(list(settled(work, inputs))).drop("line")
    found = policy.load(rules).evaluate(events).detections
    state = load(folder / "filterwatch.yaml").state
    state.mkdir()
    with Journal.open(state / "journal.db", writer=True, clock=SystemClock()) as journal:
        at = Checkpoint("squid", events["stream"][0], 10_000)
        journal.commit(Commit(MONDAY, at, 0, events, found, counts=Counts(7, 7)))
    known = found.filter((pl.col("user") != "lee") | (pl.col("rule") == "gambling"))
    return folder, dict(zip(known["user"], known["id"], strict=True))


@pytest.fixture
def explain(gateway, monkeypatch):
    folder, ids = gateway
    monkeypatch.setenv("COLUMNS", "120")

    def run(user, *words):
        begin = ids.get(user, user)[:12]
        done = CliRunner().invoke(
            make_app("explain"), ["explain", "-c", str(folder / "filterwatch.yaml"), "--detection", begin, *words]
        )
        assert done.exception is None or isinstance(done.exception, FilterwatchError), done.output
        return done.output if done.exception is None else str(done.exception)

    return run


def test_what_was_recorded_stands_first_and_that_today_says_the_same(explain):
    said = explain("amina")
    assert said.startswith("Recorded   Mon 23 Nov 2026 10:15:00: gambling (high, breach, version ")
    assert "because host is on the gambling list" in said
    assert "host bet[.]test, allowed" in said
    assert "counted as gambling; pupils, known by: authenticated; in school hours" in said
    assert "Today      the same: its rule holds" in said
    assert "gambling: bet[.]test (and all below it) on list gambling" in said
    for personal in ("amina", "Amina", "10.0.0.9", "secret-page", "as you said"):
        assert personal not in said


def test_other_lists_and_rules_are_told_beside_what_was_recorded(gateway, explain):
    rules = gateway[0] / "rules"
    for name, text, told in (
        ("lists/gambling.txt", "# category: games\nbet.test\n", "it counts as games, then as gambling"),
        ("lists/gambling.txt", "# category: games\nbet.test\n", "the rule gambling does not hold any more"),
        ("gambling.yaml", None, "the rule gambling is gone"),
        ("terms/bets.yaml", "id: bets\nlanguage: en\nterms: [bets]\n", "the rule gambling is another version: "),
    ):
        before = (rules / name).read_text()
        if text is None:
            (rules / name).unlink()
        else:
            (rules / name).write_text(text)
        said = explain("amina")
        (rules / name).write_text(before)
        assert f"otherwise: {told}" in said
        assert "because host is on the gambling list" in said


def test_words_of_a_search_are_not_told(explain):
    said = explain("tom", "--all")
    assert "a search, whose words the case shows" in said
    assert "search term in pack bets" in said
    assert "night" not in said


@pytest.mark.parametrize(("user", "told"), [("jane", "a matter of staff"), ("kim", "illegal content")])
def test_what_only_some_may_see_is_withheld(explain, user, told):
    said = explain(user)
    assert f"withheld: {told}" in said
    for hidden in ("bet", "awful", "because", "Site", user):
        assert hidden not in said.replace("bets", "")


@pytest.mark.parametrize("user", ["ann", "bob"])
@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("deny", "gambling: bet[.]test (a page of it) on list pages"),
        ("allow", "does not count: cancelled by bet[.]test on list pages"),
    ],
)
def test_of_a_page_on_a_list_the_host_alone_is_told(gateway, explain, user, mode, told):
    file = gateway[0] / "rules" / "lists" / "pages.txt"
    file.write_text(f"# category: gambling\n# mode: {mode}\nbet.test/secret-page\n")
    said = " ".join(explain(user).split())
    file.unlink()
    assert told in said
    assert "secret-page" not in said


@pytest.mark.parametrize("listed", ["both.test\n", "other.test\n"], ids=["still", "no longer"])
def test_what_another_rule_says_of_illegal_content_is_withheld_too(gateway, explain, listed):
    (gateway[0] / "members.txt").write_text(listed)
    said = explain("lee")
    (gateway[0] / "members.txt").write_text("both.test\n")
    assert ": gambling (high" in said
    assert "withheld: illegal content" in said
    for hidden in ("both", "because", "Site", "counted as"):
        assert hidden not in said


def test_what_has_no_event_any_more_is_told_as_it_was_recorded(gateway, explain):
    state = load(gateway[0] / "filterwatch.yaml").state
    rows = {
        "time": [MONDAY] * 2, "rule": ["filter_off", "gambling"], "level": ["high"] * 2, "category": ["bypass"] * 2,
        "outcome": ["technical"] * 2, "reason": ["squid stopped"] * 2, "source": ["journald", "squid"],
        "line_offset": [None, 99_999], "host": [None, "\u202egone.test"],
    }  # fmt: skip
    found = detections.make(pl.DataFrame(rows, schema_overrides={"time": TIME, "level": LEVEL, "outcome": OUTCOME}))
    with Journal.open(state / "journal.db", writer=True, clock=SystemClock()) as journal:
        journal.commit(Commit(MONDAY, detections=found))
    for id_, line in zip(found["id"], ("no line of its own", "log squid, byte 99999"), strict=True):
        said = explain(id_)
        assert "because squid stopped" in said
        assert line in said
        assert "today's rules cannot be asked" in said
        assert "\u202e" not in said


@pytest.mark.parametrize(
    ("id_", "told"),
    [("00000000", "no such detection is kept"), ("xyz", "at least 8 digits"), ("\x1b[31m", "at least 8 digits")],
)
def test_an_id_that_is_none_is_refused(explain, id_, told):
    assert told in explain(id_)


def test_an_option_that_would_change_nothing_beside_a_detection_is_refused(explain):
    assert "--group, --json: not for a detection" in explain("amina", "--json", "--group", "staff")
