"""The same registers on PostgreSQL: schema, triggers, gapless ledger under concurrent writers."""

import os
import pwd
import shutil
import subprocess
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, connection, transaction

from filterwatch import records
from filterwatch.records import ledger, services, triggers
from filterwatch.records.drift import drift
from filterwatch.records.ledger import Actor
from filterwatch.records.models import Incident, LedgerEntry, Outbox
from filterwatch.records.outbox import Message, Occasion, enqueue

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
JANE = Actor("Jane Roe", "jroe")


def _programs():
    """Where initdb and postgres are: Debian keeps them out of the path."""
    for folder in [*os.environ["PATH"].split(":"), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))]:
        if (Path(folder) / "initdb").exists() and (Path(folder) / "pg_ctl").exists():
            return Path(folder)
    return None


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL of our own, on a socket only."""
    pytest.importorskip("psycopg")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    folder = Path("/tmp") / f"fw-pg-{os.getpid()}"  # a socket's path must be short
    folder.mkdir(mode=0o700)
    as_user = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def call(*words):
        subprocess.run([*as_user, *map(str, words)], check=True, capture_output=True, cwd="/", timeout=60)

    try:
        call(programs / "initdb", "-D", folder / "data", "-U", "fw", "-A", "trust", "--no-sync")
        options = f"-c listen_addresses= -c fsync=off -c unix_socket_directories={folder}"
        call(programs / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql://fw@/postgres?host={folder}"
        finally:
            call(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server):
    records.setup(server, "a secret for tests")
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    records.migrate()
    yield
    connection.close()
    records.setup(":memory:", "a secret for tests")


@pytest.fixture
def signed(database):  # noqa: ARG001 - the database first
    made = Incident(happened_at=NOW, place="Room 4", description="x\x00y", people="nobody known")
    number = services.open_incident(made, JANE, NOW).number
    services.add_action(number, "other", "Looked into it.", NOW, JANE, NOW)
    services.conclude(number, "unfounded", "", JANE, NOW)
    return services.sign(number, "Jane Roe", JANE, NOW)


def test_the_same_services_work_and_verify(signed):
    enqueue(Occasion("r1", "report"), "head", ["mail"], Message("t", "b"), NOW)
    assert enqueue(Occasion("r1", "report"), "head", ["mail"], Message("t", "b"), NOW) == 0
    assert Outbox.objects.count() == 1
    assert triggers.missing(connection) == []
    key = Ed25519PrivateKey.generate()
    ledger.signed_head("filterwatch/test", key, date(2026, 11, 23))
    assert ledger.verify(key=key.public_key()) == []
    assert drift() == []
    services.erase_incident(signed.number, "retention", JANE, NOW)
    assert ledger.verify() == []
    assert drift() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records_ledgerentry SET action = 'x'",
        "DELETE FROM records_ledgertext",
        "DELETE FROM records_ledgerentry",
        "TRUNCATE records_ledgerentry CASCADE",
        "UPDATE records_ledgertext SET body = 'x'",
        (
            "INSERT INTO records_ledgerentry SELECT 99, time, 'x', register, subject, commitment, previous, 'n'"
            " FROM records_ledgerentry WHERE seq = 1"
        ),
        (
            "INSERT INTO records_ledgerentry SELECT seq, time, 'x', register, subject, commitment, previous, 'n'"
            " FROM records_ledgerentry WHERE seq = 1 ON CONFLICT (seq) DO UPDATE SET action = 'x'"
        ),
        "UPDATE records_incident SET description = 'x'",
        "DELETE FROM records_incident",
        "DELETE FROM records_incidentaction",
        "TRUNCATE records_incident CASCADE",
    ],
)
@pytest.mark.usefixtures("signed")
def test_the_database_refuses_to_change_what_is_final(statement):
    before = [*ledger.export()]
    with pytest.raises(IntegrityError, match="is final"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert [*ledger.export()] == before


@pytest.mark.usefixtures("database")
def test_writers_at_the_same_time_leave_no_gap():
    def write(name):
        for n in range(25):
            with transaction.atomic():
                ledger.append("opened", "incident", f"{name}-{n}", {}, JANE, NOW)
        connection.close()

    threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LedgerEntry.objects.count() == 100
    assert ledger.verify() == []


@pytest.mark.usefixtures("database")
def test_migrating_twice_at_once_is_once(server):
    del server
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    failures = []

    def start():
        try:
            records.migrate()
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
            failures.append(error)
        connection.close()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert triggers.missing(connection) == []
