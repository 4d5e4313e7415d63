"""Why a rule held for an event, or what kept it from holding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from filterwatch.events import BYPASS_KINDS, CATEGORY_BIT
from filterwatch.policy.conditions import Compiled
from filterwatch.policy.facts import CATEGORIES, FIXED
from filterwatch.policy.rule import Rule
from filterwatch.policy.tree import Every, Node, Not, Place, Some, Test, found, holds, missing, tests, witnesses

_COMMON = ("method", "protocol", "query_type")
"""Columns of which nearly every event has the same value."""


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
class Lack:
    """The condition without which a rule holds.

    Attributes:
        says: What it says, for people.
        excepts: It holds, and must not.
        reads: Event columns that it looks at.
        place: Where the rule's file says it; empty for what is the same for all rules.
    """

    says: str
    excepts: bool
    reads: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one event.

    Attributes:
        judged: False when no rule judges such an event; ``who``, ``when`` and ``match`` are told all the same.
        reason: Why it held; null when it did not.
        lacks: Of a rule that knows something of the event and lacks one condition only, that condition; or several, any
            one of which would do.
    """

    rule: Rule
    judged: bool
    who: Condition
    when: Condition
    match: Condition
    reason: str | None
    lacks: tuple[Lack, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the rule holds, its threshold aside."""
        return self.reason is not None

    @property
    def missing(self) -> tuple[str, ...]:
        """What kept it from holding, a sentence each."""
        parts = {"who": self.who, "when": self.when, "match": self.match}
        out = [] if self.judged else ["another line counts this request, or the proxy asked for a password first"]
        return (*out, *(f"{name}: {_missing(part)}" for name, part in parts.items() if not part.held))


def verdict(one: Compiled, facts: Mapping[str, int], unjudged: Node) -> Verdict:
    """Return what a rule says of one event's facts."""
    judged = not holds(unjudged, facts)
    held = judged and holds(one.node, facts)
    who, when, match = (_condition(node, facts) for node in (one.who, one.when, one.match))
    whole = Every((Not(unjudged), one.who, one.when, one.match))
    lacks = tuple(_lack(node, facts) for node in missing(whole, facts)) if _knows(one, facts) else ()
    return Verdict(one.rule, judged, who, when, match, reason(one, facts) if held else None, lacks)


def _knows(one: Compiled, facts: Mapping[str, int]) -> bool:
    """Return whether the rule knows something of the event that not every event has: a verdict or kind is not enough.

    Without it every rule about one thing would nearly hold for everything else.
    """
    if any(_tells(test) for test in found(one.match, facts)):
        return True
    return holds(one.match, facts) and any(_tells(test) for test in found(one.who, facts))


def _tells(test: Test) -> bool:
    return test.word != FIXED and test.column not in _COMMON


def _lack(node: Node, facts: Mapping[str, int]) -> Lack:
    """Return what *node*, which should hold and does not, demands; of an exception what of it holds."""
    if not isinstance(node, Not):
        return Lack(_words(_condition(node, facts)), excepts=False, reads=_reads(node), place=node.place)
    parts = node.part.parts if isinstance(node.part, Some) else (node.part,)
    held = [part for part in parts if holds(part, facts)]
    says = " and ".join(_words(_condition(part, facts)) for part in held)
    place = (len(held) == 1 and held[0].place) or node.place
    return Lack(says, excepts=True, reads=_reads(*held), place=place)


def _reads(*nodes: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for node in nodes for test in tests(node) for name in test.reads))


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
