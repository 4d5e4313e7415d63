"""The shipped rules: they load, their examples hold, they cover both policies, and they leave ordinary days alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from filterwatch import enrich, lists, policy
from filterwatch.events import EVENT_SCHEMA, GROUP, LEVELS

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "rules"
DEMANDS = [*(f"P{n:02}" for n in range(1, 25)), *(f"T{n:02}" for n in range(1, 6))]
MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def enrichment(tmp_path_factory) -> enrich.Enrich:
    index = lists.prepare(RULES / "lists", tmp_path_factory.mktemp("lists") / "lists.index")
    return enrich.build(enrich.Settings(), index)


@pytest.fixture(scope="module")
def rules() -> policy.RuleSet:
    return policy.load(RULES)


def lines_of(name: str) -> list[str]:
    return [line for line in (HERE / name).read_text().splitlines() if line and not line.startswith("#")]


def judged(
    rules: policy.RuleSet, enrichment: enrich.Enrich, events: pl.DataFrame, group: str = "pupils"
) -> list[tuple[int, str, str]]:
    """Return (row, rule, level) of everything that held, thresholds left aside."""
    events = events.with_columns(
        time=pl.lit(MONDAY).cast(pl.Datetime("us", "UTC")),
        action=pl.lit("allowed"),
        source=pl.lit("test"),
        line_offset=pl.int_range(pl.len(), dtype=pl.Int64),
    )
    events = events.cast({name: EVENT_SCHEMA[name] for name in events.columns})
    context = enrichment.prepare(events).with_columns(group=pl.lit(group).cast(GROUP), counted=pl.lit(value=True))
    if "search_terms" in events.columns:
        context = context.with_columns(search_terms=events["search_terms"])
    result = rules.evaluate(context)
    both = pl.concat([result.detections, result.hits])
    return both.select("line_offset", "rule", pl.col("level").cast(pl.String)).sort("line_offset", "rule").rows()


def test_every_example_of_every_shipped_rule_does_as_it_says(enrichment):
    rules, mistakes = policy.check_rules(RULES, enrichment.prepare)
    assert [str(mistake) for mistake in mistakes] == []
    assert rules is not None


def test_every_item_of_both_policies_has_a_rule(rules):
    covered = {one.rule.policy.demand for one in rules.loaded if one.rule.policy}
    assert [demand for demand in DEMANDS if demand not in covered] == []


def test_every_rule_says_its_sentence_its_limits_and_shows_two_examples_each_way(rules):
    for one in rules.loaded:
        rule = one.rule
        assert rule.policy, rule.id
        assert rule.policy.policy, rule.id
        assert rule.limits, rule.id
        assert len(rule.examples.holds) >= 2, rule.id
        assert len(rule.examples.does_not_hold) >= 2, rule.id


def test_what_logs_cannot_tell_is_never_a_breach(rules):
    advisory = {demand: {"advisory"} for demand in ("P10", "P13", "P19", "P21", "P24", "T01", "T04", "T05")}
    advisory["P23"] = {"welfare"}
    for demand, outcomes in advisory.items():
        found = {one.rule.outcome for one in rules.loaded if one.rule.policy and one.rule.policy.demand == demand}
        assert found == outcomes, demand


def test_children_at_risk_are_welfare_and_come_at_once(rules):
    for one in rules.loaded:
        if one.rule.category in {"self_harm", "suicide"}:
            assert one.rule.outcome == "welfare", one.rule.id
            assert one.rule.level in ({"medium"} if one.rule.id == "help_seeking" else {"high", "critical"}), (
                one.rule.id
            )
    levels = {one.rule.id: one.rule.level for one in rules.loaded}
    for name in ("suicide-searches", "self_harm-searches", "grooming-searches", "csam", "extremism"):
        assert levels[name] == "critical"


def test_the_rule_on_abuse_material_asks_the_filter_and_members_lists_alone(rules):
    rule = next(one.rule for one in rules.loaded if one.rule.id == "csam")
    asked = {name for part in rule.match.any or () for name in part.model_fields_set}
    assert asked == {"categories", "filter_category", "filter_rule", "filter_reason"}
    assert rule.match.model_fields_set == {"any"}
    assert [one.rule.id for one in rules.loaded if one.rule.category == "csam"] == ["csam"]


@pytest.mark.parametrize("group", ["pupils", "staff", "guests", "unknown"])
def test_harmless_hosts_hold_no_rule(rules, enrichment, group):
    hosts = lines_of("harmless_hosts.txt")
    quiet = {"phones-pupils", "phones-staff", "someone_elses_login"}
    for kind, column in (("http", "host"), ("dns", "query")):
        events = pl.DataFrame({"kind": [kind] * len(hosts), column: hosts})
        held = [(hosts[row], rule) for row, rule, _ in judged(rules, enrichment, events, group) if rule not in quiet]
        assert held == []


def test_searches_of_an_ordinary_day_hold_nothing_above_low(rules, enrichment):
    searches = lines_of("harmless_searches.txt")
    events = pl.DataFrame({"kind": ["http"] * len(searches), "search_terms": searches})
    held = judged(rules, enrichment, events)
    assert [(searches[row], rule) for row, rule, level in held if LEVELS.index(level) > LEVELS.index("low")] == []
    assert len(held) <= len(searches) // 100


def test_telling_searches_are_seen(rules, enrichment):
    wanted = [line.split("\t") for line in lines_of("telling_searches.tsv")]
    events = pl.DataFrame({"kind": ["http"] * len(wanted), "search_terms": [search for search, _ in wanted]})
    held = {(row, rule) for row, rule, _ in judged(rules, enrichment, events)}
    assert [(search, rule) for row, (search, rule) in enumerate(wanted) if (row, rule) not in held] == []


def test_term_packs_are_of_use_and_do_not_hide_their_own_terms(rules):
    packs = rules.packs
    wanted = """suicide self_harm eating_disorder help_seeking extremism grooming drugs weapons bullying hate
        discrimination gambling adult improper_language bypass piracy plagiarism hacking illegal_acts violence"""
    assert set(wanted.split()) <= set(packs)
    for name, pack in packs.items():
        strong = {term.term for term in pack.terms if term.weight >= pack.at_least}
        assert len(pack.terms) >= (4 if name == "child_abuse_images" else 15), name  # few words on purpose
        assert strong.isdisjoint(pack.benign), name


def test_the_manual_names_every_rule_beside_its_policy_item(rules):
    manual = (RULES.parent / "docs" / "rules.md").read_text()
    for one in rules.loaded:
        assert one.rule.policy
        row = next(line for line in manual.splitlines() if line.startswith(f"| {one.rule.policy.demand} |"))
        assert f"`{one.rule.id}`" in row
