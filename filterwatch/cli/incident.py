"""``filterwatch incident``: the incident log of both policies."""

from __future__ import annotations

from typing import Annotated

import typer

from filterwatch.cli._records import By, Config, State, actor, opened, say, table
from filterwatch.errors import FilterwatchError

Number = Annotated[str, typer.Argument(help="Number of the incident, e.g. IN-2026-7KQ3M.")]
Place = Annotated[str | None, typer.Option(help="Where the incident took place.")]
Description = Annotated[str | None, typer.Option(help="Description of the incident.")]
People = Annotated[str | None, typer.Option(help="Details of people involved, in your words.")]
Identified = Annotated[str | None, typer.Option(help="alert, 'staff report', 'pupil report', parent, review or other.")]
How = Annotated[str | None, typer.Option(help="How the incident was identified, in your words.")]
At = Annotated[str | None, typer.Option("--at", help='When: "2026-11-23 14:00", or "14:00" for today.')]
Type = Annotated[
    str | None,
    typer.Option(
        "--type",
        help="'personal data', material, contact, grooming, cyberbullying, welfare, extremism, bypass, filter, "
        "security or other.",
    ),
]
Serious = Annotated[bool | None, typer.Option("--serious/--not-serious", help="A serious breach of the policy.")]
Illegal = Annotated[bool | None, typer.Option("--illegal/--not-illegal", help="The illegal-content protocol applies.")]
Staff = Annotated[bool | None, typer.Option("--staff/--no-staff", help="A member of staff is involved.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The incident log: what happened, who, what was done.")
    commands = (open_, list_, show, edit, person, action, decision, conclude, reopen, sign, review, print_)
    for command in commands:
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="incident")


def open_(
    *,
    by: By,
    config: Config = None,
    state: State = None,
    at: At = None,
    place: Place = None,
    description: Description = None,
    people: People = None,
    identified: Identified = None,
    how: How = None,
    type_: Type = None,
    serious: Serious = None,
    illegal: Illegal = None,
    staff: Staff = None,
    alert: Annotated[str, typer.Option(help="Case number of the alert it is about.")] = "",
    follows: Annotated[str, typer.Option(help="Number of the signed incident that it adds to.")] = "",
) -> None:
    """Open an incident. An alert that is serious has one already: see `filterwatch alert show`."""
    desk = opened(config, state)
    from filterwatch.records import services
    from filterwatch.records.models import Incident

    known = _known(
        place=place, description=description, people=people, identified=identified, identified_how=how, type=type_,
        serious=serious, illegal=illegal, compartment=_compartment(staff),
    )  # fmt: skip
    when = desk.time(at) if at else desk.now
    about = services.find_alert(alert) if alert else None
    before = services.find_incident(follows) if follows else None
    incident = Incident(happened_at=when, alert=about, follows=before, **known)
    services.open_incident(incident, actor(by), desk.now)
    say(f"{incident.number}: opened.")
    _tell_missing(incident.number)


def list_(
    config: Config = None,
    state: State = None,
    everything: Annotated[bool, typer.Option("--all", help="Also signed ones.")] = False,
) -> None:
    """List incidents that are not signed, newest first; without names or texts."""
    desk = opened(config, state)
    from filterwatch.records.models import Incident

    incidents = Incident.objects.all() if everything else Incident.objects.exclude(state=Incident.State.SIGNED)
    rows = (
        (one.number, desk.short(one.happened_at), one.type, ", ".join(_marks(one.compartment, serious=one.serious)),
         one.state, one.alert.number if one.alert else "")
        for one in incidents.select_related("alert")
    )  # fmt: skip
    table(("Number", "Date", "Type", "", "State", "Alert"), rows, "No open incidents.")


def _marks(compartment: str, *, serious: bool) -> list[str]:
    """Return what sets an incident apart from others."""
    return [word for word, holds in ((compartment, compartment != "general"), ("serious", serious)) if holds]


def show(number: Number, by: By, config: Config = None, state: State = None) -> None:
    """Show one incident; that you read it is recorded."""
    _page(number, by, config, state)
    _tell_missing(number)


def print_(number: Number, by: By, config: Config = None, state: State = None) -> None:
    """Print one incident as both policies lay it out; that you read it is recorded."""
    _page(number, by, config, state)


def _page(number: str, by: str, config: Config, state: State) -> None:
    desk = opened(config, state)
    from filterwatch.records import services
    from filterwatch.records.printing import page

    typer.echo(page(services.read_incident(number, actor(by), desk.now), desk.zone), nl=False)


def edit(
    *,
    number: Number,
    by: By,
    config: Config = None,
    state: State = None,
    at: At = None,
    place: Place = None,
    description: Description = None,
    people: People = None,
    identified: Identified = None,
    how: How = None,
    type_: Type = None,
    serious: Serious = None,
    illegal: Illegal = None,
    staff: Staff = None,
) -> None:
    """Change fields of an incident that is not signed."""
    desk = opened(config, state)
    from filterwatch.records import services

    known = _known(
        place=place, description=description, people=people, identified=identified, identified_how=how, type=type_,
        serious=serious, illegal=illegal, compartment=_compartment(staff),
        happened_at=desk.time(at) if at else None,
    )  # fmt: skip
    if not known:
        raise FilterwatchError(f"{number}: nothing to change is named; see --help for the fields")
    services.edit_incident(number, actor(by), desk.now, **known)
    say(f"{number}: changed.")
    _tell_missing(number)


