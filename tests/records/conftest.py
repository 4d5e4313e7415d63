import shutil

import pytest
from django.db import connection

from filterwatch import records

records.setup(":memory:", "a secret for tests")  # models can be imported from here on


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A database with its schema, to be copied: migrating anew for each test would take most of the time."""
    path = tmp_path_factory.mktemp("records") / "records.db"
    records.setup(path, "a secret for tests")
    records.migrate()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    records.setup(":memory:", "a secret for tests")  # so that nothing writes into the copy's original
    return path


@pytest.fixture
def database(migrated, tmp_path):
    """A fresh SQLite database of the registers."""
    path = tmp_path / "records.db"
    shutil.copy(migrated, path)
    records.setup(path, "a secret for tests")
    yield path
    connection.close()
