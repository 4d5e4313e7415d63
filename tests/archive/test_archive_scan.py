"""One frame over sealed and unsealed events, also while they move."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import polars as pl
import pytest
from made_up_school import NOON, School
from polars.testing import assert_frame_equal

from filterwatch import archive
from filterwatch.archive import segments
from filterwatch.clock import ManualClock
from filterwatch.events import ACTIONS, EVENT_SCHEMA, GROUP
from filterwatch.journal import Journal

SUNDAY, MONDAY, TUESDAY = date(2026, 11, 15), date(2026, 11, 16), date(2026, 11, 17)


def test_nothing_yet_is_an_empty_frame_with_every_column(school, tmp_path):
    assert EVENT_SCHEMA == school.scan().schema
    assert 0 == archive.scan(tmp_path / "nowhere").collect().height
    assert [] == archive.verify(tmp_path / "nowhere")


def test_days_are_asked_for_by_local_date_both_ends_included(school):
    for day in (SUNDAY, MONDAY, TUESDAY):
        school.write(4, day=day)
        if day != TUESDAY:
            school.seal()

    assert [12, 8, 4, 8, 0] == [
        len(school.scan(**between))
        for between in (
            {}, {"start": MONDAY}, {"start": MONDAY, "end": MONDAY}, {"end": MONDAY}, {"start": date(2027, 1, 1)},
        )
    ]  # fmt: skip


def test_files_of_other_days_are_not_opened(school):
    for day in (SUNDAY, MONDAY):
        school.write(4, day=day)
        school.seal()
    (school.directory / school.parquet()[0]).write_bytes(b"unreadable")

    assert 4 == len(school.scan(start=MONDAY))
    with pytest.raises(pl.exceptions.ComputeError):
        school.scan()


def test_files_for_other_engines_are_those_that_count(school):
    for _ in range(2):
        school.write(4, day=MONDAY)
        school.seal()
    made = school.compact()[0][0]

    assert [school.directory / made.path] == archive.files(school.directory)
    assert [] == archive.files(school.directory, end=SUNDAY)
    assert 8 == pl.read_parquet(archive.files(school.directory)).height


def test_words_come_back_as_enums_and_the_local_time_is_put_back(school):
    school.write(3)
    unsealed = school.scan()
    school.seal()

    assert GROUP == school.scan().schema["group"]
    assert_frame_equal(unsealed, school.scan(), check_row_order=False)
    assert 0 == school.scan()["local_time"].null_count()


def test_a_file_that_an_older_version_wrote_is_read_with_todays_columns(school, monkeypatch):
    old = pl.Schema({name: dtype for name, dtype in segments.STORED_SCHEMA.items() if name != "request_key"})
    old["action"] = pl.Enum(ACTIONS[:2])
    school.write(3)
    with monkeypatch.context() as patch:
        patch.setattr(segments, "STORED_SCHEMA", old)
        patch.setattr(segments, "COLUMNS", segments.fingerprint(old))
        school.seal()
    school.write(4, day=MONDAY)
    school.seal()

    for _ in range(2):
        assert EVENT_SCHEMA == school.scan().schema
        school.assert_whole()
        school.write(4)
        school.seal()
        school.compact()


def test_with_check_a_changed_file_is_not_believed(school):
    school.write(30)
    made = school.seal()[0]
    path = school.directory / made.path
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)

    with pytest.raises(archive.ArchiveDamaged, match="altered since they were sealed: site=st-pauls"):
        archive.scan(school.directory, check=True)


def test_a_plan_made_before_compacting_still_runs_after_it(school):
    for _ in range(3):
        school.write(10)
        school.seal()
    plan = archive.scan(school.directory, school.journal)
    school.compact()

    assert 30 == plan.collect().height


def test_while_events_move_a_reader_sees_each_exactly_once(tmp_path):
    """One thread writes, seals and compacts, two others count: what was written before a look is there, once."""
    school = School(tmp_path, ManualClock(NOON), segment_events=60)
    done, written, wrong, looks = threading.Event(), [0], [], [0]

    def look():
        with Journal.open(school.journal.path, writer=False) as reader:
            while not done.is_set():
                before = written[0]
                found = archive.scan(school.directory, reader).select("line_offset").collect()["line_offset"]
                after = written[0]
                if found.n_unique() != len(found) or not before <= len(found) <= after + 10:
                    wrong.append((before, len(found), found.n_unique(), after))
                looks[0] += 1

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(40):
        school.write(10)
        written[0] += 10
        school.journal.merge(at_least=3)
        if number % 2:
            school.seal(seal_after=timedelta(0))
        if number % 5 == 0:
            school.compact()
    done.set()
    for thread in threads:
        thread.join()
    school.assert_whole()
    school.journal.close()

    assert [] == wrong
    assert looks[0] > 4
