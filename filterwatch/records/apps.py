"""The Django app of the registers."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from filterwatch.records import triggers


class RecordsConfig(AppConfig):
    """Registers, outbox and ledger."""

    name = "filterwatch.records"
    label = "records"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the triggers in place whoever migrates."""
        pre_migrate.connect(_before, sender=self)
        post_migrate.connect(_after, sender=self)


def _before(*, using: str, plan: Sequence[object], **_: object) -> None:
    if plan:
        triggers.drop(connections[using])


def _after(*, using: str, **_: object) -> None:
    if connections[using].introspection.table_names() and triggers.missing(connections[using]):
        triggers.install(connections[using])
