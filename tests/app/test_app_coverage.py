"""filterwatch rules coverage, list, show: from each sentence of the policies to what sees it, and what nothing sees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from filterwatch.app.coverage import as_markdown, coverage
from filterwatch.cli import make_app
from filterwatch.errors import ConfigurationError

RULES = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def items():
    return coverage(RULES)


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
    assert by_rule["csam"] == ("the filter's category", "the filter's rule", "the filter's reason")


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
    table = run("coverage", "--format", "md", "--rules", two)
    assert table.strip() == as_markdown(coverage(two))
    assert "| N01 |  | a\\|b | none |" in table


def test_a_rule_for_an_unknown_item_and_an_item_without_anything_are_mistakes(tmp_path):
    (tmp_path / "coverage").mkdir()
    (tmp_path / "coverage" / "items.yaml").write_text("- {id: P01, cannot_see: much}\n- {id: P17, cannot_see: more}\n")
    shutil.copy(RULES / "gambling.yaml", tmp_path)
    with pytest.raises(ConfigurationError, match=r"items.yaml:1:3: P01: no rule has this demand"):
        coverage(tmp_path)
    (tmp_path / "coverage" / "items.yaml").write_text("- {id: P99, sentence: s, reason: r}\n")
    with pytest.raises(ConfigurationError, match=r"gambling.yaml:.*not an item of"):
        coverage(tmp_path)


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
