"""The registers' tables.  Change them only through :mod:`filterwatch.records.services`: it writes the ledger too."""

from filterwatch.records.models.alerts import Alert, AlertDetection, DigestItem, Position, Silence
from filterwatch.records.models.incidents import (
    Incident,
    IncidentAction,
    IncidentDecision,
    IncidentPerson,
    IncidentReview,
)
from filterwatch.records.models.ledger import LedgerEntry, LedgerText, SignedHead
from filterwatch.records.models.outbox import Attempt, Outbox
from filterwatch.records.models.switch_offs import DetectedOff, SwitchOff
from filterwatch.records.models.unblocks import UnblockRequest

__all__ = [
    "Alert",
    "AlertDetection",
    "Attempt",
    "DetectedOff",
    "DigestItem",
    "Incident",
    "IncidentAction",
    "IncidentDecision",
    "IncidentPerson",
    "IncidentReview",
    "LedgerEntry",
    "LedgerText",
    "Outbox",
    "Position",
    "SignedHead",
    "Silence",
    "SwitchOff",
    "UnblockRequest",
]
