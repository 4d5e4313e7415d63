"""The rules behind an alert, as they are today: an alert keeps their names and versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterwatch import policy

SHORT = 12
"""First digits of a detection's id that are shown: enough to find it by."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A rule behind an alert.

    Attributes:
        title: Empty for a detector's and for a rule that is gone.
        policy: The policy's words and their section; null where it has none.
        changed: Whether the rule that held was another version than today's.
    """

    rule: str
    title: str
    policy: tuple[str, str] | None
    changed: bool


def behind(rules: Path, held: Iterable[tuple[str, str]]) -> Sequence[Behind]:
    """Return the rules that *held*, by id and version, each once.

    Raises:
        ConfigurationError: With every mistake in the rules of today.
    """
    versions: dict[str, set[str]] = {}
    for rule, version in held:
        versions.setdefault(rule, set()).add(version)
    today = {one.rule.id: one for one in policy.load(rules).loaded}
    out = []
    for rule, then in versions.items():
        one = today.get(rule)
        sentence = one.rule.policy if one else None
        words = (sentence.text, sentence.section) if sentence else None
        out.append(Behind(rule, one.rule.title if one else "", words, one is not None and then != {one.version}))
    return out
