"""filterwatch rules precision: how often rules were right, by the coordinator's verdicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from filterwatch import records
from filterwatch.app.bench_precision import MEANS, of_verdicts, wilson
from filterwatch.cli import make_app

records.setup(":memory:", "a secret for tests")

from filterwatch.records.models import Alert  # noqa: E402
from filterwatch.records.opening import open_registers  # noqa: E402

MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


def test_every_verdict_of_the_registers_says_something_of_a_rule():
    assert set(MEANS) == {verdict for verdict in Alert.Verdict.values if verdict}


def test_a_verdict_counts_for_every_rule_behind_the_alert():
    rules = {"a": "1", "b": "2"}
    found = of_verdicts([(rules, "breach"), ({"a": "1"}, "false positive"), (rules, ""), (rules, "accidental")])
    assert [(one.rule, one.true, one.false, one.unclear, one.open) for one in found] == [
        ("a", 1, 1, 1, 1),
        ("b", 1, 0, 1, 1),
    ]
    assert found[0].interval is None


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_the_shares_that_differ_from_the_seen_one_by_no_more_than_their_own_error(pair):
    right, of = pair
    low, share, high = wilson(right, of)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:
            assert abs(share - end) == pytest.approx(1.959964 * sqrt(end * (1 - end) / of), rel=1e-6)


def test_wilson_is_that_of_the_books():
    low, share, high = wilson(81, 263)
    assert (round(low, 4), round(share, 4), round(high, 4)) == (0.2553, 0.308, 0.3662)


def test_the_command_counts_alerts_of_the_days_asked_for_and_names_nobody(tmp_path):
    open_registers(records.Settings(), tmp_path)
    for n in range(14):
        Alert.objects.create(
            id=f"{n:032}", number=f"FW-2026-{n:05}", site="s", family="use", chain="general", level="low",
            route="weekly", outcome="breach", subject="s", pseudonym="P-234567", person="sam poe",
            first_time=MONDAY + timedelta(days=n == 13), last_time=MONDAY, created_at=MONDAY,
            verdict="breach" if n < 9 else "false positive", state="triaged",
            rules={"gambling": "v"} | ({"rare": "v"} if n < 3 else {}),
        )  # fmt: skip

    def run(*words):
        done = CliRunner().invoke(make_app(), ["rules", "precision", "--state", str(tmp_path), *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    rows = {line.split()[0]: line.split() for line in run().splitlines() if line}
    assert rows["gambling"][1:6] == ["9", "5", "0", "0", "64%"]
    assert rows["rare"][1:7] == ["3", "0", "0", "0", "too", "few"]
    assert "sam" not in run()
    assert '"true": 9,\n    "false": 4' in run("--to", "2026-11-23", "--json")
    records.setup(":memory:", "a secret for tests")
