"""``filterwatch unblock``: requests for sites to be removed from the filtered list."""

from __future__ import annotations

from typing import Annotated

import typer

from filterwatch.cli import FINDINGS
from filterwatch.cli._records import By, Config, State, actor, facts, opened, say, table
from filterwatch.text import defang

Number = Annotated[str, typer.Argument(help="Number of the request, e.g. UB-2026-7KQ3M.")]
Risk = Annotated[str, typer.Option("--risk", help="What was looked at on the site, and found.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Unblock requests: asked for, decided, applied, verified, ended.")
    for command in (request, decide, apply, verify, end, review, list_, show, overdue):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="unblock")


def request(
    site: Annotated[str, typer.Argument(help="Host or address of a page.")],
    purpose: Annotated[str, typer.Option(help="The lesson, or what else it is for.")],
    by: By,
    config: Config = None,
    state: State = None,
    first: Annotated[str, typer.Option("--from", help="First day it is needed, 2026-11-23.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day it is needed.")] = "",
    risk: Risk = "",
) -> None:
    """Ask for a site to be removed from the filtered list; the coordinator decides."""
    desk = opened(config, state)
    from filterwatch.app.parts import School
    from filterwatch.records import services
    from filterwatch.records.services.unblocks import Wish

    days = [desk.date(text) if text else None for text in (first, last)]
    domain = School(desk.known).domain_of(site) or ""
    made = services.request_unblock(Wish(site, purpose, days[0], days[1], risk, domain), actor(by), desk.now)
    say(f"{made.number}: requested for {defang(made.domain)}.")


def decide(
    *,
    number: Number,
    agree: Annotated[bool, typer.Option("--agree/--refuse", help="The decision.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    by: By,
    config: Config = None,
    state: State = None,
    risk: Risk = "",
    scope: Annotated[str, typer.Option(help="For whom: a class, staff, everybody.")] = "",
    expires: Annotated[str, typer.Option(help="Last day, 2026-12-18; then it is blocked again.")] = "",
) -> None:
    """Agree or refuse: the coordinator's decision."""
    desk = opened(config, state)
    from filterwatch.records import services

    last = desk.date(expires) if expires else None
    made = services.decide(
        number, agreed=agree, reason=reason, by=actor(by), now=desk.now, risk_check=risk, scope=scope, expires=last
    )
    say(f"{made.number}: {made.state}.")


def apply(number: Number, by: By, config: Config = None, state: State = None) -> None:
    """Note that you removed the site from the filtered list."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.apply(number, actor(by), desk.now).number}: applied.")


def verify(
    number: Number,
    by: By,
    how: Annotated[str, typer.Option(help="What the logs show since it was applied.")],
    config: Config = None,
    state: State = None,
) -> None:
    """Note that the logs show the site allowed."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.verify(number, how, actor(by), desk.now).number}: verified.")


def end(number: Number, by: By, config: Config = None, state: State = None) -> None:
    """Note that the site is on the filtered list again."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.end_unblock(number, actor(by), desk.now).number}: ended.")


def review(
    number: Number,
    by: By,
    config: Config = None,
    state: State = None,
    note: Annotated[str, typer.Option(help="What the committee noticed.")] = "",
) -> None:
    """Stamp a decision as reviewed by the committee."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.review_unblock(number, note, actor(by), desk.now).number}: reviewed.")


def list_(config: Config = None, state: State = None) -> None:
    """List requests, newest first."""
    desk = opened(config, state)
    from filterwatch.records.models import UnblockRequest

    rows = (
        (one.number, defang(one.domain), one.requester, desk.short(one.requested_at), one.state,
         one.expires_on or "", one.decided_by)
        for one in UnblockRequest.objects.all()[:100]
    )  # fmt: skip
    columns = ("Number", "Site", "Asked by", "When", "State", "Until", "Decided by")
    table(columns, rows, "No requests.", wrap=("Site", "Asked by", "Decided by"))


def show(number: Number, config: Config = None, state: State = None) -> None:
    """Show one request."""
    desk = opened(config, state)
    from filterwatch.records import services

    one = services.find_unblock(number)
    days = f"{one.needed_from or ''} to {one.needed_to or ''}" if one.needed_from or one.needed_to else ""
    facts(
        [
            ("Number", one.number),
            ("State", one.state),
            ("Site", defang(one.domain)),
            ("Asked for", defang(one.asked_for)),
            ("Requested", f"{one.requester}, {desk.show(one.requested_at)}"),
            ("Purpose", one.purpose),
            ("Needed", days),
            ("Risk check", one.risk_check),
            (
                "Decided",
                f"{one.decided_by}, {desk.show(one.decided_at)}: {one.decision_reason}" if one.decided_by else "",
            ),
            ("Scope", one.scope),
            ("Until", one.expires_on or ""),
            ("Applied", f"{one.applied_by}, {desk.show(one.applied_at)}" if one.applied_by else ""),
            (
                "Verified",
                f"{one.verified_by}, {desk.show(one.verified_at)}: {one.verified_how}" if one.verified_by else "",
            ),
            ("Ended", f"{one.ended_by}, {desk.show(one.ended_at)}" if one.ended_by else ""),
            (
                "Reviewed",
                f"{one.reviewed_by}, {desk.show(one.reviewed_at)}: {one.review_note}" if one.reviewed_by else "",
            ),
        ]
    )


def overdue(config: Config = None, state: State = None) -> None:
    """List what is still unblocked after its last day; exit 1 when there is any."""
    desk = opened(config, state)
    from filterwatch.records import services

    late = services.overdue(desk.now.astimezone(desk.zone).date())
    rows = ((one.number, defang(one.domain), one.expires_on, one.requester) for one in late)
    table(("Number", "Site", "Last day", "Asked by"), rows, "Nothing is overdue.", wrap=("Site", "Asked by"))
    if late:
        raise typer.Exit(FINDINGS)
