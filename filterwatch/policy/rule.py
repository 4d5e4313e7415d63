"""One rule: one sentence of the school's policy, as a YAML file says it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from filterwatch.config import Duration, Part, Slug, TimeSpan
from filterwatch.detections import Count
from filterwatch.events import (
    ACTIONS,
    BYPASS_KINDS,
    CATEGORIES,
    CATEGORY_WORDS,
    CONTROL_EVENTS,
    GROUPS,
    IDENTITIES,
    KINDS,
    LEVELS,
    OUTCOMES,
)
from filterwatch.policy.match import Match
from filterwatch.policy.values import Listed, Size, Text, one_of

_ALWAYS = ("always", "school_hours", "outside_school_hours")
_TERMS = ("any", "term_time", "holidays")
_BY = ("person", "device", "client_ip", "domain", "site", "person and domain")


class Sentence(Part):
    """Where the school's policy demands the rule.

    Attributes:
        text: Its words.
        section: Its heading.
        policy: Which policy, ``A`` or ``B``, where it is only one of the two.
        demand: Id of the demand, e.g. ``P17``.
    """

    text: Text
    section: Text
    policy: Literal["A", "B"] | None = None
    demand: str | None = None


class Except(Part):
    """Whom the rule leaves out; any one entry is enough."""

    groups: Listed[Annotated[str, one_of(GROUPS)]] | None = None
    people: Listed[Text] | None = None
    devices: Listed[Text] | None = None
    device_classes: Listed[Text] | None = None


class Who(Part):
    """Whom the rule is for; all keys that are given must hold.

    Attributes:
        groups: Any of these; an event of no known group is one of ``unknown``.
        except_: ... but none of these.
        devices: Device classes, any of these.
        years: Year groups, any of these.
        identity: How surely the person is known, any of these.
    """

    groups: Listed[Annotated[str, one_of(GROUPS)]] | None = None
    except_: Except | None = Field(None, alias="except")
    devices: Listed[Text] | None = None
    years: Listed[Text] | None = None
    identity: Listed[Annotated[str, one_of(IDENTITIES)]] | None = None


class When(Part):
    """When the rule holds; all keys that are given must hold.  Times are local and those of the request's start.

    Attributes:
        during: By the school's calendar.
        windows: In any of these, both ends inside.
        outside: Outside all windows instead; days that no window names are outside.
        terms: In term time, or in the holidays; without a calendar every day counts as term time.
    """

    during: Annotated[str, one_of(_ALWAYS)] = "always"
    windows: Listed[TimeSpan] | None = None
    outside: bool = False
    terms: Annotated[str, one_of(_TERMS)] = "any"

    @model_validator(mode="after")
    def _outside_of_something(self) -> When:
        if self.outside and not self.windows:
            raise ValueError("'outside' needs windows to be outside of; add windows or remove outside")
        return self


class Threshold(Part):
    """How often a rule must hold before it is a detection.

    Attributes:
        apart: What happens sooner after a hit that counted belongs to it: one page, one try, one visit.
    """

    at_least: Annotated[int, Field(ge=1, le=100_000)]
    within: Duration
    by: Annotated[str, one_of(_BY)]
    apart: Duration = timedelta()

    @model_validator(mode="after")
    def _can_be_reached(self) -> Threshold:
        if self.apart * (self.at_least - 1) > self.within:
            raise ValueError("so many hits so far apart never lie within the span; lower at_least or apart")
        return self


def _local(value: object) -> datetime:
    text = value if isinstance(value, str) else ""
    if re.fullmatch(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    if isinstance(value, datetime):
        return value
    raise ValueError('write local date and time as "2026-11-23 10:15" in quotes')


def _url(value: str) -> str:
    try:
        urlsplit(value)
    except ValueError as error:
        raise ValueError(f"no URL ({error})") from None
    return value


LocalTime = Annotated[datetime, BeforeValidator(_local)]
"""Date and time in the school's zone, without a zone."""

