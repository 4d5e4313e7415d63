import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import connection, connections
from pydantic import ValidationError

from filterwatch import records
from filterwatch.errors import FilterwatchError
from filterwatch.records.database import database_options


@pytest.mark.usefixtures("database")
def test_a_new_database_has_every_register():
    tables = connection.introspection.table_names()
    assert {"records_alert", "records_incident", "records_outbox", "records_ledgerentry"} <= set(tables)


@pytest.mark.usefixtures("database")
def test_migrations_say_what_the_models_say():
    call_command("makemigrations", "records", check=True, dry_run=True, verbosity=0)


@pytest.mark.usefixtures("database")
def test_evidence_survives_a_power_loss_and_writers_wait_for_each_other():
    with connection.cursor() as cursor:
        pragmas = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert connections.settings["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.usefixtures("database")
def test_a_second_setup_switches_over(tmp_path):
    records.setup(tmp_path / "other.db", "x")
    records.migrate()
    assert connection.settings_dict["NAME"] == str(tmp_path / "other.db")


def test_postgresql_is_one_setting(tmp_path):
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    options = database_options("postgresql://fw@db.example:5433/records?sslmode=require", password)
    assert options["ENGINE"] == "django.db.backends.postgresql"
    assert (options["USER"], options["HOST"], options["PORT"], options["NAME"]) == (
        "fw",
        "db.example",
        "5433",
        "records",
    )
    assert options["PASSWORD"] == "s3cret"
    assert options["OPTIONS"] == {"sslmode": "require"}


def test_a_password_in_the_url_is_refused_without_being_shown():
    with pytest.raises(ValidationError, match="password_file"):
        records.Settings(database="postgresql://fw:s3cret@db/records")


def test_an_unwritable_place_is_named(tmp_path):
    records.setup(tmp_path / "absent" / "records.db", "x")
    with pytest.raises(FilterwatchError, match=r"absent/records\.db"):
        records.migrate()


def test_reading_settings_does_not_load_django():
    code = "import sys, filterwatch.records; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
