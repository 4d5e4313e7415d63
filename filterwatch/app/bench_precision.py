"""How often rules were right, by the verdicts of the people who looked at their alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

FEWEST = 10
"""Clear verdicts below which no precision is told: one more would move it too far."""

FEWEST_PEOPLE = 3
"""Different people below whom none is told either: verdicts on one of them are nearly one verdict."""

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
        earlier: The alerts are of a wording of the rule that is not in use any more.
        open: Alerts without a verdict.
        people: Different persons (or devices) behind the clear verdicts, true or false.
    """

    rule: str
    earlier: bool
    true: int
    false: int
    unclear: int
    open: int
    people: int

    @property
    def clear(self) -> int:
        """How many verdicts say that the rule was right or wrong."""
        return self.true + self.false

    @property
    def interval(self) -> tuple[float, float, float] | None:
        """Precision with its 95 % Wilson interval: low, value, high; null for too few clear verdicts or people."""
        enough = self.clear >= FEWEST and self.people >= FEWEST_PEOPLE
        return wilson(self.true, self.clear) if enough else None


@dataclass(frozen=True, slots=True)
class Told:
    """What an alert says of its rules.

    Attributes:
        rules: Their ids with the version that held.
        verdict: Nothing, or what triage found.
        subject: Digest of the person or device.
    """

    rules: Mapping[str, str]
    verdict: str
    subject: str


def wilson(right: int, of: int) -> tuple[float, float, float]:
    """Return the low end, the share and the high end of the 95 % Wilson interval; *of* is at least 1.

    Source: Wilson 1927, as in Brown, Cai and DasGupta 2001.
    """
    share = right / of
    bend = _Z * _Z / of
    middle = (share + bend / 2) / (1 + bend)
    half = _Z / (1 + bend) * sqrt(share * (1 - share) / of + bend / (4 * of))
    return max(0.0, middle - half), share, min(1.0, middle + half)


def of_verdicts(alerts: Iterable[Told], versions: Mapping[str, str]) -> list[Precision]:
    """Return the precision of every rule, by name; that of wordings no longer in use apart, after the one in use.

    Args:
        alerts: In any order.
        versions: Of the rules in use; what is not among them (detectors, rules that are gone) has one wording here.
    """
    counts: dict[tuple[str, bool], Counter[str]] = {}
    people: dict[tuple[str, bool], set[str]] = {}
    for alert in alerts:
        means = MEANS.get(alert.verdict, "open")
        for rule, version in alert.rules.items():
            key = rule, versions.get(rule, version) != version
            counts.setdefault(key, Counter())[means] += 1
            if means in {"true", "false"}:
                people.setdefault(key, set()).add(alert.subject)
    return [
        Precision(*key, said["true"], said["false"], said["unclear"], said["open"], len(people.get(key, ())))
        for key, said in sorted(counts.items())
    ]


def of_registers(start: datetime | None, end: datetime | None, versions: Mapping[str, str]) -> list[Precision]:
    """Return the precision of every rule over the alerts that began in between; the registers are open."""
    from filterwatch.records.models import Alert  # noqa: PLC0415 - models need Django to be set up

    alerts = Alert.objects.all()
    if start is not None:
        alerts = alerts.filter(first_time__gte=start)
    if end is not None:
        alerts = alerts.filter(first_time__lt=end)
    return of_verdicts((Told(*row) for row in alerts.values_list("rules", "verdict", "subject").iterator()), versions)
