"""Pi-hole's database: each row once, whatever happens to the file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filterwatch.clock import ManualClock
from filterwatch.lines import Checkpoint, LineBatch
from filterwatch.sources.database import DatabaseSource

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
OLD_SCHEMA = (
    "CREATE TABLE queries (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, type INTEGER NOT NULL, "
    "status INTEGER NOT NULL, domain TEXT NOT NULL, client TEXT NOT NULL, forward TEXT, additional_info TEXT);"
)
NEW_SCHEMA = """
CREATE TABLE query_storage (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, timestamp INTEGER NOT NULL,
  type INTEGER NOT NULL, status INTEGER NOT NULL, domain INTEGER NOT NULL, client INTEGER NOT NULL, forward INTEGER,
  additional_info INTEGER, reply_type INTEGER, reply_time REAL, dnssec INTEGER, list_id INTEGER);
CREATE TABLE domain_by_id (id INTEGER PRIMARY KEY, domain TEXT NOT NULL);
CREATE TABLE client_by_id (id INTEGER PRIMARY KEY, ip TEXT NOT NULL, name TEXT);
CREATE TABLE forward_by_id (id INTEGER PRIMARY KEY, forward TEXT NOT NULL);
CREATE TABLE addinfo_by_id (id INTEGER PRIMARY KEY, type INTEGER NOT NULL, content NOT NULL);
CREATE VIEW queries AS SELECT id, timestamp, type, status,
  CASE typeof(domain) WHEN 'integer' THEN (SELECT domain FROM domain_by_id d WHERE d.id = q.domain) ELSE domain END
    domain,
  CASE typeof(client) WHEN 'integer' THEN (SELECT ip FROM client_by_id c WHERE c.id = q.client) ELSE client END client,
  CASE typeof(forward) WHEN 'integer' THEN (SELECT forward FROM forward_by_id f WHERE f.id = q.forward) ELSE forward END
    forward,
  CASE typeof(additional_info) WHEN 'integer' THEN (SELECT content FROM addinfo_by_id a WHERE a.id = q.additional_info)
    ELSE additional_info END additional_info,
  reply_type, reply_time, dnssec, list_id FROM query_storage q;
INSERT INTO domain_by_id VALUES (1, 'www.example.org');
INSERT INTO client_by_id VALUES (1, '10.1.2.3', 'pupil-07');
"""


def _add(path: Path, *stamps: float) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        storage = "query_storage" if path.name == "new.db" else "queries"
        named = (1, 1) if path.name == "new.db" else ("www.example.org", "10.1.2.3")
        database.executemany(
            f"INSERT INTO {storage} (timestamp, type, status, domain, client) VALUES (?, 1, 2, ?, ?)",
            [(stamp, *named) for stamp in stamps],
        )


def _make(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(NEW_SCHEMA if path.name == "new.db" else OLD_SCHEMA)
    return path


def _source(path: Path, *checkpoints: Checkpoint, at_end: bool = False) -> DatabaseSource:
    return DatabaseSource("dns", path, checkpoints, ManualClock(NOW), at_end=at_end)


def _ids(batch: LineBatch | None) -> list[int]:
    assert batch is not None
    rows = [json.loads(line) for line in batch.data.splitlines()]
    assert [row["id"] for row in rows] == batch.line_offsets.tolist()
    return [row["id"] for row in rows]


THEN = NOW.timestamp() - 100


@pytest.mark.parametrize("name", ["new.db", "old.db"])
def test_each_row_comes_once_also_after_a_restart(tmp_path: Path, name: str) -> None:
    path = _make(tmp_path / name)
    _add(path, *(THEN + number for number in range(10)))
    first = _source(path).read(limit_bytes=4 * 256)
    assert _ids(first) == [1, 2, 3, 4]
    assert first is not None
    assert json.loads(first.data.splitlines()[0])["domain"] == "www.example.org"
    again = _source(path, first.checkpoint)
    assert _ids(again.read()) == [5, 6, 7, 8, 9, 10]
    assert again.read() is None
    assert again.lag() == 0
    _add(path, THEN + 20)
    assert _ids(again.read()) == [11]


def test_a_row_that_may_still_change_waits_and_one_of_a_wrong_clock_does_not(tmp_path: Path) -> None:
    path = _make(tmp_path / "new.db")
    _add(path, NOW.timestamp() + 10**6, THEN, NOW.timestamp() - 1, THEN)
    clock = ManualClock(NOW)
    source = DatabaseSource("dns", path, (), clock)
    assert _ids(source.read()) == [1, 2]
    assert source.read() is None
    clock.sleep(10)
    assert _ids(source.read()) == [3, 4]


def test_rows_deleted_unread_are_a_gap_and_vacuum_is_none(tmp_path: Path) -> None:
    path = _make(tmp_path / "old.db")
    _add(path, *(THEN + number for number in range(6)))
    source = _source(path)
    assert _ids(source.read(limit_bytes=512)) == [1, 2]
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM")
    assert _ids(source.read(limit_bytes=256)) == [3]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM queries WHERE id < 6")
    batch = source.read()
    assert _ids(batch) == [6]
    assert batch is not None
    assert [(gap.first_offset, gap.last_offset) for gap in batch.gaps] == [(4, 6)]


@pytest.mark.parametrize("rows", [1, 20])
def test_another_database_in_its_place_is_read_from_its_first_row(tmp_path: Path, rows: int) -> None:
    path = _make(tmp_path / "new.db")
    _add(path, *(THEN + number for number in range(6)))
    source = _source(path)
    before = source.read()
    for file in tmp_path.glob("new.db*"):
        file.unlink()
    _make(path)
    assert source.read() is None
    _add(path, *(THEN + 50 + number for number in range(rows)))
    after = source.read()
    assert _ids(after) == list(range(1, rows + 1))
    assert before is not None
    assert after is not None
    assert len(after.gaps) == 1
    assert after.stream != before.stream
    assert _source(path, before.checkpoint, after.checkpoint).read() is None


def test_a_file_that_is_missing_or_none_of_sqlite_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    source = _source(path)
    assert source.read() is None
    assert str(path) in (source.problem or "")
    path.write_bytes(b"no database" * 1000)
    assert source.read() is None
    assert source.problem
    path.unlink()
    _add(_make(path), THEN)
    assert _ids(source.read()) == [1]
    assert source.problem is None


def test_a_start_at_the_end_leaves_out_what_is_there(tmp_path: Path) -> None:
    path = _make(tmp_path / "new.db")
    _add(path, THEN, THEN)
    source = _source(path, at_end=True)
    start = source.read()
    assert _ids(start) == []
    _add(path, THEN)
    assert start is not None
    assert _ids(_source(path, start.checkpoint, at_end=True).read()) == [3]
