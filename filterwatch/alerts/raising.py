"""New detections become alerts and notifications, exactly once, in the transaction that moves the reading position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from django.db import transaction
from django.db.models import QuerySet, Sum

from filterwatch.alerts import drafts, switch_offs
from filterwatch.alerts.desk import Desk, JournalReader, logged
from filterwatch.alerts.families import family_of
from filterwatch.alerts.grouping import Detection, Session, sessions, subject, unseen
from filterwatch.alerts.telling import Reason, case_number, publish, silence_for, steps, tell
from filterwatch.clock import Clock
from filterwatch.events import LEVELS
from filterwatch.records import numbers, services
from filterwatch.records.models import Alert, AlertDetection, Incident, Outbox, Position
from filterwatch.records.outbox import row_id

BATCH = 1000
"""Detections read and committed together."""

KEPT_IN_FULL = 200
"""Detections of one alert that keep their text; of the others the id is kept, so that they count once."""


@dataclass(slots=True)
class Raised:
    """What came of a reading.

    Attributes:
        read: Detections read.
        new: New alerts by level.
        grown: Alerts that detections joined.
        notifications: New rows of the outbox.
        position: Where reading goes on.
    """

    read: int = 0
    new: Counter[str] = field(default_factory=Counter)
    grown: int = 0
    notifications: int = 0
    position: int = 0


def raise_new(journal: JournalReader, desk: Desk, clock: Clock, batch: int = BATCH) -> Raised:
    """Read every detection behind the stored position and make alerts of them.

    Args:
        journal: Where detections are.
        desk: Whom to tell, and how.
        clock: Time.
        batch: Detections committed together.
    """
    raised = Raised()
    while True:
        read = _one_batch(journal, desk, clock.now(), batch, raised)
        if read < batch:
            return raised


def _one_batch(journal: JournalReader, desk: Desk, now: datetime, limit: int, raised: Raised) -> int:
    position, _ = Position.objects.get_or_create(name="alerts")
    raised.position = position.value
    found = journal.detections(position.value, limit)
    if found.is_empty():
        return 0  # the usual second: no need to lock the database
    with transaction.atomic():
        locked = Position.objects.select_for_update().get(name="alerts")
        if locked.value != position.value:
            return limit  # another process was quicker: look again
        fresh = unseen(found.drop("position"))
        switch_offs.note(fresh, now)
        others = fresh.filter(~pl.col("rule").is_in(list(switch_offs.RULES)))
        for session in sessions(others.iter_rows(named=True), desk):
            _keep(session, desk, now, raised)
        raised.position = position.value = int(found["position"].max() or 0)  # type: ignore[arg-type] # an Int64 column
        position.save(update_fields=["value"])
    raised.read += found.height
    return found.height


def _keep(session: Session, desk: Desk, now: datetime, raised: Raised) -> None:
    if session.alert is None:
        alert = _new(session, desk, now)
        # Before the alert itself, so that it is told with its count; keys are checked when the transaction ends.
        _take_in(alert, session.detections, desk)
        raised.new[alert.level] += 1
        raised.notifications += publish(alert, desk, now)
        return
    alert, before = session.alert, session.alert.level
    _take_in(alert, session.detections, desk)
    _grow(alert, session, now)
    raised.grown += 1
    if alert.level != before:
        raised.notifications += _worse(alert, desk, now)


def _worse(alert: Alert, desk: Desk, now: datetime) -> int:
    """Tell the first people again, also those who had it: what they acknowledged was less."""
    alert.silence = silence_for(alert, now)
    alert.save(update_fields=["silence"])
    if alert.silence is not None:
        return 0
    if not Incident.objects.filter(alert=alert).exists():  # it was silenced until now
        drafts.open_for(alert, desk, now)
    then = now + desk.settings.escalation.after
    services.take_up_again(alert, then, now)
    worse = Reason(Outbox.Kind.IMMEDIATE, alert.level, f"A case you were told of is now {alert.level}.", then)
    return tell(alert, steps(alert, desk)[0], worse, desk, now)


def _new(session: Session, desk: Desk, now: datetime) -> Alert:
    key, one = session.key, session.detections[0]
    family = family_of(one["rule"], one["category"] or "", one["outcome"] or "")
    chain = "staff" if key.compartment == Alert.Compartment.STAFF and not family.protocol else family.chain
    identifier = row_id(key.site, key.who, key.family, key.route, one["id"])
    return Alert(
        id=identifier,
        number=case_number(identifier, desk, now),
        site=key.site,
        family=key.family,
        chain=chain,
        level=session.level,
        route=key.route,
        compartment=key.compartment,
        illegal_protocol=family.protocol,
        outcome=one["outcome"] or "",
        subject=subject(key, desk),
        pseudonym=numbers.pseudonym(desk.secret, key.site, key.who),
        group=one["group"] or "unknown",
        identity=one["identity"] or "unknown",
        person=logged(one["person"]) if key.who.startswith("person:") else "",
        user=logged(one["user"]),
        device=logged(one["device"]),
        client_ip=logged(one["client_ip"]),
        in_school_hours=one["in_school_hours"],
        first_time=session.first,
        last_time=session.last,
        created_at=now,
    )


def _grow(alert: Alert, session: Session, now: datetime) -> None:
    alert.first_time, alert.last_time = min(alert.first_time, session.first), max(alert.last_time, session.last)
    alert.save(update_fields=["first_time", "last_time", "count", "rules", "categories"])
    if LEVELS.index(session.level) > LEVELS.index(alert.level):
        services.raise_level(alert, session.level, now)


def _take_in(alert: Alert, detections: Sequence[Detection], desk: Desk) -> None:
    """Copy what is behind an alert from the journal, and count it; of illegal content never the address."""
    copied = AlertDetection.objects.filter(alert=alert).order_by()
    have = copied.count()
    AlertDetection.objects.bulk_create(
        _copy(alert, one, desk, full=have + place < KEPT_IN_FULL) for place, one in enumerate(detections)
    )
    alert.count = _events(copied)
    alert.rules = {**alert.rules, **{one["rule"]: one["rule_version"] or "" for one in detections}}
    alert.categories = sorted({*alert.categories, *(one["category"] for one in detections if one["category"])})


def _events(copied: QuerySet[AlertDetection]) -> int:
    """Return how many different events are at least behind an alert.

    One event may be found by several rules, and again by a rule that counts; of what a detection counts together, only
    one line is known.  The detections of one rule share no event, nor do detections of different lines.
    """
    lines = copied.exclude(line_offset=None).values("source", "stream", "line_offset").distinct().count()
    by_rule: QuerySet[AlertDetection, int] = (
        copied.values("rule").annotate(events=Sum("count")).values_list("events", flat=True)
    )
    return max(lines + copied.filter(line_offset=None).count(), *by_rule)


def _copy(alert: Alert, one: Detection, desk: Desk, *, full: bool) -> AlertDetection:
    shown = full and not alert.illegal_protocol
    return AlertDetection(
        id=one["id"],
        alert=alert,
        time=one["time"],
        rule=logged(one["rule"], 200),
        rule_version=logged(one["rule_version"], 64),
        level=one["level"],
        category=logged(one["category"], 64),
        kind=logged(one["kind"], 64),
        action=one["action"] or "",
        reason=logged(one["reason"]) if shown else "",
        host=logged(one["host"]) if shown else "",
        matched=logged(one["matched"]) if shown else "",
        digest=numbers.digest(desk.secret, "host", one["host"] or "") if alert.illegal_protocol else "",
        count=one["count"] or 1,
        source=logged(one["source"], 200),
        stream=logged(one["stream"]),
        line_offset=one["line_offset"],
        line_length=one["line_length"],
    )
