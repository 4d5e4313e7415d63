"""A detection as it was recorded, beside what today's lists and rules say of the same event."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from filterwatch import archive, policy
from filterwatch.app.bench_sides import looking
from filterwatch.app.explaining import address as addresses
from filterwatch.app.explaining.explained import Explained, Known, of_event
from filterwatch.app.explaining.judged import ILLEGAL
from filterwatch.app.explaining.request import Request, Who
from filterwatch.app.parts import School
from filterwatch.app.settings import Configuration
from filterwatch.errors import FilterwatchError
from filterwatch.journal import Reader
from filterwatch.text import printable

_ID = re.compile(r"[0-9a-f]{8,32}")
_APART = frozenset({"staff", "governors"})
"""Groups whose cases are opened by names alone.  Source: standards, compartments of alerts."""

_ILLEGAL = "illegal content; do not look for it, follow the protocol"

Row = Mapping[str, Any]
"""A detection or an event: Polars gives values of any type."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A detection as the journal holds it, with what the archive still knows of its event.

    No name is told, no page and no search: they stand in the case, where who reads them is recorded.

    Attributes:
        at: When, in the school's zone.
        host: Null where there was none and where it must not be shown.
        log: Source and byte of its line; null for what has no line of its own.
        count: Events behind it.
        facts: What was known then, in words; empty where the event is not kept any more.
        withheld: Why nothing more is told; empty where it is.
        otherwise: What today's lists and rules say otherwise; null where that cannot be asked.
    """

    id: str
    at: datetime
    rule: str
    version: str
    level: str
    outcome: str
    reason: str
    host: str | None
    action: str
    log: str | None
    count: int
    facts: tuple[str, ...]
    withheld: str
    otherwise: tuple[str, ...] | None


def explain_recorded(school: School, begin: str) -> tuple[Recorded, Explained | None]:
    """Return the detection whose id begins with *begin*, and what today's lists and rules say of its event.

    The second is null where the event is not kept any more, is about no address, or must not be shown.

    Raises:
        FilterwatchError: There is no journal, no such detection or more than one.
        ConfigurationError: With every mistake of lists, people or rules.
    """
    if not _ID.fullmatch(begin):
        raise FilterwatchError("--detection: write the id as `filterwatch explain CASE` shows it, at least 8 digits")
    if school.configuration is None:
        raise FilterwatchError("which journal? name the configuration with --config")
    with Reader.at(school.configuration.state / "journal.db") as journal:
        found = journal.find_detections(begin)
        if len(found) != 1:
            problem = "several detections begin so; write more of the id" if len(found) else "no such detection is kept"
            raise FilterwatchError(f"--detection {printable(begin)}: {problem}")
        row = found.row(0, named=True)
        event = _event(school.configuration, journal, row)
    then = event.row(0, named=True) if event is not None else None
    quiet = _withheld(row, then)
    rules = None if event is None or quiet else policy.load(school.rules)
    now = None if event is None or rules is None else _today(school, rules, event)
    if now and now.withheld:
        quiet, now = _ILLEGAL, None
    otherwise = tuple(_otherwise(school, rules, row, then, now)) if rules and now and then else None
    return _recorded(school, row, then, (quiet, otherwise)), now


def _withheld(row: Row, then: Row | None) -> str:
    """Return why the detection is not told; of illegal content also what another rule says is not."""
    if row["category"] == ILLEGAL or (then and ILLEGAL in (then["categories"] or ())):
        return _ILLEGAL
    return "a matter of staff: `filterwatch explain CASE --names` shows it" if row["group"] in _APART else ""


def _recorded(school: School, row: Row, then: Row | None, more: tuple[str, tuple[str, ...] | None]) -> Recorded:
    withheld, otherwise = more
    return Recorded(
        id=row["id"],
        at=row["time"].astimezone(school.zone),
        rule=row["rule"],
        version=row["rule_version"] or "",
        level=row["level"],
        outcome=row["outcome"],
        reason="" if withheld else row["reason"] or "",
        host=None if withheld else row["host"],
        action=row["action"] or "unknown",
        log=f"{row['source']}, byte {row['line_offset']}" if row["line_offset"] is not None else None,
        count=row["count"] or 1,
        facts=() if withheld or then is None else tuple(_facts(row, then)),
        withheld=withheld,
        otherwise=otherwise,
    )


def _facts(row: Row, then: Row) -> Iterator[str]:
    yield f"counted as {', '.join(then['categories'])}" if then["categories"] else "no category"
    if then["search_terms"]:
        yield "a search, whose words the case shows"
    yield f"{row['group'] or 'unknown'}, known by: {row['identity'] or 'unknown'}"
    if then["in_school_hours"] is not None:
        yield f"{'in' if then['in_school_hours'] else 'outside'} school hours"


def _event(configuration: Configuration, journal: Reader, row: Row) -> pl.DataFrame | None:
    """Return the event that a detection was made of; null where it is not kept any more or there is none."""
    if row["line_offset"] is None or row["time"] is None:
        return None
    day, one = row["time"].date(), timedelta(days=1)  # in UTC: the school's day is at most one away
    folder = configuration.state / "archive"
    with archive.explained(folder):
        events = archive.scan(folder, journal, start=day - one, end=day + one)
        place = {name: row[name] for name in ("source", "stream", "line_offset")}
        found = events.filter(pl.col(name).eq_missing(pl.lit(value)) for name, value in place.items()).collect()
    return found.head(1) if len(found) else None


def _today(school: School, rules: policy.RuleSet, event: pl.DataFrame) -> Explained | None:
    """Return what lists, calendar and rules of today say of *event*; null where it is about no address."""
    row = event.row(0, named=True)
    text = row["url"] or row["host"] or row["query"] or row["dest_ip"]
    address = addresses.read(text) if text else None
    if address is None:
        return None
    index = school.index()
    context = school.enrichment(index)
    who = Who(
        person=None,
        withheld=bool(row["person"] or row["device"]),
        group=row["group"] or "unknown",
        year=row["year"],
        device=None,
        device_class=row["device_class"],
        identity=row["identity"] or "unknown",
        how=("as it was known then",),
    )
    asked = Request(text, row["started"] or row["time"], kind=row["kind"], action=row["action"] or "unknown")
    return of_event(school, Known(index, context, rules), asked, address, (looking(context)(event), who), quiet=True)


def _otherwise(school: School, rules: policy.RuleSet, row: Row, then: Row, now: Explained) -> Iterator[str]:
    """Yield what today's lists and rules say otherwise."""
    name = row["rule"]
    one = next((one for one in rules.loaded if one.rule.id == name), None)
    held = next((rule for rule in now.holds if rule.rule == name), None)
    if one is None and name in {detector.name for detector in school.detectors({})}:
        yield f"{name} finds what happens over time: one event cannot show it"
    elif one is None or not one.rule.enabled:
        yield f"the rule {name} is {'gone' if one is None else 'switched off'}"
    else:
        if one.version != row["rule_version"]:
            yield f"the rule {name} is another version: {one.version}, then {row['rule_version']}"
        if held is None:
            yield f"the rule {name} does not hold any more"
        elif row["level"] not in {held.level, held.once}:
            yield f"its level is {held.level}, then {row['level']}"
    if _words(now.categories) != _words(then["categories"]):
        yield f"it counts as {_words(now.categories)}, then as {_words(then['categories'])}"
    if now.in_school_hours != then["in_school_hours"]:
        yield f"it lies {'in' if now.in_school_hours else 'outside'} school hours by today's calendar"


def _words(categories: Sequence[str] | None) -> str:
    return ", ".join(sorted(categories or ())) or "nothing"
