"""Telling people: who, now or in a digest, and not while an agreed silence lasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F

from filterwatch.alerts import drafts, messages
from filterwatch.alerts.desk import Desk
from filterwatch.alerts.settings import Role
from filterwatch.records import numbers, services
from filterwatch.records.models import Alert, DigestItem, Outbox, Silence
from filterwatch.records.outbox import Occasion, enqueue

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ONE_BY_ONE = (Outbox.Kind.IMMEDIATE, Outbox.Kind.ESCALATION, Outbox.Kind.REPEAT)
"""What the limits count: digests, reports and tests come at set times anyway."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why people are told now.

    Attributes:
        kind: One of ``Outbox.Kind``.
        which: Which step, repeat or level.
        why: The first sentence of the message; empty for the usual one.
        then: When the next step comes; null where none does.
    """

    kind: str
    which: str = ""
    why: str = ""
    then: datetime | None = None


def steps(alert: Alert, desk: Desk) -> list[list[Role]]:
    """Return who is told about *alert* in what order; its subject never is."""
    return desk.settings.steps(alert.chain, desk.subjects(alert.person, alert.user, alert.device))


def tell(alert: Alert, roles: Iterable[Role], reason: Reason, desk: Desk, now: datetime) -> int:
    """Write notifications about *alert*; call it inside the transaction that decided to tell.

    Where a recipient had too many, the alert waits for their next digest instead; critical alerts never wait.

    Returns:
        How many rows of the outbox are new.
    """
    written = 0
    for role in roles:
        recipient = desk.settings.recipients[role]
        if alert.level != "critical" and _had_enough(role, alert, reason, desk, now):
            later(alert, [role], DigestItem.Why.LIMIT, now)
            continue
        message = messages.notification(alert, role, desk, why=reason.why, then=reason.then)
        occasion = Occasion(alert.pk, reason.kind, reason.which, alert.level, alert)
        written += enqueue(occasion, role, recipient.channels, message, now)
    return written


def case_number(identifier: str, desk: Desk, now: datetime) -> str:
    """Return the case number of a new alert; call it inside the transaction that saves the alert."""
    return numbers.number("FW", desk.local(now).year, identifier, lambda n: Alert.objects.filter(number=n).exists())


def publish(alert: Alert, desk: Desk, now: datetime) -> int:
    """Save a new alert, open its incident, and tell whoever must hear of it or put it into their digest.

    Returns:
        How many rows of the outbox are new.
    """
    immediate = alert.route == Alert.Route.IMMEDIATE
    alert.silence = silence_for(alert, now)
    if immediate and alert.silence is None:
        alert.next_escalation_at = now + desk.settings.escalation.after
    services.open_alert(alert, now)
    if alert.silence is not None:
        return 0
    first = steps(alert, desk)[0]
    if alert.route == Alert.Route.DAILY:
        later(alert, first, DigestItem.Why.DAILY, now)
    if not immediate:
        return 0
    drafts.open_for(alert, desk, now)
    return tell(alert, first, Reason(Outbox.Kind.IMMEDIATE, then=alert.next_escalation_at), desk, now)


def later(alert: Alert, roles: Iterable[Role], why: str, now: datetime) -> None:
    """Put *alert* into the next digest of each of *roles*."""
    items = [DigestItem(alert=alert, recipient=role, why=why, created_at=now) for role in roles]
    DigestItem.objects.bulk_create(items, ignore_conflicts=True)


def _had_enough(role: Role, alert: Alert, reason: Reason, desk: Desk, now: datetime) -> bool:
    limits = desk.settings.limits
    told = Outbox.objects.filter(recipient=role, kind__in=ONE_BY_ONE, created_at__gt=now - DAY)
    # One notification over several channels is one; told again by a repeat of this call it is the same.
    one = told.exclude(about=alert.pk, kind=reason.kind, occasion=reason.which).values("about", "kind", "occasion")
    if one.distinct().count() >= limits.per_day:
        return True
    return one.filter(created_at__gt=now - HOUR).distinct().count() >= limits.per_hour


def silence_for(alert: Alert, now: datetime) -> Silence | None:
    """Return the silence that covers *alert*; critical alerts and illegal content are never silenced."""
    if alert.level == "critical" or alert.illegal_protocol:
        return None
    running = Silence.objects.filter(expires_at__gt=now, created_at__lte=now, ended_at=None)
    return next((silence for silence in running if _covers(silence, alert)), None)


def _covers(silence: Silence, alert: Alert) -> bool:
    # An alert of several rules is silent only if each of them is: the others still have something to say.
    rules = not silence.rule or set(alert.rules) == {silence.rule}
    family = silence.family in {"", alert.family}
    return rules and family and silence.pseudonym in {"", alert.pseudonym}


def next_step(alert: Alert, at: datetime | None) -> int:
    """Move *alert* to its next step unless somebody else has; return how many rows changed: 1 or 0."""
    return Alert.objects.filter(pk=alert.pk, state=Alert.State.NEW, escalation_step=alert.escalation_step).update(
        escalation_step=F("escalation_step") + 1, next_escalation_at=at
    )
