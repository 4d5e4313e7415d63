"""The incident that a serious alert opens: the fields of both policies, filled as far as the logs can."""

from __future__ import annotations

from datetime import datetime

from filterwatch.alerts import messages
from filterwatch.alerts.desk import Desk, joined
from filterwatch.alerts.families import family_named
from filterwatch.records import services
from filterwatch.records.models import Alert, Incident, IncidentPerson
from filterwatch.records.services import DAEMON

_CERTAINTY = {
    "authenticated": "signed in under this name",
    "lease": "the device was lent to or registered for this person",
    "address": "only the address of the device is known; who used it must be found out",
    "unknown": "not known; who it was must be found out",
}


def open_for(alert: Alert, desk: Desk, now: datetime) -> Incident:
    """Open the incident of *alert*; people complete it."""
    family = family_named(alert.family)
    incident = Incident(
        alert=alert,
        type=family.incident,
        site=alert.site,
        compartment=alert.compartment,
        illegal=alert.illegal_protocol,
        happened_at=alert.first_time,
        place=_place(alert),
        description=_description(alert, desk),
        identified=Incident.Identified.ALERT,
        identified_how=f"Alert {alert.number}, by the rules {joined(alert.rules)}.",
    )
    services.open_incident(incident, DAEMON, now)
    if alert.person:
        known_by = _CERTAINTY.get(alert.identity, alert.identity)
        person = IncidentPerson(name=alert.person, role="subject", group=alert.group, known_by=known_by)
        services.add_person(person, incident.number, DAEMON, now)
    return incident


def _place(alert: Alert) -> str:
    """Return where it took place, as far as a gateway can tell."""
    where = alert.device or alert.client_ip
    return f"{alert.site}, device {where}" if where else alert.site


def _description(alert: Alert, desk: Desk) -> str:
    span = messages.moment(alert.first_time, desk)
    if alert.last_time != alert.first_time:
        span += f" to {desk.local(alert.last_time):%H:%M}"
    hours = {True: " in school hours", False: " outside school hours", None: ""}[alert.in_school_hours]
    seen = f"level {alert.level}, at least {alert.count:,} events when first seen"
    lines = [f"{span}{hours}: {messages.about(alert)} ({seen})."]
    if not alert.person and alert.switch_off is None:
        lines.append(f"The person: {_CERTAINTY.get(alert.identity, alert.identity)}.")
    if alert.illegal_protocol:
        lines.append("The address is withheld. Follow the illegal-content protocol step by step.")
    return "\n".join(lines)
