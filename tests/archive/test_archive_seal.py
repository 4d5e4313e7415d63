"""Events move from the journal to the archive: once, whole, by school and local day."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import polars as pl
import pytest
from made_up_school import LONDON, NOON
from polars.testing import assert_frame_equal

from filterwatch import archive
from filterwatch.archive.manifest import NAME
from filterwatch.events import EVENT_SCHEMA
from filterwatch.journal import Journal

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


def test_sealing_changes_where_events_lie_and_nothing_else(school):
    school.write(30)
    school.write(20, source="dns", stream="d1")
    before = school.scan().sort("source", "line_offset")

    made = school.seal()
    after = school.scan().sort("source", "line_offset")

    assert [50] == [segment.rows for segment in made]
    assert (0, 0, None) == school.journal.waiting()
    assert_frame_equal(before, after)
    assert EVENT_SCHEMA == after.schema
    school.assert_whole()


def test_files_lie_by_site_and_local_date(school):
    school.write(3, day=MONDAY)
    school.write(3, day=TUESDAY)
    school.write(3, day=TUESDAY, site="../annex & hall", stream="s2")
    numbers = [one.number for one in school.journal.batches()]
    school.seal()

    name = f"{numbers[0]:019}-{numbers[-1]:019}.parquet"
    assert [
        f"site=..%2Fannex%20%26%20hall/date=2026-11-17/{name}",
        f"site=st-pauls/date=2026-11-16/{name}",
        f"site=st-pauls/date=2026-11-17/{name}",
    ] == school.parquet()
    assert {"../annex & hall", "st-pauls"} == set(school.scan()["site"])
    school.assert_whole()


def test_young_events_stay_in_the_journal_until_they_are_old_or_fill_a_file(school, clock):
    school.write(30)
    assert [] == school.seal(seal_after=timedelta(hours=1))

    clock.move(timedelta(minutes=61))
    assert [30] == [segment.rows for segment in school.seal(seal_after=timedelta(hours=1))]

    for _ in range(5):
        school.write(45)
    assert [135] == [segment.rows for segment in school.seal(seal_after=timedelta(hours=1))]
    assert 90 == school.journal.waiting()[1]
    school.assert_whole()


def test_detections_and_what_else_the_journal_knows_stay(school):
    school.write(30)
    school.seal()

    assert 300 == school.journal.checkpoints("squid")[0].offset
    assert 30 == school.journal.totals()["events"][0]


def test_small_files_of_a_day_that_is_over_become_one_and_go_after_the_grace(school, clock):
    for _ in range(4):
        school.write(40, day=MONDAY)
        school.write(5, day=TUESDAY)
        school.seal()
    made, problems = school.compact(before=TUESDAY)

    assert ([80, 80], []) == ([segment.rows for segment in made], problems)
    assert 4 + 4 + 2 == len(school.parquet())
    school.assert_whole()
    assert ([], []) == school.compact(before=TUESDAY)

    clock.move(timedelta(hours=1))
    school.compact(before=TUESDAY)
    assert 4 + 2 == len(school.parquet())
    school.assert_whole()


def test_a_damaged_file_is_never_made_part_of_another(school):
    for _ in range(2):
        school.write(10, day=MONDAY)
        school.seal()
    victim = school.directory / school.parquet()[0]
    victim.write_bytes(victim.read_bytes()[:-1] + b"X")

    made, problems = school.compact()

    assert [] == made
    assert [f"{school.parquet()[0]}: altered since it was sealed; put back a copy"] == problems


def test_what_was_kept_long_enough_goes_and_leaves_a_tombstone(school):
    school.write(7, day=MONDAY)
    school.write(9, day=TUESDAY)
    first = school.seal()[0]
    kept = school.parquet()[1]

    assert [first] == school.purge(TUESDAY)
    assert [kept] == school.parquet()
    assert not (school.directory / first.path).parent.exists()
    assert first.sha256 in (school.directory / NAME).read_text()
    assert "90 days are over" in (school.directory / NAME).read_text()
    assert [] == school.purge(TUESDAY)
    school.assert_whole()


def test_a_day_under_a_legal_hold_is_kept_whatever_its_age(school):
    school.write(7, day=MONDAY)
    school.write(9, day=TUESDAY)
    school.seal()

    assert [TUESDAY] == [one.day for one in school.purge(date(2030, 1, 1), hold={MONDAY})]
    school.assert_whole()


def test_tidying_does_all_of_it_by_the_schools_own_calendar(school, clock):
    for _ in range(3):
        school.write(10, day=MONDAY)
        school.seal()
    school.write(10, day=date(2026, 7, 1))
    clock.move(timedelta(hours=2))

    done = archive.tidy(school.journal, school.directory, now=clock.now(), zone=LONDON, settings=school.settings)

    assert [1, 1, 1, 0] == [len(part) for part in (done.sealed, done.compacted, done.purged, done.problems)]
    assert {MONDAY} == set(school.scan()["local_date"])


def test_a_journal_restored_from_a_copy_brings_nothing_a_second_time(school):
    school.write(20)
    school.journal.backup()
    school.write(20)
    school.write(5, source="dns")
    school.seal()
    school.write(6)
    school.journal.close()
    (school.folder / "journal.db").write_bytes(b"damaged" * 1000)
    school.journal = school.open()

    assert school.journal.recovered is not None
    assert 200 == school.journal.checkpoints("squid")[0].offset
    assert 45 == len(school.scan())
    school.written = {key: day for key, day in school.written.items() if key[2] < 400}
    for _ in range(2):  # the logs are read again: lines 20 to 39 are sealed already, 40 to 59 are not
        school.write(20)
    school.write(5, source="dns")
    school.assert_whole()
    school.seal()
    school.assert_whole()
    assert 65 == len(school.scan())


def test_an_event_without_any_time_is_kept_under_the_day_it_was_journalled(school):
    made = school.write(1)
    bare = made.events.drop("time", "started", "local_date", "local_minute").with_columns(line_offset=pl.lit(10))
    school.journal.commit(
        type(made)(NOON, type(made.checkpoint)("squid", "s1", 20), 10, bare.cast({"line_offset": pl.Int64}))
    )
    before = len(school.scan(start=TUESDAY, end=TUESDAY))
    made = school.seal()

    assert (2, 2) == (before, len(school.scan(start=TUESDAY, end=TUESDAY)))
    assert ["2026-11-17"] == [segment.local_date for segment in made]


def test_an_archive_that_was_set_back_says_so_and_goes_on(school):
    school.write(10)
    school.seal()
    lost = school.journal.archive_head()
    (school.directory / NAME).unlink()
    school.write(10)

    with pytest.raises(archive.ArchiveDamaged, match="its end is missing"):
        school.scan()
    school.seal()

    assert f"the journal remembers line {lost}, which is gone" in (school.directory / NAME).read_text()
    assert 10 == len(school.scan())


def test_a_full_disk_leaves_the_events_in_the_journal(school, monkeypatch):
    school.write(10)
    broken = OSError(28, "No space left on device")

    def full(*_):
        raise broken

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(
            archive.ArchiveError, match="cannot be read or written: No space left on device; free space"
        ):
            school.seal()
    assert 10 == school.journal.waiting()[1]
    school.seal()
    school.assert_whole()
    assert 1 == len(school.parquet())


def test_sealing_may_run_while_a_reader_has_the_journal_open(school):
    school.write(10)
    with Journal.open(school.journal.path, writer=False) as reader:
        held = reader._db.execute("select id from batch")
        held.fetchone()
        school.seal()
        assert 0 == reader.waiting()[1]
        held.close()
    school.assert_whole()


def test_sealing_may_run_on_a_thread_of_its_own_beside_commits(school):
    wrong = []

    def upkeep():
        try:
            while not done.is_set():
                school.seal()
                school.compact()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            wrong.append(error)

    done = threading.Event()
    thread = threading.Thread(target=upkeep)
    thread.start()
    for _ in range(60):
        school.write(7)
        school.write(3, source="dns")
    done.set()
    thread.join()

    assert [] == wrong
    school.assert_whole()
    assert 600 == len(school.scan())
