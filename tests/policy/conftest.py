from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent, indent

import polars as pl
import pytest

from filterwatch import policy
from filterwatch.events import EVENT_SCHEMA, complete

RULE = """\
id: {id}
title: A rule
level: medium
category: {category}
policy: {{text: Gambling sites, section: Unsuitable activities}}
outcome: breach
{body}
examples:
  holds: [{{host: a.test}}]
  does_not_hold: [{{host: b.test}}]
"""


def rule_text(body: str, name: str = "gambling") -> str:
    """A whole rule file around what is interesting about it."""
    body = dedent(body).strip()
    category = re.match(r"category: (\w+)\n", body)
    return RULE.format(
        id=name, category=category[1] if category else "gambling", body=body[category.end() :] if category else body
    )


@pytest.fixture
def make_rules(tmp_path: Path) -> Callable[..., policy.RuleSet]:
    """Rules from the interesting part of each, by id, and term packs by name."""

    def make(rules: Mapping[str, str], packs: Mapping[str, str] | None = None) -> policy.RuleSet:
        (tmp_path / "terms").mkdir(exist_ok=True)
        for name, body in rules.items():
            (tmp_path / f"{name}.yaml").write_text(rule_text(body, name))
        for name, text in (packs or {}).items():
            (tmp_path / "terms" / f"{name}.yaml").write_text(f"id: {name}\nlanguage: en\n{dedent(text)}")
        return policy.load(tmp_path)

    return make


@pytest.fixture
def one_rule(make_rules) -> Callable[..., policy.RuleSet]:
    """A rule set of one rule that is only a match, or more where the text says so."""

    def make(body: str, **packs: str) -> policy.RuleSet:
        text = dedent(body).strip()
        body = text if "match:" in text else f"match:\n{indent(text, '  ')}"
        return make_rules({"gambling": body}, packs)

    return make


def event_frame(*facts: Mapping[str, object]) -> pl.DataFrame:
    """Complete, counted events; what a fact does not say is null."""
    base = {
        "time": datetime(2026, 11, 23, 10, 15, tzinfo=UTC),
        "site": "st-pauls",
        "source": "squid",
        "stream": "s1",
        "counted": True,
    }
    rows = [{**base, "line_offset": at, **one} for at, one in enumerate(facts)]
    schema = {name: EVENT_SCHEMA[name] for name in EVENT_SCHEMA if any(name in row for row in rows)}
    frame = pl.DataFrame(rows, {**schema, **({"in_term": pl.Boolean} if any("in_term" in r for r in rows) else {})})
    return complete(frame)


@pytest.fixture
def events() -> Callable[..., pl.DataFrame]:
    return event_frame


@pytest.fixture(scope="session", name="event_frame")
def event_frame_fixture() -> Callable[..., pl.DataFrame]:
    """The same, for property tests: hypothesis wants fixtures that stay."""
    return event_frame


@pytest.fixture
def holds(events) -> Callable[..., bool]:
    """Whether a rule set of one rule holds for one event."""

    def judge(rules: policy.RuleSet, **facts: object) -> bool:
        judged = rules.evaluate(events(facts))
        return len(judged.detections) + len(judged.hits) == 1

    return judge


@pytest.fixture
def rule() -> Callable[[str, str], str]:
    """A whole rule file from what is interesting about it and its id."""
    return rule_text


@pytest.fixture(scope="session")
def everything(tmp_path_factory) -> policy.RuleSet:
    """One rule that makes every test on text, and holds for everything."""
    directory = tmp_path_factory.mktemp("rules")
    (directory / "all.yaml").write_text(
        rule_text(
            r"""
            match:
              any:
                - host: [a.test, "0"]
                - host: {exact: [b.test], regex: '^x\d'}
                - url: {contains: [x], regex: '[a-z]{3}', path_prefix: [/a]}
                - search_terms: {words: [bet], regex: "^how"}
                - {user: "a*", user_agent: {contains: [vpn], regex: x}}
                - {filter_category: "?", mime_type: "*/*"}
                - dest_ip: [10.0.0.0/8, "2001:db8::/32"]
                - none: [{kind: lease}]
            """,
            "all",
        )
    )
    return policy.load(directory)
