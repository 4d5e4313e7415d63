"""Where lines come from: files followed through rotations, and what appliances send; exactly once."""

from filterwatch.sources.database import DatabaseSource
from filterwatch.sources.files import BATCH_BYTES, FileSource
from filterwatch.sources.hints import Hints
from filterwatch.sources.settings import Settings
from filterwatch.sources.settings_files import SettingsSource
from filterwatch.sources.source import Source
from filterwatch.sources.spool_reading import SpoolSource
from filterwatch.sources.spool_writing import SpoolWriter
from filterwatch.sources.syslog_listeners import Inlet, listeners
from filterwatch.sources.syslog_receiver import HAPPENINGS, Receiver
from filterwatch.sources.syslog_refused import Refusal, Refused, refusals
from filterwatch.sources.syslog_settings import Endpoint, Listen, Network
from filterwatch.sources.whole import read_files

__all__ = [
    "BATCH_BYTES",
    "HAPPENINGS",
    "DatabaseSource",
    "Endpoint",
    "FileSource",
    "Hints",
    "Inlet",
    "Listen",
    "Network",
    "Receiver",
    "Refusal",
    "Refused",
    "Settings",
    "SettingsSource",
    "Source",
    "SpoolSource",
    "SpoolWriter",
    "listeners",
    "read_files",
    "refusals",
]
