"""What the school knows about an event: who, where, when, and whether it counts."""

from filterwatch.enrich.calendar import Calendar, bank_holidays
from filterwatch.enrich.enrichment import Enrich, Settings, build
from filterwatch.enrich.hosts import host_of, looks_like, normal_host
from filterwatch.enrich.people import Device, People, Person, Register
from filterwatch.enrich.search import Asked, tidied
from filterwatch.enrich.suffixes import Registrable, Suffixes
from filterwatch.enrich.where import Index

__all__ = [
    "Asked",
    "Calendar",
    "Device",
    "Enrich",
    "Index",
    "People",
    "Person",
    "Register",
    "Registrable",
    "Settings",
    "Suffixes",
    "bank_holidays",
    "build",
    "host_of",
    "looks_like",
    "normal_host",
    "tidied",
]
