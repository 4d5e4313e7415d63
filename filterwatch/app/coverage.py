"""From each sentence of the policies to its rules, what they know it from, and what no log can show."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import RootModel

from filterwatch import config, policy
from filterwatch.app.parts import School
from filterwatch.app.places import shipped
from filterwatch.config import Part
from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import CATEGORY_WORDS
from filterwatch.policy.knowing import GUESSED, NAMES, knows
from filterwatch.policy.rule import Rule
from filterwatch.policy.values import Text
from filterwatch.text import csv_cell

FILE = Path("coverage") / "items.yaml"
"""Below the directory of rules; rules from elsewhere may bring their own."""

UNKNOWN = "-"
"""Item of rules whose sentence names none."""


class Words(Part):
    """A further sentence of a policy."""

    policy: Literal["A", "B"]
    section: Text
    sentence: Text


class Item(Part):
    """One thing that a policy forbids or binds; the file is a list of them.

    Attributes:
        id: As rules name it (``policy.demand``).
        cannot_see: What no log shows, in one line.
        detectors: Parts that compare events over time and add to the rules.
        sentence: The policy's words; only of an item without a rule, for rules quote theirs.
        also: Where a policy says the same in other words.
        reason: Why there is no rule.
        seen_by: Items whose rules see it.
    """

    id: Text
    cannot_see: Text | None = None
    detectors: tuple[Text, ...] = ()
    policy: Literal["A", "B"] | None = None
    section: Text | None = None
    sentence: Text | None = None
    also: tuple[Words, ...] = ()
    reason: Text | None = None
    seen_by: tuple[Text, ...] = ()


class _Items(RootModel[tuple[Item, ...]]):
    """The file."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A sentence of a policy."""

    policy: str
    section: str
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one rule adds.

    Attributes:
        knows: What it knows it from, e.g. ``list gambling``; of a list without a name it says so.
        limits: What logs cannot tell it.
    """

    rule: str
    level: str
    outcome: str
    enabled: bool
    knows: tuple[str, ...]
    limits: str


@dataclass(frozen=True, slots=True)
class Covered:
    """One item with its rules.

    Attributes:
        reason: Why there is no rule; empty where there is one.
    """

    id: str
    sentences: tuple[Quoted, ...]
    rules: tuple[Seen, ...]
    detectors: tuple[str, ...]
    cannot_see: str
    reason: str

    @property
    def knows(self) -> tuple[str, ...]:
        """What all its rules know it from, each once."""
        return tuple(dict.fromkeys(way for rule in self.rules for way in rule.knows))


def coverage(school: School) -> list[Covered]:
    """Return every item of both policies with the school's rules, items without a rule among them.

    Raises:
        ConfigurationError: A mistake in rules, lists or items; a rule for an item that is not listed; an item that has
            neither a rule nor a reason.
    """
    rules = school.rules
    own = rules / FILE
    document = config.read(own if own.is_file() else shipped("rules") / FILE)
    items = config.validate(document, _Items).root
    found = policy.load(rules)
    by_item: dict[str, list[Rule]] = {}
    for rule in found.rules:
        by_item.setdefault((rule.policy and rule.policy.demand) or UNKNOWN, []).append(rule)
    mistakes = [
        one.document.mistake(("policy", "demand"), f"policy.demand: not an item of {document.path}; add it there")
        for one in found.loaded
        if one.rule.policy and one.rule.policy.demand and one.rule.policy.demand not in {item.id for item in items}
    ]
    is_ours = own.is_file()
    for at, item in enumerate(items):
        if is_ours and item.id not in by_item and not (item.reason and item.sentence):
            mistakes.append(_neither(document, at, item))
    if mistakes:
        raise ConfigurationError(mistakes)
    extra = [Item(id=UNKNOWN)] if UNKNOWN in by_item else []
    without = unused(school)
    return [_covered(item, by_item.get(item.id, []), without) for item in (*items, *extra)]


def unused(school: School) -> frozenset[str]:
    """Return the ways of knowing that nothing is behind: lists on which there is nothing, and signs in names."""
    index = school.index()
    words = {one.category for one in index.lists if one.entries and not one.allow}
    words |= {word.partition(".")[0] for word in words}
    lists = {f"list {word}" for word in CATEGORY_WORDS if word not in words}
    return frozenset(lists if index.names is not None else {*lists, NAMES})


def known(rule: Rule, unused: Collection[str]) -> tuple[str, ...]:
    """Return what *rule* knows it from, and of what is *unused* that it is.

    A list that would only add to the signs in names is left out then: nothing is missing.
    """
    ways = knows(rule)
    spare = {f"list {word}" for word in GUESSED} if NAMES in ways and NAMES not in unused else set()
    told = (way for way in ways if way not in spare or way not in unused)
    return tuple(f"{way} (none in use)" if way in unused else way for way in told)


def _neither(document: config.Document, at: int, item: Item) -> Mistake:
    return document.mistake((at,), f"{item.id}: no rule has this demand; add a rule, or sentence and reason")


def _covered(item: Item, rules: Sequence[Rule], without: Collection[str]) -> Covered:
    own = [Quoted(item.policy or "", item.section or "", item.sentence)] if item.sentence else []
    quoted = [Quoted(rule.policy.policy or "", rule.policy.section, rule.policy.text) for rule in rules if rule.policy]
    also = [Quoted(one.policy, one.section, one.sentence) for one in item.also]
    why = [] if rules else [item.reason or "No rule for it is in use here."]
    if item.seen_by:
        why.append(f"See {', '.join(item.seen_by)}.")
    return Covered(
        id=item.id,
        sentences=tuple(dict.fromkeys([*own, *quoted, *also])),
        rules=tuple(
            Seen(rule.id, rule.level, rule.outcome, rule.enabled, known(rule, without), rule.limits or "")
            for rule in rules
        ),
        detectors=item.detectors,
        cannot_see=item.cannot_see or "",
        reason=" ".join(why),
    )


def as_json(items: Sequence[Covered]) -> str:
    """Return *items* as JSON."""
    return json.dumps([asdict(item) | {"knows": item.knows} for item in items], indent=2, ensure_ascii=False)


def as_csv(items: Sequence[Covered]) -> str:
    """Return *items* as comma-separated values, a row each under a heading."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("item", "policy", "sentence", "rules", "known from", "what logs cannot show", "no rule"))
    for item in items:
        names = [one.rule if one.enabled else f"{one.rule} (off)" for one in item.rules]
        names += [f"detector {name}" for name in item.detectors]
        cells = (item.id, _policies(item), _sentences(item), ", ".join(names), ", ".join(item.knows))
        rows.writerow(csv_cell(cell) for cell in (*cells, item.cannot_see, item.reason))
    return out.getvalue().removesuffix("\n")


