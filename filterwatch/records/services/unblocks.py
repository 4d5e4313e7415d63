"""Changes of the register of unblock requests."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from urllib.parse import urlsplit

import tldextract
from django.db import transaction

from filterwatch.records.ledger import Actor
from filterwatch.records.models import UnblockRequest
from filterwatch.records.services.change import RecordsError, change, create, demand, locked, next_number

State = UnblockRequest.State


_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member of staff asks for.

    Attributes:
        site: As they say it: a host or an address of a page.
        purpose: Lesson or other purpose.
        first: First day it is needed.
        last: Last day it is needed.
        risk_check: What was looked at on the site, and found.
        domain: The site as the logs of the school tell it (``School.domain_of``); empty: by the suffixes that come with
            filterwatch.
    """

    site: str
    purpose: str
    first: date | None = None
    last: date | None = None
    risk_check: str = ""
    domain: str = ""


@cache
def _suffixes() -> tldextract.TLDExtract:
    # The list that comes with the package: a gateway asks nobody.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def registrable(site: str) -> str:
    """Return the registrable domain (or the address) of a host or URL.

    As in the logs' column ``domain``, two blogs under ``blogspot.com`` are two sites; it is itself one too.

    Raises:
        RecordsError: There is none in it.
    """
    text = site.strip()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        host = ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        found = [_suffixes()(host, include_psl_private_domains=private) for private in (True, False)]
        domain = next(filter(None, (one.top_domain_under_public_suffix for one in found)), "")
        if not found[0].suffix and _NAME.fullmatch(host):  # a suffix that nobody knows is one label, as in the logs
            domain = ".".join(host.rsplit(".", 2)[-2:])
    if not domain:
        raise RecordsError("the site is no host or address of a page; write it as www.example.org")
    return domain.lower()


def find_unblock(number: str) -> UnblockRequest:
    """Return the request called *number*.

    Raises:
        RecordsError: There is none.
    """
    with transaction.atomic():
        return locked(UnblockRequest, number)


def request_unblock(wish: Wish, by: Actor, now: datetime) -> UnblockRequest:
    """Ask for a site to be removed from the filtered list.

    Raises:
        RecordsError: The wish is not complete.
    """
    demand(wish.purpose.strip(), "a request needs a purpose: the lesson, or what else it is for")
    demand(not (wish.first and wish.last and wish.last < wish.first), "the last day is before the first")
    with transaction.atomic():
        made = UnblockRequest(
            number=next_number("UB", UnblockRequest, now),
            requester=by.name,
            requested_at=now,
            asked_for=wish.site.strip(),
            domain=wish.domain or registrable(wish.site),
            purpose=wish.purpose,
            needed_from=wish.first,
            needed_to=wish.last,
            risk_check=wish.risk_check,
        )
        create(made, "requested", by, now)
        return made


def decide(
    number: str,
    *,
    agreed: bool,
    reason: str,
    by: Actor,
    now: datetime,
    risk_check: str = "",
    scope: str = "",
    expires: date | None = None,
) -> UnblockRequest:
    """Note the coordinator's decision.

    Raises:
        RecordsError: It is decided already, the reason or (when agreed) the risk check is missing, or the requester
            decides their own request.
    """
    demand(reason.strip(), f"{number}: a decision needs a reason")
    with transaction.atomic():
        found = locked(UnblockRequest, number)
        demand(found.state == State.REQUESTED, f"{found.number}: it is {found.state}, not waiting for a decision")
        same = found.requester.strip().casefold() == by.name.strip().casefold()
        demand(not same, f"{found.number}: {by.name} asked for it; somebody else must decide")
        looked = risk_check.strip() or found.risk_check
        demand(looked or not agreed, f"{found.number}: say what was looked at on the site, with --risk")
        demand(expires is None or expires >= now.date(), f"{found.number}: the last day is past")
        fields: dict[str, object] = {"risk_check": looked, "scope": scope, "expires_on": expires or found.needed_to}
        fields |= {"decided_by": by.name, "decided_at": now, "decision_reason": reason}
        word = State.AGREED if agreed else State.REFUSED
        change(found, word, by, now, {"state": word, **fields})
        return found


def apply(number: str, by: Actor, now: datetime) -> UnblockRequest:
    """Note that the site was removed from the filtered list.

    Raises:
        RecordsError: It is not agreed.
    """
    with transaction.atomic():
        found = locked(UnblockRequest, number)
        demand(found.state == State.AGREED, f"{found.number}: it is {found.state}; the coordinator must agree first")
        change(found, "applied", by, now, {"state": State.APPLIED, "applied_by": by.name, "applied_at": now})
        return found


def verify(number: str, how: str, by: Actor, now: datetime) -> UnblockRequest:
    """Note that the logs show the site allowed since it was applied.

    Raises:
        RecordsError: It is not applied, or how is not said.
    """
    demand(how.strip(), f"{number}: say what the logs show")
    with transaction.atomic():
        found = locked(UnblockRequest, number)
        demand(found.state == State.APPLIED, f"{found.number}: it is {found.state}; apply it first")
        change(
            found,
            "verified",
            by,
            now,
            {"state": State.VERIFIED, "verified_by": by.name, "verified_at": now, "verified_how": how},
        )
        return found


def end_unblock(number: str, by: Actor, now: datetime) -> UnblockRequest:
    """Note that the site is on the filtered list again.

    Raises:
        RecordsError: It was not applied.
    """
    with transaction.atomic():
        found = locked(UnblockRequest, number)
        demand(found.state in {State.APPLIED, State.VERIFIED}, f"{found.number}: it is {found.state}, not applied")
        change(found, "ended", by, now, {"state": State.ENDED, "ended_by": by.name, "ended_at": now})
        return found


def review_unblock(number: str, text: str, by: Actor, now: datetime) -> UnblockRequest:
    """Stamp a decided request as reviewed by the committee.

    Raises:
        RecordsError: It is not decided yet.
    """
    with transaction.atomic():
        found = locked(UnblockRequest, number)
        demand(found.state != State.REQUESTED, f"{found.number}: it is not decided yet")
        change(found, "reviewed", by, now, {"reviewed_by": by.name, "reviewed_at": now, "review_note": text})
        return found


def of_site(domains: Collection[str], at: datetime) -> list[tuple[UnblockRequest, bool]]:
    """Return the requests for any of *domains*, newest first, and whether each was in force *at* that time."""
    return [
        (
            one,
            one.applied_at is not None
            and one.applied_at <= at
            and (one.ended_at is None or at < one.ended_at)
            and (one.expires_on is None or at.date() <= one.expires_on),
        )
        for one in UnblockRequest.objects.filter(domain__in=domains)
    ]


def overdue(today: date) -> list[UnblockRequest]:
    """Return what is still applied after its last day."""
    open_states = [State.APPLIED, State.VERIFIED]
    return list(UnblockRequest.objects.filter(state__in=open_states, expires_on__lt=today).order_by("expires_on"))
