"""``filterwatch explain``: why something is, or would be, a detection."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from filterwatch.cli._records import Config, State, actor, facts, opened, say
from filterwatch.text import defang, printable

if TYPE_CHECKING:
    from filterwatch.app.explaining import Explained
    from filterwatch.app.parts import School
    from filterwatch.policy import Verdict

# typer reads these spellings of "may be left out".
# ruff: noqa: UP045

CASE = re.compile(r"[A-Za-z]{2}-\d{4}-[A-Za-z0-9]{4,8}")
WITHHELD = "withheld: illegal content. Do not look for it."


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def explain(
        *,
        what: Annotated[str, typer.Argument(metavar="URL|HOST|CASE", help="URL, host, or number of an alert.")],
        config: Config = None,
        state: State = None,
        person: Annotated[Optional[str], typer.Option(help="Who asks: name on the roster, or user name.")] = None,
        group: Annotated[Optional[str], typer.Option(help="Of which group: pupils, staff, guests, ...")] = None,
        at: Annotated[str, typer.Option(help='When: "2026-11-23 10:15"; default: now.')] = "",
        rules: Annotated[Optional[Path], typer.Option(help="Directory of rules to judge by.")] = None,
        names: Annotated[bool, typer.Option("--names", help="Of an alert: who, and raw lines; recorded.")] = False,
        why: Annotated[str, typer.Option(help="Why the names are needed.")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Of an address: JSON instead of text.")] = False,
        by: Annotated[str, typer.Option("--by", envvar="FILTERWATCH_BY", help="Your name, with --names.")] = "",
        second: Annotated[str, typer.Option(help="Who agrees: needed for staff and illegal content.")] = "",
    ) -> None:
        """Explain what the rules say of an address, or why an alert was raised."""
        if CASE.fullmatch(what):
            _case(what.upper(), config, state, _Look(why, by, second) if names else None)
        else:
            _address(what, _school(config, rules), person, group, at, as_json=as_json)


class _Look:
    """Somebody wants to see names."""

    def __init__(self, why: str, by: str, second: str) -> None:
        self.why, self.by, self.second = why, by, second


def _school(config: Path | None, rules: Path | None) -> School:
    from filterwatch.app.parts import School
    from filterwatch.app.settings import DEFAULT, load, shipped

    known = load(config or DEFAULT) if config or DEFAULT.exists() else None
    return School(known, rules or (known.rules if known else shipped("rules")))


def _address(what: str, school: School, person: str | None, group: str | None, at: str, *, as_json: bool) -> None:
    from filterwatch.app.explaining import Request
    from filterwatch.app.explaining import explain as ask
    from filterwatch.cli._records import Desk
    from filterwatch.clock import SystemClock

    desk = Desk(school.zone, SystemClock().now())
    when = desk.time(at) if at else desk.now
    found = ask(school, Request(what, when, person, group))
    if as_json:
        from filterwatch.app.explaining import as_json as written

        typer.echo(written(found))
        return
    _facts(found, what, desk.show(when))
    if not found.withheld:
        _terms(found)
    _verdicts(found)


def _terms(found: Explained) -> None:
    for pack in found.terms:
        reached = "reaches" if pack.held else "does not reach"
        _wrapped(f"Terms of pack {pack.pack}: {pack.weight}, {reached} the {pack.at_least} it asks for", "")
        for span in pack.terms:
            _wrapped(
                f'"{span.says}" counts {span.weight}' + (f', read as "{span.read_as}"' if span.read_as else ""), "  "
            )
        for span in pack.hidden:
            _wrapped(f'"{span.says}" hides its words', "  ")


def _facts(found: Explained, what: str, when: str) -> None:
    hidden = found.withheld
    lists = [
        f"{one.category}: {'entry withheld' if hidden else defang(one.entry)} on list {one.list}"
        + ("" if one.mode in {"suffix", "exact"} else f" ({one.mode})")
        + ("" if one.used else ", cancelled by an exception")
        for one in found.entries
    ]
    who = ", ".join(part for part in (found.person, found.group, found.year and f"year {found.year}") if part)
    hours = {True: ", in school hours", False: ", outside school hours", None: ""}
    facts(
        [
            ("Asked", WITHHELD if hidden else defang(what)),
            ("Host", "" if hidden else defang(found.host)),
            ("Shows", "" if hidden or not found.inner else defang(found.inner)),
            ("Domain", "" if hidden else defang(found.domain or "none: an address or a suffix")),
            *[("" if at else "Lists", text) for at, text in enumerate(lists or ["on none"])],
            ("Categories", ", ".join(found.categories) or "none"),
            ("Search", found.search_terms if not hidden else ""),
            ("Who", who if found.identity == "unknown" else f"{who} (known by: {found.identity})"),
            ("When", f"{when}{hours[found.in_school_hours]}"),
        ]
    )


def _verdicts(found: Explained) -> None:
    from filterwatch.app.explaining import sentences

    typer.echo(f"\nRules that hold: {len(found.holds) or 'none'}")
    for one in found.holds:
        _verdict(one, [f"because {one.reason}", *sentences(one)])
    if found.nearly:
        typer.echo("\nNearest rules that do not hold")
        for one in found.nearly:
            _verdict(one, [f"no: {missing.replace(': needs', ' needs', 1)}" for missing in one.missing])


def _verdict(one: Verdict, reasons: list[str]) -> None:
    rule = one.rule
    _wrapped(f"{rule.id}: {rule.title} ({rule.level}, {rule.outcome})", "  ")
    for text in reasons:
        _wrapped(text, "      ")


def _wrapped(text: str, indent: str) -> None:
    import textwrap

    for line in textwrap.wrap(
        printable(text), 80, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    ):
        typer.echo(line)


def _case(number: str, config: Path | None, state: Path | None, look: _Look | None) -> None:
    desk = opened(config, state)
    from filterwatch.app.evidence import raw_lines, shown
    from filterwatch.app.settings import DEFAULT, load
    from filterwatch.records import services

    if look:
        agrees = actor(look.second) if look.second else None
        one = services.reveal(number, look.why, actor(look.by), agrees, desk.now)
    else:
        one = services.find_alert(number)
    hidden = one.illegal_protocol or (one.compartment != "general" and not look)
    facts(
        [
            ("Case", f"{one.number}, {one.level}, {one.state}"),
            ("About", f"{one.family}, {one.count} events, {desk.show(one.first_time)} to {desk.show(one.last_time)}"),
            ("Who", f"{one.pseudonym} ({one.group}; known by: {one.identity})"),
            *([("Person", one.person), ("User", one.user), ("Device", one.device)] if look else []),
            ("Address", one.client_ip if look else ""),
        ]
    )
    if one.illegal_protocol:
        say("Illegal content: addresses and lines are withheld. Follow the steps in the incident.")
    detections = list(one.detections.all()[:20])
    folder = state or load(config or DEFAULT).state
    kept = raw_lines(folder, [d.id for d in detections]) if look and not one.illegal_protocol else {}
    for d in detections:
        typer.echo(
            f"\n{desk.show(d.time)}  {printable(d.rule)} (version {printable(d.rule_version or '-')}, {d.level})"
        )
        _wrapped(f"because {'withheld' if hidden else d.reason}", "  ")
        if d.host and not hidden:
            _wrapped(f"host {defang(d.host)}, {d.action or 'action unknown'}", "  ")
        where = f"byte {d.line_offset}" if d.line_offset is not None else "no line of its own"
        _wrapped(f"log {d.source}, {where}", "  ")
        if d.id in kept:
            typer.echo(f"  line: {shown(kept[d.id])}")
        elif look and not one.illegal_protocol:
            typer.echo("  line: not in the journal any more")
    if not look:
        say('Who it is, and the raw lines: --names --by "YOUR NAME" --why "...". It is recorded.')
