import json
import random
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, connection, transaction

from filterwatch.errors import FilterwatchError
from filterwatch.records import ledger, signing, triggers
from filterwatch.records.ledger import Actor, Problem
from filterwatch.records.models import LedgerEntry, LedgerText, SignedHead

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
JANE = Actor("Jane Roe", "jroe")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

pytestmark = pytest.mark.usefixtures("database")


def write(count):
    with transaction.atomic():
        for n in range(count):
            now = NOW + timedelta(seconds=n)
            ledger.append("opened", "incident", f"IN-{n}", {"place": f"room {n}"}, JANE, now)


def export():
    return list(ledger.export())


def verify(lines, notes=()):
    return ledger.verify_rows(ledger.imported(lines), notes, KEY.public_key())


def tamper(database, *statements):
    """Do as root on the gateway can: take the triggers away and change what is written."""
    connection.close()
    with closing(sqlite3.connect(database)) as raw:
        for guard in triggers.GUARDS:
            raw.execute(f"DROP TRIGGER IF EXISTS {guard.name}")
        for statement in statements:
            raw.execute(statement)
        raw.commit()
    triggers.install(connection)


def test_an_untouched_ledger_verifies():
    write(5)
    assert ledger.verify() == []


def test_an_empty_ledger_verifies():
    assert ledger.verify() == []


def test_no_entry_without_the_transaction_of_its_change():
    with pytest.raises(RuntimeError):
        ledger.append("opened", "incident", "IN-1", {}, JANE, NOW)


def test_an_entry_itself_holds_nothing_personal():
    write(1)
    row = LedgerEntry.objects.values().get()
    assert "Jane" not in str(row)
    assert "room" not in str(row)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records_ledgerentry SET action = 'x' WHERE seq = 2",
        "DELETE FROM records_ledgerentry WHERE seq = 3",
        "DELETE FROM records_ledgertext WHERE entry_id = 2",
        "UPDATE records_ledgertext SET body = 'x' WHERE entry_id = 2",
        "UPDATE records_ledgertext SET salt = NULL, body = NULL, entry_id = 9 WHERE entry_id = 2",
        "INSERT OR REPLACE INTO records_ledgertext (entry_id, salt, body) VALUES (2, 'a', 'b')",
        (
            "INSERT OR REPLACE INTO records_ledgerentry SELECT 2, time, 'x', register, subject, commitment, previous,"
            " 'new' FROM records_ledgerentry WHERE seq = 2"
        ),
        (
            "REPLACE INTO records_ledgerentry SELECT 4, time, 'x', register, subject, commitment, previous, seal"
            " FROM records_ledgerentry WHERE seq = 2"
        ),
        (
            "INSERT INTO records_ledgerentry SELECT 9, time, 'x', register, subject, commitment, previous, 'new'"
            " FROM records_ledgerentry WHERE seq = 2"
        ),
        "UPDATE OR REPLACE records_ledgerentry SET seq = 1 WHERE seq = 2",
    ],
)
def test_the_database_refuses_to_change_the_ledger(statement):
    write(3)
    before = export()
    with pytest.raises(IntegrityError, match="is final"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert export() == before


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("UPDATE records_ledgerentry SET action = 'closed' WHERE seq = 5", 5),
        ("UPDATE records_ledgerentry SET time = '2026-01-01' WHERE seq = 1", 1),
        ("DELETE FROM records_ledgerentry WHERE seq = 5", 6),
        ("UPDATE records_ledgertext SET body = replace(body, 'room', 'hall') WHERE entry_id = 4", 4),
        ("UPDATE records_ledgertext SET body = NULL, salt = NULL WHERE entry_id = 4", 4),
        ("DELETE FROM records_ledgertext WHERE entry_id = 7", 7),
        ("UPDATE records_ledgerentry SET seq = 50 WHERE seq = 8", 9),
    ],
)
def test_tampering_names_the_first_bad_row(database, statement, first):
    write(10)
    tamper(database, "PRAGMA foreign_keys=OFF", statement)
    problems = ledger.verify()
    assert problems
    assert problems[0].seq == first


def test_two_entries_that_changed_places_are_found(database):
    write(6)
    tamper(
        database,
        "UPDATE records_ledgerentry SET seq = 100 WHERE seq = 3",
        "UPDATE records_ledgerentry SET seq = 3 WHERE seq = 4",
        "UPDATE records_ledgerentry SET seq = 4 WHERE seq = 100",
    )
    assert ledger.verify()[0].seq == 3


def test_an_inserted_entry_is_found():
    write(6)
    lines = export()
    forged = json.loads(lines[3])
    assert verify([*lines[:4], ledger.canonical(forged), *lines[4:]])[0].seq == 4


