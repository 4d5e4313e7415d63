"""Unblock requests.

Policy A: "Requests from staff for sites to be removed from the filtered list will be considered by the E-Safety
Coordinator. If the request is agreed, this action will be recorded and logs of such actions shall be reviewed
regularly by the E-Safety Committee".
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class UnblockRequest(models.Model):
    """One request, from asking to review."""

    class State(models.TextChoices):
        """Where it stands."""

        REQUESTED = "requested"
        AGREED = "agreed"
        REFUSED = "refused"
        APPLIED = "applied"
        VERIFIED = "verified"
        ENDED = "ended", "on the filtered list again"

    number = models.CharField(max_length=20, unique=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.REQUESTED)
    requester = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    asked_for = models.TextField(help_text="the site as it was given")
    domain = models.CharField(max_length=253, db_index=True, help_text="registrable domain, or address")
    purpose = models.TextField(help_text="lesson or other purpose")
    needed_from = models.DateField(null=True)
    needed_to = models.DateField(null=True)
    risk_check = models.TextField(blank=True, default="", help_text="what was looked at, and found")
    scope = models.TextField(blank=True, default="", help_text="for whom: a class, staff, everybody")
    decided_by = models.CharField(max_length=200, blank=True, default="", help_text="the coordinator")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True, default="")
    expires_on = models.DateField(null=True, help_text="last day; then it is blocked again")
    applied_by = models.CharField(max_length=200, blank=True, default="")
    applied_at = models.DateTimeField(null=True)
    verified_by = models.CharField(max_length=200, blank=True, default="")
    verified_at = models.DateTimeField(null=True)
    verified_how = models.TextField(blank=True, default="", help_text="what the logs say since it was applied")
    ended_by = models.CharField(max_length=200, blank=True, default="")
    ended_at = models.DateTimeField(null=True)
    reviewed_by = models.CharField(max_length=200, blank=True, default="", help_text="the committee")
    reviewed_at = models.DateTimeField(null=True)
    review_note = models.TextField(blank=True, default="")

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-requested_at", "number"]

    def __str__(self) -> str:
        """Return its number."""
        return self.number
