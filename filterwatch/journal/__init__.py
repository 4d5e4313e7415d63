"""journal.db: recent events, detections, quarantine, gaps and checkpoints, one transaction a batch.

Ingest alone writes it (:class:`Journal`); any process may read it (:class:`Reader`) without ever holding the writer up.
"""

from filterwatch.journal.batches import Stored, gather
from filterwatch.journal.commit import Commit, Counts, evidence
from filterwatch.journal.errors import AlreadyJournalled, JournalBusy, JournalDamaged, JournalError, JournalFull
from filterwatch.journal.reading import GAP_SCHEMA, QUARANTINE_SCHEMA, TOTALS_SCHEMA, Reader
from filterwatch.journal.recovery import Recovery
from filterwatch.journal.settings import Settings
from filterwatch.journal.writing import Journal

__all__ = [
    "GAP_SCHEMA",
    "QUARANTINE_SCHEMA",
    "TOTALS_SCHEMA",
    "AlreadyJournalled",
    "Commit",
    "Counts",
    "Journal",
    "JournalBusy",
    "JournalDamaged",
    "JournalError",
    "JournalFull",
    "Reader",
    "Recovery",
    "Settings",
    "Stored",
    "evidence",
    "gather",
]
