"""``filterwatch switch-off``: switching the filtering off by the process that the head agreed."""

from __future__ import annotations

from typing import Annotated

import typer

from filterwatch.cli._records import By, Config, State, actor, facts, opened, say, table

Number = Annotated[str, typer.Argument(help="Number of the switch-off, e.g. SO-2026-7KQ3M.")]
Note = Annotated[str, typer.Option(help="In your words.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Filter switch-offs: asked for, approved by the head, ended, checked."
    )
    for command in (request, approve, refuse, start, end, check, explain, list_, show):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="switch-off")


def request(
    *,
    by: By,
    reason: Annotated[str, typer.Option(help="Why the filtering must be off.")],
    start: Annotated[str, typer.Option("--from", help='From when: "2026-11-23 14:00", or "14:00" for today.')],
    end: Annotated[str, typer.Option("--to", help="Until when.")],
    config: Config = None,
    state: State = None,
    scope: Annotated[str, typer.Option(help="all, person or device.")] = "all",
    name: Annotated[str, typer.Option(help="Which person or device.")] = "",
    supervision: Annotated[str, typer.Option(help="Who watches meanwhile, and how.")] = "",
    site: Annotated[str, typer.Option(help="Site; default: every one.")] = "",
) -> None:
    """Ask for the filtering to be switched off; the head approves."""
    desk = opened(config, state)
    from filterwatch.records import services
    from filterwatch.records.services.switch_offs import Plan

    plan = Plan(reason, desk.time(start), desk.time(end), scope, name, supervision, site)
    made = services.request_switch_off(plan, actor(by), desk.now)
    say(f"{made.number}: requested. The head approves it with: filterwatch switch-off approve {made.number} --by NAME")


def approve(number: Number, by: By, config: Config = None, state: State = None, note: Note = "") -> None:
    """Approve a switch-off; only the head does, and nobody their own."""
    desk = opened(config, state)
    from filterwatch.records import services

    made = services.approve(number, note, actor(by), desk.now)
    say(f"{made.number}: approved, {desk.show(made.planned_start)} to {desk.show(made.planned_end)}.")


def refuse(number: Number, by: By, note: Note, config: Config = None, state: State = None) -> None:
    """Refuse a switch-off."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.refuse(number, note, actor(by), desk.now).number}: refused.")


def start(number: Number, by: By, config: Config = None, state: State = None) -> None:
    """Note that you switch the filtering off now."""
    desk = opened(config, state)
    from filterwatch.records import services

    found = services.start(number, actor(by), desk.now)
    say(f"{found.number}: off. It is planned to end {desk.show(found.planned_end)}.")


def end(number: Number, by: By, config: Config = None, state: State = None) -> None:
    """Note that the filtering is on again."""
    desk = opened(config, state)
    from filterwatch.records import services

    found = services.end(number, actor(by), desk.now)
    say(f"{found.number}: ended. Check the filter, then: filterwatch switch-off check {found.number} --how ...")


def check(
    number: Number,
    by: By,
    how: Annotated[str, typer.Option(help="How you saw that the filter works again.")],
    config: Config = None,
    state: State = None,
) -> None:
    """Note how you saw that the filter works again."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.check_restored(number, how, actor(by), desk.now).number}: checked.")


def explain(
    number: Number,
    by: By,
    why: Annotated[str, typer.Option(help="Why the filtering was off.")],
    config: Config = None,
    state: State = None,
) -> None:
    """Add the reason of a switch-off that was found in the logs."""
    desk = opened(config, state)
    from filterwatch.records import services

    found = services.explain(number, why, actor(by), desk.now)
    say(f"{found.number}: explained; it stays {found.reconciliation}.")


def list_(config: Config = None, state: State = None) -> None:
    """List switch-offs, newest first."""
    desk = opened(config, state)
    from filterwatch.records.models import SwitchOff

    rows = (
        (one.number, "found in the logs" if one.found else one.requested_by, one.scope,
         desk.span(one.planned_start, one.planned_end), desk.span(one.actual_start, one.actual_end, "now"), one.state,
         one.reconciliation)
        for one in SwitchOff.objects.all()[:100]
    )  # fmt: skip
    columns = ("Number", "Asked by", "Scope", "Planned", "Actual", "State", "Reconciled")
    table(columns, rows, "No switch-offs.", wrap=("Asked by", "Planned", "Actual"))


def show(number: Number, config: Config = None, state: State = None) -> None:
    """Show one switch-off and what the logs say about it."""
    desk = opened(config, state)
    from filterwatch.records import services

    one = services.find_switch_off(number)
    facts(
        [
            ("Number", one.number),
            ("State", one.state),
            ("Reconciled", one.reconciliation),
            ("Found", "in the logs, not asked for" if one.found else ""),
            ("Requested", f"{one.requested_by}, {desk.show(one.requested_at)}" if one.requested_by else ""),
            ("Decided", f"{one.approved_by}, {desk.show(one.approved_at)}" if one.approved_by else ""),
            ("Decision", one.decision_note),
            ("Reason", one.reason),
            ("Scope", f"{one.scope} {one.scope_name}".strip()),
            ("Supervision", one.supervision),
            ("Planned", f"{desk.show(one.planned_start)} to {desk.show(one.planned_end)}" if one.planned_start else ""),
            (
                "Actual",
                f"{desk.show(one.actual_start)} to {desk.show(one.actual_end) or 'now'}" if one.actual_start else "",
            ),
            ("Checked", f"{one.checked_by}, {desk.show(one.checked_at)}: {one.check_note}" if one.checked_by else ""),
        ]
    )
    rows = (
        (off.service, off.kind, desk.span(off.began, off.ended, "now"), off.reconciliation, off.reason)
        for off in one.detected.all()
    )
    columns = ("Service", "What", "When", "Reconciled", "Why we think so")
    table(columns, rows, "Nothing in the logs yet.", wrap=("Service", "When", "Why we think so"))
