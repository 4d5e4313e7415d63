import pytest
from django.db import connection

from filterwatch import records

records.setup(":memory:", "a secret for tests")  # models can be imported from here on


@pytest.fixture
def database(tmp_path):
    """A fresh SQLite database of the registers."""
    path = tmp_path / "records.db"
    records.setup(path, "a secret for tests")
    records.migrate()
    yield path
    connection.close()
