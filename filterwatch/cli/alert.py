"""``filterwatch alert``: read, acknowledge, triage and close alerts; agreed silences."""

from __future__ import annotations

from typing import Annotated

import typer

from filterwatch.cli._records import By, Config, State, actor, facts, opened, say, table
from filterwatch.text import defang

Case = Annotated[str, typer.Argument(help="Case number, e.g. FW-2026-7KQ3M.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Alerts: read, acknowledge, triage, close.")
    for command in (list_, show, ack, triage, close, reopen, silence, silences, unsilence):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="alert")


def list_(
    config: Config = None,
    state: State = None,
    everything: Annotated[bool, typer.Option("--all", help="Also closed ones.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 50,
) -> None:
    """List alerts that are not closed, newest first."""
    desk = opened(config, state)
    from filterwatch.records.models import Alert

    alerts = Alert.objects.all() if everything else Alert.objects.exclude(state=Alert.State.CLOSED)
    rows = (
        (one.number, one.level, one.family, desk.short(one.last_time), one.count, one.pseudonym, one.state)
        for one in alerts[:limit]
    )
    table(("Case", "Level", "About", "Last", "At least", "Who", "State"), rows, "No open alerts.")


def show(
    case: Case,
    config: Config = None,
    state: State = None,
    names: Annotated[bool, typer.Option("--names", help="Show who it is; recorded, with the reason.")] = False,
    why: Annotated[str, typer.Option(help="Why the names are needed.")] = "",
    by: Annotated[str, typer.Option("--by", envvar="FILTERWATCH_BY", help="Your name, with --names.")] = "",
    second: Annotated[str, typer.Option(help="Who agrees: needed for staff and illegal content.")] = "",
) -> None:
    """Show one alert and why it was raised."""
    desk = opened(config, state)
    from filterwatch.records import services

    agrees = actor(second) if second else None
    one = services.reveal(case, why, actor(by), agrees, desk.now) if names else services.find_alert(case)
    incident = getattr(one, "incident", None)
    facts(
        [
            ("Case", one.number),
            ("Level", one.level),
            ("About", one.family),
            ("Compartment", one.compartment),
            ("Site", one.site),
            ("First", desk.show(one.first_time)),
            ("Last", desk.show(one.last_time)),
            ("Count", f"at least {one.count:,}"),
            ("Who", f"{one.pseudonym} ({one.group}, known by {one.identity})"),
            *([("Person", one.person), ("User", one.user), ("Device", one.device), ("Address", one.client_ip)] * names),
            ("State", one.state),
            ("Acknowledged", f"{one.acknowledged_by}, {desk.show(one.acknowledged_at)}" if one.acknowledged_by else ""),
            ("Verdict", one.verdict),
            ("Note", one.note),
            ("Silenced", f"by silence {one.silence_id}" if one.silence_id else ""),
            ("Incident", incident.number if incident else ""),
            ("Switch-off", one.switch_off.number if one.switch_off else ""),
        ]
    )
    if one.illegal_protocol:
        say("Illegal content: the address is withheld. Do not look for it. Follow the steps in the incident.")
    hidden = one.compartment != "general" and not names
    detections = list(one.detections.all()[:20])
    away = {d.id for d in detections} if hidden else services.illegal(detections)
    rows = (
        (desk.short(d.time), f"{d.rule} {d.rule_version}", "withheld" if d.id in away else d.reason,
         "withheld" if d.id in away else defang(_what(d.host, d.matched, names=names)),
         f"{d.source} {d.line_offset if d.line_offset is not None else ''}")
        for d in detections
    )  # fmt: skip
    columns = ("Time", "Rule", "Why", "What", "Line")
    table(columns, rows, "", wrap=columns[1:])


def _what(host: str, matched: str, *, names: bool) -> str:
    """Return what was asked for; what somebody typed (a search, say) only where names are shown."""
    return f"{host} ({matched})" if names and matched not in {"", host} else host


def ack(
    code: Annotated[str, typer.Argument(help="The code in the notification, e.g. 4HK7-92QX.")],
    by: By,
    config: Config = None,
    state: State = None,
) -> None:
    """Acknowledge an alert: you have it, nobody else is told."""
    desk = opened(config, state)
    from filterwatch.records import services

    one = services.acknowledge_by_code(code, actor(by), desk.now)
    say(f"{one.number}: acknowledged by {one.acknowledged_by}. Read it with: filterwatch alert show {one.number}")


def triage(
    case: Case,
    verdict: Annotated[str, typer.Argument(help="welfare, breach, accidental, 'false positive' or technical.")],
    by: By,
    config: Config = None,
    state: State = None,
    note: Annotated[str, typer.Option(help="What you found.")] = "",
) -> None:
    """Say what an alert turned out to be."""
    desk = opened(config, state)
    from filterwatch.records import services

    one = services.triage(case, verdict, note, actor(by), desk.now)
    say(f"{one.number}: {one.verdict}.")


def close(case: Case, by: By, config: Config = None, state: State = None) -> None:
    """Close an alert that has a verdict."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.close(case, actor(by), desk.now).number}: closed.")


def reopen(
    case: Case,
    by: By,
    why: Annotated[str, typer.Option(help="Why.")],
    config: Config = None,
    state: State = None,
) -> None:
    """Take up again an alert that was triaged or closed."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.reopen(case, why, actor(by), desk.now).number}: open again.")


def silence(
    by: By,
    until: Annotated[str, typer.Option(help='Until when: "2026-11-23 14:00"; at most 31 days.')],
    reason: Annotated[str, typer.Option(help="Why.")],
    config: Config = None,
    state: State = None,
    rule: Annotated[str, typer.Option(help="A rule id.")] = "",
    family: Annotated[str, typer.Option(help="A family, as `alert list` shows it under About.")] = "",
    who: Annotated[str, typer.Option(help="A pseudonym, as `alert list` shows it under Who.")] = "",
) -> None:
    """Agree that nobody is told of some alerts for a while; critical ones are told all the same."""
    desk = opened(config, state)
    from filterwatch.records import services

    end = desk.time(until)
    made = services.silence(reason, end, actor(by), desk.now, rule=rule, family=family, pseudonym=who)
    say(f"silence {made.pk}: until {desk.show(made.expires_at)}.")


def silences(config: Config = None, state: State = None) -> None:
    """List agreed silences that have not ended."""
    desk = opened(config, state)
    from filterwatch.records.models import Silence

    running = Silence.objects.filter(expires_at__gt=desk.now, ended_at=None)
    rows = ((one.pk, one.rule, one.family, one.pseudonym, desk.short(one.expires_at), one.owner, one.reason)
            for one in running)  # fmt: skip
    columns = ("No.", "Rule", "About", "Who", "Until", "Owner", "Reason")
    table(columns, rows, "No silences.", wrap=("Rule", "Owner", "Reason"))


def unsilence(
    number: Annotated[int, typer.Argument(help="Number of the silence.")],
    by: By,
    config: Config = None,
    state: State = None,
) -> None:
    """End a silence before its time."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"silence {services.end_silence(number, actor(by), desk.now).pk}: ended.")
