"""``filterwatch rules``: what the rules are, what they cover, how often they were right, and rules from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from filterwatch.cli._records import Config, State, facts, opened, say, school_of, table
from filterwatch.cli._wrapped import wrapped
from filterwatch.errors import FilterwatchError
from filterwatch.text import printable

if TYPE_CHECKING:
    from filterwatch.app.bench_precision import Precision
    from filterwatch.app.coverage import Covered
    from filterwatch.policy import RuleSet

# typer reads these spellings of "may be left out".
# ruff: noqa: UP045

Rules = Annotated[
    Optional[Path], typer.Option(help="Directory of rules; default: the configuration's, else the shipped.")
]
FORMATS = ("table", "json", "csv", "md")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    rules = typer.Typer(help="The rules: what they are and cover, how often they were right.", no_args_is_help=True)
    app.add_typer(rules, name="rules")
    rules.command("list")(_list)
    rules.command("show")(_show)
    rules.command("coverage")(_coverage)
    rules.command("precision")(_precision)
    rules.command("import-sigma")(_import_sigma)


def _list(config: Config = None, rules: Rules = None) -> None:
    """List the rules."""
    found = _loaded(config, rules)
    table(
        ("Rule", "Level", "Outcome", "Item", "Title"),
        [
            (
                rule.id,
                rule.level if rule.enabled else "off",
                rule.outcome,
                (rule.policy and rule.policy.demand) or "",
                rule.title,
            )
            for rule in found.rules
        ],
        "No rules.",
        wrap=("Title",),
    )


def _show(name: Annotated[str, typer.Argument(metavar="ID")], config: Config = None, rules: Rules = None) -> None:
    """Show one rule: its sentence, what it knows it from, what it cannot tell, its conditions."""
    from filterwatch.app.coverage import known, unused

    found = _loaded(config, rules)
    one = next((one for one in found.loaded if one.rule.id == name), None)
    if one is None:
        raise FilterwatchError(f"there is no rule '{printable(name)}'; see `filterwatch rules list`")
    rule = one.rule
    facts(
        [
            ("Rule", f"{rule.id}, version {one.version}{'' if rule.enabled else ', switched off'}"),
            ("Title", rule.title),
            ("Level", f"{rule.level}, {rule.outcome}"),
            ("Category", rule.category),
            ("Examples", f"{len(rule.examples.holds)} hold, {len(rule.examples.does_not_hold)} do not"),
        ]
    )
    if rule.policy:
        wrapped(f'Policy: "{rule.policy.text}" ({rule.policy.section})')
    ways = known(rule, unused(school_of(config, rules, beside=False)))
    wrapped(f"Known from: {', '.join(ways) or 'nothing but who and when'}")
    if rule.limits:
        wrapped(f"Cannot tell: {rule.limits}")
    typer.echo("")
    _conditions(one.document.data)


def _conditions(data: object) -> None:
    import yaml

    written = data if isinstance(data, dict) else {}
    said = {key: written[key] for key in ("who", "when", "match", "count") if key in written}
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=76, default_flow_style=False)
    for line in text.splitlines():
        say(line)


def _coverage(
    config: Config = None,
    rules: Rules = None,
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")] = "table",
) -> None:
    """Say for each sentence of the policies: its rules, what they know it from, what no log can show.

    Sentences without a rule are there too, with the reason.
    """
    from filterwatch.app import coverage as part

    if form not in FORMATS:
        raise FilterwatchError(f"--format {printable(form)}: unknown; one of {', '.join(FORMATS)}")
    items = part.coverage(school_of(config, rules, beside=False))
    if form == "table":
        _covered(items)
    else:
        write = {"json": part.as_json, "csv": part.as_csv, "md": part.as_markdown}[form]
        typer.echo(write(items))


def _covered(items: list[Covered]) -> None:
    from filterwatch.app.coverage import UNKNOWN

    for item in items:
        for at, sentence in enumerate(item.sentences or ()):
            name = item.id if at == 0 else " " * len(item.id)
            wrapped(f'{name}  {sentence.policy}: "{sentence.text}"')
        if not item.sentences:
            wrapped(item.id if item.id != UNKNOWN else "technical, of no sentence")
        if item.rules:
            names = [one.rule if one.enabled else f"{one.rule} (off)" for one in item.rules]
            wrapped(f"rules: {', '.join([*names, *(f'detector {name}' for name in item.detectors)])}", "     ")
            wrapped(f"known from: {', '.join(item.knows)}", "     ")
        if item.cannot_see:
            wrapped(f"logs cannot show: {item.cannot_see}", "     ")
        if item.reason:
            wrapped(f"no rule: {item.reason}", "     ")
    ruled = [item for item in items if item.rules]
    off = sum(not any(rule.enabled for rule in item.rules) for item in ruled)
    switched = f" ({off} of them only with rules that are off)" if off else ""
    wrapped(f"{len(items)} items, {len(ruled)} with rules{switched}, {len(items) - len(ruled)} without.")


def _precision(
    config: Config = None,
    state: State = None,
    first: Annotated[Optional[str], typer.Option("--from", help="Alerts from this day on.")] = None,
    last: Annotated[Optional[str], typer.Option("--to", help="... to this day.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Say how often each rule was right, by the verdicts of triage; nobody is named.

    True: breach or welfare. False: false positive. Unclear: accidental or technical. A verdict counts for every rule
    that had a part in the alert, and for the wording that held: what an earlier wording found is told apart.
    """
    from datetime import datetime, time, timedelta

    desk = opened(config, state)
    from filterwatch.app.bench_precision import of_registers

    days = [desk.date(one) if one else None for one in (first, last)]
    start, end = (datetime.combine(day, time(), desk.zone) if day else None for day in days)
    if start and end and end < start:
        raise FilterwatchError(f"--to {days[1]} is before --from {days[0]}; turn them round")
    versions = {one.rule.id: one.version for one in _loaded(config, None).loaded}
    found = of_registers(start, end + timedelta(days=1) if end else None, versions)
    if as_json:
        typer.echo(json.dumps([_as_json(one) for one in found], indent=2))
        return
    table(
        ("Rule", "True", "False", "Unclear", "Open", "People", "Right (95 %)"),
        [(_wording(one), one.true, one.false, one.unclear, one.open, one.people, _share(one)) for one in found],
        "No alerts.",
        wrap=("Rule", "Right (95 %)"),
    )


