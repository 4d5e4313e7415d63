"""Triggers that refuse to change what must stay: the ledger, signed heads and signed incidents.

They stop mistakes and quiet edits, not an administrator, who can drop them: that is what the chain and the mailed
head are for.  They are not written into a migration file: SQLite changes a table by building it anew, which loses
its triggers and trips over those that name it.  So they are dropped before the schema changes and installed after
every migration, and :func:`missing` tells when one is gone.
"""

# ruff: noqa: S608 - no value from outside is ever put into these statements

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

_ERASABLE = ("place", "description", "people", "identified_how", "conclusion_text")
_KEPT = (
    "id", "number", "alert_id", "follows_id", "type", "site", "compartment", "serious", "illegal", "state",
    "happened_at", "identified", "conclusion", "recorder", "created_at", "signed_by", "signed_at", "signature",
)  # fmt: skip
"""The only change of a signed incident that is let through is its lawful erasure: these columns stay as they are
and the erasable ones become empty."""

_CHILDREN = ("incidentperson", "incidentaction", "incidentdecision")


@dataclass(frozen=True, slots=True)
class Guard:
    """One refusal.

    Attributes:
        table: Without the app's prefix.
        event: ``INSERT``, ``UPDATE`` or ``DELETE``.
        when: SQL condition under which the change is refused, over NEW and OLD.
    """

    table: str
    event: str
    when: str

    @property
    def name(self) -> str:
        """Name of the trigger."""
        return f"guard_{self.table}_{self.event.lower()}"


def _guards() -> Iterator[Guard]:
    """Yield every refusal; ``IS DISTINCT FROM`` is put into the vendor's words later."""
    ledger, text, head, incident = (
        f"records_{name}" for name in ("ledgerentry", "ledgertext", "signedhead", "incident")
    )
    yield Guard("ledgerentry", "UPDATE", "TRUE")
    yield Guard("ledgerentry", "DELETE", "TRUE")
    # A third one: update and delete triggers do not fire for INSERT OR REPLACE.
    yield Guard(
        "ledgerentry",
        "INSERT",
        f"NEW.seq IS DISTINCT FROM (SELECT COALESCE(MAX(seq), 0) + 1 FROM {ledger})"
        f" OR EXISTS (SELECT 1 FROM {ledger} WHERE seal = NEW.seal)",
    )
    yield Guard(
        "ledgertext",
        "UPDATE",
        "NEW.entry_id IS DISTINCT FROM OLD.entry_id OR NEW.salt IS NOT NULL OR NEW.body IS NOT NULL",
    )
    yield Guard("ledgertext", "DELETE", "TRUE")
    yield Guard("ledgertext", "INSERT", f"EXISTS (SELECT 1 FROM {text} WHERE entry_id = NEW.entry_id)")
    yield Guard("signedhead", "UPDATE", "TRUE")
    yield Guard("signedhead", "DELETE", "TRUE")
    yield Guard("signedhead", "INSERT", f"EXISTS (SELECT 1 FROM {head} WHERE date = NEW.date)")
    yield from _incident(incident)


def _incident(incident: str) -> Iterator[Guard]:
    kept = " AND ".join(f"NOT (NEW.{column} IS DISTINCT FROM OLD.{column})" for column in _KEPT)
    blank = " AND ".join(f"NEW.{column} = ''" for column in _ERASABLE)
    erasure = f"OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND {kept} AND {blank}"
    yield Guard("incident", "UPDATE", f"OLD.signed_at IS NOT NULL AND NOT ({erasure})")
    yield Guard("incident", "DELETE", "OLD.signed_at IS NOT NULL")
    yield Guard(
        "incident",
        "INSERT",
        f"EXISTS (SELECT 1 FROM {incident} AS known WHERE known.signed_at IS NOT NULL AND"
        " (known.id = NEW.id OR known.number = NEW.number OR known.alert_id = NEW.alert_id))",
    )
    for child in _CHILDREN:
        table = f"records_{child}"
        signed = f"EXISTS (SELECT 1 FROM {incident} AS parent WHERE parent.signed_at IS NOT NULL AND parent.id ="
        unerased = f"{signed} OLD.incident_id AND parent.erased_at IS NULL)"
        replaced = (
            f"EXISTS (SELECT 1 FROM {table} AS known JOIN {incident} AS parent ON parent.id = known.incident_id"
            " WHERE parent.signed_at IS NOT NULL AND known.id = NEW.id)"
        )
        yield Guard(child, "INSERT", f"{signed} NEW.incident_id) OR {replaced}")
        yield Guard(child, "UPDATE", f"{unerased} OR {signed} NEW.incident_id AND parent.erased_at IS NULL)")
        yield Guard(child, "DELETE", unerased)


GUARDS = tuple(_guards())


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every trigger in its place, anew."""
    drop(connection)
    with connection.cursor() as cursor:
        for guard in GUARDS:
            for statement in _postgresql(guard) if connection.vendor == "postgresql" else [_sqlite(guard)]:
                cursor.execute(statement)


def drop(connection: BaseDatabaseWrapper) -> None:
    """Take every trigger away: only while the schema changes."""
    present = _present(connection)
    with connection.cursor() as cursor:
        for guard in GUARDS:
            for name in {guard.name, _whole(guard)} & present:
                on = f" ON records_{guard.table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers that are not where they should be."""
    return sorted({guard.name for guard in GUARDS} - _present(connection))


def _present(connection: BaseDatabaseWrapper) -> set[str]:
    postgresql = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    sqlite = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(postgresql if connection.vendor == "postgresql" else sqlite)
        return {str(row[0]) for row in cursor.fetchall()}


def _refusal(guard: Guard) -> str:
    return f"{guard.table} is final: {guard.event.lower()} refused"


def _sqlite(guard: Guard) -> str:
    # SQLite knows IS DISTINCT FROM only from 3.39 on; IS NOT says the same.
    when = guard.when.replace("IS DISTINCT FROM", "IS NOT")
    return (
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON records_{guard.table} WHEN {when}"
        f" BEGIN SELECT RAISE(ABORT, '{_refusal(guard)}'); END"
    )


def _whole(guard: Guard) -> str:
    return f"guard_{guard.table}_truncate"


def _postgresql(guard: Guard) -> Iterator[str]:
    result = "OLD" if guard.event == "DELETE" else "NEW"
    refuse = f"RAISE EXCEPTION '{_refusal(guard)}' USING ERRCODE = 'integrity_constraint_violation';"
    yield (
        f"CREATE OR REPLACE FUNCTION {guard.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {guard.when} THEN {refuse} END IF; RETURN {result}; END $$"
    )
    yield (
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON records_{guard.table}"
        f" FOR EACH ROW EXECUTE FUNCTION {guard.name}()"
    )
    if guard.event == "DELETE":
        whole = _whole(guard)
        yield (f"CREATE OR REPLACE FUNCTION {whole}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$")
        yield (
            f"CREATE TRIGGER {whole} BEFORE TRUNCATE ON records_{guard.table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {whole}()"
        )