SCHOOL_MORNING = datetime(2026, 11, 23, 10, 15)  # noqa: DTZ001 - local by definition
"""When an example happens that does not say: a Monday in term, in lesson time."""


class Example(Part):
    """Facts of one event; what is left out is null, or what enrichment makes of the rest.

    Attributes:
        at: Local time; :data:`SCHOOL_MORNING` when left out.
        times: How often it happens in a row, for rules that count.
        search: What was typed into a search engine.
        term_time: Whether the day is in term, whatever the calendar says.
        note: For people.
    """

    note: str | None = None
    at: LocalTime = SCHOOL_MORNING
    times: Annotated[int, Field(ge=1, le=100_000)] = 1
    kind: Annotated[str, one_of(KINDS)] | None = None
    site: Text | None = None
    client_ip: Text | None = None
    user: Text | None = None
    host: Text | None = None
    url: Annotated[Text, AfterValidator(_url)] | None = None
    method: Text | None = None
    action: Annotated[str, one_of(ACTIONS)] = "allowed"
    bytes_in: Size | None = None
    bytes_out: Size | None = None
    duration: Duration | None = None
    dest_ip: Text | None = None
    dest_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    protocol: Text | None = None
    query: Text | None = None
    query_type: Text | None = None
    filter_category: Text | None = None
    filter_rule: Text | None = None
    filter_reason: Text | None = None
    mime_type: Text | None = None
    user_agent: Text | None = None
    referrer: Text | None = None
    control_event: Annotated[str, one_of(CONTROL_EVENTS)] | None = None
    control_service: Text | None = None
    person: Text | None = None
    group: Annotated[str, one_of(GROUPS)] | None = None
    year: Text | None = None
    device: Text | None = None
    device_class: Text | None = None
    identity: Annotated[str, one_of(IDENTITIES)] | None = None
    search: Text | None = None
    categories: Listed[Annotated[str, one_of(CATEGORY_WORDS)]] | None = None
    in_school_hours: bool | None = None
    term_time: bool | None = None


class Examples(Part):
    """Events the rule holds for, and events it does not hold for; at least one of each."""

    holds: Listed[Example]
    does_not_hold: Listed[Example]


class Rule(Part):
    """One rule file.

    Attributes:
        id: The file's name without its ending.
        level: Sigma's five.
        category: What kind of content; null for a technical rule.
        kind: Kind of bypass; null takes it from the list that held.
        limits: What the logs cannot tell.
        visits: Whether requests that pages and programs make by themselves are left out (``only``; ``sure`` leaves out
            those of which the log only suggests it too) or judged as well.
        count: Threshold; null means that one event is enough.
        once: Level of what may be an accident, a person's first such visit in a week; null for `level`.
        enabled: False keeps the rule, checked, but never judges by it.
    """

    id: Slug
    title: Text
    level: Annotated[str, one_of(LEVELS)]
    category: Annotated[str, one_of(CATEGORIES)] | None = None
    kind: Annotated[str, one_of(BYPASS_KINDS)] | None = None
    policy: Sentence | None = None
    tags: tuple[Text, ...] = ()
    description: str | None = None
    limits: str | None = None
    references: tuple[Text, ...] = ()
    who: Who = Who()
    when: When = When()
    match: Match
    visits: Literal["sure", "only", "any"] = "any"
    count: Threshold | None = None
    once: Annotated[str, one_of(LEVELS)] | None = None
    outcome: Annotated[str, one_of(OUTCOMES)]
    examples: Examples
    enabled: bool = True

    @model_validator(mode="after")
    def _once_is_less(self) -> Rule:
        if self.once is None:
            return self
        if self.count is not None:
            raise ValueError("'once' is for rules that one event is enough for; remove once or count")
        if LEVELS.index(self.once) >= LEVELS.index(self.level):
            raise ValueError(f"'once' must be less than the level, {self.level}; lower it or remove it")
        return self

    @property
    def threshold(self) -> Count | None:
        """How often it must hold, for the detector that counts."""
        count = self.count
        return Count(count.at_least, count.within, count.by, count.apart) if count else None
