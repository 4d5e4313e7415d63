"""The outbox: one row = one notification = one recipient = one channel."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Outbox(models.Model):
    """A notification on its way; written in the transaction that decided it.

    To lease a row: ``Outbox.objects.filter(pk=pk, state=seen_state, attempts=seen).update(state="leased", ...)``
    and go on only when exactly one row was updated.
    """

    class Kind(models.TextChoices):
        """Why now."""

        IMMEDIATE = "immediate"
        REPEAT = "repeat"
        ESCALATION = "escalation"
        DIGEST = "digest"
        REPORT = "report"
        TEST = "test"

    class State(models.TextChoices):
        """Where it is."""

        NEW = "new"
        LEASED = "leased"
        SENT = "sent"
        RETRY = "retry"
        DEAD = "dead"
        ACKED = "acked"

    id = models.CharField(primary_key=True, max_length=32, help_text="derived from the five columns of its key")
    about = models.CharField(max_length=64, help_text="id of the alert, report or digest")
    alert = models.ForeignKey("Alert", null=True, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    occasion = models.CharField(max_length=64, blank=True, default="", help_text="which repeat, step, level or date")
    recipient = models.CharField(max_length=64, help_text="role in the configuration, never an address")
    channel = models.CharField(max_length=64, help_text="channel in the configuration")
    level = models.CharField(max_length=16, blank=True, default="")
    priority = models.PositiveSmallIntegerField(default=0, help_text="4 = critical, 3 = high, ... sent first")
    title = models.TextField()
    body = models.TextField(help_text="plain text, safe as it is")
    html = models.TextField(blank=True, default="", help_text="self-contained page of a report")
    attachments = models.JSONField(default=list, help_text="list of {path, name, type}; paths inside the state dir")
    code = models.CharField(max_length=16, blank=True, default="", db_index=True, help_text="acknowledges the alert")
    state = models.CharField(max_length=16, choices=State.choices, default=State.NEW)
    leased_by = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=64, blank=True, default="", help_text="class of failure, no details")
    possible_repeat = models.BooleanField(default=False, help_text="a lease ran out while it was being sent")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        """Most urgent first, then oldest."""

        ordering: ClassVar = ["-priority", "created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["about", "recipient", "channel", "kind", "occasion"], name="outbox_told_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "next_attempt_at"], name="outbox_due"),
            models.Index(fields=["recipient", "created_at"], name="outbox_recipient"),
        ]

    def __str__(self) -> str:
        """Return kind, recipient and channel."""
        return f"{self.kind} to {self.recipient} by {self.channel}"


class Attempt(models.Model):
    """One try to hand a notification over."""

    outbox = models.ForeignKey(Outbox, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=64, blank=True, default="", help_text="sent, or the class of failure")
    sender = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        """In order; a number is used once."""

        ordering: ClassVar = ["outbox", "number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["outbox", "number"], name="attempt_number")]

    def __str__(self) -> str:
        """Return number and result."""
        return f"{self.number}: {self.result}"
