"""How a register changes: the row and its ledger entry, together or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from django.db import models, transaction

from filterwatch.errors import FilterwatchError
from filterwatch.records import ledger, numbers
from filterwatch.records.ledger import Actor
from filterwatch.records.models import Alert, Incident, LedgerEntry, Silence, SwitchOff, UnblockRequest

LONGEST = 20_000
"""Characters of one field; longer text belongs into a file of the case."""

REGISTERS: Mapping[str, type[models.Model]] = {
    "alert": Alert,
    "incident": Incident,
    "switch-off": SwitchOff,
    "unblock": UnblockRequest,
    "silence": Silence,
}
_NAMES = {model: name for name, model in REGISTERS.items()}

# What the daemon counts on by itself, and who it was, do not stand in the ledger.
_UNRECORDED: Mapping[type[models.Model], set[str]] = {
    Alert: {
        "person", "user", "device", "client_ip", "identity", "group", "subject", "count", "first_time", "last_time",
        "rules", "categories", "in_school_hours", "escalation_step", "next_escalation_at", "outcome", "silence_id",
    },
}  # fmt: skip

Record = TypeVar("Record", bound=models.Model)


class RecordsError(FilterwatchError):
    """A register refuses a change; the text says why and what to do."""


def name_of(record: models.Model) -> str:
    """Return how people call a record: its number."""
    return str(getattr(record, "number", "") or f"{_NAMES[type(record)]}-{record.pk}")


def recorded(model: type[models.Model]) -> list[str]:
    """Return the columns of *model* that stand in the ledger."""
    left_out = _UNRECORDED.get(model, set()) | {"id"}
    return [field.attname for field in model._meta.concrete_fields if field.attname not in left_out]  # noqa: SLF001 - Django's own way


def plain(record: models.Model, columns: list[str]) -> dict[str, object]:
    """Return *columns* of *record* as JSON values."""
    values = {column: getattr(record, column) for column in columns}
    return dict(json.loads(ledger.canonical(values)))


def clean(text: str, longest: int = LONGEST) -> str:
    """Return *text* without what a database cannot bear.

    Raises:
        RecordsError: It is longer than *longest* characters.
    """
    kept = text.replace("\x00", "").encode("utf-8", "replace").decode().strip()
    if len(kept) > longest:
        raise RecordsError(f"a text has {len(kept)} characters where {longest} are possible; shorten it")
    return kept


def tidy(record: models.Model) -> None:
    """Clean every text of *record* in its place.

    Raises:
        RecordsError: One is too long for its column.
    """
    for field in record._meta.concrete_fields:  # noqa: SLF001 - Django's own way
        value = getattr(record, field.attname)
        if isinstance(value, str):
            setattr(record, field.attname, clean(value, getattr(field, "max_length", None) or LONGEST))


def who(by: Actor) -> Actor:
    """Return the actor with a name that can be kept.

    Raises:
        RecordsError: There is no name.
    """
    name = clean(by.name, 200)
    demand(name, "nobody is named as acting; say who with --by NAME")
    return Actor(name, clean(by.login, 200))


def create(record: models.Model, action: str, by: Actor, now: datetime) -> None:
    """Save a new *record* with its first ledger entry."""
    actor = who(by)
    tidy(record)
    with transaction.atomic():
        record.save(force_insert=True)
        said = plain(record, recorded(type(record)))
        ledger.append(action, _NAMES[type(record)], name_of(record), said, actor, now)


def change(
    record: models.Model, action: str, by: Actor, now: datetime, fields: Mapping[str, object], why: str = ""
) -> None:
    """Set *fields* of *record* and write what they are now, and *why*, into the ledger."""
    actor = who(by)
    with transaction.atomic():
        for name, value in fields.items():
            setattr(record, name, value)
        tidy(record)
        record.save(update_fields=list(fields))
        columns = recorded(type(record))
        said = plain(record, [name for name in columns if name in fields or name.removesuffix("_id") in fields])
        if why:
            said["why"] = clean(why)
        ledger.append(action, _NAMES[type(record)], name_of(record), said, actor, now)


def note(record: models.Model, action: str, said: Mapping[str, object], by: Actor, now: datetime) -> None:
    """Write a ledger entry about *record* that changes none of its own columns."""
    ledger.append(action, _NAMES[type(record)], name_of(record), said, who(by), now)


def locked(model: type[Record], number: str) -> Record:
    """Return the record called *number*, locked until the transaction ends.

    Raises:
        RecordsError: There is none.
    """
    manager = model._default_manager.select_for_update()  # noqa: SLF001 - the typed way to a generic model's manager
    found = manager.filter(number=clean(number).upper()).first()
    if found is None:
        raise RecordsError(f"{clean(number)}: no such number; list them to find it")
    return found


def next_number(prefix: str, model: type[models.Model], now: datetime) -> str:
    """Return a number that no *model* has yet; call it inside the transaction that uses it."""
    last = LedgerEntry.objects.order_by("-seq").values_list("seal", flat=True).first()
    manager = model._default_manager  # noqa: SLF001 - as in locked()
    seed = last or ledger.GENESIS
    return numbers.number(prefix, now.year, seed, lambda found: manager.filter(number=found).exists())


def demand(holds: object, problem: str) -> None:
    """Refuse with *problem* unless *holds*."""
    if not holds:
        raise RecordsError(problem)
