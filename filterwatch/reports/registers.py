"""What reports need to know from the registers: plain counts, so that no report reads a database.

Null means that nobody records it; 0 means that it was looked at and there was none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Verdict = Literal["authorised", "overrun", "unauthorised", "partial", "unexplained", "not yet"]


@dataclass(frozen=True, slots=True)
class AlertCount:
    """Alerts of one family about one group.

    Attributes:
        family: Category family, in the words that may leave the gateway.
        group: pupils, staff, governors, guests, system or unknown.
        count: In the period.
        usual: Mean of the four periods before; null where they were not all watched.
    """

    family: str
    group: str
    count: int
    usual: float | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for the reader.

    Attributes:
        number: Case number.
        what: A few words: ``critical alert, not acknowledged``.
        since: Since when, UTC.
        overdue: Whether its clock has run out.
    """

    number: str
    what: str
    since: datetime
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class SwitchOff:
    """A time in which filtering was off, or was to be.

    Attributes:
        number: Its number in the register.
        verdict: What planned and detected times say together.
        minutes: How long it was off within the period; null while nobody knows.
    """

    number: str
    verdict: Verdict
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Unblocks:
    """Requests to remove a site from the filtered list.

    Attributes:
        waiting: Not decided yet.
        agreed: Agreed in the period.
        refused: Refused in the period.
        unverified: Agreed, and the logs do not show yet that it works.
        expiring: End within two weeks.
    """

    waiting: int = 0
    agreed: int = 0
    refused: int = 0
    unverified: int = 0
    expiring: int = 0


@dataclass(frozen=True, slots=True)
class RuleVerdicts:
    """What people made of the alerts of one rule.

    Attributes:
        rule: Its id.
        alerts: Triaged in the period.
        false_alarms: Of these, found to be none.
    """

    rule: str
    alerts: int
    false_alarms: int


@dataclass(frozen=True, slots=True)
class Expiring:
    """A silence that ends soon.

    Attributes:
        what: The rule or family that is silenced.
        owner: Who answers for it.
        expires: When, UTC.
    """

    what: str
    owner: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something named by the form: incident type, conclusion, agency."""

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class Incidents:
    """The incident log.

    Attributes:
        types: Opened in the period, by type.
        conclusions: The same ones, by conclusion (``not yet`` for none).
        referrals: Referrals in the period, by agency.
    """

    types: tuple[Count, ...] = ()
    conclusions: tuple[Count, ...] = ()
    referrals: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """One source in the period.

    Attributes:
        name: In the configuration.
        lines: Read.
        unreadable: Of these, in quarantine.
        gaps: Times lines were lost before we read them.
        silent_minutes: In school hours without a line while the filter should have logged; null where not judged.
        last: Its last event, UTC; null for none.
    """

    name: str
    lines: int
    unreadable: int = 0
    gaps: int = 0
    silent_minutes: int | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was watched.

    Attributes:
        sources: Each configured source.
        school_minutes: Minutes of school hours in the period; null where no calendar is configured.
        proven_minutes: Of these, minutes with proof that the filter worked; null where nothing proves it.
        unwatched: What the school knows not to be watched, in its own words: subnets, devices, lines.
    """

    sources: tuple[Watched, ...] = ()
    school_minutes: int | None = None
    proven_minutes: int | None = None
    unwatched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attestation:
    """Training, or signed agreements.

    Attributes:
        what: Which course or agreement.
        done: How many people have it, up to date.
        of: How many should.
    """

    what: str
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Registers:
    """Everything that a weekly report takes from the registers.

    Attributes:
        alerts: By family and group.
        acknowledge_minutes: Median from alert to acknowledgement in the period; null for none.
        needs: What waits for somebody, most urgent first.
        undelivered: Notifications given up on or waiting for more than an hour; null where nothing is sent.
        switch_offs: That touched the period.
        unblocks: Requests.
        rules: Verdicts on alerts, by rule.
        rule_changes: How often rules or lists changed; null where not recorded.
        silences: That end within two weeks.
        incidents: The incident log.
        coverage: What was watched.
        checks_done: Checks of the filter signed in the period; null where not recorded.
        checks_overdue: Checks whose day has passed.
        last_filter_test: When the filter was last tested with harmless test sites.
        attestations: Training and agreements.
        named_views: How often named data was looked at; null where not recorded.
        ledger_head: First and last digits of the ledger's signed head; null where there is no ledger.
    """

    alerts: tuple[AlertCount, ...] = ()
    acknowledge_minutes: float | None = None
    needs: tuple[Need, ...] = ()
    undelivered: int | None = None
    switch_offs: tuple[SwitchOff, ...] = ()
    unblocks: Unblocks = Unblocks()
    rules: tuple[RuleVerdicts, ...] = ()
    rule_changes: int | None = None
    silences: tuple[Expiring, ...] = ()
    incidents: Incidents = Incidents()
    coverage: Coverage = Coverage()
    checks_done: int | None = None
    checks_overdue: int | None = None
    last_filter_test: date | None = None
    attestations: tuple[Attestation, ...] = ()
    named_views: int | None = None
    ledger_head: str | None = None
