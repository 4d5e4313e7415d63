"""An incident on paper: policy B's appendix 4 and policy A's five fields, as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from filterwatch.records.models import Incident
from filterwatch.text import printable

WIDTH = 78


def page(incident: Incident, zone: ZoneInfo) -> str:
    """Return the page of one incident; everything that people or logs wrote is made printable."""
    return "\n".join(_page(incident, zone)) + "\n"


def _page(incident: Incident, zone: ZoneInfo) -> Iterator[str]:
    yield "Online safety incident report log"
    marks = [word for word, holds in (("serious", incident.serious), ("illegal content", incident.illegal)) if holds]
    yield f"{incident.number}   {incident.type}{''.join(f', {mark}' for mark in marks)}   {incident.state}"
    yield "=" * WIDTH
    yield from _field("Date", _when(incident.happened_at, zone))
    yield from _field("Where the incident took place", incident.place)
    yield from _field("Description of the incident", incident.description)
    yield from _field("Details of people involved", "\n".join(_people(incident)))
    yield from _field("How the incident was identified", _identified(incident))
    yield from _field("What actions were taken", "\n".join(_actions(incident, zone)))
    yield from _field("Decisions considered", "\n".join(_decisions(incident, zone)))
    yield from _field("Conclusion of the incident", f"{incident.conclusion}\n{incident.conclusion_text}".strip())
    yield from _field("Name and signature of staff member recording the incident", _signature(incident, zone))
    for stamp in incident.reviews.all():
        yield from _field(f"Reviewed by the {stamp.role}", f"{stamp.by}, {_when(stamp.at, zone)}\n{stamp.note}")
    if incident.erased_at:
        yield from _field("Erased", f"The personal text was lawfully erased on {_when(incident.erased_at, zone)}.")


def _field(name: str, text: str) -> Iterator[str]:
    yield printable(name)
    for line in text.splitlines() or [""]:
        yield from textwrap.wrap(printable(line), WIDTH, initial_indent="    ", subsequent_indent="    ") or ["    -"]
    yield ""


def _when(time: datetime, zone: ZoneInfo) -> str:
    return f"{time.astimezone(zone):%d %B %Y, %H:%M}"


def _people(incident: Incident) -> Iterator[str]:
    for person in incident.involved.order_by("id"):
        more = ", ".join(part for part in (person.group, person.known_by) if part)
        yield f"{person.role}: {person.name}{f' ({more})' if more else ''}"
    yield from incident.people.splitlines()


def _identified(incident: Incident) -> str:
    how = incident.identified
    return f"{how}: {incident.identified_how}" if incident.identified_how else how


def _actions(incident: Incident, zone: ZoneInfo) -> Iterator[str]:
    for action in incident.actions.all():
        # Only the steps of the protocol have a label that says more than their word.
        kind = action.get_kind_display() if action.kind.startswith("ip") else action.kind
        yield f"{_when(action.at, zone)}, {action.by}: {kind}: {action.text}"


def _decisions(incident: Incident, zone: ZoneInfo) -> Iterator[str]:
    for one in incident.decisions.all():
        word = "told" if one.told else "not told"
        reference = f" Reference: {one.reference}." if one.reference else ""
        yield f"{_when(one.at, zone)}, {one.by}: {one.whom} {word}, because: {one.why}.{reference}"


def _signature(incident: Incident, zone: ZoneInfo) -> str:
    if not incident.signed_at:
        return f"{incident.recorder}, not signed yet"
    return (
        f"{incident.recorder}, signed by {incident.signed_by}, {_when(incident.signed_at, zone)}\n{incident.signature}"
    )
