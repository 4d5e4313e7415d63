"""Changes of alerts and silences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from filterwatch.records import numbers
from filterwatch.records.ledger import DAEMON, Actor
from filterwatch.records.models import Alert, AlertDetection, Outbox, Silence
from filterwatch.records.services.change import RecordsError, change, create, demand, locked, note

LONGEST_SILENCE = timedelta(days=31)


def find_alert(number: str) -> Alert:
    """Return the alert called *number*.

    Raises:
        RecordsError: There is none.
    """
    with transaction.atomic():
        return locked(Alert, number)


def illegal(detections: Sequence[AlertDetection]) -> set[str]:
    """Return the ids of *detections* whose line is illegal content by any alert: no other may show its address."""
    offsets = {one.line_offset for one in detections if one.line_offset is not None}
    known = AlertDetection.objects.filter(alert__illegal_protocol=True, line_offset__in=offsets)
    lines = set(known.values_list("source", "stream", "line_offset"))
    return {one.id for one in detections if (one.source, one.stream, one.line_offset) in lines}


def open_alert(alert: Alert, now: datetime) -> None:
    """Save a new alert of the daemon."""
    create(alert, "raised", DAEMON, now)


def raise_level(alert: Alert, level: str, now: datetime) -> None:
    """Note that worse came after the alert was raised."""
    change(alert, "level raised", DAEMON, now, {"level": level})


def take_up_again(alert: Alert, then: datetime, now: datetime) -> None:
    """Ask for an acknowledgement anew: the case is worse than what was acknowledged.  *then* it goes to the next."""
    alert.escalation_step, alert.next_escalation_at = 0, then
    alert.save(update_fields=["escalation_step", "next_escalation_at"])
    if alert.state == Alert.State.ACKNOWLEDGED:
        change(alert, "taken up again", DAEMON, now, {"state": Alert.State.NEW})


def acknowledge(number: str, by: Actor, now: datetime) -> Alert:
    """Note that somebody has it: escalation stops and nothing more is sent about it.

    Raises:
        RecordsError: No such alert, or somebody has it already.
    """
    with transaction.atomic():
        alert = locked(Alert, number)
        if alert.state != Alert.State.NEW:
            has_it = f"{alert.acknowledged_by} has it since {alert.acknowledged_at:%d %b %Y %H:%M} UTC"
            raise RecordsError(f"{alert.number}: already acknowledged: {has_it}")
        change(alert, "acknowledged", by, now, _acknowledgement(by, now))
        _nothing_more(alert)
        return alert


def acknowledge_by_code(code: str, by: Actor, now: datetime) -> Alert:
    """As :func:`acknowledge`, by the code that a notification carries.

    Raises:
        RecordsError: No such code, or somebody has the alert already.
    """
    row = Outbox.objects.filter(code=numbers.normal(code), alert__isnull=False).select_related("alert").first()
    if row is None or row.alert is None:
        raise RecordsError("no such code; it stands in the notification and looks like 4HK7-92QX")
    return acknowledge(row.alert.number, by, now)


def triage(number: str, verdict: str, text: str, by: Actor, now: datetime) -> Alert:
    """Note what somebody found who looked at it; whoever triages has it too.

    Raises:
        RecordsError: No such alert, it is closed, or the verdict is none of ``Alert.Verdict``.
    """
    possible = [value for value in Alert.Verdict.values if value]
    demand(verdict in possible, f"verdict: must be one of {', '.join(possible)}, found {verdict!r}")
    with transaction.atomic():
        alert = locked(Alert, number)
        demand(alert.state != Alert.State.CLOSED, f"{alert.number}: it is closed; reopen it first")
        taken = _acknowledgement(by, now) if alert.state == Alert.State.NEW else {}
        fields = {**taken, "state": Alert.State.TRIAGED, "verdict": verdict, "note": text, "triaged_at": now}
        change(alert, "triaged", by, now, fields)
        _nothing_more(alert)
        return alert


def close(number: str, by: Actor, now: datetime) -> Alert:
    """Close an alert.

    Raises:
        RecordsError: It has no verdict yet, or its incident of illegal content is not concluded.
    """
    with transaction.atomic():
        alert = locked(Alert, number)
        demand(alert.state != Alert.State.CLOSED, f"{alert.number}: it is closed already")
        demand(alert.verdict, f"{alert.number}: it has no verdict yet; triage it first")
        incident = getattr(alert, "incident", None)
        if alert.illegal_protocol and incident is not None and incident.state == "draft":
            raise RecordsError(
                f"{alert.number}: the illegal-content protocol is not finished; conclude incident {incident.number}"
            )
        change(alert, "closed", by, now, {"state": Alert.State.CLOSED, "closed_at": now})
        return alert


def reopen(number: str, why: str, by: Actor, now: datetime) -> Alert:
    """Take up again what was triaged or closed; the verdict stays until the next.

    Raises:
        RecordsError: It is open, or no reason is given.
    """
    with transaction.atomic():
        alert = locked(Alert, number)
        demand(alert.state in {Alert.State.TRIAGED, Alert.State.CLOSED}, f"{alert.number}: it is open already")
        demand(why.strip(), f"{alert.number}: say why it is reopened")
        change(alert, "reopened", by, now, {"state": Alert.State.ACKNOWLEDGED, "closed_at": None}, why=why)
        return alert


def reveal(number: str, why: str, by: Actor, second: Actor | None, now: datetime) -> Alert:
    """Return the alert to somebody who will read its names; that they looked is recorded.

    Raises:
        RecordsError: No reason, or a second person is needed (staff, illegal content) and not named.
    """
    demand(why.strip(), f"{number}: say why the names are needed, with --why")
    with transaction.atomic():
        alert = locked(Alert, number)
        if alert.compartment != Alert.Compartment.GENERAL:
            two = second is not None and second.name.strip().casefold() not in {"", by.name.strip().casefold()}
            demand(
                two, f"{alert.number}: {alert.compartment} case: a second person must agree; name them with --second"
            )
        said = {"why": why, "second": second.name if second else ""}
        note(alert, "names looked at", said, by, now)
        return alert


def silence(
    reason: str, until: datetime, by: Actor, now: datetime, *, rule: str = "", family: str = "", pseudonym: str = ""
) -> Silence:
    """Pause notifications of some alerts until a time; critical ones are sent all the same.

    Raises:
        RecordsError: No reason, nothing to silence named, or the end is past or further than 31 days.
    """
    demand(reason.strip(), "a silence needs a reason")
    demand(rule or family or pseudonym, "name what is silenced: a rule, a family or a pseudonym")
    demand(now < until <= now + LONGEST_SILENCE, "a silence ends in the future, within 31 days; renew it then")
    made = Silence(
        rule=rule, family=family, pseudonym=pseudonym, owner=by.name, reason=reason, created_at=now, expires_at=until
    )
    create(made, "silenced", by, now)
    return made


def end_silence(pk: int, by: Actor, now: datetime) -> Silence:
    """End a silence before its time.

    Raises:
        RecordsError: No such silence, or it has ended.
    """
    with transaction.atomic():
        found = Silence.objects.select_for_update().filter(pk=pk).first()
        if found is None or found.ended_at is not None or found.expires_at <= now:
            raise RecordsError(f"{pk}: no such silence, or it has ended")
        change(found, "silence ended", by, now, {"ended_at": now})
        return found


def _acknowledgement(by: Actor, now: datetime) -> dict[str, object]:
    return {
        "state": Alert.State.ACKNOWLEDGED,
        "acknowledged_at": now,
        "acknowledged_by": by.name,
        "next_escalation_at": None,
    }


def _nothing_more(alert: Alert) -> None:
    """Take back what is not sent yet and mark what was."""
    waiting = [Outbox.State.NEW, Outbox.State.RETRY, Outbox.State.SENT]
    Outbox.objects.filter(alert=alert, state__in=waiting).update(state=Outbox.State.ACKED)
