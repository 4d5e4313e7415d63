"""The incident log, with the fields of both policies.

Policy A: a description of the event, details of people involved, how the incident was identified, what actions
were taken, conclusion of the incident.  Policy B, appendix 4: date, where the incident took place, description
of the incident, action taken, name and signature of staff member recording the incident.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Incident(models.Model):
    """What people write in the incident log; final once signed (triggers see to it)."""

    class State(models.TextChoices):
        """How far it is written."""

        DRAFT = "draft"
        CONCLUDED = "concluded"
        SIGNED = "signed"

    class Type(models.TextChoices):
        """What it is about; the first five are those of the designated person in policy A."""

        PERSONAL_DATA = "personal data", "sharing of personal data"
        INAPPROPRIATE_MATERIAL = "material", "access to illegal or inappropriate materials"
        CONTACT = "contact", "inappropriate on-line contact with adults or strangers"
        GROOMING = "grooming", "potential or actual grooming"
        CYBERBULLYING = "cyberbullying"
        SELF_HARM = "welfare"
        EXTREMISM = "extremism"
        BYPASS = "bypass"
        FILTER = "filter", "filtering was off"
        SECURITY = "security"
        OTHER = "other"

    class Identified(models.TextChoices):
        """How the incident was identified."""

        ALERT = "alert"
        STAFF = "staff report"
        PUPIL = "pupil report"
        PARENT = "parent"
        REVIEW = "review"
        OTHER = "other"

    class Conclusion(models.TextChoices):
        """How it ended."""

        NONE = "", "not yet"
        NO_FURTHER_ACTION = "no further action"
        EDUCATION = "education and advice"
        SANCTION = "sanction under the behaviour policy"
        DISCIPLINARY = "staff disciplinary procedures"
        REFERRED = "referred to another agency"
        TECHNICAL = "technical change"
        UNFOUNDED = "unfounded"

    number = models.CharField(max_length=20, unique=True)
    alert = models.OneToOneField("Alert", null=True, on_delete=models.PROTECT, related_name="incident")
    follows = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="addenda")
    type = models.CharField(max_length=32, choices=Type.choices, default=Type.OTHER)
    site = models.CharField(max_length=64, blank=True, default="")
    compartment = models.CharField(max_length=16, default="general", help_text="general, staff or illegal")
    serious = models.BooleanField(default=False, help_text="a serious breach: the policies are reviewed")
    illegal = models.BooleanField(default=False, help_text="the illegal-content protocol applies")
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)

    happened_at = models.DateTimeField("Date")
    place = models.TextField("Where the incident took place", blank=True, default="")
    description = models.TextField("Description of the incident", blank=True, default="")
    people = models.TextField("Details of people involved", blank=True, default="")
    identified = models.CharField(
        "How the incident was identified", max_length=16, choices=Identified.choices, default=Identified.OTHER
    )
    identified_how = models.TextField(blank=True, default="")
    conclusion = models.CharField(
        "Conclusion of the incident", max_length=64, choices=Conclusion.choices, blank=True, default=""
    )
    conclusion_text = models.TextField(blank=True, default="")

    recorder = models.CharField("Name of staff member recording the incident", max_length=200)
    created_at = models.DateTimeField()
    signed_by = models.CharField("Signature", max_length=200, blank=True, default="")
    signed_at = models.DateTimeField(null=True)
    signature = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 over everything signed")
    erased_at = models.DateTimeField(null=True, help_text="when its personal text was lawfully erased")

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-created_at", "number"]

    def __str__(self) -> str:
        """Return its number."""
        return self.number


class IncidentPerson(models.Model):
    """Somebody involved, and how."""

    class Role(models.TextChoices):
        """Their part in it."""

        SUBJECT = "subject"
        VICTIM = "victim"
        WITNESS = "witness"
        REPORTER = "reporter"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="involved")
    name = models.TextField()
    role = models.CharField(max_length=16, choices=Role.choices)
    group = models.CharField(max_length=16, blank=True, default="")
    known_by = models.TextField(blank=True, default="", help_text="how surely, and by what")

    def __str__(self) -> str:
        """Return the role only: never a name by accident."""
        return self.role


class IncidentAction(models.Model):
    """What was done, by whom, when."""

    class Kind(models.TextChoices):
        """What sort of action; ip1 to ip5 are the steps of the illegal-content protocol."""

        OTHER = "other"
        PARENT = "parent contacted"
        REFERRAL = "referral"
        SANCTION = "sanction"
        TECHNICAL = "technical change"
        SUPPORT = "support"
        DEVICE = "device secured"
        IP1 = "ip1", "stopped: nothing opened, copied or forwarded"
        IP2 = "ip2", "device and account isolated"
        IP3 = "ip3", "only the safeguarding lead and the head know"
        IP4 = "ip4", "police, CEOP or IWF told"
        IP5 = "ip5", "times and reference numbers recorded"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="actions")
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    kind = models.CharField(max_length=32, choices=Kind.choices, default=Kind.OTHER)
    text = models.TextField()

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        """Return its kind."""
        return self.kind


class IncidentDecision(models.Model):
    """That telling somebody outside was considered: yes or no, why, reference, time."""

    class Whom(models.TextChoices):
        """Who might be told."""

        POLICE = "police"
        PARENTS = "parents"
        PREVENT = "prevent"
        LADO = "lado"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="decisions")
    whom = models.CharField(max_length=16, choices=Whom.choices)
    told = models.BooleanField(help_text="whether they are told")
    why = models.TextField()
    reference = models.CharField(max_length=200, blank=True, default="")
    at = models.DateTimeField()
    by = models.CharField(max_length=200)

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        """Return whom."""
        return self.whom


class IncidentReview(models.Model):
    """A reader's stamp; may follow the signature."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="reviews")
    by = models.CharField(max_length=200)
    role = models.CharField(max_length=32, help_text="coordinator, committee or governor")
    at = models.DateTimeField()
    note = models.TextField(blank=True, default="")

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        """Return the role."""
        return self.role
