"""The round that the deliver process does about once a second."""

from __future__ import annotations

from filterwatch.alerts import switch_offs
from filterwatch.alerts.desk import Desk, JournalReader
from filterwatch.alerts.digests import digests
from filterwatch.alerts.escalation import escalate
from filterwatch.alerts.raising import Raised, raise_new
from filterwatch.clock import Clock


def work(journal: JournalReader | None, desk: Desk, clock: Clock) -> Raised:
    """Raise what is new, judge switch-offs, escalate, and write digests; every timer lives in the database.

    Args:
        journal: The journal; null while it cannot be read: what is known already is told all the same.
        desk: Who is told what.
        clock: Time.

    Returns:
        What was raised; its ``notifications`` counts every new row of the outbox.
    """
    raised = raise_new(journal, desk, clock) if journal else Raised()
    now = clock.now()
    raised.notifications += switch_offs.judge(desk, now) + escalate(desk, now) + digests(desk, now)
    return raised
