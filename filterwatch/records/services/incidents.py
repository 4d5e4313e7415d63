"""Changes of the incident log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from filterwatch.records import ledger
from filterwatch.records.ledger import DAEMON, Actor
from filterwatch.records.models import (
    Incident,
    IncidentAction,
    IncidentDecision,
    IncidentPerson,
    IncidentReview,
)
from filterwatch.records.services.change import RecordsError, change, create, demand, locked, next_number, note, tidy

State = Incident.State
EDITABLE = {
    "type", "site", "place", "description", "people", "identified", "identified_how", "happened_at", "serious",
    "illegal", "compartment",
}  # fmt: skip
_CHOICES: dict[str, list[str]] = {
    "type": Incident.Type.values,
    "identified": Incident.Identified.values,
    "compartment": ["general", "staff", "illegal"],
}


def find_incident(number: str) -> Incident:
    """Return the incident called *number*.

    Raises:
        RecordsError: There is none.
    """
    with transaction.atomic():
        return locked(Incident, number)


def read_incident(number: str, by: Actor, now: datetime) -> Incident:
    """As :func:`find_incident`, for somebody who reads it: that they looked is recorded."""
    with transaction.atomic():
        found = locked(Incident, number)
        note(found, "read", {}, by, now)
        return found


def open_incident(incident: Incident, by: Actor, now: datetime) -> Incident:
    """Save a new draft; its number is given here.

    Raises:
        RecordsError: A choice is none, or its alert has an incident already.
    """
    for field, possible in _CHOICES.items():
        _one_of(field, getattr(incident, field), possible)
    with transaction.atomic():
        if incident.alert_id and Incident.objects.filter(alert_id=incident.alert_id).exists():
            raise RecordsError("this alert has an incident already; edit that one")
        incident.number = next_number("IN", Incident, now)
        incident.recorder = by.name
        incident.created_at = now
        create(incident, "opened", by, now)
        return incident


def edit_incident(number: str, by: Actor, now: datetime, **fields: object) -> Incident:
    """Change fields of an unsigned incident.

    Raises:
        RecordsError: It is signed, or a field or choice does not exist.
    """
    unknown = sorted(set(fields) - EDITABLE)
    demand(not unknown, f"{number}: no such field: {', '.join(unknown)}; there are {', '.join(sorted(EDITABLE))}")
    for field, possible in _CHOICES.items():
        if field in fields:
            _one_of(field, fields[field], possible)
    with transaction.atomic():
        found = _open(number)
        change(found, "edited", by, now, fields)
        return found


def add_person(person: IncidentPerson, number: str, by: Actor, now: datetime) -> None:
    """Add somebody involved.

    Raises:
        RecordsError: The incident is signed, no name is given, or the role does not exist.
    """
    _one_of("role", person.role, IncidentPerson.Role.values)
    demand(person.name.strip(), "say who is involved, or how they are known where the name is not")
    with transaction.atomic():
        found = _open(number)
        person.incident = found
        tidy(person)
        person.save(force_insert=True)
        said = {"name": person.name, "role": person.role, "group": person.group, "known_by": person.known_by}
        note(found, "person added", {"+involved": said}, by, now)


def add_action(number: str, kind: str, text: str, at: datetime, by: Actor, now: datetime) -> None:
    """Add what was done.

    Raises:
        RecordsError: The incident is signed, the text is missing or the kind does not exist.
    """
    _one_of("kind", kind, IncidentAction.Kind.values)
    demand(text.strip(), f"{number}: say what was done")
    with transaction.atomic():
        found = _open(number)
        added = IncidentAction(incident=found, at=at, by=by.name, kind=kind, text=text)
        tidy(added)
        added.save(force_insert=True)
        note(found, "action added", {"+actions": {"at": at, "kind": kind, "text": added.text}}, by, now)


def add_decision(
    number: str, whom: str, why: str, by: Actor, now: datetime, *, told: bool, reference: str = ""
) -> None:
    """Add that telling somebody outside was considered.

    Raises:
        RecordsError: The incident is signed, no reason is given or *whom* does not exist.
    """
    _one_of("whom", whom, IncidentDecision.Whom.values)
    demand(why.strip(), f"{number}: say why {whom} is told or not told")
    with transaction.atomic():
        found = _open(number)
        added = IncidentDecision(incident=found, whom=whom, told=told, why=why, reference=reference, at=now, by=by.name)
        tidy(added)
        added.save(force_insert=True)
        said = {"whom": whom, "told": told, "why": added.why, "reference": added.reference}
        note(found, "decision added", {"+decisions": said}, by, now)


def missing(incident: Incident) -> list[str]:
    """Return what must be written before the incident can be concluded, in words for people."""
    return list(_missing(incident))


def _missing(incident: Incident) -> Iterator[str]:
    if not incident.description:
        yield "a description of the event (edit --description)"
    if not incident.place:
        yield "where it took place (edit --place)"
    if not incident.people and not incident.involved.exists():
        yield "details of people involved (person, or edit --people)"
    kinds = set(incident.actions.values_list("kind", flat=True))
    if not kinds:
        yield "what actions were taken (action)"
    considered = set(incident.decisions.values_list("whom", flat=True))
    for whom, needed in (
        ("police", incident.illegal or incident.serious),
        ("lado", incident.compartment == "staff"),
        ("prevent", incident.type == Incident.Type.EXTREMISM),
    ):
        if needed and whom not in considered:
            yield f"whether telling {whom} was considered, and why (decision)"
    if incident.illegal:
        left = [kind for kind in ("ip1", "ip2", "ip3", "ip4", "ip5") if kind not in kinds]
        if left:
            yield f"steps of the illegal-content protocol: {', '.join(left)} (action --kind)"


def conclude(
    number: str, conclusion: str, text: str, by: Actor, now: datetime, *, serious: bool | None = None
) -> Incident:
    """Conclude an incident.

    Raises:
        RecordsError: It is signed, or something is missing: all of it is listed.
    """
    _one_of("conclusion", conclusion, [value for value in Incident.Conclusion.values if value])
    with transaction.atomic():
        found = _open(number)
        if serious is not None:
            found.serious = serious
        gaps = missing(found)
        demand(not gaps, f"{found.number}: cannot be concluded yet; missing:" + "".join(f"\n  - {gap}" for gap in gaps))
        fields: dict[str, object] = {
            "conclusion": conclusion,
            "conclusion_text": text,
            "state": State.CONCLUDED,
            "serious": found.serious,
        }
        if found.recorder == DAEMON.name:  # the person who completes the draft is who records the incident
            fields["recorder"] = by.name
        change(found, "concluded", by, now, fields)
        return found


def reopen_incident(number: str, why: str, by: Actor, now: datetime) -> Incident:
    """Take up again what was concluded and not yet signed.

    Raises:
        RecordsError: It is signed or still a draft, or no reason is given.
    """
    demand(why.strip(), f"{number}: say why it is reopened")
    with transaction.atomic():
        found = _open(number)
        demand(found.state == State.CONCLUDED, f"{found.number}: it is a draft still")
        change(found, "reopened", by, now, {"state": State.DRAFT}, why=why)
        return found


def content(incident: Incident) -> str:
    """Return everything that is signed, as canonical text."""
    columns = ("number", "type", "site", "happened_at", "place", "description", "people", "identified",
               "identified_how", "conclusion", "conclusion_text", "serious", "illegal", "recorder")  # fmt: skip
    return ledger.canonical(
        {
            **{column: getattr(incident, column) for column in columns},
            "involved": list(incident.involved.order_by("id").values("name", "role", "group", "known_by")),
            "actions": list(incident.actions.order_by("id").values("at", "by", "kind", "text")),
            "decisions": list(incident.decisions.order_by("id").values("whom", "told", "why", "reference", "at", "by")),
        }
    )


def signature(incident: Incident) -> str:
    """Return the digest of everything that is signed."""
    return hashlib.sha256(content(incident).encode()).hexdigest()


def sign(number: str, typed_name: str, by: Actor, now: datetime) -> Incident:
    """Sign an incident: from now on it is final.

    Args:
        number: Which incident.
        typed_name: The signer's name, typed again.
        by: The signer.
        now: When.

    Raises:
        RecordsError: It is not concluded, is signed already, or the typed name is another.
    """
    with transaction.atomic():
        found = _open(number)
        demand(found.state == State.CONCLUDED, f"{found.number}: conclude it first")
        same = typed_name.strip().casefold() == by.name.strip().casefold()
        demand(same, f"{found.number}: the typed name is not {by.name}; type your own name to sign")
        change(
            found,
            "signed",
            by,
            now,
            {"state": State.SIGNED, "signed_by": by.name, "signed_at": now, "signature": signature(found)},
        )
        return found


def review_incident(number: str, role: str, text: str, by: Actor, now: datetime) -> None:
    """Stamp an incident as read by the coordinator, committee or governor; also after it is signed."""
    with transaction.atomic():
        found = locked(Incident, number)
        stamp = IncidentReview(incident=found, by=by.name, role=role, at=now, note=text)
        tidy(stamp)
        stamp.save(force_insert=True)
        note(found, "reviewed", {"+reviews": {"role": stamp.role, "note": stamp.note}}, by, now)


def erase_incident(number: str, why: str, by: Actor, now: datetime) -> Incident:
    """Erase the personal text of an incident lawfully; number, dates, type and signature stay.

    *why* must not be personal: it stays.

    Raises:
        RecordsError: It is erased already.
    """
    with transaction.atomic():
        found = locked(Incident, number)
        demand(found.erased_at is None, f"{found.number}: it is erased already")
        for seq in ledger.entries_about("incident", found.number):
            ledger.erase(seq, why, by, now)
        blank = dict.fromkeys(("place", "description", "people", "identified_how", "conclusion_text"), "")
        change(found, "erased", by, now, {**blank, "erased_at": now})
        found.involved.all().delete()
        found.actions.update(text="")
        found.decisions.update(why="", reference="")
        return found


def _open(number: str) -> Incident:
    found = locked(Incident, number)
    if found.state == State.SIGNED:
        raise RecordsError(f"{found.number}: it is signed and final; open another that follows it (--follows)")
    return found


def _one_of(field: str, value: object, possible: list[str]) -> None:
    demand(value in possible, f"{field}: must be one of {', '.join(possible)}, found {value!r}")
