"""A full disk, a failing disk, two writers, a stranger's file: nothing is lost and the message says what to do."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from made_up_lines import batch, detection

from filterwatch.errors import FilterwatchError
from filterwatch.journal import Journal, JournalBusy, JournalError, JournalFull, gather
from filterwatch.journal.database import migrations

HERE = Path(__file__).parent


def test_a_full_disk_changes_nothing_and_the_same_batch_goes_in_later(journal):
    journal.commit(batch(0, 10, state={"a": b"1"}))
    pages = journal._db.execute("pragma page_count").fetchone()[0]
    journal._db.execute(f"pragma max_page_count = {pages + 2}")
    waiting = batch(10, 3000, detections=detection(11), state={"a": b"2"})

    for _ in range(3):
        with pytest.raises(
            JournalFull, match=r"journal: no room for the next batch: .*; free disk space, nothing is lost"
        ):
            journal.commit(waiting)
        assert (10, {"a": b"1"}, 0) == (journal.waiting()[1], journal.state(), len(journal.detections()))
        assert 100 == journal.checkpoints("squid")[0].offset

    journal._db.execute("pragma max_page_count = 1000000")
    journal.commit(waiting)

    assert (3010, {"a": b"2"}, 1) == (journal.waiting()[1], journal.state(), len(journal.detections()))


def test_a_batch_that_fails_halfway_leaves_no_trace(journal):
    journal.commit(batch(0, 1, state={"a": b"1"}))
    journal._db.execute("create temp trigger no before insert on main.state begin select raise(abort, 'disk'); end")
    with pytest.raises(JournalError):
        journal.commit(batch(1, 5, detections=detection(1), state={"a": b"2"}))
    journal._db.execute("drop trigger temp.no")

    assert (1, 0, {"a": b"1"}) == (journal.waiting()[1], len(journal.detections()), journal.state())
    journal.commit(batch(1, 5, state={"a": b"2"}))
    assert {"a": b"2"} == journal.state()


def test_a_second_writer_is_refused_by_name_and_a_reader_is_not(journal):
    journal.commit(batch(0, 1))

    with pytest.raises(JournalBusy) as caught:
        Journal.open(journal.path, writer=True)
    with Journal.open(journal.path, writer=False) as reader:
        assert 1 == reader.waiting()[1]
    assert f"{journal.path}: journal: process {os.getpid()} writes it already; only one ingest may run, " in str(
        caught.value
    )


def _try_to_write(path, results):
    try:
        Journal.open(path, writer=True)
        results.put("works")
        multiprocessing.Event().wait(5)
    except JournalBusy:
        results.put("busy")


def test_of_writers_started_at_once_one_works(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    writers = [context.Process(target=_try_to_write, args=(tmp_path / "journal.db", results)) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        said = [results.get(timeout=60) for _ in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.join()

    assert ["busy"] * 3 + ["works"] == sorted(said)
    Journal.open(tmp_path / "journal.db", writer=True).close()


def test_a_journal_can_be_opened_again_by_the_same_process(tmp_path):
    for _ in range(3):
        opened = Journal.open(tmp_path / "journal.db", writer=True)
        opened.close()
        opened.close()


def test_what_is_no_journal_is_not_touched(tmp_path):
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as other:
        other.execute("create table pupils (name)")
    other.close()
    with pytest.raises(FilterwatchError, match="belongs to another program; name another state directory"):
        Journal.open(path, writer=True)
    with sqlite3.connect(path) as other:
        assert [("pupils",)] == other.execute("select name from sqlite_schema").fetchall()
    other.close()


def test_a_newer_layout_is_refused(tmp_path):
    path = tmp_path / "journal.db"
    Journal.open(path, writer=True).close()
    with sqlite3.connect(path) as db:
        db.executescript("update meta set value = '99' where name = 'version'; pragma user_version = 99")
    db.close()
    with pytest.raises(
        FilterwatchError, match=r"layout 99 is newer than \d+, the newest known here; upgrade filterwatch"
    ):
        Journal.open(path, writer=True)


STATEMENTS = [
    part + ";"
    for part in "".join(line for line in migrations()[0].splitlines(keepends=True) if line[:2] != "--").split(";")[:-1]
]


@pytest.mark.parametrize("died_after", range(len(STATEMENTS) + 1))
def test_a_first_start_killed_midway_is_made_good_by_the_next(tmp_path, died_after):
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path, isolation_level=None)
    for statement in STATEMENTS[:died_after]:
        db.execute(statement)
    db.close()  # as a kill: an open transaction is rolled back
    with Journal.open(path, writer=True) as journal:
        journal.commit(batch(0, 3))
        assert 3 == journal.waiting()[1]


def test_a_folder_that_is_not_there_or_not_ours_is_named(tmp_path):
    with pytest.raises(
        JournalError, match="journal: cannot be written: No such file or directory; check folder and owner"
    ):
        Journal.open(tmp_path / "missing" / "journal.db", writer=True)
    with pytest.raises(JournalError, match="journal: does not exist yet; start ingest first"):
        Journal.open(tmp_path / "journal.db", writer=False)


def test_a_reader_can_change_nothing(journal):
    with Journal.open(journal.path, writer=False) as reader, pytest.raises(JournalError):
        reader._rows("delete from total returning source")


INGEST = textwrap.dedent("""
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from made_up_lines import batch
    from filterwatch.journal import Journal, JournalError
    journal = Journal.open(Path(sys.argv[2]), writer=True)
    failures = number = 0
    while number < 60:
        try:
            journal.commit(batch(number, 1, state={"n": str(number).encode()}))
            number += 1
        except JournalError as error:
            failures += 1
            print(error)
    print("failures", failures)
""")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("fault", ["pwrite64:error=ENOSPC:when=150..180", "fdatasync:error=EIO:when=20..30"])
def test_a_disk_that_fails_for_a_while_costs_nothing(tmp_path, fault):
    path = tmp_path / "journal.db"
    call = fault.partition(":")[0]
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={fault}"]
    command += [sys.executable, "-c", INGEST, str(HERE), str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")

    assert 0 == done.returncode, done.stderr
    assert int(done.stdout.split()[-1]) > 0, "the fault was never met"
    with Journal.open(path, writer=True) as journal:
        assert journal.recovered is None
        assert [n * 10 for n in range(60)] == gather(journal.batches())["line_offset"].to_list()
        assert {"n": b"59"} == journal.state()
