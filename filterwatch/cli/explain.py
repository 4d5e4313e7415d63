"""``filterwatch explain``: why something is, or would be, a detection."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from filterwatch.cli._records import Config, State, actor, facts, opened, school_of
from filterwatch.cli._wrapped import wrapped
from filterwatch.errors import FilterwatchError
from filterwatch.text import defang, printable

if TYPE_CHECKING:
    from filterwatch.records.models import AlertDetection

# typer reads these spellings of "may be left out".
# ruff: noqa: UP045

CASE = re.compile(r"[A-Za-z]{2}-\d{4}-[A-Za-z0-9]{4,8}")
OF_ADDRESSES = {"person", "group", "device", "at", "kind", "action", "everything"}
"""Parameters that say how an address or a search is looked at."""

OF_NAMES = {"why", "by", "second"}
"""Parameters that say who sees names, and why."""

OF_CASES = {"state", "names", *OF_NAMES}
"""Parameters that say how a case is looked at."""

OF_DETECTIONS = {"detection", "config", "rules", "everything"}
"""Parameters that a detection takes."""

DETECTIONS = 20
"""Detections of an alert that are shown."""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def explain(
        context: typer.Context,
        *,
        what: Annotated[str, typer.Argument(metavar="URL|HOST|CASE", help="URL, host, or number of an alert.")] = "",
        config: Config = None,
        state: State = None,
        detection: Annotated[str, typer.Option(metavar="ID", help="A detection, by its id in the journal.")] = "",
        search: Annotated[str, typer.Option(help="Words typed into a search engine, in place of an address.")] = "",
        person: Annotated[Optional[str], typer.Option(help="Who asks: name on the roster, or user name.")] = None,
        group: Annotated[Optional[str], typer.Option(help="Of which group: pupils, staff, guests, ...")] = None,
        device: Annotated[Optional[str], typer.Option(help="From which device: name, MAC or IP address.")] = None,
        at: Annotated[str, typer.Option(help='When: "2026-11-23 10:15"; default: now.')] = "",
        kind: Annotated[str, typer.Option(help="Seen in which log: http, dns (a name asked for) or flow.")] = "http",
        action: Annotated[str, typer.Option(help="What the filter decided: allowed, blocked, ...")] = "allowed",
        rules: Annotated[Optional[Path], typer.Option(help="Directory of rules to judge by.")] = None,
        everything: Annotated[bool, typer.Option("--all", help="All rules that nearly hold.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Of an address: JSON instead of text.")] = False,
        names: Annotated[bool, typer.Option("--names", help="Of an alert: who, and raw lines; recorded.")] = False,
        why: Annotated[str, typer.Option(help="Why the names are needed.")] = "",
        by: Annotated[str, typer.Option("--by", envvar="FILTERWATCH_BY", help="Your name, with --names.")] = "",
        second: Annotated[str, typer.Option(help="Who agrees: needed for staff and illegal content.")] = "",
    ) -> None:
        """Explain what the rules say of an address or a search, or why an alert or a detection was raised."""
        if sum(map(bool, (what, search, detection))) != 1:
            raise FilterwatchError(
                "name one thing to explain: a URL, a host, a case number, words with --search, or --detection"
            )
        if detection:
            _refuse_beside_detection(context)
            _recorded(detection, config, rules, everything=everything)
            return
        case = CASE.fullmatch(what)
        _refuse_unused(context, case=bool(case), names=names)
        if case:
            _case(what.upper(), config, state, rules, _Look(why, by, second) if names else None)
            return
        from filterwatch.app.explaining import Request
        from filterwatch.app.explaining import explain as ask
        from filterwatch.cli._records import Desk
        from filterwatch.clock import SystemClock

        school = school_of(config, rules)
        desk = Desk(school.zone, SystemClock().now())
        when = desk.time(at) if at else desk.now
        asked = Request(what or _searched(search), when, person, group, device, kind, action)
        found = ask(school, asked)
        if as_json:
            from filterwatch.app.explaining import as_json as written

            typer.echo(written(found))
        else:
            from filterwatch.cli._explained import show

            show(found, everything=everything)


def _refuse_unused(context: typer.Context, *, case: bool, names: bool) -> None:
    """Refuse what was typed and would change nothing: who typed it believes that it did."""
    typed = {one.name: one.opts[-1] for one in context.command.params if _is_typed(context, one.name or "")}
    if case and "as_json" in typed:
        raise FilterwatchError("--json is for addresses; a case may name persons, and is read with `alert show`")
    unused = OF_ADDRESSES if case else OF_CASES
    if found := [option for name, option in typed.items() if name in unused]:
        of, other = ("an address or a search", "a case") if case else ("a case", "an address or a search")
        raise FilterwatchError(f"{', '.join(found)}: only for {of}, not for {other}; leave it out")
    if not names and (found := [option for name, option in typed.items() if name in OF_NAMES]):
        raise FilterwatchError(f"{', '.join(found)}: only with --names, which shows who it is; add it, or leave it out")


def _refuse_beside_detection(context: typer.Context) -> None:
    """Refuse the same beside a detection."""
    typed = [one for one in context.command.params if _is_typed(context, one.name or "")]
    if found := [one.opts[-1] for one in typed if one.name not in OF_DETECTIONS]:
        raise FilterwatchError(f"{', '.join(found)}: not for a detection, which is told as it was; leave it out")


def _recorded(begin: str, config: Path | None, rules: Path | None, *, everything: bool) -> None:
    from filterwatch.app.explaining.recorded import explain_recorded
    from filterwatch.cli._recorded import show_recorded

    show_recorded(*explain_recorded(school_of(config, rules), begin.lower()), everything=everything)


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"  # not from the environment


def _searched(words: str) -> str:
    from filterwatch.app.explaining.address import search_url

    return search_url(words)


class _Look:
    """Somebody wants to see names."""

    def __init__(self, why: str, by: str, second: str) -> None:
        self.why, self.by, self.second = why, by, second


def _case(number: str, config: Path | None, state: Path | None, rules: Path | None, look: _Look | None) -> None:
    desk = opened(config, state)
    from filterwatch.app.evidence import raw_lines
    from filterwatch.app.places import DEFAULT
    from filterwatch.app.settings import load
    from filterwatch.records import services

    if look:
        agrees = actor(look.second) if look.second else None
        one = services.reveal(number, look.why, actor(look.by), agrees, desk.now)
    else:
        one = services.find_alert(number)
    hidden = one.illegal_protocol or (one.compartment != "general" and not look)
    told = [(row.recipient, row.kind, desk.show(row.sent_at) or row.state) for row in one.notifications.all()]
    events = f"at least {one.count:,} {'event' if one.count == 1 else 'events'}"
    facts(
        [
            ("Case", f"{one.number}, {one.level}, {one.state}"),
            ("About", f"{one.family}, {events}, {desk.show(one.first_time)} to {desk.show(one.last_time)}"),
            ("Who", f"{one.pseudonym} ({one.group}; known by: {one.identity})"),
            *([("Person", one.person), ("User", one.user), ("Device", one.device)] if look else []),
            ("Address", one.client_ip if look else ""),
            *[("" if at else "Told", f"{role} ({kind}), {when}") for at, (role, kind, when) in enumerate(told)],
            ("Verdict", one.verdict),
        ]
    )
    if one.illegal_protocol:
        wrapped("Illegal content: addresses and lines are withheld. Follow the steps in the incident.")
    detections = list(one.detections.all()[:DETECTIONS])
    folder = state or load(config or DEFAULT).state
    reads = look is not None and not one.illegal_protocol
    illegal = services.illegal(detections)
    kept = raw_lines(folder, [d.id for d in detections if d.id not in illegal]) if reads else {}
    for d in detections:
        away = d.id in illegal
        _detection(d, desk.show(d.time), hidden=hidden or away, line=kept.get(d.id), reads=reads and not away)
    if (more := one.detections.count() - len(detections)) > 0:
        typer.echo(f"\nand {more} more")
    _behind(school_of(config, rules).rules, [(d.rule, d.rule_version) for d in detections])
    if not look:
        wrapped('Who it is, and the raw lines: --names --by "YOUR NAME" --why "...". It is recorded.')


def _detection(one: AlertDetection, when: str, *, hidden: bool, line: bytes | None, reads: bool) -> None:
    from filterwatch.app.evidence import shown
    from filterwatch.app.explaining.case import SHORT

    typer.echo(f"\n{when}  {printable(one.rule)} (version {printable(one.rule_version or '-')}, {one.level})")
    wrapped(f"because {'withheld' if hidden else one.reason}", "  ")
    if one.host and not hidden:
        wrapped(f"host {defang(one.host)}, {one.action or 'action unknown'}", "  ")
    where = f"byte {one.line_offset}" if one.line_offset is not None else "no line of its own"
    wrapped(f"log {one.source}, {where}; detection {one.id[:SHORT]}", "  ")
    if line is not None:
        typer.echo(f"  line: {shown(line)}")
    elif reads:
        typer.echo("  line: not in the journal any more")


def _behind(rules: Path, held: list[tuple[str, str]]) -> None:
    """Print what the rules behind an alert are about, each sentence of the policy once."""
    from filterwatch.app.explaining.case import behind
    from filterwatch.errors import ConfigurationError

    try:
        found = behind(rules, held)
    except ConfigurationError:
        wrapped("The rules hold mistakes, so that what they demand is not shown; see `filterwatch check`.")
        return
    typer.echo()
    policies: set[tuple[str, str]] = set()
    for one in found:
        wrapped(f"{one.rule}: {one.title or 'found over time, or a rule that is gone'}")
        if one.policy and one.policy not in policies:
            policies.add(one.policy)
            wrapped(f'policy: "{one.policy[0]}" ({one.policy[1]})', "  ")
        if one.changed:
            wrapped("it was another version then; `filterwatch explain ADDRESS` says what today's rules find", "  ")
