"""Why a rule held for an event, or what kept it from holding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from filterwatch.events import BYPASS_KINDS, CATEGORY_BIT
from filterwatch.policy.conditions import Compiled
from filterwatch.policy.facts import CATEGORIES
from filterwatch.policy.rule import Rule
from filterwatch.policy.tree import Every, Node, Not, Some, Test, holds, witnesses


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule and whether it holds.

    Attributes:
        says: What it says, for people; ``any of``, ``all of``, ``none of`` over *parts*.
        parts: What it is made of.
    """

    says: str
    held: bool
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one event.

    Attributes:
        judged: False when no rule judges such an event; ``who``, ``when`` and ``match`` are told all the same.
        reason: Why it held; null when it did not.
    """

    rule: Rule
    judged: bool
    who: Condition
    when: Condition
    match: Condition
    reason: str | None

    @property
    def held(self) -> bool:
        """Whether the rule holds, its threshold aside."""
        return self.reason is not None

    @property
    def nearly(self) -> bool:
        """Whether its match holds, and only who or when does not."""
        return self.match.held and not self.held

    @property
    def missing(self) -> tuple[str, ...]:
        """What kept it from holding, a sentence each."""
        parts = {"who": self.who, "when": self.when, "match": self.match}
        out = [] if self.judged else ["another line counts this request, or the proxy asked for a password first"]
        return (*out, *(f"{name}: {_missing(part)}" for name, part in parts.items() if not part.held))


def verdict(one: Compiled, facts: Mapping[str, int], *, judged: bool) -> Verdict:
    """Return what a rule says of one event's facts."""
    held = judged and holds(one.node, facts)
    who, when, match = (_condition(node, facts) for node in (one.who, one.when, one.match))
    return Verdict(one.rule, judged, who, when, match, reason(one, facts) if held else None)


def reason(one: Compiled, facts: Mapping[str, int]) -> str:
    """Return in one sentence which condition held and on what.

    It never holds text of the event, nor a host, address, name or word of the rule: a reason may travel.
    """
    said = [test.sentence(facts.get(test.word, 0)) for test in witnesses(one.match, facts)]
    when = [test.sentence(facts.get(test.word, 0)) for test in witnesses(one.when, facts)]
    return ", ".join([" and ".join(dict.fromkeys(said)) or "none of the rule's exceptions holds", *when])


def matched_column(one: Compiled, facts: Mapping[str, int]) -> str | None:
    """Return the event column whose text the first witness looked at."""
    return next((test.column for test in witnesses(one.match, facts) if test.column), None)


def bypass_kind(one: Compiled, facts: Mapping[str, int]) -> str | None:
    """Return the kind of bypass: the rule's own, or for bypass rules that of the list that held."""
    if one.rule.kind or one.rule.category != "bypass":
        return one.rule.kind
    bits = facts.get(CATEGORIES, 0)
    return next((kind for kind in BYPASS_KINDS if bits & CATEGORY_BIT[f"bypass.{kind}"]), None)


def _condition(node: Node, facts: Mapping[str, int]) -> Condition:
    held = holds(node, facts)
    match node:
        case Test(word, mask):
            return Condition(node.sentence(facts.get(word, 0) & mask), held)
        case Every(parts):
            return Condition("all of", held, tuple(_condition(part, facts) for part in parts))
        case Some(parts):
            return Condition("any of", held, tuple(_condition(part, facts) for part in parts))
        case Not(Some(parts)):
            return Condition("none of", held, tuple(_condition(part, facts) for part in parts))
        case Not(part):
            return Condition("none of", held, (_condition(part, facts),))


def _missing(condition: Condition) -> str:
    """Return why *condition*, which does not hold, does not."""
    match condition.says:
        case "all of" if condition.parts:
            return " and ".join(_missing(part) for part in condition.parts if not part.held)
        case "any of" if condition.parts:
            return "needs one of: " + "; ".join(_words(part) for part in condition.parts)
        case "none of" if condition.parts:
            return "must not hold: " + " and ".join(_words(part) for part in condition.parts if part.held)
        case says:
            return f"needs: {says}"


def _words(condition: Condition) -> str:
    """Return what *condition* demands, with that of its parts."""
    parts = [_words(part) for part in condition.parts]
    match condition.says:
        case "all of" if parts:
            return " and ".join(parts)
        case "any of" if parts:
            return f"({' or '.join(parts)})"
        case "none of" if parts:
            return f"not ({' or '.join(parts)})"
        case says:
            return says
