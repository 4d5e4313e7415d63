"""``filterwatch lists`` as a technician runs it."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "lists"))
from list_server import gives, serving, versioned

from filterwatch.app.places import shipped
from filterwatch.cli import lists as lists_commands
from filterwatch.cli import make_app
from filterwatch.errors import FilterwatchError
from filterwatch.lists import catalogue
from filterwatch.lists.updating import Outcome

CONFIG = """
site: lists
state: state
sources: [{name: squid, format: squid, path: access.log}]
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
lists: {shipped: false, use: [bets, odd], catalogue: more.yaml, names: [school.example], members: [{path: iwf}]}
"""
LISTED = """  {id}: {{title: Some list, address: "{address}", category: {category}, licence: MIT, credit: somebody,
    homepage: "https://example.org"}}
"""
BETS = b"bet1.example\nbet2.example\nwww.clinic.nhs.uk\nsite.example/bets\n198.51.100.0/24\n"
ABOUT = f"[public list; trust medium; of {datetime.now(UTC):%-d %b %Y}; MIT]"
HELP = "help, health, government or education"


@pytest.fixture
def school(tmp_path):
    with serving() as server:
        server.answers = {"/bets": versioned(BETS), "/odd": gives(b"shop.example\nbritannica.com\n")}
        listed = [
            LISTED.format(id=name, address=server.url(f"/{name}"), category=category)
            for name, category in (("bets", "gambling"), ("odd", "games"))
        ]
        (tmp_path / "more.yaml").write_text("lists:\n" + "".join(listed))
        (tmp_path / "filterwatch.yaml").write_text(CONFIG)
        (tmp_path / "iwf").write_text("http://never-shown.example/never/shown\n")
        (tmp_path / "iwf").chmod(0o600)
        (tmp_path / "state").mkdir()
        yield tmp_path, server


def run(directory, *words):
    said = ["lists", *words, "--config", str(directory / "filterwatch.yaml")]
    done = CliRunner().invoke(make_app(), said, catch_exceptions=False)
    return done.exit_code, done.output.splitlines()


def test_lists_are_updated_shown_looked_up_rolled_back_and_carried(school, tmp_path):
    directory, server = school
    code, said = run(directory, "status")
    assert code == 1
    assert "PROBLEM bets (gambling): no entries" in said
    code, said = run(directory, "update")
    assert (code, said) == (0, ["bets: updated: 5 entries, 1 set aside", "odd: updated: 2 entries, 1 set aside"])
    code, said = run(directory, "status", "--licences")
    assert code == 0
    assert "      www[.]clinic[.]nhs[.]uk: help, health, government or education" in said
    assert "    MIT: somebody" in said

    assert run(directory, "lookup", "www.bet1.example") == (
        1,
        [
            f"gambling: bet1[.]example (and all below it) on list bets {ABOUT}",
            "www[.]bet1[.]example: gambling",
        ],
    )
    assert run(directory, "lookup", "http://site.example/bets/7")[0] == 1
    assert run(directory, "lookup", "198.51.100.9")[1][0] == (
        f"gambling: 198[.]51[.]100[.]0/24 (a range of addresses) on list bets {ABOUT}"
    )
    assert run(directory, "lookup", "www.clinic.nhs.uk") == (
        0,
        [
            f"gambling: www[.]clinic[.]nhs[.]uk (set aside) on list bets {ABOUT}: does not count: {HELP}",
            "www[.]clinic[.]nhs[.]uk: no category",
        ],
    )

    server.answers["/bets"] = gives(b"<html>log in</html>")
    assert run(directory, "update", "--force")[0] == 1
    assert "PROBLEM bets (gambling): 5 entries" in run(directory, "status")[1][0]
    assert run(directory, "lookup", "bet1.example")[0] == 1
    server.answers["/bets"] = gives(BETS + b"bet3.example\n")
    assert run(directory, "update", "--force")[0] == 0
    assert run(directory, "lookup", "bet3.example")[0] == 1
    assert run(directory, "rollback", "bets")[0] == 0
    assert run(directory, "lookup", "bet3.example")[0] == 0

    bundle = str(tmp_path / "lists.tar")
    assert run(directory, "export", bundle) == (0, [f"{bundle}: bets, odd"])
    (directory / "state").rename(directory / "old")
    (directory / "state").mkdir()
    assert run(directory, "import", bundle)[0] == 0
    assert run(directory, "lookup", "bet1.example")[0] == 1
    (tmp_path / "carried").write_bytes(BETS + b"bet4.example\n")
    assert run(directory, "import", str(tmp_path / "carried"), "--list", "bets")[0] == 0
    assert run(directory, "lookup", "bet4.example")[0] == 1


def test_an_ordinary_site_that_a_list_names_is_told_before_it_alerts(school):
    directory, _ = school
    own = directory / "own.txt"
    own.write_text("# category: games\nbritannica.com\n")
    text = (directory / "filterwatch.yaml").read_text().replace("shipped: false", "shipped: false, own: [own.txt]")
    (directory / "filterwatch.yaml").write_text(text)
    run(directory, "update")
    code, said = run(directory, "status")
    assert code == 1
    assert "OVERBLOCK britannica[.]com: games by own" in said


def test_a_members_list_gives_its_category_and_never_its_entries(school):
    directory, _ = school
    code, said = run(directory, "lookup", "http://never-shown.example/never/shown/x")
    assert (code, said[0]) == (1, "csam: withheld (a page and what is below it) on list members-iwf [a members' list]")
    shown = run(directory, "status")[1]
    assert not any("never/shown" in line for line in said + shown)
    assert f"members-iwf (csam, for members alone): 1 entries of {datetime.now(UTC):%d %b %Y}" in shown
    (directory / "iwf").write_text("# nothing came\n")
    code, shown = run(directory, "status")
    assert (code, "    it holds no entry" in shown) == (1, True)
    (directory / "iwf").write_text("http://never-shown.example/never/shown\n")
    os.utime(directory / "iwf", (0, 0))
    assert any("its file is of 01 Jan 1970; fetch it anew" in line for line in run(directory, "status")[1])
    (directory / "iwf").write_text("5d41402abc4b2a76b9719d911017c592\n")
    with pytest.raises(FilterwatchError, match="of a list of hashes nothing can be known"):
        run(directory, "compile")
    (directory / "iwf").chmod(0o644)
    with pytest.raises(FilterwatchError, match="chmod 600"):
        run(directory, "compile")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["update", "nothing"], "list 'nothing' is not among lists.use"),
        (["rollback", "bets"], "there is no version before"),
        (["import", "/dev/null"], "no bundle of lists"),
        (["lookup", "::::"], "this names no host"),
        (["export", "/nowhere/x.tar"], "no list was fetched yet"),
    ],
)
def test_wrong_use_is_told(school, words, problem):
    with pytest.raises(FilterwatchError, match=problem):
        run(school[0], *words)


def test_a_list_that_nobody_knows_is_a_mistake_with_its_place(school):
    directory, _ = school
    text = (directory / "filterwatch.yaml").read_text().replace("[bets, odd]", "[bets, unknown]")
    (directory / "filterwatch.yaml").write_text(text)
    with pytest.raises(FilterwatchError, match=r"filterwatch.yaml:\d+:\d+: lists.use: no list is called 'unknown'"):
        run(directory, "update")


@pytest.mark.parametrize("use", ["[nosuch]", "[bets, nosuch]", "['No Such']", "5"])
def test_the_catalogue_is_shown_where_lists_in_use_are_wrong(school, use):
    directory, _ = school
    path = directory / "filterwatch.yaml"
    path.write_text(path.read_text().replace("[bets, odd]", use))

    code, said = run(directory, "catalogue")

    assert code == 0
    assert len(said) > 20


def test_a_list_of_the_schools_own_is_a_path_and_no_mapping(school):
    directory, _ = school
    path = directory / "filterwatch.yaml"
    path.write_text(path.read_text().replace("use: [", "own: [{path: a.txt, category: games}], use: ["))

    with pytest.raises(FilterwatchError) as raised:
        run(directory, "status")

    assert "lists.own.0: expected a path; category and mode stand in the file:" in str(raised.value)
    assert "'# category: ...', '# mode: allow'" in str(raised.value)


def test_the_shipped_catalogue_holds_together_and_is_shown():
    known = catalogue.load(shipped("rules") / "lists" / "catalogue.yaml")
    for one in known.values():
        assert one.address.startswith("https://")
        assert one.homepage.startswith("https://")
    done = CliRunner().invoke(make_app(), ["lists", "catalogue", "--config", "/nowhere.yaml"], catch_exceptions=False)
    assert done.exit_code == 0
    assert all(f"{id_}: " in done.output for id_ in known)


def test_the_bar_names_the_list_that_is_being_fetched(monkeypatch):
    seen = []
    monkeypatch.setattr("rich.progress.Progress.update", lambda _bar, _task, **said: seen.append(said["description"]))
    monkeypatch.setattr("rich.progress.Progress.advance", lambda _bar, _task: seen.append("done"))
    with lists_commands._bar(2) as (begun, told):
        begun("bets\x1b")
        told(Outcome("bets", "updated"))
    assert seen == ["bets\\x1b", "done"]


def test_an_update_of_no_list_says_that_none_is_in_use(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG.split("lists: {", maxsplit=1)[0])
    (tmp_path / "state").mkdir()

    assert run(tmp_path, "update") == (
        0,
        ["no public list is in use (lists.use); `filterwatch lists catalogue` shows what there is"],
    )


def test_a_fresh_configuration_is_clean_and_an_embarrassing_entry_still_shows(school):
    directory, _ = school
    fresh = CONFIG.split("lists: {", maxsplit=1)[0]
    (directory / "filterwatch.yaml").write_text(fresh)
    assert run(directory, "status")[0] == 0
    (directory / "own.txt").write_text("# category: webmail\ngmail.com\nbritannica.com\nhelp.clinic.nhs.uk\n*.co.zw\n")
    (directory / "filterwatch.yaml").write_text(fresh + "lists: {own: [own.txt], names: [learn.school.example]}\n")
    code, said = run(directory, "status")
    assert code == 1
    assert [line for line in said if line.startswith("OVERBLOCK")] == [
        "OVERBLOCK britannica[.]com: webmail by own",
        "OVERBLOCK help[.]clinic[.]nhs[.]uk: webmail by own",
        "OVERBLOCK co[.]zw: webmail by own",
    ]


def test_what_a_members_list_holds_is_found_by_the_rule_and_not_told(school):
    directory, _ = school
    line = (
        "1795311995.403 7 10.1.2.3 TCP_MISS/200 812 GET http://never-shown.example/never/shown/x - DIRECT/192.0.2.1 -\n"
    )
    (directory / "access.log").write_text(line)
    said = ["replay", "--config", str(directory / "filterwatch.yaml"), "--source", f"squid={directory / 'access.log'}"]
    done = CliRunner().invoke(make_app(), said, catch_exceptions=False)
    found = [json.loads(one) for one in done.stdout.splitlines() if one.startswith("{")]
    assert [one["rule"] for one in found] == ["csam"]
    assert "never/shown" not in done.stdout
