"""Whatever is altered, cut, taken out or put in, verify names it; and it never cries wolf."""

from __future__ import annotations

import json
import random
import shutil
from datetime import date

import pytest
from made_up_school import NOON, School

from filterwatch import archive
from filterwatch.archive import manifest
from filterwatch.archive.manifest import NAME, Line, Manifest
from filterwatch.clock import ManualClock
from filterwatch.errors import FilterwatchError

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A folder with three sealed days, one of them purged, and the journal's memory of the manifest."""
    folder = tmp_path_factory.mktemp("sealed")
    school = School(folder, ManualClock(NOON), segment_events=100)
    for day in (date(2026, 11, 1), MONDAY, MONDAY, TUESDAY):
        school.write(20, day=day)
        school.seal()
    school.compact(before=TUESDAY)
    school.purge(date(2026, 11, 2))
    head = school.journal.archive_head()
    newest = Manifest.read(school.directory).head
    school.journal.close()
    return school.directory, head, newest


@pytest.fixture
def directory(sealed, tmp_path):
    return shutil.copytree(sealed[0], tmp_path / "archive")


def said(directory, head=None):
    return [str(problem).removeprefix(f"{directory}/") for problem in archive.verify(directory, head)]


def test_what_was_sealed_is_in_order(directory, sealed):
    assert [] == said(directory, sealed[1])
    assert [] == said(directory, sealed[2])


def test_every_flipped_bit_of_a_file_is_found(directory):
    path = archive.files(directory)[0]
    whole = path.read_bytes()
    name = path.relative_to(directory)
    rng = random.Random(1)
    for place in [0, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(200))]:
        data = bytearray(whole)
        data[place] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        assert [f"{name}: altered: SHA-256 differs from what was sealed; put back a copy"] == said(directory)
    path.write_bytes(whole)
    assert [] == said(directory)


def test_every_flipped_byte_of_the_manifest_is_found(directory, sealed):
    path = directory / NAME
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(data)
        assert said(directory, sealed[2]), place
    path.write_bytes(whole[:-1] + b"x")
    assert said(directory, sealed[2])


def test_lines_taken_out_swapped_or_put_in_are_found_with_their_number(directory):
    path = directory / NAME
    lines = path.read_bytes().splitlines(keepends=True)
    why = "a line before it was taken out, put in or altered; put back a copy of the archive from before"
    for changed, number in (
        ([lines[0], *lines[2:]], 2),
        ([lines[1], lines[0], *lines[2:]], 1),
        ([*lines[:3], lines[2], *lines[3:]], 4),
        (lines[1:], 1),
    ):
        path.write_bytes(b"".join(changed))
        assert [f"{NAME}: line {number}: {why}"] == said(directory)
        with pytest.raises(archive.ArchiveDamaged, match=f"{NAME}:{number}:1: manifest: a line before it"):
            archive.scan(directory)


def test_a_line_rewritten_with_its_own_hash_is_found_by_the_next(directory):
    path = directory / NAME
    lines = path.read_bytes().splitlines()
    first, _ = Line.parse(lines[0], 1, "")
    forged = Line(1, first.at, first.did, "nothing to see", first.added).sealed("")[0]
    path.write_bytes(b"\n".join([forged, *lines[1:]]) + b"\n")

    assert 1 == len(said(directory))


def test_a_cut_end_is_found_by_what_the_journal_remembers(directory, sealed):
    path = directory / NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))

    assert f"{NAME}: its end is missing: no line has hash {sealed[1]}; put back a copy" in said(directory, sealed[1])


def test_missing_and_foreign_and_cut_files_are_named(directory):
    monday, tuesday = archive.files(directory)
    tuesday.unlink()
    monday.write_bytes(monday.read_bytes()[:-3])
    (monday.parent / "extra.parquet").write_bytes(b"PAR1")

    size = monday.stat().st_size
    assert [
        f"{monday.relative_to(directory)}: altered: {size} bytes found, {size + 3} were sealed; put back a copy",
        f"{tuesday.relative_to(directory)}: missing: 20 events of 2026-11-17; put back a copy",
        "site=st-pauls/date=2026-11-16/extra.parquet: not sealed by us: the manifest does not know it; remove it",
    ] == said(directory)


def test_a_purged_file_that_came_back_is_named(directory):
    purged = json.loads((directory / NAME).read_bytes().splitlines()[-1])["removed"][0]["path"]
    (directory / purged).parent.mkdir()
    (directory / purged).write_bytes(b"PAR1")

    assert [f"{purged}: was purged and is still there; the next tidying removes it"] == said(directory)


def test_an_altered_manifest_stops_sealing_and_the_journal_keeps_the_events(tmp_path):
    school = School(tmp_path, ManualClock(NOON), segment_events=100)
    school.write(5)
    school.seal()
    path = school.directory / NAME
    path.write_bytes(path.read_bytes().replace(b'"rows":5', b'"rows":4'))
    school.write(5)

    with pytest.raises(FilterwatchError, match="manifest: it was altered: its hash does not fit its content; put back"):
        school.seal()
    assert 5 == school.journal.waiting()[1]
    school.journal.close()


@pytest.fixture
def rolled(tmp_path, monkeypatch):
    """An archive whose first two manifests were laid aside."""
    monkeypatch.setattr(manifest, "ROLL_BYTES", 0)
    school = School(tmp_path, ManualClock(NOON), segment_events=100)
    for _ in range(9):
        school.write(4, day=MONDAY)
        school.seal()
        school.compact()
    aside = sorted(path.name for path in school.directory.glob("_manifest-*"))
    assert len(aside) >= 2
    yield school, aside
    school.journal.close()


def test_a_manifest_that_grew_is_laid_aside_and_the_chain_goes_on(rolled):
    school, aside = rolled

    assert Manifest.read(school.directory).lines > 9
    assert (school.directory / NAME).stat().st_size < 9000
    school.assert_whole()
    first = Line.parse((school.directory / aside[0]).read_bytes().splitlines()[0], 1, "")[1]
    assert [] == said(school.directory, first)


def test_a_manifest_laid_aside_that_is_gone_or_altered_is_named(rolled):
    school, aside = rolled
    oldest = school.directory / aside[0]
    whole = oldest.read_bytes()
    oldest.write_bytes(whole.replace(b"seal", b"sael"))
    (problem,) = said(school.directory)
    assert problem.startswith(f"{aside[0]}: line 1: it was altered: its hash does not fit its content; put back")
    oldest.unlink()
    (problem,) = said(school.directory)
    assert "lines before 5 are gone: put back the manifest before it" in problem
    oldest.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert 1 == len(said(school.directory))
