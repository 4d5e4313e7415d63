"""Telling the next person while nobody acknowledges, and everybody again after the last, until somebody does."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from filterwatch.alerts.desk import Desk
from filterwatch.alerts.settings import Role
from filterwatch.alerts.telling import Reason, next_step, steps, tell
from filterwatch.records.models import Alert, Outbox

_UNDER_WAY = (Outbox.State.NEW, Outbox.State.LEASED, Outbox.State.RETRY, Outbox.State.SENT)


def escalate(desk: Desk, now: datetime) -> int:
    """Take every alert a step further whose time has come.

    It stops when somebody acknowledges, never after a number of tries; that a message was delivered is no
    acknowledgement.  In quiet hours only critical alerts go on.

    Returns:
        How many rows of the outbox are new.
    """
    waiting = Alert.objects.filter(state=Alert.State.NEW, next_escalation_at__isnull=False)
    due = list(waiting.filter(next_escalation_at__lte=now).order_by("next_escalation_at"))
    dead = [alert for alert in _undeliverable(desk) if alert not in due]
    quiet = desk.quiet(now)
    return sum(_further(alert, desk, now) for alert in [*due, *dead] if alert.level == "critical" or not quiet)


def _undeliverable(desk: Desk) -> list[Alert]:
    """Return alerts whose last step reached nobody and that have a next one: waiting would be of no use."""
    failed = Alert.objects.filter(
        state=Alert.State.NEW, next_escalation_at__isnull=False, notifications__state=Outbox.State.DEAD
    ).distinct()
    return [
        alert
        for alert in failed
        if alert.escalation_step + 1 < len(steps(alert, desk))
        and not _told(alert).filter(state__in=_UNDER_WAY).exists()
    ]


def _told(alert: Alert) -> QuerySet[Outbox]:
    """Return the notifications of the alert's last step."""
    rows = Outbox.objects.filter(alert=alert)
    if alert.escalation_step == 0:
        return rows.filter(kind=Outbox.Kind.IMMEDIATE)
    return rows.filter(occasion=str(alert.escalation_step), kind__in=[Outbox.Kind.ESCALATION, Outbox.Kind.REPEAT])


def _further(alert: Alert, desk: Desk, now: datetime) -> int:
    times, chain, step = desk.settings.escalation, steps(alert, desk), alert.escalation_step + 1
    last = step >= len(chain) - 1
    then = now + (times.repeat if last else times.after)
    waited = int((now - alert.created_at).total_seconds() // 60)
    with transaction.atomic():
        if not next_step(alert, then):
            return 0
        if step < len(chain):
            why = f"Nobody has acknowledged this {alert.level} alert for {waited} minutes, so you are told too."
            reason = Reason(Outbox.Kind.ESCALATION, str(step), why, None if last else then)
            return tell(alert, chain[step], reason, desk, now)
        why = f"Still nobody has acknowledged this {alert.level} alert, {waited} minutes after it was raised."
        everybody: list[Role] = [role for roles in chain for role in roles]
        return tell(alert, everybody, Reason(Outbox.Kind.REPEAT, str(step), why), desk, now)
