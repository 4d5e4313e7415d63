"""Everything that is known of a request, and what the rules say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from filterwatch import enrich, policy
from filterwatch.app.explaining import address as addresses
from filterwatch.app.explaining import judged, request
from filterwatch.app.explaining.address import Address
from filterwatch.app.explaining.judged import ILLEGAL, Held, Near
from filterwatch.app.explaining.listed import Listing, Lists, Name
from filterwatch.app.explaining.request import Request, Who
from filterwatch.app.parts import School
from filterwatch.errors import FilterwatchError
from filterwatch.lists import CategoryIndex
from filterwatch.policy.terms import Found

if TYPE_CHECKING:
    from filterwatch.app.explaining.unblocks import Unblock


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of a request and what the rules say of it.

    Attributes:
        asked: The question.
        address: In its one form, and how it was got.
        domain: Registrable domain; null for an address, a single word and a suffix.
        inside: Address that it shows inside itself, as a translation or an archive does; null for none.
        alike: ASCII name that the host looks like, and is not; null for none.
        listings: What lists say of the host, nearest first, then of the one inside.
        name: What the host's name gives away by itself; null for nothing.
        categories: Those that count.
        search: What the URL asks of a search engine; null where it asks nothing.
        packs: What term packs say of the search: the places of terms and of phrases that hide them.
        unblocks: Unblock requests for the site, newest first; null where there is no register to look into.
        who: Who asks.
        at: When, in the school's zone.
        school: By which entry of the calendar it is school time, or not.
        in_school_hours: Whether it is.
        visit: False for what other pages and programs load by themselves.
        holds: Rules that hold.
        nearly: Rules that lack one condition only, nearest first.
        rules: Folder of the rules.
        withheld: Whether the address must not be shown: illegal content.
    """

    asked: Request
    address: Address
    domain: str | None
    inside: Address | None
    alike: str | None
    listings: Sequence[Listing]
    name: Name | None
    categories: Sequence[str]
    search: enrich.Asked | None
    packs: Sequence[Found]
    unblocks: Sequence[Unblock] | None
    who: Who
    at: datetime
    school: str
    in_school_hours: bool | None
    visit: bool
    holds: Sequence[Held]
    nearly: Sequence[Near]
    rules: Path
    withheld: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What a request is held against.

    Attributes:
        index: The school's lists.
        context: Its enrichment.
        rules: Null to load them as the request needs them.
    """

    index: CategoryIndex
    context: enrich.Enrich
    rules: policy.RuleSet | None = None


def explain(school: School, asked: Request) -> Explained:
    """Return what the pass says of a request.

    Raises:
        FilterwatchError: The address names no host, or there is no such group, kind, verdict or device.
        ConfigurationError: With every mistake of lists, people or rules.
    """
    address = addresses.read(asked.address)
    if address is None:
        raise FilterwatchError(
            "this names no host; write a URL, a host or a case number such as FW-2026-7KQ3M, or words with --search"
        )
    asked.check()
    index = school.index()
    context = school.enrichment(index)
    configuration = school.configuration
    heard = request.recall(context, configuration.state) if asked.device and configuration else ""
    event = request.settled(context, asked, address)
    who = request.who(context, asked, event.row(0, named=True), heard)
    return of_event(school, Known(index, context), asked, address, (event, who))


def of_event(
    school: School,
    known: Known,
    asked: Request,
    address: Address,
    said: tuple[pl.DataFrame, Who],
    *,
    quiet: bool = False,
) -> Explained:
    """Return what the rules say of an enriched event.

    Args:
        school: The school.
        known: Its lists, its enrichment and its rules.
        asked: The question.
        address: That the event is about.
        said: The event, one row, and who asked.
        quiet: Whether the event is of a person who did not ask: of addresses no more than the host is told, and of a
            search nothing.
    """
    index, context, (event, who), configuration = known.index, known.context, said, school.configuration
    row = event.row(0, named=True)
    rules, verdicts = (known.rules, known.rules.explain(event)) if known.rules else _judged(school.rules, event)
    inner = context.inside(address.url)
    inside = addresses.read(inner) if inner else None
    withheld = _illegal(row["categories"], verdicts)
    lists = Lists(school, index, quiet=quiet)
    calendar = configuration.settings.calendar if configuration else enrich.Calendar()
    local = asked.at.astimezone(school.zone)
    terms = row["search_terms"]
    return Explained(
        asked=asked,
        address=_host_alone(address) if quiet else address,
        domain=row["domain"],
        inside=_host_alone(inside) if quiet and inside else inside,
        alike=enrich.looks_like(address.host),
        listings=[
            *lists.of(address.host, address.url),
            *(_counted(one, row["categories"] or ()) for one in (lists.of(inside.host, inside.url) if inside else ())),
        ],
        name=lists.name(address.host),
        categories=row["categories"] or (),
        search=context.asked(address.url) if asked.kind == "http" and not quiet else None,
        packs=rules.terms(terms) if terms and not quiet else (),
        unblocks=_unblocks(school, {row["domain"] or address.host, address.host}, asked.at) if not quiet else None,
        who=who,
        at=local,
        school=calendar.why(local.replace(tzinfo=None)),
        in_school_hours=row["in_school_hours"],
        visit=not row.get("embedded"),
        holds=judged.held(rules, verdicts, row, configuration.settings.alerts if configuration else None),
        nearly=judged.near(rules, verdicts, row, hide=withheld or quiet),
        rules=school.rules,
        withheld=withheld,
    )


def _unblocks(school: School, domains: set[str], at: datetime) -> Sequence[Unblock] | None:
    if school.configuration is None:
        return None
    from filterwatch.app.explaining.unblocks import unblocks  # noqa: PLC0415 - only where there is a configuration

    return unblocks(school.configuration, domains, at)


def _host_alone(address: Address) -> Address:
    return replace(address, url=address.host, steps=())


def _judged(directory: Path, event: pl.DataFrame) -> tuple[policy.RuleSet, Sequence[policy.Verdict]]:
    """Return the rules and what they say of *event*; the term packs are read only where they are asked."""
    rules = policy.load(directory, searches=event["search_terms"].null_count() == 0)
    verdicts = rules.explain(event)
    version = {one.rule.id: one.version for one in rules.loaded}
    if all(version[one.rule.id] for one in verdicts if one.held):
        return rules, verdicts
    rules = policy.load(directory)  # one that may hold without a search asks for a pack too
    return rules, rules.explain(event)


def _counted(one: Listing, categories: Sequence[str]) -> Listing:
    """Return an entry that speaks of the address inside: what pages load by themselves is no page that is shown."""
    if not one.used or one.mode == "allow" or one.category in categories:
        return one
    return replace(one, used=False, because="pages load it by themselves, so that nobody is shown it")


def _illegal(categories: Sequence[str] | None, verdicts: Sequence[policy.Verdict]) -> bool:
    rules = any(one.match.held for one in verdicts if one.rule.category == ILLEGAL)
    return rules or ILLEGAL in (categories or ())
