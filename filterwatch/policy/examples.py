"""A rule's examples: events it must hold for and events it must not, run through the real enrichment and engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import CATEGORY_BIT, DECODED_SCHEMA, EVENT_SCHEMA
from filterwatch.policy.load import load
from filterwatch.policy.rule import Example, Rule
from filterwatch.policy.ruleset import Loaded, RuleSet

LONDON = ZoneInfo("Europe/London")
Enrichment = Callable[[pl.DataFrame], pl.DataFrame]
"""Takes events as decoders give them; returns them with their context, row for row."""

_ENRICHED = ("person", "group", "year", "device", "device_class", "identity", "categories", "in_school_hours")
"""Facts that an example may state against what enrichment finds."""


def check_rules(directory: Path, enrich: Enrichment, zone: ZoneInfo = LONDON) -> tuple[RuleSet | None, list[Mistake]]:
    """Return the rules in *directory* and every mistake in them: in their files first, and if none, in their examples.

    The rules are null where a file holds a mistake.
    """
    try:
        rules = load(directory)
    except ConfigurationError as error:
        return None, list(error.mistakes)
    return rules, run_examples(rules, enrich, zone)


def run_examples(rules: RuleSet, enrich: Enrichment, zone: ZoneInfo = LONDON) -> list[Mistake]:
    """Return a mistake for every example whose rule does not do as it says, switched-off rules included.

    Args:
        rules: The rules.
        enrich: What gives an example its context; what the example states overrides it.
        zone: The school's, in which examples tell their time.
    """
    return _mistakes(rules.loaded, rules, enrich, zone, "change the example or the rule")


def run_earlier_examples(
    rules: RuleSet, earlier: RuleSet, enrich: Enrichment, zone: ZoneInfo = LONDON
) -> list[Mistake]:
    """Return a mistake for every example of *earlier* that the rule of the same id in *rules* no longer does, in order.

    Whoever changes a rule may change its examples too; those of before say what was thought right.  A rule that is
    gone is a mistake of its own.
    """
    was = {one.rule.id: one for one in earlier.loaded}
    now = {one.rule.id: one for one in rules.loaded}
    gone = [
        one.document.mistake(("id",), f"id: rule '{id_}' is gone; put it back, or leave it out knowingly")
        for id_, one in was.items()
        if id_ not in now
    ]
    cases = [
        replace(one, rule=one.rule.model_copy(update={"examples": was[id_].rule.examples}), document=was[id_].document)
        for id_, one in now.items()
        if id_ in was and one.rule.examples != was[id_].rule.examples
    ]
    remedy = "that was its example before: put the rule right, or let it go knowingly"
    return sorted([*gone, *_mistakes(cases, rules, enrich, zone, remedy)])


def _mistakes(
    loaded: Iterable[Loaded], rules: RuleSet, enrich: Enrichment, zone: ZoneInfo, remedy: str
) -> list[Mistake]:
    on = [replace(one, rule=one.rule.model_copy(update={"enabled": True})) for one in loaded]
    judge = RuleSet(on, rules.packs)
    cases = [(one, holds, at, example) for one in on for holds, at, example in _examples(one.rule)]
    events = enriched([example for *_, example in cases], enrich, zone)
    judged = judge.evaluate(events.with_columns(line_offset=pl.int_range(pl.len(), dtype=pl.Int64)))
    held = set(pl.concat([judged.detections, judged.hits]).select("line_offset", "rule").iter_rows())
    return [
        one.document.mistake(
            ("examples", "holds" if holds else "does_not_hold", at),
            f"{_problem(judge, one, events[row], holds)}; {remedy}",
        )
        for row, (one, holds, at, example) in enumerate(cases)
        if _often_enough(one.rule, example, held=(row, one.rule.id) in held) is not holds
    ]


def enriched(examples: Sequence[Example], enrich: Enrichment, zone: ZoneInfo) -> pl.DataFrame:
    """Return one event per example with its context, as rules judge it."""
    return _stated(enrich(events_of(examples, zone)), examples)


def events_of(examples: Sequence[Example], zone: ZoneInfo) -> pl.DataFrame:
    """Return one event per example, as a decoder would give it."""
    schema = {name: DECODED_SCHEMA[name] for name in DECODED_SCHEMA}
    return pl.DataFrame([_event(example, zone) for example in examples], schema=schema)


def _event(example: Example, zone: ZoneInfo) -> dict[str, object]:
    given = {name: getattr(example, name, None) for name in DECODED_SCHEMA}
    took = example.duration or timedelta()
    host = urlsplit(example.url).hostname if example.url and not example.host else example.host
    return given | {
        "time": (example.at.replace(tzinfo=zone) + took).astimezone(UTC),
        "kind": example.kind or _kind(example),
        "host": host.lower() if host else None,
        "duration_ms": took // timedelta(milliseconds=1) if example.duration else None,
    }


def _kind(example: Example) -> str:
    if example.control_event:
        return "control"
    if example.query:
        return "dns"
    if example.host or example.url or example.search:
        return "http"
    return "flow" if example.dest_port or example.dest_ip else "http"


def _stated(events: pl.DataFrame, examples: Sequence[Example]) -> pl.DataFrame:
    """Return *events* with what the examples state in place of what enrichment found; all of them are counted."""
    stated: Mapping[str, list[object]] = {
        **{name: [getattr(example, name) for example in examples] for name in _ENRICHED},
        "search_terms": [example.search for example in examples],
        "site": [example.site for example in examples],
        "in_term": [example.term_time for example in examples],
    }
    out = events.with_columns(
        _over(events, pl.Series(name, values, EVENT_SCHEMA.get(name, pl.Boolean))) for name, values in stated.items()
    )
    if "category_bits" in out.columns:
        bits = pl.Series([_bits(example.categories) for example in examples], dtype=pl.UInt64)
        out = out.with_columns(category_bits=pl.coalesce(bits, "category_bits"))
    return out.with_columns(counted=pl.lit(value=True))


def _bits(categories: Sequence[str] | None) -> int | None:
    return None if categories is None else sum(CATEGORY_BIT[word] for word in set(categories))


def _over(events: pl.DataFrame, stated: pl.Series) -> pl.Expr:
    if stated.name not in events.columns:
        return pl.lit(stated)
    return pl.coalesce(pl.lit(stated), pl.col(stated.name)).alias(stated.name)


def _examples(rule: Rule) -> Iterator[tuple[bool, int, Example]]:
    for at, example in enumerate(rule.examples.holds):
        yield True, at, example
    for at, example in enumerate(rule.examples.does_not_hold):
        yield False, at, example


def _often_enough(rule: Rule, example: Example, *, held: bool) -> bool:
    return held and (rule.count is None or example.times >= rule.count.at_least)


def _problem(judge: RuleSet, one: Loaded, event: pl.DataFrame, holds: bool) -> str:  # noqa: FBT001 - which list it is in
    verdict = next(verdict for verdict in judge.explain(event) if verdict.rule.id == one.rule.id)
    if not holds:
        return f"example holds: {verdict.reason}"
    why = "; ".join(verdict.missing) or "not often enough for the rule's count (times)"
    return f"example does not hold: {why}"
