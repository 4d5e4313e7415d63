"""filterwatch rules coverage, list, show: from each sentence of the policies to what sees it, and what nothing sees."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from filterwatch import policy
from filterwatch.app.coverage import as_markdown, coverage, known, unused
from filterwatch.app.parts import School
from filterwatch.cli import make_app
from filterwatch.errors import ConfigurationError

RULES = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def items():
    return coverage(School())


def run(*words):
    done = CliRunner().invoke(make_app(), ["rules", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_item_of_both_policies_has_rules_or_a_reason(items):
    assert {f"P{n:02}" for n in range(1, 25)} | {f"T{n:02}" for n in range(1, 6)} <= {
        one.id for one in items if one.rules
    }
    for item in items:
        assert item.sentences, item.id
        assert bool(item.rules) != bool(item.reason), item.id
        assert item.cannot_see or item.reason, item.id
        assert all(one.knows and one.limits for one in item.rules), item.id


def test_the_manual_holds_the_table_that_is_printed_now(items):
    manual = (RULES.parent / "docs" / "rules.md").read_text()
    held = manual.split("<!-- coverage -->\n")[1].split("<!-- end of coverage -->")[0]
    assert held.strip() == as_markdown(items).strip(), "run `filterwatch rules coverage --format md` and put it there"


def test_what_a_rule_knows_from_is_read_off_its_conditions(items):
    by_rule = {rule.rule: rule.knows for item in items for rule in item.rules}
    assert by_rule["gambling"] == ("list gambling", "the filter's category")
    assert by_rule["gambling-searches"] == ("terms gambling",)
    assert "ports" in by_rule["bypass-dot"]
    filter_says = ("the filter's category", "the filter's rule", "the filter's reason")
    assert by_rule["csam"] == ("list csam (none in use)", *filter_says)


def test_a_list_without_a_name_is_told(items):
    by_rule = {rule.rule: rule.knows for item in items for rule in item.rules}
    assert by_rule["ethos"] == ("list ethos (none in use)",)
    assert "list suicide (none in use)" in by_rule["suicide"]
    assert "list bypass.vpn" in by_rule["bypass-vpn"]
    assert not any("none in use" in way for rule in ("adult", "games") for way in by_rule[rule])


def test_what_names_give_is_no_list_unless_the_school_has_one(tmp_path):
    rules = tmp_path / "rules"
    shutil.copytree(RULES / "lists", rules / "lists")
    shutil.copy(RULES / "bypass-unblocker.yaml", rules)
    (rule,) = policy.load(rules).rules
    assert known(rule, unused(School(None, rules))) == ("signs in the host's name",)
    (rules / "lists" / "ours.txt").write_text("# category: bypass\n# kind: unblocker\nours.example\n")
    assert known(rule, unused(School(None, rules))) == ("signs in the host's name", "list bypass.unblocker")
    (rules / "lists" / "names.yaml").unlink()
    assert known(rule, unused(School(None, rules)))[0] == "signs in the host's name (none in use)"


def test_what_else_the_policies_say_stands_with_the_item_whose_rules_see_it(items):
    said = {item.id: [(one.policy, one.text) for one in item.sentences] for item in items}
    shared = (
        "All pupils (at KS1 and above) will be provided with a username which they must not share with other pupils"
    )
    assert ("A", shared) in said["P24"]
    assert ("B", "Work devices must be used solely for work activities.") in said["P21"]
    assert {policy for policy, _ in said["P15"]} == {"A", "B"}
    assert len({text for texts in said.values() for _, text in texts}) == sum(map(len, said.values()))


def test_detectors_that_are_named_are_there(items):
    names = {detector.name for detector in School().detectors({})}
    assert {name for item in items for name in item.detectors} <= names


def test_a_school_that_lists_something_of_its_own_knows_from_it(tmp_path):
    (tmp_path / "own.txt").write_text("# category: ethos\nbad.example\n")
    (tmp_path / "filterwatch.yaml").write_text(
        "site: s\nstate: state\nsources: [{name: squid, format: squid, path: a.log}]\nlists: {own: [own.txt]}\n"
        "alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}\n"
        'delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}\n'
    )
    told = json.loads(run("coverage", "--config", tmp_path / "filterwatch.yaml", "--format", "json"))
    assert next(one["knows"] for one in told if one["id"] == "P09") == ["list ethos"]


def test_the_terminal_shows_every_item_in_80_columns(items):
    lines = run("coverage", "--rules", RULES).splitlines()
    assert max(map(len, lines)) <= 80
    for item in items:
        assert any(line.startswith(item.id) for line in lines)
    assert sum("no rule:" in line for line in lines) == sum(not item.rules for item in items)


@pytest.fixture
def two(tmp_path):
    (tmp_path / "coverage").mkdir()
    (tmp_path / "coverage" / "items.yaml").write_text(
        "- {id: P17, cannot_see: much}\n- {id: T04, cannot_see: more}\n- {id: N01, sentence: a|b, reason: none}\n"
    )
    for name in ("gambling", "phones-staff"):
        shutil.copy(RULES / f"{name}.yaml", tmp_path)
    return tmp_path


def test_the_other_forms_say_the_same(two):
    told = json.loads(run("coverage", "--format", "json", "--rules", two))
    assert [one["id"] for one in told] == ["P17", "T04", "N01"]
    assert told[0]["knows"] == ["list gambling", "the filter's category"]
    assert told[1]["rules"][0]["enabled"] is False
    rows = list(csv.reader(run("coverage", "--format", "csv", "--rules", two).splitlines()))
    assert [row[0] for row in rows] == ["item", "P17", "T04", "N01"]
    assert (rows[1][3], rows[2][3], rows[3][6]) == ("gambling", "phones-staff (off)", "none")
    assert "2 with rules (1 of them only with rules that are off)" in " ".join(run("coverage", "--rules", two).split())
    table = run("coverage", "--format", "md", "--rules", two)
    assert table.strip() == as_markdown(coverage(School(None, two)))
    assert "| N01 |  | a\\|b | none |" in table


def test_a_rule_for_an_unknown_item_and_an_item_without_anything_are_mistakes(tmp_path):
    (tmp_path / "coverage").mkdir()
    (tmp_path / "coverage" / "items.yaml").write_text("- {id: P01, cannot_see: much}\n- {id: P17, cannot_see: more}\n")
    shutil.copy(RULES / "gambling.yaml", tmp_path)
    with pytest.raises(ConfigurationError, match=r"items.yaml:1:3: P01: no rule has this demand"):
        coverage(School(None, tmp_path))
    (tmp_path / "coverage" / "items.yaml").write_text("- {id: P99, sentence: s, reason: r}\n")
    with pytest.raises(ConfigurationError, match=r"gambling.yaml:.*not an item of"):
        coverage(School(None, tmp_path))


def test_a_rule_without_a_sentence_is_told_as_one(two):
    shutil.copytree(two, two / "in")
    technical = (
        "id: odd\ntitle: Odd names\nlevel: low\nmatch: {host: [a.test]}\noutcome: technical\n"
        "examples: {holds: [{host: a.test}, {host: b.a.test}], does_not_hold: [{host: b.test}, {host: c.test}]}\n"
    )
    (two / "in" / "odd.yaml").write_text(technical)
    said = run("coverage", "--rules", two / "in")
    assert "technical, of no sentence\n     rules: odd\n" in said


def test_rules_are_listed_and_shown_one_by_one(two):
    listed = run("list", "--rules", two)
    assert max(map(len, listed.splitlines())) <= 80
    assert any(line.split()[:4] == ["gambling", "medium", "breach", "P17"] for line in listed.splitlines())
    shown = run("show", "gambling", "--rules", two)
    assert max(map(len, shown.splitlines())) <= 80
    assert 'Policy: "Gambling sites"' in shown
    assert "Known from: list gambling, the filter's category" in shown
    assert "match:" in shown
    done = CliRunner().invoke(make_app(), ["rules", "show", "no\x1b[2Jne", "--rules", str(two)])
    assert "there is no rule 'no\\x1b[2Jne'" in str(done.exception)
