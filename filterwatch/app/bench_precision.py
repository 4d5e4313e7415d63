"""How often rules were right, by the verdicts of the people who looked at their alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

FEWEST = 10
"""Verdicts below which no precision is told: one more would move it too far."""

_Z = 1.959964
"""Of 95 per cent, both sides."""

MEANS = {
    "breach": "true",
    "welfare": "true",
    "false positive": "false",
    "accidental": "unclear",
    "technical": "unclear",
}
"""What each verdict of a triage says of the rules behind the alert.  An accidental visit shows neither: the rule saw
what it should, and nobody did anything."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Verdicts on alerts that a rule had a part in.

    Attributes:
        open: Alerts without a verdict.
    """

    rule: str
    true: int
    false: int
    unclear: int
    open: int

    @property
    def interval(self) -> tuple[float, float, float] | None:
        """Precision with its 95 % Wilson interval: low, value, high; null below ten clear verdicts."""
        return wilson(self.true, self.true + self.false) if self.true + self.false >= FEWEST else None


def wilson(right: int, of: int) -> tuple[float, float, float]:
    """Return the low end, the share and the high end of the 95 % Wilson interval; *of* is at least 1.

    Source: Wilson 1927, as in Brown, Cai and DasGupta 2001.
    """
    share = right / of
    bend = _Z * _Z / of
    middle = (share + bend / 2) / (1 + bend)
    half = _Z / (1 + bend) * sqrt(share * (1 - share) / of + bend / (4 * of))
    return max(0.0, middle - half), share, min(1.0, middle + half)


def of_verdicts(alerts: Iterable[tuple[Mapping[str, str], str]]) -> list[Precision]:
    """Return the precision of every rule, by name.

    Args:
        alerts: Rule ids with their versions, and the verdict or nothing, of each alert.
    """
    counts: dict[str, Counter[str]] = {}
    for rules, verdict in alerts:
        for rule in rules:
            counts.setdefault(rule, Counter())[MEANS.get(verdict, "open")] += 1
    return [
        Precision(rule, said["true"], said["false"], said["unclear"], said["open"])
        for rule, said in sorted(counts.items())
    ]


def of_registers(start: datetime | None, end: datetime | None) -> list[Precision]:
    """Return the precision of every rule over the alerts that began in between; the registers are open."""
    from filterwatch.records.models import Alert  # noqa: PLC0415 - models need Django to be set up

    alerts = Alert.objects.all()
    if start is not None:
        alerts = alerts.filter(first_time__gte=start)
    if end is not None:
        alerts = alerts.filter(first_time__lt=end)
    return of_verdicts(alerts.values_list("rules", "verdict").iterator())
