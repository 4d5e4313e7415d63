"""Requests to take a site off the filtered list, as far as they bear on what becomes of a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from filterwatch.app.settings import Configuration
from filterwatch.errors import FilterwatchError

MOST = 3
"""Requests for one site that are told."""


@dataclass(frozen=True, slots=True)
class Unblock:
    """An unblock request for the site, without who asked and what for.

    Attributes:
        state: Of today: requested, agreed, refused, applied, verified or ended.
        in_force: Whether the filter let the site through for it at the time of the question.
        scope: For whom; may be empty.
        until: Last day; null for none.
    """

    number: str
    state: str
    in_force: bool
    scope: str
    until: date | None


def unblocks(configuration: Configuration, domains: set[str], at: datetime) -> tuple[Unblock, ...] | None:
    """Return the newest requests for any of *domains*; null where the registers cannot be read."""
    from filterwatch.records.opening import look_into_registers  # noqa: PLC0415 - only where there is a configuration

    try:
        if not look_into_registers(configuration.settings.records, configuration.state, configuration.directory):
            return None
    except FilterwatchError:
        return None
    from django.db import DatabaseError  # noqa: PLC0415 - where there are registers

    from filterwatch.records.services import unblocks as service  # noqa: PLC0415 - as above

    try:
        found = service.of_site(domains, at)[:MOST]
    except DatabaseError:  # not ours to read, or not brought up to date yet
        return None
    return tuple(Unblock(one.number, one.state, in_force, one.scope, one.expires_on) for one, in_force in found)
