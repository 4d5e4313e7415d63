"""Torn tails, flipped bits, lost files: what is left is whole, and the logs are read again from there.

``FILTERWATCH_FAULT_CASES=1000`` tries more.
"""

from __future__ import annotations

import os
import random
import shutil
from datetime import timedelta

import pytest
from made_up_lines import LINE, batch, detection

from filterwatch.clock import ManualClock
from filterwatch.journal import Journal, Settings, gather

CASES = int(os.environ.get("FILTERWATCH_FAULT_CASES", "20"))
BATCHES = 40


def one(number):
    return batch(number, 1, detections=detection(number), state={"n": str(number).encode()})


def as_of(journal):
    """Return how many batches the journal holds, having checked that each is there with all that came of it."""
    reached = [found.offset // LINE for found in journal.checkpoints("squid")]
    count = reached[0] if reached else 0
    expected = list(range(count))

    assert [n * LINE for n in expected] == gather(journal.batches())["line_offset"].to_list()
    assert [f"{n:032x}" for n in expected] == journal.detections()["id"].to_list()
    assert ({"n": str(count - 1).encode()} if count else {}) == journal.state()
    return count


def go_on(journal):
    """Read the logs again from where the journal stands, as ingest does."""
    for number in range(as_of(journal), BATCHES):
        journal.commit(one(number))
    assert BATCHES == as_of(journal)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A journal in mid-flight: most of it is still in the write-ahead log; a copy was made after ten batches."""
    folder = tmp_path_factory.mktemp("written")
    clock = ManualClock(one(0).read_at)
    with Journal.open(
        folder / "journal.db", writer=True, clock=clock, settings=Settings(backup_every=timedelta(0))
    ) as journal:
        for number in range(BATCHES):
            journal.commit(one(number))
            clock.move(timedelta(seconds=1))
            if number == 9:
                journal.backup()
                journal._db.execute("pragma wal_checkpoint")
        copy = folder / "copy"
        copy.mkdir()
        for path in folder.glob("journal.db*"):
            if path.suffix != ".lock":
                shutil.copyfile(path, copy / path.name)
        last = journal.detections()["position"][-1]
    return copy, last, clock.now()


def tear(rng, data):
    place = rng.randrange(len(data))
    how = rng.choice(["cut", "cut and garbage", "flip"])
    if how == "flip":
        for _ in range(rng.choice([1, 1, 8, 64])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return data
    return data[:place] + (rng.randbytes(rng.randrange(1, 9000)) if how == "cut and garbage" else b"")


@pytest.mark.parametrize("seed", range(CASES))
def test_a_torn_tail_leaves_whole_batches_and_positions_are_not_given_twice(written, tmp_path, seed):
    source, last, now = written
    rng = random.Random(seed)
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    (tmp_path / "journal.db-shm").unlink(missing_ok=True)
    log = tmp_path / "journal.db-wal"
    log.write_bytes(tear(rng, bytearray(log.read_bytes())))

    with Journal.open(tmp_path / "journal.db", writer=True, clock=ManualClock(now)) as journal:
        assert journal.recovered is None
        held = as_of(journal)
        go_on(journal)
        again = journal.detections()["position"][held:].to_list()
    assert all(position > last for position in again)


@pytest.mark.parametrize("seed", range(CASES))
def test_a_damaged_file_is_set_aside_and_the_copy_takes_its_place(written, tmp_path, seed):
    source, _, now = written
    rng = random.Random(seed)
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "journal.db"
    Journal.open(path, writer=True, clock=ManualClock(now)).close()  # everything into the one file
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 10, 1000])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data)

    with Journal.open(path, writer=True, clock=ManualClock(now)) as journal:
        if journal.recovered:
            assert path.with_name(f"journal.db.corrupt-{now:%Y%m%dT%H%M%S.%fZ}") == journal.recovered.kept
            assert [str(journal.recovered)] == journal.gaps()["why"].to_list()
            assert 10 == as_of(journal)
        found = gather(journal.batches())["line_offset"].to_list()
        assert [n * LINE for n in range(len(found))] == found
        for number in range(len(found), BATCHES):
            journal.commit(one(number))
        assert BATCHES == len(gather(journal.batches()))


def test_a_copy_that_is_damaged_too_is_passed_over(written, tmp_path):
    source, _, now = written
    path = tmp_path / "journal.db"
    shutil.copyfile(source / "journal.db", path)
    copied = next(source.glob("*.backup-*"))
    shutil.copyfile(copied, tmp_path / copied.name)
    (tmp_path / "journal.db.backup-20990101T000000.000000Z").write_bytes(b"\x00" * 8192)
    path.write_bytes(b"not a database at all" * 400)

    with Journal.open(path, writer=True, clock=ManualClock(now)) as journal:
        assert copied.name == journal.recovered.restored.name
        assert (
            "the journal was damaged (file is not a database) and restored from "
            "journal.db.backup-20261117T120011.000000Z: what came after is read again from the "
            "logs; the damaged file is kept as "
            "journal.db.corrupt-20261117T120041.000000Z" == str(journal.recovered)
        )
        go_on(journal)


def test_without_a_copy_a_damaged_journal_is_begun_anew_and_positions_go_on(written, tmp_path):
    _, last, now = written
    path = tmp_path / "journal.db"
    path.write_bytes(b"\xff" * 20_000)

    with Journal.open(path, writer=True, clock=ManualClock(now)) as journal:
        assert journal.recovered.restored is None
        go_on(journal)
        assert journal.detections()["position"][0] > last


@pytest.mark.parametrize("left", [None, b""])
def test_a_journal_that_is_gone_or_empty_comes_back_from_its_copy(written, tmp_path, left):
    source, _, now = written
    copied = next(source.glob("*.backup-*"))
    shutil.copyfile(copied, tmp_path / copied.name)
    if left is not None:
        (tmp_path / "journal.db").write_bytes(left)

    with Journal.open(tmp_path / "journal.db", writer=True, clock=ManualClock(now)) as journal:
        assert "it was gone" == journal.recovered.problem
        go_on(journal)


def test_a_reader_follows_when_another_file_takes_the_journals_place(tmp_path, clock):
    path = tmp_path / "journal.db"
    with Journal.open(path, writer=True, clock=clock) as journal:
        journal.commit(one(0))
        journal.backup()
    with Journal.open(path, writer=False) as reader:
        assert 1 == len(reader.detections())
        path.write_bytes(b"garbage" * 999)
        clock.move(timedelta(hours=2))
        with Journal.open(path, writer=True, clock=clock) as journal:
            journal.commit(one(1))
            assert 2 == len(reader.detections())


def test_copies_are_made_when_due_and_only_the_newest_stay(tmp_path, clock):
    settings = Settings(backup_every=timedelta(hours=1), backups=2)
    with Journal.open(tmp_path / "journal.db", writer=True, clock=clock, settings=settings) as journal:
        made = []
        for _ in range(8):
            made.append(journal.backup())
            clock.move(timedelta(minutes=31))
        kept = sorted(tmp_path.glob("*.backup-*"))

    assert [True, False] * 4 == [copied is not None for copied in made]
    assert [made[4], made[6]] == kept
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)