def person(
    number: Number,
    name: Annotated[str, typer.Argument(help="Name, or how they are known.")],
    role: Annotated[str, typer.Option(help="subject, victim, witness or reporter.")],
    by: By,
    config: Config = None,
    state: State = None,
    group: Annotated[str, typer.Option(help="pupils, staff, ...")] = "",
    known_by: Annotated[str, typer.Option(help="How surely it is known that it was them.")] = "",
) -> None:
    """Add somebody involved."""
    desk = opened(config, state)
    from filterwatch.records import services
    from filterwatch.records.models import IncidentPerson

    involved = IncidentPerson(name=name, role=role, group=group, known_by=known_by)
    services.add_person(involved, number, actor(by), desk.now)
    say(f"{number}: {role} added.")


def action(
    number: Number,
    text: Annotated[str, typer.Argument(help="What was done.")],
    by: By,
    config: Config = None,
    state: State = None,
    kind: Annotated[
        str,
        typer.Option(
            help="'parent contacted', referral, sanction, 'technical change', support, 'device secured', ip1 to ip5 "
            "(steps of the illegal-content protocol) or other."
        ),
    ] = "other",
    at: At = None,
) -> None:
    """Add what was done, and when."""
    desk = opened(config, state)
    from filterwatch.records import services

    services.add_action(number, kind, text, desk.time(at) if at else desk.now, actor(by), desk.now)
    say(f"{number}: action added.")


def decision(
    number: Number,
    whom: Annotated[str, typer.Argument(help="police, parents, prevent or lado.")],
    why: Annotated[str, typer.Option(help="Why they are told or not told.")],
    by: By,
    told: Annotated[bool, typer.Option("--told/--not-told", help="Whether they are told.")],
    config: Config = None,
    state: State = None,
    reference: Annotated[str, typer.Option(help="Their reference number.")] = "",
) -> None:
    """Record that telling somebody outside was considered, and why it is done or not."""
    desk = opened(config, state)
    from filterwatch.records import services

    services.add_decision(number, whom, why, actor(by), desk.now, told=told, reference=reference)
    say(f"{number}: {whom} {'told' if told else 'not told'}, with the reason.")


def conclude(
    number: Number,
    conclusion: Annotated[
        str,
        typer.Argument(
            help="'no further action', 'education and advice', 'sanction under the behaviour policy', 'staff "
            "disciplinary procedures', 'referred to another agency', 'technical change' or unfounded."
        ),
    ],
    by: By,
    config: Config = None,
    state: State = None,
    text: Annotated[str, typer.Option(help="The conclusion in your words.")] = "",
    serious: Serious = None,
) -> None:
    """Conclude an incident; what is missing is listed."""
    desk = opened(config, state)
    from filterwatch.records import services

    found = services.conclude(number, conclusion, text, actor(by), desk.now, serious=serious)
    say(f"{found.number}: concluded. Sign it with: filterwatch incident sign {found.number}")
    if found.serious:
        say("A serious breach: the committee reviews the e-safety and acceptable-use policies as soon as possible.")


def reopen(
    number: Number,
    by: By,
    why: Annotated[str, typer.Option(help="Why.")],
    config: Config = None,
    state: State = None,
) -> None:
    """Take up again an incident that is concluded and not signed."""
    desk = opened(config, state)
    from filterwatch.records import services

    say(f"{services.reopen_incident(number, why, actor(by), desk.now).number}: a draft again.")


def sign(
    number: Number,
    by: By,
    name: Annotated[str, typer.Option(prompt="Type your name to sign; it is final then", help="Your name again.")],
    config: Config = None,
    state: State = None,
) -> None:
    """Sign a concluded incident: from then on it is final."""
    desk = opened(config, state)
    from filterwatch.records import services

    found = services.sign(number, name, actor(by), desk.now)
    say(f"{found.number}: signed by {found.signed_by}; {found.signature}")


def review(
    number: Number,
    role: Annotated[str, typer.Option(help="coordinator, committee or governor.")],
    by: By,
    config: Config = None,
    state: State = None,
    note: Annotated[str, typer.Option(help="What was noticed.")] = "",
) -> None:
    """Stamp an incident as reviewed."""
    desk = opened(config, state)
    from filterwatch.records import services

    services.review_incident(number, role, note, actor(by), desk.now)
    say(f"{number}: reviewed.")


def _known(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _compartment(staff: bool | None) -> str | None:
    return None if staff is None else "staff" if staff else "general"


def _tell_missing(number: str) -> None:
    from filterwatch.records import services

    incident = services.find_incident(number)
    gaps = services.missing(incident) if incident.state == "draft" else []
    for gap in gaps:
        say(f"  still missing: {gap}")