def _wording(one: Precision) -> str:
    return f"{one.rule} (earlier wording)" if one.earlier else one.rule


def _as_json(one: Precision) -> dict[str, object]:
    ends = dict(zip(("low", "value", "high"), one.interval, strict=True)) if one.interval else None
    counts = {"true": one.true, "false": one.false, "unclear": one.unclear, "open": one.open, "people": one.people}
    return {"rule": one.rule, "earlier": one.earlier, **counts, "precision": ends}


def _share(one: Precision) -> str:
    from filterwatch.app.bench_precision import FEWEST, FEWEST_PEOPLE

    if one.interval is None:
        return f"too few (needs {FEWEST})" if one.clear < FEWEST else f"too few people (needs {FEWEST_PEOPLE})"
    low, share, high = one.interval
    return f"{share:.0%} ({low:.0%} to {high:.0%})"


def _import_sigma(
    what: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="Sigma rules; of a directory every .yml in it.")],
    output: Annotated[Path, typer.Option(help="Directory for the rules; nothing in it is overwritten.")],
) -> None:
    """Compile Sigma rules for proxy, DNS and firewall logs into rules of filterwatch.

    What cannot be said in our language is refused with its place, never left out; exits 1 when a rule was refused.
    """
    from filterwatch.app.sigma import import_rules

    done = import_rules(what, output)
    for path in done.written:
        say(f"{path}: written")
    for mistake in done.refused:
        typer.echo(printable(str(mistake)), err=True)
    say(f"Rules written: {len(done.written)}, refused: {done.refused_rules}.")
    if done.refused:
        raise typer.Exit(1)


def _loaded(config: Path | None, rules: Path | None) -> RuleSet:
    from filterwatch import policy

    return policy.load(school_of(config, rules, beside=False).rules)