def as_markdown(items: Sequence[Covered]) -> str:
    """Return *items* as a table in Markdown, a row each; what has no rule comes last, with the reason."""
    return "\n".join(_markdown(items))


def _markdown(items: Sequence[Covered]) -> Iterator[str]:
    yield "| item | policy | sentence | rules | known from | what logs cannot show |"
    yield "|---|---|---|---|---|---|"
    for item in (one for one in items if one.rules):
        names = ", ".join(f"`{rule.rule}`{'' if rule.enabled else ' (off)'}" for rule in item.rules)
        added = "".join(f"; detector `{name}`" for name in item.detectors)
        cells = (item.id, _policies(item), _sentences(item), names + added, ", ".join(item.knows), item.cannot_see)
        yield f"| {' | '.join(map(_cell, cells))} |"
    yield ""
    yield "Sentences without a rule of their own:"
    yield ""
    yield "| item | policy | sentence | why |"
    yield "|---|---|---|---|"
    for item in (one for one in items if not one.rules):
        why = (item.id, _policies(item), _sentences(item), item.reason)
        yield f"| {' | '.join(map(_cell, why))} |"


def _policies(item: Covered) -> str:
    return ", ".join(sorted({one.policy for one in item.sentences if one.policy}))


def _sentences(item: Covered) -> str:
    return " / ".join(one.text for one in item.sentences)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
