"""The ledger: one append-only, hash-chained list of every change of a register.

An entry holds nothing personal.  Who did what stands beside it, bound by a salted commitment, so that it can be
erased lawfully: the chain stays valid and the erasure is itself an entry.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.db import connection, transaction

from filterwatch.records import signing, triggers
from filterwatch.records.models import LedgerEntry, LedgerText, Position, SignedHead

_ENTRY = b"filterwatch/ledger/entry/v1\n"
_TEXT = b"filterwatch/ledger/text/v1\n"
GENESIS = "0" * 64
ERASED = "text erased"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        name: As they signed in, or as they said on the command line.
        login: Their account on the machine or the console; empty for the daemon itself.
    """

    name: str
    login: str = ""


DAEMON = Actor("filterwatch")


@dataclass(frozen=True, slots=True)
class Row:
    """One entry with its text, as it is exported and verified; salt and body are null once erased."""

    seq: int
    time: str
    action: str
    register: str
    subject: str
    commitment: str
    previous: str
    seal: str
    salt: str | None
    body: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written.

    Attributes:
        seq: The first row it shows at; 0 where it concerns no single row.
        what: One sentence.
    """

    seq: int
    what: str


def canonical(value: object) -> str:
    """Return JSON text that is the same for equal values: ASCII, sorted keys, no blanks, times in UTC."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot stand in the ledger")


def instant(time: datetime) -> str:
    """Return *time* as the ledger writes it: UTC with microseconds."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def commit_to(salt: str, body: str) -> str:
    """Return the commitment to *body*; without the salt nobody can try what it said."""
    return hashlib.sha256(_TEXT + salt.encode() + b"\n" + body.encode()).hexdigest()


def seal(row: Row) -> str:
    """Return the seal of *row*: binds its place, its content and everything before it."""
    body = canonical([row.time, row.action, row.register, row.subject, row.commitment]).encode()
    place = row.seq.to_bytes(8, "big") + len(body).to_bytes(8, "big")
    return hashlib.sha256(_ENTRY + bytes.fromhex(row.previous) + place + body).hexdigest()


def append(action: str, register: str, subject: str, said: Mapping[str, object], by: Actor, now: datetime) -> int:
    """Write one entry; must run in the transaction that makes the change.

    Args:
        action: What was done, e.g. ``approved``.
        register: Which register, e.g. ``switch-off``.
        subject: Number of the record.
        said: What changed: field -> new value.  It may be personal.
        by: Who did it.
        now: When.

    Returns:
        The entry's sequence number.

    Raises:
        RuntimeError: There is no transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a ledger entry belongs into the transaction of its change")
    # The row serialises writers on PostgreSQL; SQLite has one writer anyway.
    Position.objects.get_or_create(name="ledger")
    Position.objects.select_for_update().get(name="ledger")
    last = LedgerEntry.objects.order_by("-seq").first()
    salt, body = secrets.token_hex(32), canonical({"by": by.name, "login": by.login, "said": said})
    commitment = commit_to(salt, body)
    seq, previous = (last.seq + 1, last.seal) if last else (1, GENESIS)
    row = Row(seq, instant(now), action, register, subject, commitment, previous, "", salt, body)
    entry = LedgerEntry(
        seq=seq,
        time=row.time,
        action=action,
        register=register,
        subject=subject,
        commitment=commitment,
        previous=previous,
        seal=seal(row),
    )
    entry.save(force_insert=True)
    LedgerText(entry=entry, salt=salt, body=body).save(force_insert=True)
    return seq


def erase(seq: int, why: str, by: Actor, now: datetime) -> None:
    """Erase the text of entry *seq* lawfully; the erasure is an entry of its own.  *why* must not be personal."""
    with transaction.atomic():
        LedgerText.objects.filter(pk=seq).update(salt=None, body=None)
        append(ERASED, "ledger", str(seq), {"why": why}, by, now)


def rows() -> Iterator[Row]:
    """Yield the ledger in order, as it stands in the database."""
    for entry in LedgerEntry.objects.select_related("text").order_by("seq").iterator(chunk_size=1000):
        text = getattr(entry, "text", None)
        yield Row(
            seq=entry.seq,
            time=entry.time,
            action=entry.action,
            register=entry.register,
            subject=entry.subject,
            commitment=entry.commitment,
            previous=entry.previous,
            seal=entry.seal,
            salt=text.salt if text else "",
            body=text.body if text else "",
        )


def export() -> Iterator[str]:
    """Yield the ledger as lines of canonical JSON; :func:`imported` reads them on any machine."""
    for row in rows():
        yield canonical(asdict(row))


