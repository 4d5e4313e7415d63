"""What the pass would say of one request, and why: for ``filterwatch explain URL``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import polars as pl

from filterwatch import enrich, policy
from filterwatch.app.parts import School
from filterwatch.errors import FilterwatchError
from filterwatch.events import DECODED_SCHEMA, GROUP, IDENTITY
from filterwatch.lists import Entry
from filterwatch.policy import Verdict
from filterwatch.policy.terms import Finder, Found

ILLEGAL = "csam"
"""Category whose addresses nobody is shown.  Source: standards AX1, illegal-content protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that somebody asks about.

    Attributes:
        address: URL or host, as typed.
        person: Name on the roster, or a user name as the proxy logs it; null for nobody known.
        group: Group to take in place of the person's own.
        at: When it begins, with a zone.
    """

    address: str
    at: datetime
    person: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of a request and what the rules say of it.

    Attributes:
        host: In its one form.
        inner: Host that the address shows inside itself, as a translation or an archive does; null for none.
        domain: Registrable domain; null for an address.
        entries: What lists say of the host, nearest first, then of the inner one.
        person: Who, as resolved; null where unknown.
        group: Of the person.
        year: Of the person.
        identity: How surely the person is known.
        terms: What term packs say of the search: the places of terms and of phrases that hide them.
        holds: Rules that hold.
        nearly: Rules that lack one condition only.
    """

    host: str
    inner: str | None
    domain: str | None
    entries: Sequence[Entry]
    categories: Sequence[str]
    search_terms: str | None
    terms: Sequence[Found]
    person: str | None
    group: str
    year: str | None
    identity: str
    in_school_hours: bool | None
    holds: Sequence[Verdict]
    nearly: Sequence[Verdict]

    @property
    def withheld(self) -> bool:
        """Whether the address must not be shown: illegal content."""
        return any(one.rule.category == ILLEGAL for one in self.holds)


def explain(school: School, request: Request) -> Explained:
    """Return what the pass says of *request*.

    Raises:
        FilterwatchError: The address names no host, or the group does not exist.
        ConfigurationError: With every mistake of lists, people or rules.
    """
    host = enrich.host_of(request.address)
    if host is None:
        raise FilterwatchError("this names no host; write a URL, a host or a case number such as FW-2026-7KQ3M")
    if request.group is not None and request.group not in GROUP.categories:
        raise FilterwatchError(f"there is no group '{request.group}'; use one of {', '.join(GROUP.categories)}")
    index = school.index()
    context = school.enrichment(index)
    event = _settled(context, _event(request, host), request)
    row = event.row(0, named=True)
    rules = policy.load(school.rules)
    verdicts = rules.explain(event)
    inner = context.inner_host(request.address)
    return Explained(
        host=host,
        inner=inner,
        domain=row["domain"],
        entries=[*index.entries(host, request.address), *(index.entries(inner) if inner else ())],
        categories=row["categories"] or (),
        search_terms=row["search_terms"],
        terms=_terms(rules, row["search_terms"]),
        person=row["person"],
        group=row["group"] or "unknown",
        year=row["year"],
        identity=row["identity"] or "unknown",
        in_school_hours=row["in_school_hours"],
        holds=[one for one in verdicts if one.held],
        nearly=[one for one in verdicts if one.lacks],
    )


def _terms(rules: policy.RuleSet, search: str | None) -> Sequence[Found]:
    finder = Finder()
    for pack in rules.packs.values():
        finder.add(pack)
    return finder.explain(search) if search else ()


def as_json(found: Explained) -> str:
    """Return everything as JSON; of illegal content no address, entry or search."""
    hidden = found.withheld
    rules = {
        name: [
            {"rule": one.rule.id, "level": one.rule.level, "reason": one.reason, "missing": one.missing} for one in some
        ]
        for name, some in (("holds", found.holds), ("nearly", found.nearly))
    }
    about = {
        "host": None if hidden else found.host,
        "inner_host": None if hidden else found.inner,
        "domain": None if hidden else found.domain,
        "lists": [] if hidden else [asdict(one) for one in found.entries],
        "categories": list(found.categories),
        "search": None if hidden else found.search_terms,
        "terms": [] if hidden else [asdict(one) for one in found.terms],
        "person": found.person,
        "group": found.group,
        "year": found.year,
        "identity": found.identity,
        "in_school_hours": found.in_school_hours,
    }
    return json.dumps(about | rules, indent=2)


def _event(request: Request, host: str) -> pl.DataFrame:
    """Return the request as a decoder would give it."""
    known: dict[str, object] = {
        "time": request.at.astimezone(UTC),
        "kind": "http",
        "host": host,
        "url": request.address if "/" in request.address else f"http://{host}/",
        "method": "GET",
        "action": "allowed",
        "user": request.person,
    }
    return pl.DataFrame([{name: known.get(name) for name in DECODED_SCHEMA}], schema=DECODED_SCHEMA)


def _settled(context: enrich.Enrich, event: pl.DataFrame, request: Request) -> pl.DataFrame:
    """Return the event with its context; a person of the roster may be named in place of the user."""
    named = pl.lit("explain")
    event = context.settle(context.prepare(event.with_columns(source=named, stream=named, line_offset=pl.lit(0))))
    asked = " ".join((request.person or "").split()).casefold()
    found = context.register.people.get(asked)
    if found is not None:
        event = event.with_columns(
            person=pl.lit(found.name),
            group=pl.lit(found.group).cast(GROUP),
            year=pl.lit(found.year, dtype=pl.String),
            identity=pl.lit("authenticated").cast(IDENTITY),
        )
    if request.group is not None:
        event = event.with_columns(group=pl.lit(request.group).cast(GROUP))
    return event


def sentences(verdict: Verdict) -> Iterator[str]:
    """Yield what a rule demands, a sentence each: the policy's words, its threshold, what the logs cannot tell."""
    rule = verdict.rule
    if rule.policy is not None:
        yield f'policy: "{rule.policy.text}" ({rule.policy.section})'
    if rule.count is not None:
        minutes = rule.count.within.total_seconds() / 60
        yield f"counts from {rule.count.at_least} within {minutes:g} minutes by the same {rule.count.by}"
