"""The command that runs tricky addresses through the product, on rows and rules of our own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import tricky

HERE = Path(__file__).parent
CASES, RULES, SHIPPED = HERE / "tricky_cases.tsv", HERE / "tricky_rules.tsv", HERE.parents[1] / "rules"


@pytest.fixture
def run(monkeypatch, capsys):
    def made(cases, *more, rules=RULES):
        monkeypatch.setattr(sys, "argv", ["tricky", str(cases), str(rules), "--rules", str(SHIPPED), *more])
        code = tricky.main()
        told = capsys.readouterr()
        return code, (told.out or told.err).splitlines()

    return made


def test_every_row_of_our_own_is_as_it_should_be(run):
    code, told = run(CASES, "--show")
    assert not [line for line in told if "expected" in line]
    assert code == 0
    rows = len(CASES.read_text("utf-8").splitlines()) - 2  # without the header and the row of a resolver
    assert told[-1].split() == ["all", str(rows), "of", str(rows)]
    assert sum(line.startswith("C") for line in told) == rows


def test_each_column_that_differs_is_told_and_the_command_fails_unless_the_row_is_held_to_be_wrong(run, tmp_path):
    head, row, *_ = CASES.read_text("utf-8").splitlines()
    wrong = row.replace("\tgambling\t", "\tgames\t").replace("\twww.odds.example\t", "\t\x1b[2J\t")
    cases = tmp_path / "cases.tsv"
    cases.write_text(f"{head}\n{wrong}\n", "utf-8")
    code, told = run(cases)
    assert code == 1
    assert told[0].endswith("host: expected '\\x1b[2J', got 'www.odds.example'")
    assert told[1].endswith("categories: expected 'games', got 'gambling'")
    assert told[-1].split() == ["all", "0", "of", "1"]
    assert run(cases, "--but", "C01")[0] == 0


def test_rules_that_the_product_refuses_and_files_of_another_shape_are_told_of(run, tmp_path):
    bad = tmp_path / "rules.tsv"
    bad.write_text("type\tvalue\tcategory\nregex\t(\tbypass\n")
    code, told = run(CASES, rules=bad)
    assert (code, "regex" in "".join(told)) == (2, True)
    bad.write_text("type\tvalue\tcategory\nglob\t*.example\tbypass\n")
    code, told = run(CASES, rules=bad)
    assert (code, "found 'glob'" in "".join(told)) == (2, True)
    code, told = run(RULES)
    assert (code, "no column 'id'" in "".join(told)) == (2, True)
    assert run(tmp_path / "none.tsv")[0] == 2
