"""filterwatch rules precision: how often rules were right, by the coordinator's verdicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import comb, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from filterwatch import records
from filterwatch.app.bench_precision import MEANS, Told, of_verdicts, wilson
from filterwatch.cli import make_app
from filterwatch.errors import FilterwatchError

records.setup(":memory:", "a secret for tests")

from filterwatch.records.models import Alert  # noqa: E402
from filterwatch.records.opening import open_registers  # noqa: E402

MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


def test_every_verdict_of_the_registers_says_something_of_a_rule():
    assert set(MEANS) == {verdict for verdict in Alert.Verdict.values if verdict}


def rows(found):
    return [(one.rule, one.earlier, one.true, one.false, one.unclear, one.open, one.people) for one in found]


def test_a_verdict_counts_for_every_rule_behind_the_alert():
    both = {"a": "1", "b": "2"}
    alerts = [Told(both, "breach", "x"), Told({"a": "1"}, "false positive", "y"), Told(both, "", "x")]
    found = of_verdicts([*alerts, Told(both, "accidental", "z")], {"a": "1"})
    assert rows(found) == [("a", False, 1, 1, 1, 1, 2), ("b", False, 1, 0, 1, 1, 1)]
    assert found[0].interval is None


def test_verdicts_on_an_earlier_wording_say_nothing_of_the_one_in_use():
    before = [Told({"a": "old"}, "false positive", f"p{n}") for n in range(12)]
    now = [Told({"a": "new"}, "breach", f"p{n}") for n in range(3)]
    in_use, earlier = of_verdicts([*before, *now], {"a": "new"})
    assert rows([in_use, earlier]) == [("a", False, 3, 0, 0, 0, 3), ("a", True, 0, 12, 0, 0, 12)]
    assert in_use.interval is None
    assert earlier.interval == wilson(0, 12)


def test_verdicts_on_one_or_two_people_are_no_precision():
    found = of_verdicts([Told({"a": "1"}, "breach", f"p{n % 2}") for n in range(40)], {})
    assert (found[0].clear, found[0].people, found[0].interval) == (40, 2, None)
    found = of_verdicts([Told({"a": "1"}, "breach", f"p{n % 3}") for n in range(40)], {})
    assert found[0].interval == wilson(40, 40)


def binomial_tail(k: int, of: int, share: float) -> float:
    return sum(comb(of, n) * share**n * (1 - share) ** (of - n) for n in range(k, of + 1))


@pytest.mark.parametrize(("right", "of"), [(9, 10), (10, 10), (0, 10), (37, 50), (150, 200), (3, 40)])
def test_the_interval_is_near_the_exact_one_of_clopper_and_pearson(right, of):
    def solve(holds):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if holds(middle) else (middle, high)
        return low

    exact_low = solve(lambda share: binomial_tail(right, of, share) >= 0.025) if right else 0.0
    exact_high = solve(lambda share: 1 - binomial_tail(right + 1, of, share) <= 0.025) if right < of else 1.0
    low, _, high = wilson(right, of)
    assert exact_low - 0.01 <= low <= exact_low + 0.05
    assert exact_high - 0.05 <= high <= exact_high + 0.01


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
            route="weekly", outcome="breach", subject=f"s{n}", pseudonym="P-234567", person="sam poe",
            first_time=MONDAY + timedelta(days=n == 13), last_time=MONDAY, created_at=MONDAY,
            verdict="breach" if n < 9 else "false positive", state="triaged",
            rules={"detector": "v", "gambling": "older"} | ({"rare": "v"} if n < 3 else {}),
        )  # fmt: skip

    def run(*words):
        done = CliRunner().invoke(
            make_app(), ["rules", "precision", "--state", str(tmp_path), *words], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        return done.stdout

    told = {line.split()[0]: line.split() for line in run().splitlines() if line}
    assert told["detector"][1:7] == ["9", "5", "0", "0", "14", "64%"]
    assert told["rare"][1:8] == ["3", "0", "0", "0", "3", "too", "few"]
    assert "gambling (earlier " in run()
    assert max(map(len, run().splitlines())) <= 80
    assert "sam" not in run()
    assert '"true": 9,\n    "false": 4' in run("--to", "2026-11-23", "--json")
    with pytest.raises(FilterwatchError, match="turn them round"):
        run("--from", "2026-11-24", "--to", "2026-11-23")
    records.setup(":memory:", "a secret for tests")
