"""What the weekly pages need from the registers, as plain counts.

Django must be set up (:func:`filterwatch.records.opening.open_registers`) before this module is imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from statistics import median

import polars as pl
from django.db.models import Q

from filterwatch.journal import Reader
from filterwatch.records.models import (
    Alert,
    AlertDetection,
    Incident,
    IncidentAction,
    LedgerEntry,
    Outbox,
    SignedHead,
    Silence,
    SwitchOff,
    UnblockRequest,
)
from filterwatch.reports import registers as counts
from filterwatch.reports.period import Period

SOON = timedelta(days=14)
"""What ends this soon is named: enough for a committee that meets every fortnight."""

UNDELIVERED_AFTER = timedelta(hours=1)
USUAL_WEEKS = 4
"""Periods before, whose mean is the usual count.  Source: standards WR3."""


def gather(period: Period, now: datetime, journal: Reader | None, sources: Iterable[str]) -> counts.Registers:
    """Return the counts of *period* as they stand *now*."""
    return counts.Registers(
        alerts=_alerts(period),
        acknowledge_minutes=_acknowledge_minutes(period),
        needs=_needs(now),
        undelivered=Outbox.objects.filter(
            Q(state="dead") | Q(state__in=["new", "retry", "leased"], created_at__lt=now - UNDELIVERED_AFTER)
        ).count(),
        switch_offs=_switch_offs(period, now),
        unblocks=_unblocks(period, now),
        rules=_verdicts(period),
        silences=tuple(
            counts.Expiring(one.rule or one.family or "everything", one.owner, one.expires_at)
            for one in Silence.objects.filter(ended_at=None, expires_at__gte=now, expires_at__lt=now + SOON)
        ),
        incidents=_incidents(period),
        coverage=_coverage(period, journal, sources),
        named_views=LedgerEntry.objects.filter(
            action__in=["names looked at", "read"], time__gte=period.start.isoformat(), time__lt=period.end.isoformat()
        ).count(),
        ledger_head=_head(),
    )


def _alerts(period: Period) -> tuple[counts.AlertCount, ...]:
    now = _by_family(period)
    earlier, usual = period, Counter[tuple[str, str]]()
    oldest = Alert.objects.order_by("created_at").values_list("created_at", flat=True).first()
    for _ in range(USUAL_WEEKS):
        earlier = earlier.before()
        usual.update(_by_family(earlier))
    watched = oldest is not None and oldest <= earlier.start
    return tuple(
        counts.AlertCount(family, group, now[family, group], usual[family, group] / USUAL_WEEKS if watched else None)
        for family, group in sorted(now | usual if watched else now)
    )


def _by_family(period: Period) -> Counter[tuple[str, str]]:
    rows = Alert.objects.filter(created_at__gte=period.start, created_at__lt=period.end)
    return Counter(rows.values_list("family", "group"))


def _acknowledge_minutes(period: Period) -> float | None:
    rows = Alert.objects.filter(acknowledged_at__gte=period.start, acknowledged_at__lt=period.end)
    waits = [
        (done - made).total_seconds() / 60 for made, done in rows.values_list("created_at", "acknowledged_at") if done
    ]
    return median(waits) if waits else None


def _needs(now: datetime) -> tuple[counts.Need, ...]:
    alerts = Alert.objects.filter(level__in=["critical", "high"], state="new").order_by("created_at")
    incidents = Incident.objects.filter(state="draft").order_by("created_at")
    return (
        *(
            counts.Need(
                one.number,
                f"{one.level} alert, not acknowledged",
                one.created_at,
                one.next_escalation_at is not None and one.next_escalation_at < now,
            )
            for one in sorted(alerts, key=lambda one: one.level != "critical")
        ),
        *(counts.Need(one.number, "incident without a conclusion", one.created_at) for one in incidents),
    )


def _switch_offs(period: Period, now: datetime) -> tuple[counts.SwitchOff, ...]:
    touching = SwitchOff.objects.filter(
        Q(actual_start__lt=period.end) & (Q(actual_end=None) | Q(actual_end__gte=period.start))
        | Q(actual_start=None, planned_start__lt=period.end, planned_end__gte=period.start)
    ).exclude(state__in=["refused", "requested"])
    return tuple(
        counts.SwitchOff(one.number, _VERDICTS.get(one.reconciliation, "not yet"), _minutes(one, period, now))
        for one in touching.order_by("number")
    )


_VERDICTS: Mapping[str, counts.Verdict] = {
    "authorised": "authorised",
    "overrun": "overrun",
    "unauthorised": "unauthorised",
    "partial": "partial",
    "unexplained": "unexplained",
}


def _minutes(one: SwitchOff, period: Period, now: datetime) -> int | None:
    if one.actual_start is None:
        return None
    end = min(one.actual_end or now, period.end)
    return max(0, round((end - max(one.actual_start, period.start)).total_seconds() / 60))


def _unblocks(period: Period, now: datetime) -> counts.Unblocks:
    decided = UnblockRequest.objects.filter(decided_at__gte=period.start, decided_at__lt=period.end)
    open_ = UnblockRequest.objects.filter(state__in=["applied", "verified"])
    return counts.Unblocks(
        waiting=UnblockRequest.objects.filter(state="requested").count(),
        agreed=decided.exclude(state="refused").count(),
        refused=decided.filter(state="refused").count(),
        unverified=UnblockRequest.objects.filter(state__in=["agreed", "applied"]).count(),
        expiring=open_.filter(expires_on__gte=now.date(), expires_on__lt=(now + SOON).date()).count(),
    )


def _verdicts(period: Period) -> tuple[counts.RuleVerdicts, ...]:
    triaged = Alert.objects.filter(triaged_at__gte=period.start, triaged_at__lt=period.end).exclude(verdict="")
    false = set(triaged.filter(verdict="false positive").values_list("pk", flat=True))
    pairs = set(AlertDetection.objects.filter(alert__in=triaged).values_list("rule", "alert"))
    alerts = Counter(rule for rule, _ in pairs)
    wrong = Counter(rule for rule, alert in pairs if alert in false)
    return tuple(counts.RuleVerdicts(rule, number, wrong[rule]) for rule, number in sorted(alerts.items()))


def _incidents(period: Period) -> counts.Incidents:
    opened = Incident.objects.filter(created_at__gte=period.start, created_at__lt=period.end)
    referrals = IncidentAction.objects.filter(kind="referral", at__gte=period.start, at__lt=period.end)
    return counts.Incidents(
        types=_counted(one.get_type_display() for one in opened),
        conclusions=_counted(one.get_conclusion_display() for one in opened),
        referrals=(counts.Count("referrals", number),) if (number := referrals.count()) else (),
    )


def _counted(words: Iterable[str]) -> tuple[counts.Count, ...]:
    return tuple(counts.Count(word, number) for word, number in sorted(Counter(words).items()))


def _coverage(period: Period, journal: Reader | None, sources: Iterable[str]) -> counts.Coverage:
    if journal is None:
        return counts.Coverage(tuple(counts.Watched(name, 0) for name in sources))
    totals = {row["source"]: row for row in journal.totals().iter_rows(named=True)}
    gaps = journal.gaps(limit=100_000).filter(pl.col("noticed").is_between(period.start, period.end, closed="left"))
    lost = Counter(gaps["source"].to_list())
    return counts.Coverage(
        tuple(
            counts.Watched(
                name,
                int(totals[name]["lines"]) if name in totals else 0,
                int(totals[name]["rejected"]) if name in totals else 0,
                lost[name],
                last=totals[name]["last_time"] if name in totals else None,
            )
            for name in sources
        )
    )


def _head() -> str | None:
    signed = SignedHead.objects.order_by("-date").values_list("head", flat=True).first()
    seal = signed or LedgerEntry.objects.order_by("-seq").values_list("seal", flat=True).first()
    return f"{seal[:8]}...{seal[-8:]}" if seal else None
