"""``filterwatch verify`` as a technician runs it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from typer.testing import CliRunner

from filterwatch import archive, records
from filterwatch.cli import make_app
from filterwatch.errors import FilterwatchError
from filterwatch.journal import Commit, Counts, Journal
from filterwatch.lines import Checkpoint

NOON = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)


@pytest.fixture
def state(tmp_path):
    """A state directory with five sealed events."""
    events = pl.DataFrame({"time": [NOON] * 5, "site": ["st-pauls"] * 5, "line_offset": range(0, 50, 10)})
    events = events.cast({"line_offset": pl.Int64})
    with Journal.open(tmp_path / "journal.db", writer=True) as journal:
        journal.commit(Commit(NOON, Checkpoint("squid", "s", 50), 0, events, counts=Counts(5, 5)))
        settings = archive.Settings(seal_after=timedelta(0))
        archive.seal(journal, tmp_path / "archive", now=datetime.now(UTC) + timedelta(hours=1), settings=settings)
    return tmp_path


def run(state, *words):
    done = CliRunner().invoke(make_app(), ["verify", "--state", str(state), *words])
    return done.exit_code, done.output.splitlines()


def test_evidence_in_order_is_said_to_be_so(state):
    assert (0, ["archive: 1 files with 5 events are what was sealed"]) == run(state)


def test_each_problem_stands_on_a_line_and_the_exit_code_is_one(state):
    (sealed,) = archive.files(state / "archive")
    sealed.write_bytes(sealed.read_bytes()[:-1] + b"?")
    (sealed.parent / "x.parquet").write_bytes(b"")

    code, said = run(state)

    assert 1 == code
    assert [
        f"{sealed}: altered: SHA-256 differs from what was sealed; put back a copy",
        f"{sealed.parent / 'x.parquet'}: not sealed by us: the manifest does not know it; remove it",
    ] == said


def test_a_cut_manifest_is_found_by_what_the_journal_remembers(state):
    (state / "archive" / archive.MANIFEST).write_bytes(b"")

    code, said = run(state)

    assert 1 == code
    assert "its end is missing" in said[-1]


def test_an_altered_manifest_is_named_with_its_line(state):
    path = state / "archive" / archive.MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"rows":5', b'"rows":6'))

    code, said = run(state)

    assert 1 == code
    assert said[0].startswith(f"{path}: line 1: it was altered: its hash does not fit its content; put back")


def test_the_ledger_is_verified_where_registers_are_kept(state):
    from filterwatch.records.opening import open_registers  # noqa: PLC0415

    open_registers(records.Settings(), state)
    try:
        assert 0 == run(state)[0]
        assert "ledger: 0 entries are what was written" == run(state)[1][-1]
        assert 0 == (state / "records.db").stat().st_mode & 0o007
    finally:
        records.setup(":memory:", "a secret for tests")


def test_a_record_that_was_changed_past_the_ledger_is_named(state):
    between = ["--from", "2100-01-04 14:00", "--to", "2100-01-04 15:00"]
    asked = ["switch-off", "request", "--by", "Tom", "--reason", "update", *between]
    try:
        assert 0 == CliRunner().invoke(make_app(), [*asked, "--state", str(state)]).exit_code
        assert 0 == run(state)[0]
        with sqlite3.connect(state / "records.db") as database:
            for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{trigger}"')
            database.execute("UPDATE records_switchoff SET reason = 'nothing'")

        code, said = run(state)
    finally:
        records.setup(":memory:", "a secret for tests")

    assert 1 == code
    assert "was changed past the ledger: reason" in said[-1]


def test_registers_that_are_gone_are_a_finding(state):
    (state / "ledger.key").write_text("a key that outlived its ledger")

    code, said = run(state)

    assert 1 == code
    assert "the registers are gone" in said[-1]


def test_no_state_directory_is_no_clean_evidence(tmp_path):
    done = CliRunner().invoke(make_app(), ["verify", "--state", str(tmp_path / "elsewhere")])

    assert isinstance(done.exception, FilterwatchError)
    assert "no state directory" in str(done.exception)