def test_a_cut_tail_is_found_by_a_mailed_head_and_by_nothing_else(database):
    write(20)
    note = ledger.signed_head("filterwatch/st-pauls", KEY, date(2026, 11, 23))
    tamper(
        database,
        "DELETE FROM records_signedhead",
        "DELETE FROM records_ledgertext WHERE entry_id > 15",
        "DELETE FROM records_ledgerentry WHERE seq > 15",
    )
    assert ledger.verify(key=KEY.public_key()) == []
    assert ledger.verify([note], KEY.public_key()) == [
        Problem(16, "the tail is cut: on 2026-11-23 there were 20 entries")
    ]


def test_a_ledger_written_anew_does_not_fit_an_older_head():
    write(10)
    note = ledger.signed_head("filterwatch/st-pauls", KEY, date(2026, 11, 23))
    previous, forged = ledger.GENESIS, []
    for row in ledger.rows():
        seal = ledger.seal(
            ledger.Row(
                row.seq, row.time, "x", row.register, row.subject, row.commitment, previous, "", row.salt, row.body
            )
        )
        forged.append(
            ledger.Row(
                row.seq, row.time, "x", row.register, row.subject, row.commitment, previous, seal, row.salt, row.body
            )
        )
        previous = seal
    assert ledger.verify_rows(forged) == []
    assert [p.seq for p in ledger.verify_rows(forged, [note], KEY.public_key())] == [10]


def test_every_flipped_bit_of_an_export_is_found():
    write(8)
    lines = export()
    bits = [(n, at, bit) for n, line in enumerate(lines) for at in range(len(line)) for bit in range(7)]
    missed = []
    for n, at, bit in random.Random(1).sample(bits, 4000):
        damaged = lines[n][:at] + chr(ord(lines[n][at]) ^ (1 << bit)) + lines[n][at + 1 :]
        if not verify([*lines[:n], damaged, *lines[n + 1 :]]):
            missed.append((n, at, bit))
    assert missed == []


def test_an_export_verifies_without_the_database():
    write(30)
    note = ledger.signed_head("filterwatch/st-pauls", KEY, date(2026, 11, 23))
    assert verify([f"{line}\n" for line in export()], [note]) == []


def test_a_lawful_erasure_leaves_the_chain_valid_and_says_so():
    write(3)
    ledger.erase(2, "retention", JANE, NOW)
    assert ledger.verify() == []
    assert LedgerText.objects.get(pk=2).body is None
    assert LedgerEntry.objects.get(seq=4).action == "text erased"


def test_an_erased_text_cannot_be_written_again():
    write(3)
    ledger.erase(2, "retention", JANE, NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerText.objects.filter(pk=2).update(salt="00", body="{}")


def test_a_missing_trigger_is_a_problem(database):
    connection.close()
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("DROP TRIGGER guard_ledgerentry_delete")
    assert ["guard_ledgerentry_delete" in problem.what for problem in ledger.verify()] == [True]


def test_a_day_has_one_signed_head_and_it_stays():
    write(2)
    first = ledger.signed_head("filterwatch/st-pauls", KEY, date(2026, 11, 23))
    write(2)
    assert ledger.signed_head("filterwatch/st-pauls", KEY, date(2026, 11, 23)) == first
    assert ledger.verify(key=KEY.public_key()) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        SignedHead.objects.update(size=1)


def test_a_note_survives_a_mail_program_and_nothing_else():
    write(2)
    note = ledger.signed_head("filterwatch/st-pauls", KEY, date(2026, 11, 23))
    assert note.startswith("filterwatch/st-pauls\n2\n")
    mailed = "\r\n".join(f"  {line} " for line in note.splitlines())
    assert signing.opened(mailed, KEY.public_key()).size == 2
    with pytest.raises(signing.BadNote, match="does not fit"):
        signing.opened(note.replace("\n2\n", "\n3\n"), KEY.public_key())
    with pytest.raises(signing.BadNote, match="another key"):
        signing.opened(note, Ed25519PrivateKey.generate().public_key())
    with pytest.raises(signing.BadNote, match="six lines"):
        signing.opened("hello", KEY.public_key())


def test_the_key_is_made_once_and_nobody_else_may_read_it(tmp_path):
    path = tmp_path / "ledger.key"
    first = signing.public_text(signing.load_key(path).public_key())
    assert path.stat().st_mode & 0o777 == 0o600
    assert signing.public_text(signing.load_key(path).public_key()) == first
    assert signing.public_text(signing.read_public(first)) == first
    path.chmod(0o644)
    with pytest.raises(FilterwatchError, match="chmod 600"):
        signing.load_key(path)
