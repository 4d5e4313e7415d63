"""Comparing the registers with the ledger: what was changed past the services shows here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from filterwatch.records import ledger
from filterwatch.records.ledger import Problem
from filterwatch.records.models import Incident
from filterwatch.records.services.change import REGISTERS, name_of, plain
from filterwatch.records.services.incidents import signature

_CHILDREN = ("involved", "actions", "decisions", "reviews")

Name = tuple[str, str]


def drift() -> list[Problem]:
    """Return every record that is not what the ledger says of it.

    Records whose ledger text was erased, even in part, are not compared.
    """
    said, children, last, erased = _replay()
    problems: list[Problem] = []
    for register, model in REGISTERS.items():
        known = {name_of(record): record for record in model._default_manager.all()}  # noqa: SLF001 - a generic model
        for number, record in known.items():
            name = (register, number)
            if name in erased:
                continue
            if name not in said:
                problems.append(Problem(0, f"{register} {number} was made past the ledger"))
                continue
            now = plain(record, list(said[name]))
            changed = sorted(key for key, value in said[name].items() if now[key] != value)
            if changed:
                problems.append(
                    Problem(last[name], f"{register} {number} was changed past the ledger: {', '.join(changed)}")
                )
            if isinstance(record, Incident):
                problems += _incident(record, children[name], last[name])
        gone = sorted(number for held, number in said if held == register and number not in known)
        problems += (Problem(last[register, number], f"{register} {number} was deleted") for number in gone)
    return problems


def _incident(incident: Incident, counted: Counter[str], seq: int) -> Iterator[Problem]:
    for child in _CHILDREN:
        if getattr(incident, child).count() != counted[child]:
            yield Problem(seq, f"incident {incident.number}: {child} were added or taken away past the ledger")
    if incident.signed_at and incident.signature != signature(incident):
        yield Problem(seq, f"incident {incident.number}: it is no longer what was signed")


def _replay() -> tuple[dict[Name, dict[str, object]], dict[Name, Counter[str]], dict[Name, int], set[Name]]:
    """Return what the ledger says of each record: its columns, its children, its last entry; and which are erased."""
    said: dict[Name, dict[str, object]] = {}
    children: dict[Name, Counter[str]] = {}
    last: dict[Name, int] = {}
    erased: set[Name] = set()
    for row in ledger.rows():
        name = (row.register, row.subject)
        if row.register not in REGISTERS:
            continue
        last[name] = row.seq
        if row.body is None:
            erased.add(name)
            continue
        columns = said.setdefault(name, {})
        counted = children.setdefault(name, Counter())
        for key, value in json.loads(row.body or "{}").get("said", {}).items():
            if key.startswith("+"):
                counted[key[1:]] += 1
            elif key in _columns(row.register):
                columns[key] = value
    return said, children, last, erased


def _columns(register: str) -> set[str]:
    return {field.attname for field in REGISTERS[register]._meta.concrete_fields}  # noqa: SLF001 - Django's own way
