"""What each rule says of a request: what it found, whom that would reach, or the one condition that it lacked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING

from filterwatch import policy
from filterwatch.events import LEVELS
from filterwatch.policy import Lack, Verdict

if TYPE_CHECKING:
    from filterwatch.alerts import Settings as Alerts

ILLEGAL = "csam"
"""Category whose addresses nobody is shown.  Source: standards AX1, illegal-content protocol."""

_LONGEST = 120
"""Characters of a rule's words that are shown."""

_PERSONAL = frozenset({"person", "user", "device"})
"""Columns whose values a rule may list by name."""

_EXCEPT = ("who", "except")
"""Where a rule may list all of them."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_SAID = {
    "categories": ("on no list of a category", "on the lists as {}"),
    "in_school_hours": ("outside school hours", "in school hours"),
    "in_term": ("in the holidays", "in term time"),
    "group": ("unknown", "{}"),
    "search_terms": ("no search", '"{}"'),
    "search_kind": ("no search", "{}"),
    "safe_search": ("the address does not say", "{}"),
    "embedded": ("a visit", "loaded by another page or a program"),
    "counted": ("counted already", "counted"),
}
"""By column, what is said of a value that is null or false, and of any other."""


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a detection reaches.

    Attributes:
        route: ``immediate``, ``daily``, ``weekly`` or ``none``.
        first: Roles that are told first; empty where no configuration says so.
        then: Roles of the next steps, while nobody takes the alert.
    """

    route: str
    first: tuple[str, ...]
    then: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A rule that holds.

    Attributes:
        policy: The policy's words and their section; null for a technical rule.
        more: How many more such requests within *minutes* it needs, by the same *by*; 0 where one is enough.
        apart: Minutes within which what follows one that counted belongs to it.
        visits: Whether only visits count, not what pages and programs load by themselves.
        once: Level of what may be an accident, a person's first such visit in a week; null where that makes no
            difference.
        told: Null where no configuration says who.
    """

    rule: str
    version: str
    title: str
    level: str
    outcome: str
    category: str | None
    reason: str
    policy: tuple[str, str] | None
    more: int
    minutes: float
    by: str | None
    apart: float
    visits: bool
    once: str | None
    limits: str | None
    told: Told | None
    file: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition without which a rule does not hold.

    Attributes:
        needs: What it demands; with *excepts*, what holds and must not.
        found: What the request has instead; empty where that must not be shown.
        says: The words of the rule's file: key and value; empty where they name a person.
        file: Where that is; its line beside it.
    """

    needs: str
    excepts: bool
    found: str
    says: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Near:
    """A rule that lacks one condition only: the one in *lacks*, or any one of several."""

    rule: str
    title: str
    level: str
    lacks: tuple[Condition, ...]


def held(
    rules: policy.RuleSet, verdicts: Sequence[Verdict], row: Mapping[str, object], alerts: Alerts | None
) -> list[Held]:
    """Return the rules that hold: what one request is enough for first, then by level."""
    places = _documents(rules)
    found = [_held(one, places[one.rule.id], row, alerts) for one in verdicts if one.held]
    return sorted(found, key=lambda one: (one.more > 0, -LEVELS.index(one.level), one.rule))


def near(rules: policy.RuleSet, verdicts: Sequence[Verdict], row: Mapping[str, object], *, hide: bool) -> list[Near]:
    """Return the rules that nearly hold, nearest first: of which only who or when is missing, then by level.

    Args:
        rules: All rules.
        verdicts: What they say.
        row: The event.
        hide: Whether nothing may be shown of the address.
    """
    places = _documents(rules)
    some = [one for one in verdicts if one.lacks]
    some.sort(key=lambda one: (not one.match.held, -LEVELS.index(one.rule.level), one.rule.id))
    return [
        Near(
            one.rule.id,
            one.rule.title,
            one.rule.level,
            tuple(_condition(lack, places[one.rule.id], row, hide=hide) for lack in one.lacks),
        )
        for one in some
    ]


def _documents(rules: policy.RuleSet) -> Mapping[str, policy.Loaded]:
    return {one.rule.id: one for one in rules.loaded}


def _held(one: Verdict, loaded: policy.Loaded, row: Mapping[str, object], alerts: Alerts | None) -> Held:
    rule, count = one.rule, one.rule.count
    return Held(
        rule=rule.id,
        version=loaded.version,
        title=rule.title,
        level=rule.level,
        outcome=rule.outcome,
        category=rule.category,
        reason=one.reason or "",
        policy=(rule.policy.text, rule.policy.section) if rule.policy else None,
        more=count.at_least - 1 if count else 0,
        minutes=count.within.total_seconds() / 60 if count else 0,
        by=count.by if count else None,
        apart=count.apart.total_seconds() / 60 if count else 0,
        visits=rule.visits != "any",
        once=rule.once,
        limits=rule.limits,
        told=_told(rule, row, alerts) if alerts else None,
        file=loaded.document.path,
    )


def _told(rule: policy.Rule, row: Mapping[str, object], alerts: Alerts) -> Told:
    """Return whom an alert of *rule* reaches, as :mod:`filterwatch.alerts.grouping` and ``raising`` decide it."""
    from filterwatch.alerts.families import family_of  # noqa: PLC0415 - only where there is a configuration

    family = family_of(rule.id, rule.category or "", rule.outcome)
    staff = row["group"] in {"staff", "governors"} and not family.protocol
    subjects = frozenset(str(row[name]).casefold() for name in ("person", "user", "device") if row[name])
    first, *then = alerts.steps("staff" if staff else family.chain, subjects)
    route = "immediate" if family.protocol else alerts.route(rule.level)
    return Told(route, tuple(first), tuple(role for step in then for role in step))


def _condition(lack: Lack, loaded: policy.Loaded, row: Mapping[str, object], *, hide: bool) -> Condition:
    place = loaded.document.mistake(lack.place, "")
    personal = lack.place == _EXCEPT or not _PERSONAL.isdisjoint(lack.reads)
    quiet = hide or personal or loaded.rule.category == ILLEGAL
    return Condition(
        needs=lack.says,
        excepts=lack.excepts,
        found="" if quiet else " and ".join(_seen(row, lack.reads)),
        says="" if quiet else _words(loaded.document.data, lack.place),
        file=place.path,
        line=place.line,
    )


def _words(data: object, place: Sequence[str | int]) -> str:
    """Return key and value at *place* of a rule's file, cut."""
    keys = ".".join(str(key) for key in place if isinstance(key, str))
    for key in place:
        # One value may stand in place of a list of one.
        inside = data if isinstance(data, dict) else dict(enumerate(data)) if isinstance(data, list) else {}
        data = inside.get(key, data)
    text = f"{keys}: {_plain(data)}" if keys else ""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_plain(one)}" for key, one in value.items()) + "}"
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _seen(row: Mapping[str, object], columns: Sequence[str]) -> Iterator[str]:
    """Yield what the event has in *columns*, in words, each once."""
    if "weekday" in columns:
        at, day = row["local_time"], row["weekday"]
        if isinstance(at, time) and isinstance(day, int):
            yield f"{_DAYS[day - 1]} {at:%H:%M}"
    for name in columns:
        value = row.get(name)
        if name == "host":
            yield str(value or row.get("query") or "no host")
        elif name in _SAID:
            yield _SAID[name][bool(value)].replace("{}", _plain(value))
        elif name not in {"weekday", "local_time"}:
            yield f"no {name.replace('_', ' ')} known" if value is None else str(value)
