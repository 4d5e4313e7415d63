"""The Django app of the registers."""

from __future__ import annotations

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Registers, outbox and ledger."""

    name = "filterwatch.records"
    label = "records"
    default_auto_field = "django.db.models.BigAutoField"
