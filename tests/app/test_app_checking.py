"""``filterwatch check``: every mistake of every part in one run, each at its place."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from filterwatch.app.checking import check
from filterwatch.cli import make_app
from filterwatch.errors import ConfigurationError

GOOD = """\
site: st-pauls
state: state
sources:
  - {name: squid, format: squid, path: /var/log/squid/access.log}
people: {roster: roster.csv}
alerts:
  recipients:
    coordinator: {name: Jane Roe, channels: [jane]}
    head: {name: Ann Head, channels: [ann]}
    governor: {name: Gus Gov, channels: [gus]}
delivery:
  channels: {jane: {url: "json://localhost:1"}, ann: {url: "json://localhost:2"}, gus: {url_file: gus.url}}
"""

RULE = """\
id: games
title: Games
level: low
category: games
policy: {text: "Games", section: "Use"}
match: {any: [{categories: [games]}]}
outcome: breach
examples:
  holds: [{host: www.friv.test}]
  does_not_hold: [{host: www.bbc.co.uk}]
"""


@pytest.fixture
def school(tmp_path) -> Path:
    (tmp_path / "filterwatch.yaml").write_text(GOOD)
    (tmp_path / "roster.csv").write_text("user,group\nsam,pupils\nann,staff\n")
    (tmp_path / "gus.url").write_text("json://localhost:3\n")
    (tmp_path / "gus.url").chmod(0o600)
    rules = tmp_path / "rules"
    (rules / "lists").mkdir(parents=True)
    (rules / "lists" / "games.txt").write_text("# category: games\nfriv.test\n")
    (rules / "games.yaml").write_text(RULE)
    return tmp_path


def told(school: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        check(school / "filterwatch.yaml", school / "rules")
    return str(caught.value).replace(f"{school}/", "").splitlines()


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_sound_school_is_counted(school):
    found = check(school / "filterwatch.yaml", school / "rules")
    assert (found.rule_count, found.examples, found.lists, found.names) == (1, 2, 1, 1)
    assert (found.sources, found.people) == (1, 2)


def test_mistakes_of_every_part_are_told_in_one_run_in_order_of_place(school):
    change(school / "filterwatch.yaml", "format: squid", "format: squidd")
    change(school / "filterwatch.yaml", "site: st-pauls", "site: St Pauls\ntimezone: Europe/Londn")
    (school / "roster.csv").write_text("user,group\nsam,pupil\nann,teachers\n")
    (school / "gus.url").unlink()
    change(school / "rules" / "games.yaml", "level: low", "level: mild")
    (school / "rules" / "lists" / "games.txt").write_text("# category: fun\nfriv.test\n")
    lines = told(school)
    assert [line.split(" ")[0] for line in lines] == [
        "filterwatch.yaml:1:7:",
        "filterwatch.yaml:2:11:",
        "filterwatch.yaml:5:27:",
        "filterwatch.yaml:13:99:",
        "roster.csv:3:5:",
        "rules/games.yaml:3:8:",
        "rules/lists/games.txt:1:1:",
    ]
    assert lines[2].endswith("sources.0.format: unknown format 'squidd'; did you mean 'squid'?")


def test_a_mistake_in_one_source_does_not_hide_that_of_the_next(school):
    change(
        school / "filterwatch.yaml",
        "people:",
        "  - {name: dns, formt: dnsmasq, path: /d.log}\n"
        "  - {name: fw, format: netfilter, path: /k.log, options: {no: 1}}\n"
        "people:",
    )
    lines = told(school)
    assert len(lines) == 3
    assert lines[-1].startswith("filterwatch.yaml:6:58: sources.2.options: unknown key 'no'")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("site: st-pauls", "site: st-pauls\nsite: other", "filterwatch.yaml:2:1: key 'site' is given twice"),
        ("state: state", "states: state", "filterwatch.yaml:2:1: unknown key 'states'; did you mean 'state'?"),
        ("channels: [gus]", "channels: [guss]", "recipient 'governor' uses channel 'guss'"),
        (
            "state: state",
            "calendar: {hours: [{days: mon-fri, from: 8:30, to: '15:30'}]}",
            'write the time as "HH:MM" in quotes, e.g. "08:30", found \'8:30\'',
        ),
        ("roster: roster.csv", "roster: nobody.csv", "nobody.csv: cannot be read: No such file or directory"),
    ],
)
def test_usual_mistakes_are_named_with_their_place_and_remedy(school, old, new, says):
    change(school / "filterwatch.yaml", old, new)
    assert says in "\n".join(told(school))


def test_a_channel_without_its_file_is_told_once(school):
    (school / "gus.url").unlink()
    assert len(told(school)) == 1


def test_a_secret_that_everybody_may_read_is_a_mistake(school):
    (school / "gus.url").chmod(0o644)
    assert "everybody may read this secret; run chmod o=" in told(school)[0]


def test_an_example_that_does_not_do_as_it_says_is_a_mistake_at_its_place(school):
    change(school / "rules" / "games.yaml", "www.bbc.co.uk", "friv.test")
    assert told(school)[0].startswith("rules/games.yaml:10:19: example holds: ")


@pytest.mark.parametrize("raw", [b"\x7fELF\x00\x01", b"\xff\xfe\x00s", b"[[[[", b"- 1\n", b"", b"a: &x 1\nb: *x\n"])
def test_a_configuration_that_is_none_is_a_mistake_never_a_traceback(school, raw):
    (school / "filterwatch.yaml").write_bytes(raw)
    assert told(school)


def test_the_command_lists_mistakes_with_exit_code_2_and_else_counts():
    done = CliRunner().invoke(make_app(), ["check"])
    assert done.exit_code == 0, done.output
    assert "No mistakes." in done.output
    done = CliRunner().invoke(make_app(), ["check", "--rules", "/no/such"])
    assert isinstance(done.exception, ConfigurationError)


def test_trying_other_rules_leaves_the_lists_that_the_daemon_uses_alone(school):
    change(school / "filterwatch.yaml", "state: state", "state: state\nrules: rules")
    (school / "state").mkdir()
    check(school / "filterwatch.yaml")
    index = school / "state" / "lists.index"
    used = index.read_bytes()
    shutil.copytree(school / "rules", school / "tried")
    check(school / "filterwatch.yaml", school / "tried")
    change(school / "tried" / "lists" / "games.txt", "friv.test", "friv.test\nmore.test")
    assert check(school / "filterwatch.yaml", school / "tried").names == 2
    assert index.read_bytes() == used
    change(school / "rules" / "lists" / "games.txt", "friv.test", "friv.test\nmore.test")
    check(school / "filterwatch.yaml")
    assert index.read_bytes() != used


def test_examples_that_a_changed_rule_lost_are_still_run_on_it(school):
    before = school / "before"
    shutil.copytree(school / "rules", before)
    change(before / "games.yaml", "[{host: www.bbc.co.uk}]", "[{host: www.bbc.co.uk}, {host: x.chess.test}]")
    (before / "old.yaml").write_text(RULE.replace("id: games", "id: old"))
    config = school / "filterwatch.yaml"
    assert [str(one).replace(f"{school}/", "") for one in check(config, school / "rules", before).lost] == [
        "before/old.yaml:1:5: id: rule 'old' is gone; put it back, or leave it out knowingly"
    ]
    (before / "old.yaml").unlink()
    change(school / "rules" / "lists" / "games.txt", "friv.test", "friv.test\nchess.test")
    (lost,) = check(config, school / "rules", before).lost
    assert str(lost).replace(f"{school}/", "") == (
        "before/games.yaml:10:42: example holds: host is on the games list; that was its example before: put the rule "
        "right, or let it go knowingly"
    )
    words = ["check", "--config", str(config), "--rules", str(school / "rules"), "--against", str(before)]
    done = CliRunner().invoke(make_app(), words)
    assert (done.exit_code, "that was its example before" in done.stdout) == (1, True)
    words[-1] = str(school / "rules")
    done = CliRunner().invoke(make_app(), words)
    assert (done.exit_code, "Every example before still does as it says" in done.stdout) == (0, True)
    with pytest.raises(ConfigurationError, match="no such directory of rules"):
        check(config, school / "rules", school / "nowhere")
