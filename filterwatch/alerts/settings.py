"""What the configuration may say about alerts: who is told, how soon, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, model_validator

from filterwatch.config import ClockTime, Days, Duration, Part, Slug, TimeSpan

Level = Literal["informational", "low", "medium", "high", "critical"]
Route = Literal["immediate", "daily", "weekly", "none"]
Role = Literal["coordinator", "deputy", "head", "governor", "chair", "technician"]


def _step(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Step = Annotated[tuple[Role, ...], BeforeValidator(_step)]
"""Roles told at the same time; one role may stand alone."""


class Recipient(Part):
    """Somebody who is told."""

    name: str = Field(min_length=1, description="the person; two roles with one name are one person")
    channels: list[Slug] = Field(min_length=1, description="names of delivery channels that reach this person")
    logins: list[str] = Field(
        default_factory=list, description="the person's names in the logs: nobody is told of themselves"
    )
    devices: list[str] = Field(default_factory=list, description="the person's devices, as the logs name them")


class Grouping(Part):
    """How detections become one alert."""

    within: Duration = Field(
        timedelta(minutes=15), description="a detection this soon after the last of the same person and family joins it"
    )
    longest: Duration = Field(timedelta(hours=4), description="then a new alert begins however dense they are")
    weekly: Duration = Field(timedelta(hours=12), description="as `within`, for what is only counted every week")


class Escalation(Part):
    """What happens while nobody acknowledges."""

    after: Duration = Field(timedelta(minutes=15), description="unacknowledged this long: the next step of the chain")
    repeat: Duration = Field(timedelta(minutes=15), description="after the last step: everybody again, this often")


class Limits(Part):
    """Notifications for one recipient; what is more waits for a digest, critical ones never wait."""

    per_hour: int = Field(6, ge=1, description="notifications an hour")
    per_day: int = Field(20, ge=1, description="notifications in 24 hours")
    digest_after: Duration = Field(timedelta(minutes=10), description="what waits is told together after this, hourly")


class Digest(Part):
    """The daily digest; it comes also when there is nothing to tell, so that silence means trouble."""

    at: ClockTime = Field(time(15, 45), description="local time")
    days: Days = Field(frozenset(range(1, 6)), description="on these days")


class Test(Part):
    """A message to everybody each week, to prove that everybody can be reached."""

    __test__ = False  # not for pytest

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = Field("mon", description="day of the week")
    at: ClockTime = Field(time(8, 45), description="local time")


class SwitchOffs(Part):
    """How detected switch-offs are held against agreed ones."""

    grace: Duration = Field(
        timedelta(0), description="a further wait before a switch-off counts; detectors.filter_off.grace knows restarts"
    )
    early: Duration = Field(timedelta(minutes=5), description="how much earlier than planned it may begin")
    overrun: Duration = Field(timedelta(minutes=5), description="off this long after the planned end: an alert")
    level: Level = Field("high", description="level of the alert; a detection of a higher level keeps its own")


_LEVELS: dict[str, Route] = {
    "critical": "immediate",
    "high": "immediate",
    "medium": "daily",
    "low": "weekly",
    "informational": "none",
}
_CHAINS: dict[str, tuple[tuple[Role, ...], ...]] = {
    "general": (("coordinator",), ("deputy",), ("head",)),
    "welfare": (("coordinator",), ("deputy",), ("head",)),
    "staff": (("head",), ("coordinator", "chair"), ("governor",)),
    "illegal": (("coordinator", "head"), ("deputy",), ("chair", "governor")),
    "filter": (("head", "governor"), ("coordinator",)),
    "technical": (("technician",), ("coordinator",), ("head",), ("deputy",)),
}


_ANYBODY: tuple[Role, ...] = ("chair", "governor", "head", "deputy", "coordinator", "technician")


class Settings(Part):
    """Whom alerts reach.

    Sources of the defaults: standards CK1 to CK4 (levels and clocks), EP01 to EP13 and IP3 (chains), NB03 (the check
    that somebody else is always reached); policy A makes the head the coordinator, so chains count persons, not roles.
    """

    recipients: dict[Role, Recipient] = Field(
        description="by role: coordinator, deputy, head, governor, chair, technician"
    )
    chains: dict[Slug, list[Step]] = Field(
        default_factory=dict,
        description="who is told in what order, by kind of case (general, welfare, staff, illegal, filter, technical);"
        " a step is a role or a list of roles told together",
    )
    levels: dict[Level, Route] = Field(
        default_factory=dict,
        description="immediate, daily, weekly or none for each level that differs from the default",
    )
    grouping: Grouping = Field(default_factory=Grouping, description="which detections are one alert")
    escalation: Escalation = Field(default_factory=Escalation, description="what happens while nobody acknowledges")
    limits: Limits = Field(default_factory=Limits, description="how many notifications a recipient gets")
    digest: Digest = Field(default_factory=Digest, description="the daily digest")
    test: Test | None = Field(None, description="a weekly test message to everybody")
    quiet_hours: list[TimeSpan] = Field(
        default_factory=list,
        description="local times in which high alerts are not escalated and no digest is sent; critical ones go on",
    )
    switch_offs: SwitchOffs = Field(default_factory=SwitchOffs, description="reconciliation of switch-offs")
    console: HttpUrl | None = Field(None, description="address of the console; the only link that a message carries")

    def route(self, level: str) -> Route:
        """Return how alerts of *level* are told."""
        return next((route for name, route in self.levels.items() if name == level), _LEVELS[level])

    def chain(self, name: str) -> list[tuple[Role, ...]]:
        """Return the steps of a chain."""
        return list(self.chains.get(name, _CHAINS[name]))

    def steps(self, name: str, subjects: frozenset[str] = frozenset()) -> list[list[Role]]:
        """Return who is told in what order: roles that are filled, each person once, never a subject of the case.

        Args:
            name: Name of the chain.
            subjects: Case-folded logins and devices of the case.

        Returns:
            Steps that are not empty.  Where the head is the subject the chair of governors (or the governor) joins the
            first step; where nobody is left, everybody but the subject is told, in the last resort everybody.
        """
        steps = [list(step) for step in self.chain(name)]
        if any(
            self._is_subject(role, subjects)
            for step in steps
            for role in step
            if self._person(role) == self._person("head")
        ):
            steps[0] += ["chair", "governor"] if "chair" not in self.recipients else ["chair"]
        told: set[str] = set()
        kept = [list(self._fresh(step, subjects, told)) for step in steps]
        if not any(kept):
            kept = [list(self._fresh(_ANYBODY, subjects, told))]
        if not any(kept):  # everybody shares a device with the subject: better they hear of it than nobody
            kept = [list(self._fresh(_ANYBODY, frozenset(), told))]
        return [step for step in kept if step]

    def _fresh(self, step: Sequence[Role], subjects: frozenset[str], told: set[str]) -> Iterator[Role]:
        for role in step:
            person = self._person(role)
            if person is not None and person not in told and not self._is_subject(role, subjects):
                told.add(person)
                yield role

    def _person(self, role: Role) -> str | None:
        recipient = self.recipients.get(role)
        return " ".join(recipient.name.split()).casefold() if recipient else None

    def _is_subject(self, role: Role, subjects: frozenset[str]) -> bool:
        """Whether the person in *role* is a subject, by a login or device of any role they fill."""
        person = self._person(role)
        mine = [one for name, one in self.recipients.items() if person is not None and self._person(name) == person]
        return any(own.casefold() in subjects for one in mine for own in [*one.logins, *one.devices])

    @model_validator(mode="after")
    def _sound(self) -> Settings:
        unknown = sorted(set(self.chains) - set(_CHAINS))
        if unknown:
            raise ValueError(f"chains: there is no kind of case called {unknown[0]}; there are {', '.join(_CHAINS)}")
        for level in ("high", "critical"):
            if self.route(level) != "immediate":
                raise ValueError(f"levels: {level} alerts must be immediate")
        for name in _CHAINS:
            problem = self._reach(name)
            if problem:
                raise ValueError(f"chain {name}: a high alert {problem}; add a person with a channel of their own")
        return self

    def _reach(self, name: str) -> str:
        """Return what is wrong with a chain: it must reach two persons, and one whoever the subject is."""
        roles = [role for step in self.steps(name) for role in step]
        filled = ", ".join(f"{role} = {self.recipients[role].name}" for role in roles) or "nobody"
        if len({frozenset(self.recipients[role].channels) for role in roles}) < 2:
            return f"never reaches a second person or mailbox ({filled})"
        return ""
