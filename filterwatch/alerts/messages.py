"""What a notification says.

It carries case number, level, category family, site, time, count, the console's address and the acknowledgement code
(standards AM1 to AM7), and nothing else: no address, name, device, search term, picture or raw line (AX1 to AX8).
Every value that goes into a text is our own word, a number or a time; nothing from a log is ever put into one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from filterwatch.alerts.desk import Desk
from filterwatch.alerts.families import family_named
from filterwatch.records import numbers
from filterwatch.records.models import Alert
from filterwatch.records.outbox import Message

MOST_LISTED = 40
"""Lines of a digest; more are counted."""

_SWITCHED_OFF: Mapping[str, str] = {
    "unauthorised": "filtering was switched off and nobody had agreed to it",
    "overrun": "filtering is off for longer than agreed",
    "partial": "somebody was exempted from filtering and nobody had agreed to it",
    "unexplained": "filtering may have been off, or was changed, and the logs do not say why",
}


def about(alert: Alert) -> str:
    """Return the words for what an alert is about."""
    if alert.switch_off is not None and alert.switch_off.reconciliation in _SWITCHED_OFF:
        return _SWITCHED_OFF[alert.switch_off.reconciliation]
    return family_named(alert.family).title


def moment(when: datetime, desk: Desk) -> str:
    """Return a local time for people."""
    return f"{desk.local(when):%a %d %b %Y, %H:%M}"


def code(alert: Alert, role: str, desk: Desk) -> str:
    """Return what acknowledges *alert* when *role* was told; the same in every message to that role."""
    return numbers.code(desk.secret, alert.pk, role)


def link(alert: Alert, desk: Desk) -> str:
    """Return the alert's page on the console; it carries no secret, and opening it changes nothing."""
    return f"{str(desk.settings.console).rstrip('/')}/alerts/{alert.number}/" if desk.settings.console else ""


def notification(alert: Alert, role: str, desk: Desk, *, why: str = "", then: datetime | None = None) -> Message:
    """Return the message about one alert.

    Args:
        alert: The alert as it stands.
        role: Who is told.
        desk: Zone, secret and the console's address.
        why: Why now, where it is not the first time.
        then: When the next person is told; null where nobody waits.
    """
    acknowledges = code(alert, role, desk)
    facts = [
        ("Case", alert.number),
        ("Level", alert.level),
        ("About", about(alert)),
        ("Site", alert.site),
        ("When", moment(alert.last_time, desk)),
        ("First", moment(alert.first_time, desk)),
        ("Count", f"at least {alert.count:,}"),
    ]
    if alert.first_time == alert.last_time:
        facts.remove(("First", moment(alert.first_time, desk)))
    lines = [why or f"A {alert.level} alert waits for somebody to take it.", ""]
    lines += [f"{name:<7}{value}" for name, value in facts]
    lines += ["", *_what_to_do(alert, acknowledges, desk)]
    if then is not None:
        lines.append(f"Unless somebody has acknowledged it by {desk.local(then):%H:%M}, the next person is told.")
    return Message(f"{alert.number}: {alert.level}, {_headline(alert)}", "\n".join(lines) + "\n", code=acknowledges)


def _headline(alert: Alert) -> str:
    return family_named(alert.family).title


def _what_to_do(alert: Alert, acknowledges: str, desk: Desk) -> list[str]:
    lines = []
    if alert.level == "critical":
        lines += ["If a child is at immediate risk, call 999.", ""]
    if alert.illegal_protocol:
        lines += [
            "Stop: do not open, search for, copy, print or forward anything, and do not question anybody.",
            "The case holds the steps to take, one after the other.",
            "",
        ]
    address = link(alert, desk)
    if address:
        lines += ["Sign in to read the case and to acknowledge it:", address, "", "Or, on the gateway:"]
    else:
        lines.append("To acknowledge it and read the case, on the gateway:")
    return [*lines, f"  filterwatch alert ack {acknowledges}", f"  filterwatch alert show {alert.number}", ""]


def listed(alerts: Sequence[Alert], desk: Desk) -> list[str]:
    """Return one line for each alert of a digest."""
    lines = [
        f"  {alert.number}  {alert.level:<13} {about(alert)}, {alert.site}, {moment(alert.last_time, desk)}, "
        f"at least {alert.count:,}x"
        for alert in alerts[:MOST_LISTED]
    ]
    if len(alerts) > MOST_LISTED:
        lines.append(f"  and {len(alerts) - MOST_LISTED} more")
    return lines
