"""What is told together: the daily digest, what exceeded a recipient's limit, and the weekly test."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction

from filterwatch.alerts import messages
from filterwatch.alerts.desk import Desk
from filterwatch.alerts.settings import Role
from filterwatch.records.models import Alert, DigestItem, Outbox, Position, SwitchOff
from filterwatch.records.outbox import Message, Occasion, enqueue

HOUR = timedelta(hours=1)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def digests(desk: Desk, now: datetime) -> int:
    """Write every digest and test message that is due.

    Returns:
        How many rows of the outbox are new.
    """
    written = _test(desk, now)
    if desk.quiet(now):
        return written
    return written + _beyond_limits(desk, now) + _daily(desk, now)


def _daily(desk: Desk, now: datetime) -> int:
    digest, local = desk.settings.digest, desk.local(now)
    last, new = Position.objects.get_or_create(
        # On the very first day there is nothing to look back on.
        name="digest",
        defaults={"value": local.date().toordinal() - (local.time() < digest.at)},
    )
    today = local.date()
    if new or local.time() < digest.at or local.isoweekday() not in digest.days or last.value >= today.toordinal():
        return 0
    with transaction.atomic():
        Position.objects.select_for_update().filter(name="digest").update(value=today.toordinal())
        return sum(_one_daily(role, today, desk, now) for role in _readers(desk))


def _readers(desk: Desk) -> list[Role]:
    """Return who gets today's digest: whoever has something waiting, the coordinator always, the head as a witness."""
    wanted = set(DigestItem.objects.filter(told_at=None).values_list("recipient", flat=True)) | {"coordinator"}
    if desk.head_of is not None:
        wanted.add("head")
    return [role for role in desk.settings.recipients if role in wanted]


def _one_daily(role: Role, today: date, desk: Desk, now: datetime) -> int:
    alerts = _take(role, (DigestItem.Why.DAILY, DigestItem.Why.LIMIT), now)
    lines = [_counted(alerts, "since the last digest"), *messages.listed(alerts, desk), ""]
    lines += _still_open(now)
    lines += ["", "filterwatch is running; this message comes every school day. If it stays away, ask the technician."]
    if desk.head_of is not None:
        lines += ["", "Keep this message: the text below proves later that nobody has rewritten the registers.", ""]
        lines += desk.head_of(today).splitlines()
    title = f"Daily digest: {len(alerts)} new" if alerts else "Daily digest: nothing new"
    return _send(f"digest-{today}", role, title, lines, desk, now)


def _still_open(now: datetime) -> list[str]:
    """Return what waits for people, as counts."""
    new = Alert.objects.filter(state=Alert.State.NEW, route=Alert.Route.IMMEDIATE).count()
    dead = Outbox.objects.filter(state=Outbox.State.DEAD, created_at__gt=now - timedelta(days=7)).count()
    off = SwitchOff.objects.filter(state=SwitchOff.State.OFF).count()
    counted = [
        (new, "alerts that nobody has acknowledged"),
        (off, "switch-offs that have not ended"),
        (dead, "notifications of the last 7 days that could not be delivered"),
    ]
    return [f"Still open: {count} {what}." for count, what in counted if count] or ["Nothing is left open."]


def _beyond_limits(desk: Desk, now: datetime) -> int:
    """Tell together, at most hourly, what exceeded a recipient's limit; nothing is dropped."""
    since = now - desk.settings.limits.digest_after
    waiting = DigestItem.objects.filter(told_at=None, why=DigestItem.Why.LIMIT, created_at__lte=since)
    roles = set(waiting.values_list("recipient", flat=True))
    return sum(_one_beyond(role, desk, now) for role in desk.settings.recipients if role in roles)


def _one_beyond(role: Role, desk: Desk, now: datetime) -> int:
    recent = Outbox.objects.filter(recipient=role, about__startswith="limit-", created_at__gt=now - HOUR)
    if recent.exists():
        return 0
    with transaction.atomic():
        alerts = _take(role, (DigestItem.Why.LIMIT,), now)
        limit = f"more than {desk.settings.limits.per_hour} an hour or {desk.settings.limits.per_day} a day"
        lines = [_counted(alerts, f"beyond your limit of notifications ({limit})"), *messages.listed(alerts, desk)]
        title = f"Alerts beyond your limit: {len(alerts)}"
        return _send(f"limit-{now:%Y-%m-%dT%H:%M}", role, title, lines, desk, now)


def _take(role: Role, whys: Iterable[str], now: datetime) -> list[Alert]:
    """Return the alerts that wait for *role*, highest level first, and mark them told."""
    items = DigestItem.objects.filter(recipient=role, why__in=list(whys), told_at=None)
    alerts = list(Alert.objects.filter(digest_items__in=items).select_related("switch_off").distinct())
    items.update(told_at=now)
    return sorted(alerts, key=lambda alert: (alert.route != Alert.Route.IMMEDIATE, alert.last_time))


def _counted(alerts: list[Alert], what: str) -> str:
    return f"Alerts {what}: {len(alerts)}" if alerts else f"No alerts {what}."


def _send(about: str, role: Role, title: str, lines: list[str], desk: Desk, now: datetime) -> int:
    if desk.settings.console:
        lines = [*lines, "", "Sign in to read the cases:", f"{str(desk.settings.console).rstrip('/')}/alerts/"]
    message = Message(title, "\n".join(lines) + "\n")
    occasion = Occasion(about, Outbox.Kind.DIGEST)
    return enqueue(occasion, role, desk.settings.recipients[role].channels, message, now)


def _test(desk: Desk, now: datetime) -> int:
    """Write the weekly test to everybody, over every channel."""
    test, local = desk.settings.test, desk.local(now)
    if test is None or _DAYS[local.weekday()] != test.day or local.time() < test.at:
        return 0
    year, week, _ = local.isocalendar()
    occasion = Occasion(f"test-{year}-{week:02}", Outbox.Kind.TEST)
    if Outbox.objects.filter(about=occasion.about).exists():
        return 0
    body = "This is the weekly test: alerts reach you by this channel. Nothing has happened, nothing is to be done.\n"
    message = Message("Weekly test", body)
    with transaction.atomic():
        recipients = desk.settings.recipients.items()
        return sum(enqueue(occasion, role, who.channels, message, now) for role, who in recipients)
