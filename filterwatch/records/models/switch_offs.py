"""Switch-offs: filtering was off, planned or detected.

Policy A: "In the event of the ICT Technical Staff (or another person) needing to switch off the filtering for any
reason, or for any user, this must be logged and carried out by a process that is agreed by the Headteacher."
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Reconciliation(models.TextChoices):
    """What planned and detected times say together."""

    NONE = "", "not yet"
    AUTHORISED = "authorised"
    OVERRUN = "overrun"
    UNAUTHORISED = "unauthorised"
    PARTIAL = "partial", "an exemption nobody approved"
    UNEXPLAINED = "unexplained"


class SwitchOff(models.Model):
    """One line of the register: an agreed switch-off, or one found in the logs that nobody had agreed."""

    class Scope(models.TextChoices):
        """For whom."""

        ALL = "all"
        PERSON = "person"
        DEVICE = "device"

    class State(models.TextChoices):
        """Where the process stands."""

        REQUESTED = "requested"
        APPROVED = "approved"
        REFUSED = "refused"
        OFF = "off", "filtering is off"
        ENDED = "ended"
        CHECKED = "checked", "filtering is proved to work again"

    number = models.CharField(max_length=20, unique=True)
    site = models.CharField(max_length=64, blank=True, default="", help_text="empty: every site")
    found = models.BooleanField(default=False, help_text="found in the logs, not asked for")
    state = models.CharField(max_length=16, choices=State.choices, default=State.REQUESTED)
    reconciliation = models.CharField(max_length=16, choices=Reconciliation.choices, blank=True, default="")
    requested_by = models.CharField(max_length=200, blank=True, default="")
    requested_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=200, blank=True, default="", help_text="the head")
    approved_at = models.DateTimeField(null=True)
    decision_note = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    scope = models.CharField(max_length=16, choices=Scope.choices, default=Scope.ALL)
    scope_name = models.TextField(blank=True, default="", help_text="which person or device")
    supervision = models.TextField(blank=True, default="", help_text="who watches meanwhile, and how")
    planned_start = models.DateTimeField(null=True)
    planned_end = models.DateTimeField(null=True)
    started_by = models.CharField(max_length=200, blank=True, default="")
    actual_start = models.DateTimeField(null=True, help_text="detected; as told by people until it is")
    actual_end = models.DateTimeField(null=True, help_text="detected; as told by people until it is")
    ended_by = models.CharField(max_length=200, blank=True, default="")
    checked_by = models.CharField(max_length=200, blank=True, default="")
    checked_at = models.DateTimeField(null=True)
    check_note = models.TextField(blank=True, default="", help_text="how it was seen that the filter works again")
    created_at = models.DateTimeField()

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-created_at", "number"]

    def __str__(self) -> str:
        """Return its number."""
        return self.number


class DetectedOff(models.Model):
    """One stretch in which one service was found off, from the detection that opened it."""

    id = models.CharField(primary_key=True, max_length=64, help_text="id of the detection that opened it")
    switch_off = models.ForeignKey(SwitchOff, null=True, on_delete=models.PROTECT, related_name="detected")
    site = models.CharField(max_length=64)
    service = models.CharField(max_length=200, blank=True, default="")
    kind = models.CharField(max_length=64, help_text="control event, or silent")
    began = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    restart = models.BooleanField(default=False, help_text="on again within the grace time: no switch-off")
    reconciliation = models.CharField(max_length=16, choices=Reconciliation.choices, blank=True, default="")
    rule = models.CharField(max_length=200)
    rule_version = models.CharField(max_length=64, blank=True, default="")
    level = models.CharField(max_length=16)
    reason = models.TextField(blank=True, default="")
    source = models.CharField(max_length=200, blank=True, default="")
    stream = models.TextField(blank=True, default="")
    line_offset = models.BigIntegerField(null=True)
    line_length = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["began", "id"]
        indexes: ClassVar = [models.Index(fields=["site", "service", "ended"], name="detected_open")]

    def __str__(self) -> str:
        """Return service and kind."""
        return f"{self.service} {self.kind}"