def imported(lines: Iterable[str]) -> Iterator[Row | Problem]:
    """Yield the rows of an export; a line that is not exactly as it was exported is a problem."""
    names = {field.name for field in fields(Row)}
    for number, line in enumerate(lines, 1):
        text = line.removesuffix("\n")
        try:
            data = json.loads(text)
        except ValueError:
            data = None
        if not isinstance(data, dict) or set(data) != names or canonical(data) != text or not _typed(data):
            yield Problem(number, "the exported line is damaged")
            continue
        yield Row(**data)


def _typed(data: Mapping[str, object]) -> bool:
    optional = {"salt", "body"}
    return (
        type(data["seq"]) is int
        and 0 <= data["seq"] < 2**63
        and all(isinstance(data[key], str) or (key in optional and data[key] is None) for key in data if key != "seq")
    )


def verify_rows(
    found: Iterable[Row | Problem], notes: Iterable[str] = (), key: Ed25519PublicKey | None = None
) -> list[Problem]:
    """Return everything that is wrong with a ledger, in order of rows.

    Args:
        found: Its rows, from :func:`rows` or :func:`imported`.
        notes: Signed heads, as they were mailed or printed; only they can show a cut tail.
        key: Who must have signed them; needed with *notes*.
    """
    problems: list[Problem] = []
    previous, expected = GENESIS, 1
    seals, gone, erasures = {0: GENESIS}, set(), set()
    for row in found:
        if isinstance(row, Problem):
            problems.append(row)
            continue
        problems += (Problem(row.seq, what) for what in _wrong(row, expected, previous))
        previous, expected = row.seal, row.seq + 1
        seals[row.seq] = row.seal
        if row.body is None:
            gone.add(row.seq)
        if row.action == ERASED and row.subject.isdecimal():
            erasures.add(int(row.subject))
    problems += (Problem(seq, "its text is gone without an entry that says so") for seq in gone - erasures)
    problems += (problem for note in notes if key for problem in _against(note, key, seals))
    return sorted(problems, key=lambda problem: problem.seq)


def _wrong(row: Row, expected: int, previous: str) -> Iterator[str]:
    if row.seq != expected:
        yield f"entry {expected} should stand here: entries were deleted, inserted or reordered"
    elif row.previous != previous:
        yield "it does not follow the entry before it: one of the two was replaced"
    try:
        if seal(row) != row.seal:
            yield "its content does not fit its seal: it was changed"
        if (row.salt is None) != (row.body is None):
            yield "its text was changed"
        elif row.salt is not None and row.body is not None and commit_to(row.salt, row.body) != row.commitment:
            yield "its text was changed or taken away"
    except ValueError:
        yield "its seal or salt is no longer hexadecimal: it was changed"


def _against(note: str, key: Ed25519PublicKey, seals: Mapping[int, str]) -> Iterator[Problem]:
    try:
        head = signing.opened(note, key)
    except signing.BadNote as error:
        yield Problem(0, str(error))
        return
    if head.size not in seals:
        yield Problem(max(seals) + 1, f"the tail is cut: on {head.date} there were {head.size} entries")
    elif seals[head.size] != head.head:
        yield Problem(head.size, f"not what was signed on {head.date}: the ledger was written anew")


def verify(notes: Iterable[str] = (), key: Ed25519PublicKey | None = None) -> list[Problem]:
    """Return everything that is wrong with the ledger in the database, its signed heads and its triggers.

    Args:
        notes: Signed heads from outside, as they were mailed or printed.
        key: Public key of the ledger; without it no head is checked.
    """
    kept = list(SignedHead.objects.values_list("note", flat=True))
    problems = [Problem(0, f"trigger {name} is missing: run any command once") for name in triggers.missing(connection)]
    return problems + verify_rows(rows(), [*kept, *notes], key)


def signed_head(origin: str, key: Ed25519PrivateKey, day: date) -> str:
    """Return the signed note of *day*; the first call of a day makes and keeps it.

    Args:
        origin: Whose ledger, e.g. ``filterwatch/st-pauls``; no blanks.
        key: The ledger's key.
        day: The school's date.
    """
    with transaction.atomic():
        Position.objects.get_or_create(name="ledger")
        Position.objects.select_for_update().get(name="ledger")
        known = SignedHead.objects.filter(date=day).first()
        if known:
            return known.note
        last = LedgerEntry.objects.order_by("-seq").first()
        head = signing.Head(origin, last.seq if last else 0, last.seal if last else GENESIS, day.isoformat())
        note = signing.sign(head, key)
        SignedHead.objects.create(date=day, size=head.size, head=head.head, note=note)
        return note


def entries_about(register: str, subject: str) -> list[int]:
    """Return the entries about one record that still have their text."""
    found = LedgerEntry.objects.filter(register=register, subject=subject, text__body__isnull=False)
    return list(found.order_by("seq").values_list("seq", flat=True))
