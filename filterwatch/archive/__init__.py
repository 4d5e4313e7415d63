"""Sealed events: hive-partitioned Parquet under a manifest that knows every file by its SHA-256.

Files lie at ``site=<id>/date=<yyyy-mm-dd>/<first>-<last>.parquet`` (numbers of the journal's batches); ``date`` is the
local date of the events.  Whether a file counts, the manifest alone says.
"""

from filterwatch.archive.errors import ArchiveDamaged, ArchiveError, ManifestDamaged, explained
from filterwatch.archive.manifest import NAME as MANIFEST
from filterwatch.archive.manifest import Manifest, Segment
from filterwatch.archive.scanning import days, files, scan
from filterwatch.archive.sealing import seal
from filterwatch.archive.settings import Settings
from filterwatch.archive.upkeep import Tidied, compact, purge, tidy
from filterwatch.archive.verification import Problem, verify

__all__ = [
    "MANIFEST",
    "ArchiveDamaged",
    "ArchiveError",
    "Manifest",
    "ManifestDamaged",
    "Problem",
    "Segment",
    "Settings",
    "Tidied",
    "compact",
    "days",
    "explained",
    "files",
    "purge",
    "scan",
    "seal",
    "tidy",
    "verify",
]
