"""A kill before or after any single thing done to the disk: the next run comes to the same end."""

from __future__ import annotations

import contextlib
import os
import shutil
from datetime import date, timedelta

import pytest
from made_up_school import NOON, School

from filterwatch.archive import manifest, verify
from filterwatch.archive.manifest import Manifest
from filterwatch.clock import ManualClock
from filterwatch.journal import Journal

CALLS = ("fsync", "rename", "unlink", "rmdir", "mkdir", "write", "truncate", "link")
MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


class Dying:
    """Counts calls to the operating system and dies at one of them, before it is done, half done, or after."""

    def __init__(self, patch, when=None, how="before"):
        self.count, self.when, self.how, self.calls = 0, when, how, []
        for name in CALLS:
            patch.setattr(os, name, self.wrap(name, getattr(os, name)))
        patch.setattr(Journal, "drop", self.wrap("drop", Journal.drop))

    def wrap(self, name, real):
        def call(*args, **more):
            self.count += 1
            self.calls.append(name)
            if self.count != self.when:
                return real(*args, **more)
            if self.how == "half":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            elif self.how == "after":
                with contextlib.suppress(FileNotFoundError):  # a file that need not be there
                    real(*args, **more)
            raise Killed(f"{name} {args}")

        return call


def prepared(folder):
    """A school whose archive has something to seal (two days), to compact and to purge."""
    school = School(folder, ManualClock(NOON), segment_events=100)
    for day in (date(2026, 7, 1), MONDAY, MONDAY):
        school.write(10, day=day)
        school.seal()
    school.write(5, day=MONDAY)
    school.write(5, day=TUESDAY, source="dns")
    school.journal.close()


def everything(school):
    """Seal, compact, purge and clear away, and begin a new manifest: what a day of upkeep does."""
    school.seal()
    school.compact(before=TUESDAY)
    school.purge(date(2026, 10, 1))
    school.clock.move(timedelta(hours=2))
    school.compact(before=TUESDAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "ROLL_BYTES", 0)
        school.seal()


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The folder before, how many steps there are, which are writes, and what is found in the end."""
    folder = tmp_path_factory.mktemp("begun")
    prepared(folder)
    school = copied(folder, tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        counting = Dying(patch)
        everything(school)
    expected = school.scan().sort("source", "line_offset")
    school.journal.close()
    return folder, counting.calls, expected


def copied(begun, folder):
    shutil.copytree(begun, folder, dirs_exist_ok=True)
    return School(folder, ManualClock(NOON), segment_events=100)


def check(school, expected, where):
    """Whatever happened, nothing is lost or doubled; and going on comes to the same end."""
    before = school.scan()
    assert len(before) in (40, 30), where
    assert len(before) == len(before.unique(["source", "stream", "line_offset"])), where
    everything(school)
    assert expected.equals(school.scan().sort("source", "line_offset")), where
    assert [] == verify(school.directory, school.journal.archive_head()), where
    assert not list(school.directory.rglob("*.tmp")), where
    assert not list(school.directory.glob("_unfinished*")), where
    assert len(school.parquet()) == len(Manifest.read(school.directory).live), where


@pytest.mark.slow
@pytest.mark.parametrize("how", ["before", "half", "after"])
def test_a_kill_at_any_step_is_made_good_by_the_next_run(begun, tmp_path, how):
    folder, calls, expected = begun
    steps = [number for number, name in enumerate(calls, 1) if how != "half" or name == "write"]
    assert len(steps) > (5 if how == "half" else 30)
    for when in steps:
        school = copied(folder, tmp_path / str(when))
        with pytest.MonkeyPatch.context() as patch:
            Dying(patch, when, how)
            with pytest.raises(Killed) as killed:
                everything(school)
        school.journal.close()
        school.journal = school.open()
        check(school, expected, f"{how} step {when}: {killed.value}")
        school.journal.close()


def test_a_manifest_line_cut_at_any_byte_never_happened_or_is_whole(tmp_path):
    school = School(tmp_path, ManualClock(NOON), segment_events=100)
    school.write(3)
    school.seal()
    path = school.directory / "_manifest.jsonl"
    whole = path.read_bytes()
    school.write(3)
    school.seal()
    both = path.read_bytes()

    for size in [*range(len(whole), len(both) - 3, 41), *range(len(both) - 3, len(both) + 1)]:
        path.write_bytes(both[:size])
        assert (2 if size == len(both) else 1) == Manifest.read(school.directory).lines
        found = Manifest.read(school.directory)
        found.settle()
        assert path.read_bytes() == (both if size >= len(both) - 1 else whole)
        assert found.lines == Manifest.read(school.directory).lines
    school.journal.close()
