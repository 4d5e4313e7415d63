"""Holding detected switch-offs against agreed ones: authorised, overrun, unauthorised, partial or unexplained."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from django.db import transaction
from django.db.models import F, Q, QuerySet

from filterwatch.alerts.desk import Desk, logged
from filterwatch.alerts.families import family_named
from filterwatch.alerts.telling import publish
from filterwatch.events import LEVELS
from filterwatch.records import numbers, services
from filterwatch.records.models import Alert, AlertDetection, DetectedOff, SwitchOff
from filterwatch.records.models.switch_offs import Reconciliation
from filterwatch.records.outbox import row_id

OFF, RESTORED, SILENT, SPEAKS = "filter_off", "filter_restored", "source_silent", "source_speaks"
RULES = (OFF, RESTORED, SPEAKS)
"""Rules that become switch-offs instead of cases.  A silent source becomes both: a stretch nobody can explain, and a
case for the technician."""

STOPPED = ("filter_stopped", "filter_disabled")
EXEMPTED = "exemption_added"
CHANGED = "config_changed"

_WORDS = {
    EXEMPTED: Reconciliation.PARTIAL,
    CHANGED: Reconciliation.UNEXPLAINED,
    "silent": Reconciliation.UNEXPLAINED,
}
_KIND_OF_END = {"exemption_removed": (EXEMPTED,), "source_speaks": ("silent",)}


def note(detections: pl.DataFrame, now: datetime) -> None:
    """Open and end stretches in which a service was off; call it inside a transaction."""
    rules = [*RULES, SILENT]
    rows = detections.filter(pl.col("rule").is_in(rules)).sort("time", maintain_order=True)
    for row in rows.iter_rows(named=True):
        if row["rule"] in {OFF, SILENT}:
            _begin(row, now)
        else:
            _end(row)


def _begin(row: Mapping[str, Any], now: datetime) -> None:
    kind = "silent" if row["rule"] == SILENT else logged(row["kind"], 64) or "filter_stopped"
    service, began = logged(row["matched"] or row["source"], 200), row["time"]
    same = DetectedOff.objects.filter(site=row["site"] or "", service=service, kind__in=_alike(kind), began__lte=began)
    covered = Q(ended=None) | Q(ended__gte=began) if kind != CHANGED else Q(began=began)
    if DetectedOff.objects.filter(pk=row["id"]).exists() or same.filter(covered).exists():
        return
    DetectedOff.objects.create(
        id=row["id"],
        site=row["site"] or "",
        service=service,
        kind=kind,
        began=began,
        ended=began if kind == CHANGED else None,
        rule=logged(row["rule"], 200),
        rule_version=logged(row["rule_version"], 64),
        level=row["level"],
        reason=logged(row["reason"]),
        source=logged(row["source"], 200),
        stream=logged(row["stream"]),
        line_offset=row["line_offset"],
        line_length=row["line_length"],
        created_at=now,
    )


def _end(row: Mapping[str, Any]) -> None:
    word = SPEAKS if row["rule"] == SPEAKS else row["kind"] or ""
    kinds = _KIND_OF_END.get(word, STOPPED)
    still = DetectedOff.objects.filter(site=row["site"] or "", ended=None, began__lte=row["time"], kind__in=kinds)
    service = logged(row["matched"] or (row["source"] if row["rule"] == SPEAKS else ""), 200)
    if service:
        still = still.filter(service=service)
    still.update(ended=row["time"])


def _alike(kind: str) -> tuple[str, ...]:
    return STOPPED if kind in STOPPED else (kind,)


def judge(desk: Desk, now: datetime) -> int:
    """Judge every stretch that is long enough to be judged, and look whether agreed ones overrun.

    Returns:
        How many rows of the outbox are new.
    """
    new = DetectedOff.objects.filter(reconciliation="", restart=False)
    running = SwitchOff.objects.filter(state=SwitchOff.State.OFF, detected__isnull=False).distinct()
    if not (new.exists() or _agreed_to().exists() or running.exists()):
        return 0  # the usual second: no need to lock the database
    with transaction.atomic():
        told = sum(_judge(off, desk, now) for off in list(new.select_for_update()))
        told += sum(_overrun(off, desk, now) for off in list(_agreed_to()))
        for switch_off in list(running):
            _finish(switch_off, now)
    return told


def _judge(off: DetectedOff, desk: Desk, now: datetime) -> int:
    settings = desk.settings.switch_offs
    if off.kind == "filter_stopped":  # what somebody disabled is no restart
        if off.ended is not None and off.ended - off.began <= settings.grace:
            DetectedOff.objects.filter(pk=off.pk).update(restart=True)
            return 0
        if off.ended is None and now - off.began <= settings.grace:
            return 0
    agreed = _agreed(off, settings.early)
    if agreed is not None:
        off.switch_off, off.reconciliation = agreed, Reconciliation.AUTHORISED
        off.save(update_fields=["switch_off", "reconciliation"])
        began = min(off.began, *(other.began for other in agreed.detected.all()), off.began)
        state = SwitchOff.State.OFF if agreed.state == SwitchOff.State.APPROVED else agreed.state
        word = agreed.reconciliation or Reconciliation.AUTHORISED
        services.settle(agreed, now, actual_start=began, state=state, reconciliation=word)
        return 0
    return _unasked(off, desk, now)


def _agreed(off: DetectedOff, early: timedelta) -> SwitchOff | None:
    """Return the approved switch-off that covers *off*; approval after the fact does not count."""
    found = SwitchOff.objects.filter(
        site__in=["", off.site],
        found=False,
        approved_at__lte=off.began,
        planned_start__lte=off.began + early,
        planned_end__gte=off.began,
    ).exclude(state__in=[SwitchOff.State.REQUESTED, SwitchOff.State.REFUSED])
    if off.kind != EXEMPTED:
        found = found.filter(scope=SwitchOff.Scope.ALL)
    return found.order_by("-approved_at").first()


def _unasked(off: DetectedOff, desk: Desk, now: datetime) -> int:
    words = {
        EXEMPTED: Reconciliation.PARTIAL,
        CHANGED: Reconciliation.UNEXPLAINED,
        "silent": Reconciliation.UNEXPLAINED,
    }
    off.reconciliation = words.get(off.kind, Reconciliation.UNAUTHORISED)
    same = SwitchOff.objects.filter(
        found=True,
        site=off.site,
        reconciliation=off.reconciliation,
        state=SwitchOff.State.OFF,
        actual_start__gte=off.began - desk.settings.grouping.within,
    ).first()
    off.switch_off = same or services.record_found(off.site, off.began, off.reconciliation, now)
    off.save(update_fields=["switch_off", "reconciliation"])
    if same is not None or off.kind == "silent":
        return 0
    return _alert(off.switch_off, [off], desk, now)


def _agreed_to() -> QuerySet[DetectedOff]:
    """Return the authorised stretches that have not ended, or ended late."""
    late = Q(ended=None) | Q(ended__gt=F("switch_off__planned_end"))
    return DetectedOff.objects.filter(late, reconciliation=Reconciliation.AUTHORISED).select_related("switch_off")


def _overrun(off: DetectedOff, desk: Desk, now: datetime) -> int:
    agreed = off.switch_off
    if agreed is None or agreed.planned_end is None or off.kind == CHANGED:
        return 0
    if (off.ended or now) <= agreed.planned_end + desk.settings.switch_offs.overrun:
        return 0
    DetectedOff.objects.filter(pk=off.pk).update(reconciliation=Reconciliation.OVERRUN)
    if agreed.reconciliation == Reconciliation.OVERRUN:
        return 0
    services.settle(agreed, now, reconciliation=Reconciliation.OVERRUN)
    return _alert(agreed, [off], desk, now)


def _finish(switch_off: SwitchOff, now: datetime) -> None:
    """End a switch-off once each of its services is on again."""
    ends = list(switch_off.detected.values_list("ended", flat=True))
    if ends and all(end is not None for end in ends):
        last = max(end for end in ends if end is not None)
        services.settle(switch_off, now, state=SwitchOff.State.ENDED, actual_end=last)


def _alert(switch_off: SwitchOff, offs: list[DetectedOff], desk: Desk, now: datetime) -> int:
    """Tell the head and the governor about a switch-off; once for each reconciliation."""
    identifier = row_id("switch-off", switch_off.number, switch_off.reconciliation, "")
    if Alert.objects.filter(pk=identifier).exists():
        return 0
    level = max([desk.settings.switch_offs.level, *(off.level for off in offs)], key=LEVELS.index)
    family = family_named("filter")
    first = min(off.began for off in offs)
    alert = Alert(
        id=identifier,
        number=numbers.number(
            "FW", desk.local(now).year, identifier, lambda n: Alert.objects.filter(number=n).exists()
        ),
        site=offs[0].site,
        family=family.name,
        chain=family.chain,
        level=level,
        route=desk.settings.route(level),
        outcome="technical",
        rules={off.rule: off.rule_version for off in offs},
        subject=numbers.digest(desk.secret, "switch-off", switch_off.number),
        pseudonym=numbers.pseudonym(desk.secret, "switch-off", switch_off.number),
        group="system",
        first_time=first,
        last_time=first,
        count=len(offs),
        switch_off=switch_off,
        created_at=now,
    )
    told = publish(alert, desk, now)
    AlertDetection.objects.bulk_create(_evidence(alert, off) for off in offs)
    return told


def _evidence(alert: Alert, off: DetectedOff) -> AlertDetection:
    return AlertDetection(
        # One stretch may be behind two alerts: unauthorised first, overrunning later.
        id=f"{off.pk}-{alert.pk[:8]}",
        alert=alert,
        time=off.began,
        rule=off.rule,
        rule_version=off.rule_version,
        level=off.level,
        category="",
        kind=off.kind,
        reason=off.reason,
        matched=off.service,
        source=off.source,
        stream=off.stream,
        line_offset=off.line_offset,
        line_length=off.line_length,
    )
