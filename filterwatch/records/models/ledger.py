"""The ledger's tables; :mod:`filterwatch.records.ledger` writes and verifies them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class LedgerEntry(models.Model):
    """One change of a register; triggers refuse to change or delete it.

    It holds nothing personal: who and what stand in :class:`LedgerText`, to which `commitment` binds it.
    """

    seq = models.PositiveBigIntegerField(primary_key=True, help_text="1, 2, 3, ... without a gap")
    time = models.CharField(max_length=32, help_text="ISO 8601, UTC, microseconds")
    action = models.CharField(max_length=64)
    register = models.CharField(max_length=32)
    subject = models.CharField(max_length=64, help_text="number of the record")
    commitment = models.CharField(max_length=64, help_text="SHA-256 over salt and text")
    previous = models.CharField(max_length=64)
    seal = models.CharField(max_length=64, unique=True)

    class Meta:
        """In order."""

        ordering: ClassVar = ["seq"]
        indexes: ClassVar = [models.Index(fields=["register", "subject"], name="ledger_subject")]

    def __str__(self) -> str:
        """Return sequence and action."""
        return f"{self.seq} {self.action} {self.subject}"


class LedgerText(models.Model):
    """Who did what, beside the entry: can be erased, never changed."""

    entry = models.OneToOneField(LedgerEntry, primary_key=True, on_delete=models.PROTECT, related_name="text")
    salt = models.CharField(max_length=64, null=True, help_text="32 random bytes in hex; null once erased")  # noqa: DJ001
    body = models.TextField(null=True, help_text="canonical JSON: by, login, fields; null once erased")  # noqa: DJ001

    def __str__(self) -> str:
        """Return whether it is still there."""
        return f"{self.pk} {'erased' if self.body is None else 'kept'}"


class SignedHead(models.Model):
    """The ledger's head on one day, signed: what is mailed and printed."""

    date = models.DateField(primary_key=True)
    size = models.PositiveBigIntegerField()
    head = models.CharField(max_length=64)
    note = models.TextField(help_text="signed note")

    class Meta:
        """In order of date."""

        ordering: ClassVar = ["date"]

    def __str__(self) -> str:
        """Return date and size."""
        return f"{self.date} {self.size}"
