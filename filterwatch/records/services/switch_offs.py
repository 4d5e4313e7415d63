"""Changes of the register of switch-offs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from filterwatch.records.ledger import DAEMON, Actor
from filterwatch.records.models import SwitchOff
from filterwatch.records.services.change import change, create, demand, locked, next_number

State = SwitchOff.State


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody wants to do, and why.

    Attributes:
        reason: Why the filtering must be off.
        start: From when.
        end: Until when.
        scope: ``all``, ``person`` or ``device``.
        scope_name: Which person or device.
        supervision: Who watches meanwhile, and how.
        site: Empty for every site.
    """

    reason: str
    start: datetime
    end: datetime
    scope: str = "all"
    scope_name: str = ""
    supervision: str = ""
    site: str = ""


def find_switch_off(number: str) -> SwitchOff:
    """Return the switch-off called *number*.

    Raises:
        RecordsError: There is none.
    """
    with transaction.atomic():
        return locked(SwitchOff, number)


def request_switch_off(plan: Plan, by: Actor, now: datetime) -> SwitchOff:
    """Ask for the filtering to be switched off.

    Raises:
        RecordsError: The plan is not complete.
    """
    demand(plan.reason.strip(), "a switch-off needs a reason")
    demand(plan.end > plan.start, "the planned end is not after the planned start")
    demand(plan.end > now, "the planned end is past; filtering that was off unasked is explained, not requested")
    demand(plan.scope in SwitchOff.Scope.values, f"scope: must be all, person or device, found {plan.scope!r}")
    named = bool(plan.scope_name.strip())
    demand(named == (plan.scope != "all"), "name the person or device of a partial switch-off, and only of one")
    with transaction.atomic():
        made = SwitchOff(
            number=next_number("SO", SwitchOff, now),
            site=plan.site,
            requested_by=by.name,
            requested_at=now,
            reason=plan.reason,
            scope=plan.scope,
            scope_name=plan.scope_name,
            supervision=plan.supervision,
            planned_start=plan.start,
            planned_end=plan.end,
            created_at=now,
        )
        create(made, "requested", by, now)
        return made


def approve(number: str, note: str, by: Actor, now: datetime) -> SwitchOff:
    """Note that the head agrees; only from now on does it count.

    Raises:
        RecordsError: It is decided already, or whoever asked approves their own request.
    """
    return _decide(number, State.APPROVED, note, by, now)


def refuse(number: str, note: str, by: Actor, now: datetime) -> SwitchOff:
    """Note that the head does not agree.

    Raises:
        RecordsError: As :func:`approve`, or no reason is given.
    """
    demand(note.strip(), f"{number}: say why it is refused")
    return _decide(number, State.REFUSED, note, by, now)


def _decide(number: str, state: str, note: str, by: Actor, now: datetime) -> SwitchOff:
    with transaction.atomic():
        found = locked(SwitchOff, number)
        demand(found.state == State.REQUESTED, f"{found.number}: it is {found.state}, not waiting for a decision")
        same = found.requested_by.strip().casefold() == by.name.strip().casefold()
        demand(not same, f"{found.number}: {by.name} asked for it and cannot approve it; the head or a governor can")
        change(
            found, state, by, now, {"state": state, "approved_by": by.name, "approved_at": now, "decision_note": note}
        )
        return found


def start(number: str, by: Actor, now: datetime) -> SwitchOff:
    """Note that somebody switches the filtering off now.

    Raises:
        RecordsError: It is not approved.
    """
    with transaction.atomic():
        found = locked(SwitchOff, number)
        demand(found.state == State.APPROVED, f"{found.number}: it is {found.state}; the head must approve it first")
        change(
            found,
            "started",
            by,
            now,
            {"state": State.OFF, "started_by": by.name, "actual_start": found.actual_start or now},
        )
        return found


def end(number: str, by: Actor, now: datetime) -> SwitchOff:
    """Note that the filtering is on again.

    Raises:
        RecordsError: It is not off.
    """
    with transaction.atomic():
        found = locked(SwitchOff, number)
        demand(found.state == State.OFF, f"{found.number}: it is {found.state}, not off")
        change(
            found, "ended", by, now, {"state": State.ENDED, "ended_by": by.name, "actual_end": found.actual_end or now}
        )
        return found


def check_restored(number: str, how: str, by: Actor, now: datetime) -> SwitchOff:
    """Note how somebody made sure that the filter works again.

    Raises:
        RecordsError: It is not ended, or how is not said.
    """
    demand(how.strip(), f"{number}: say how it was seen that the filter works again")
    with transaction.atomic():
        found = locked(SwitchOff, number)
        demand(found.state == State.ENDED, f"{found.number}: it is {found.state}; end it first")
        change(
            found,
            "checked",
            by,
            now,
            {"state": State.CHECKED, "checked_by": by.name, "checked_at": now, "check_note": how},
        )
        return found


def explain(number: str, why: str, by: Actor, now: datetime) -> SwitchOff:
    """Add the reason of a switch-off that was found in the logs; it stays unauthorised.

    Raises:
        RecordsError: It was asked for, or no reason is given.
    """
    demand(why.strip(), f"{number}: say why the filtering was off")
    with transaction.atomic():
        found = locked(SwitchOff, number)
        demand(found.found, f"{found.number}: it was asked for with its reason")
        change(found, "explained", by, now, {"reason": why})
        return found


def record_found(site: str, began: datetime, reconciliation: str, now: datetime) -> SwitchOff:
    """Enter what the logs show and nobody had agreed."""
    with transaction.atomic():
        made = SwitchOff(
            number=next_number("SO", SwitchOff, now),
            site=site,
            found=True,
            state=State.OFF,
            reconciliation=reconciliation,
            actual_start=began,
            created_at=now,
        )
        create(made, "found", DAEMON, now)
        return made


def settle(found: SwitchOff, now: datetime, **fields: object) -> None:
    """Enter what the logs say about a switch-off: actual times, state, reconciliation; nothing new changes nothing."""
    news = {name: value for name, value in fields.items() if getattr(found, name) != value}
    if news:
        change(found, "reconciled", DAEMON, now, news)
