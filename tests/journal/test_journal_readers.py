"""Readers in other processes: they see whole batches only and never hold the writer up."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from made_up_lines import batch, detection

from filterwatch.journal import Journal, JournalError, Reader, gather

HERE = Path(__file__).parent

READER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from filterwatch.journal import Journal, gather
    looks = 0
    with Journal.open(Path(sys.argv[1]), writer=False) as reader:
        print("looking", flush=True)
        while True:
            found = reader.batches()
            events, rows = len(gather(found)), reader.waiting()[1]
            assert events % 5 == 0, events
            assert rows >= events
            assert len(reader.detections(limit=10_000)) % 2 == 0
            looks += 1
            if events == 400:
                break
    print(looks)
""")


def test_a_reader_in_another_process_sees_whole_batches_only(journal):
    journal.commit(batch(0, 5))
    command = [sys.executable, "-c", READER, str(journal.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
        assert "looking\n" == reader.stdout.readline()
        for number in range(1, 80):
            two = detection(number).vstack(detection(number, rule="adult"))
            journal.commit(batch(number * 5, 5, detections=two))
            time.sleep(0.002)
        said, wrong = reader.communicate(timeout=60)

    assert "" == wrong
    assert int(said) > 1


def test_who_may_not_look_for_the_journal_is_told_what_to_do(monkeypatch, tmp_path):
    def stat(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(JournalError, match=r"may not be read by this account; .*sudo -u filterwatch"):
        Reader.at(tmp_path / "journal.db")


def test_a_reader_that_stops_halfway_does_not_hold_the_writer_up(journal):
    for number in range(30):
        journal.commit(batch(number, 1))
    with Journal.open(journal.path, writer=False) as reader:
        slow = reader._db.execute("select id from batch")
        slow.fetchone()
        began = time.monotonic()
        for number in range(30, 60):
            journal.commit(batch(number, 1))

        assert time.monotonic() - began < 10
        assert 29 == len(slow.fetchall()), "a reader sees the moment at which it began"
        assert 60 == reader.waiting()[1]


def test_threads_share_one_journal(journal):
    def read():
        while not done.is_set():
            found = journal.batches()
            assert [n * 10 for n in range(len(found))] == gather(found)["line_offset"].to_list()
            looks.append(len(found))

    done, looks = threading.Event(), []
    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(60):
        journal.commit(batch(number, 1))
    done.set()
    for thread in threads:
        thread.join()

    assert 60 == journal.waiting()[1]
    assert looks
