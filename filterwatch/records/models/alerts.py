"""Alerts: what one responsible person is told, made of detections."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Alert(models.Model):
    """One case: the detections of one person (or device), one family and one session.

    `person`, `user`, `device` and `client_ip` never leave the gateway: messages carry the number alone, and
    people without the right to names see the pseudonym.

    `count` is how many different events are behind it, at least: an event that several rules found, or that a rule
    counted which another found, counts once.
    """

    class State(models.TextChoices):
        """How far people have got with it."""

        NEW = "new"
        ACKNOWLEDGED = "acknowledged"
        TRIAGED = "triaged"
        CLOSED = "closed"

    class Verdict(models.TextChoices):
        """What triage found (workflow of section 5.1 of the standards)."""

        NONE = "", "not yet"
        WELFARE = "welfare"
        BREACH = "breach"
        ACCIDENTAL = "accidental"
        FALSE_POSITIVE = "false positive"
        TECHNICAL = "technical"

    class Route(models.TextChoices):
        """How its people hear of it."""

        IMMEDIATE = "immediate"
        DAILY = "daily"
        WEEKLY = "weekly"

    class Compartment(models.TextChoices):
        """Who may open it: staff cases and illegal content are kept apart."""

        GENERAL = "general"
        STAFF = "staff"
        ILLEGAL = "illegal"

    id = models.CharField(primary_key=True, max_length=32, help_text="derived from its first detection")
    number = models.CharField(max_length=20, unique=True, help_text="case number, e.g. FW-2026-7KQ3M")
    site = models.CharField(max_length=64)
    family = models.CharField(max_length=32, help_text="category family; the only word on content in a message")
    chain = models.CharField(max_length=32, help_text="name of the chain of recipients")
    level = models.CharField(max_length=16)
    route = models.CharField(max_length=16, choices=Route.choices)
    compartment = models.CharField(max_length=16, choices=Compartment.choices, default=Compartment.GENERAL)
    illegal_protocol = models.BooleanField(default=False)
    outcome = models.CharField(max_length=16)
    categories = models.JSONField(default=list)
    rules = models.JSONField(default=dict, help_text="rule id -> version of each rule that held")

    subject = models.CharField(max_length=64, db_index=True, help_text="keyed digest of the person or device")
    pseudonym = models.CharField(max_length=16)
    group = models.CharField(max_length=16, default="unknown")
    identity = models.CharField(max_length=16, default="unknown", help_text="how surely the person is known")
    person = models.TextField(blank=True, default="")
    user = models.TextField(blank=True, default="")
    device = models.TextField(blank=True, default="")
    client_ip = models.TextField(blank=True, default="")

    first_time = models.DateTimeField(help_text="start of its first request")
    last_time = models.DateTimeField(help_text="start of its last request")
    in_school_hours = models.BooleanField(null=True)
    count = models.PositiveBigIntegerField(default=0, help_text="events behind it")

    state = models.CharField(max_length=16, choices=State.choices, default=State.NEW)
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True, default="")
    note = models.TextField(blank=True, default="")
    silence = models.ForeignKey("Silence", null=True, on_delete=models.PROTECT, related_name="alerts")
    switch_off = models.ForeignKey("SwitchOff", null=True, on_delete=models.PROTECT, related_name="alerts")

    created_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True, default="")
    triaged_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    escalation_step = models.PositiveIntegerField(default=0, help_text="notified steps of the chain less one")
    next_escalation_at = models.DateTimeField(null=True, help_text="null: nobody waits for an acknowledgement")

    class Meta:
        """Newest first; grouping and escalation each have their index."""

        ordering: ClassVar = ["-created_at", "number"]
        indexes: ClassVar = [
            models.Index(fields=["subject", "family", "route", "last_time"], name="alert_group"),
            models.Index(fields=["state", "next_escalation_at"], name="alert_escalation"),
        ]

    def __str__(self) -> str:
        """Return the case number."""
        return self.number


class AlertDetection(models.Model):
    """A detection behind an alert, copied from the journal: why, and where the raw line lies."""

    id = models.CharField(primary_key=True, max_length=64, help_text="id of the detection")
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="detections")
    time = models.DateTimeField()
    rule = models.CharField(max_length=200)
    rule_version = models.CharField(max_length=64, blank=True, default="")
    level = models.CharField(max_length=16)
    category = models.CharField(max_length=64)
    kind = models.CharField(max_length=64, blank=True, default="")
    action = models.CharField(max_length=16, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    host = models.TextField(blank=True, default="", help_text="empty for illegal content")
    matched = models.TextField(blank=True, default="", help_text="empty for illegal content")
    digest = models.CharField(max_length=64, blank=True, default="", help_text="keyed digest of an illegal address")
    count = models.PositiveBigIntegerField(default=1)
    source = models.CharField(max_length=200, blank=True, default="")
    stream = models.TextField(blank=True, default="")
    line_offset = models.BigIntegerField(null=True)
    line_length = models.BigIntegerField(null=True)

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["time", "id"]

    def __str__(self) -> str:
        """Return rule and id."""
        return f"{self.rule} {self.id}"


class Silence(models.Model):
    """An agreed pause of notifications: until when, by whom, why.  Alerts are still recorded."""

    rule = models.CharField(max_length=200, blank=True, default="", help_text="empty: any rule")
    family = models.CharField(max_length=32, blank=True, default="", help_text="empty: any family")
    pseudonym = models.CharField(max_length=16, blank=True, default="", help_text="empty: anybody")
    owner = models.CharField(max_length=200)
    reason = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Soonest to expire first."""

        ordering: ClassVar = ["expires_at", "id"]

    def __str__(self) -> str:
        """Return its number."""
        return f"silence {self.pk}"


class DigestItem(models.Model):
    """An alert that one recipient hears of in the next digest."""

    class Why(models.TextChoices):
        """Why not at once."""

        DAILY = "daily", "its level is for the daily digest"
        LIMIT = "limit", "the recipient had too many notifications"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="digest_items")
    recipient = models.CharField(max_length=64)
    why = models.CharField(max_length=16, choices=Why.choices)
    created_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        """An alert stands in one recipient's digest once for each reason."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "recipient", "why"], name="digest_item_once"),
        ]

    def __str__(self) -> str:
        """Return recipient and case."""
        return f"{self.recipient}: {self.alert_id}"


class Position(models.Model):
    """How far something has been read; also the row that serialises writers."""

    name = models.CharField(primary_key=True, max_length=64)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Return name and value."""
        return f"{self.name} {self.value}"
