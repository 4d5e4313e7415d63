"""From the spool on, each received line is read once: whoever is killed, whatever the disk does."""

import errno
import os
import random
import shutil
from datetime import timedelta

import pytest
from following import Journal, a_clock

from filterwatch.sources import Settings, SpoolSource, SpoolWriter, spool_reading, spool_writing
from filterwatch.sources.spool_writing import Taken

LISTEN = {"udp": "127.0.0.1:5514", "allow": ["10.0.0.0/8"]}


class School:
    """A receiver's spool and a daemon that journals what is read from it."""

    def __init__(self, folder) -> None:
        self.folder = folder / "spool"
        self.clock = a_clock()
        self.journal = Journal()
        self.settings = Settings.model_validate({"name": "appliance", "format": "squid", "listen": LISTEN})
        self.start_writer()
        self.start_reader()

    def start_writer(self, **settings: int) -> None:
        self.writer = SpoolWriter(str(self.folder), self.clock, **settings)
        self.taken = Taken()

    def kill_writer(self) -> None:
        for one in self.writer._open.values():
            os.close(one.descriptor)

    def start_reader(self) -> None:
        self.source = SpoolSource(self.settings, self.journal.stored(), self.clock, str(self.folder))

    def receive(self, sender: str, *lines: bytes) -> None:
        for line in lines:
            self.writer.add(sender, line)
        self.writer.take(self.taken)
        self.writer.write(self.taken)

    def journal_all(self, limit: int = 4 * 2**20) -> None:
        while (batch := self.source.read(limit)) is not None:
            self.journal.commit(batch)

    def files(self, suffix: str = "") -> list[str]:
        return sorted(file.name for file in self.folder.iterdir() if file.name.endswith(suffix))


@pytest.fixture
def school(tmp_path):
    return School(tmp_path)


def test_what_each_sender_sent_is_read_in_its_order(school):
    school.receive("10.0.0.1", b"a1", b"a2")
    school.receive("10.0.0.2", b"b1")
    school.journal_all()
    school.receive("10.0.0.1", b"a3")
    school.journal_all()

    assert sorted(school.journal.texts()) == [b"a1", b"a2", b"a3", b"b1"]
    assert [one for one in school.journal.texts() if one.startswith(b"a")] == [b"a1", b"a2", b"a3"]
    assert len({stream for stream, _, _ in school.journal.lines}) == 2


def test_the_same_lines_sent_again_and_again_are_not_taken_for_a_copy(school):
    school.start_writer(segment_bytes=20)
    for _ in range(50):
        school.receive("10.0.0.1", b"the same line", b"the same line")
        school.journal_all()

    assert school.journal.texts() == [b"the same line"] * 100
    assert len(set(school.journal.keys())) == 100


def test_what_was_journalled_is_deleted_after_two_back_ups_and_not_before(school):
    school.start_writer(segment_bytes=10)
    school.receive("10.0.0.1", b"more than ten bytes")
    assert len(school.files(".log")) == 1

    school.clock.move(timedelta(days=3))
    school.start_reader()
    school.source.read()  # handed out and never journalled
    school.source.close() if hasattr(school.source, "close") else None
    school.start_reader()
    assert len(school.files(".log")) == 1
    batch = school.source.read()
    school.journal.commit(batch)
    os.utime(school.folder / school.files(".log")[0], (school.clock.now().timestamp(),) * 2)
    school.journal_all()
    assert len(school.files(".log")) == 1
    school.clock.move(timedelta(seconds=spool_reading.KEEP_SECONDS + 1))
    school.journal_all()
    assert school.files(".log") == []
    school.clock.move(timedelta(seconds=2))
    school.journal_all()
    assert school.source.forget() == [batch.stream]
    assert school.source.forget() == []


def test_a_journal_restored_from_its_back_up_reads_again_what_it_lost(school):
    school.start_writer(segment_bytes=10)
    school.receive("10.0.0.1", b"before the back-up")
    school.journal_all()
    copy = Journal(list(school.journal.lines), dict(school.journal.checkpoints))
    school.receive("10.0.0.1", b"after the back-up")
    school.journal_all()

    school.journal = copy
    school.start_reader()
    school.journal_all()

    assert school.journal.texts() == [b"before the back-up", b"after the back-up"]


def test_a_receiver_killed_while_it_wrote_leaves_no_half_line_and_says_so(school):
    school.receive("10.0.0.1", b"whole")
    (name,) = school.files(".open")
    with (school.folder / name).open("ab") as torn:
        torn.write(b"half of a mess")
    school.journal_all()
    assert school.journal.texts() == [b"whole"]
    assert not school.journal.gaps

    school.kill_writer()
    school.start_writer()
    school.receive("10.0.0.1", b"next")
    school.journal_all()
    school.start_reader()
    school.journal_all()

    assert school.journal.texts() == [b"whole", b"next"]
    assert [(gap.first_offset, gap.last_offset) for gap in school.journal.gaps] == [(6, 20)]


def test_a_segment_that_somebody_deleted_is_a_gap(school):
    school.receive("10.0.0.1", b"one")
    school.source.read()
    school.start_reader()
    school.source._look()
    shutil.rmtree(school.folder)
    school.folder.mkdir()
    school.journal_all()

    assert not school.journal.lines
    assert [gap.certain for gap in school.journal.gaps] == [True]


def test_losses_are_told_once(school):
    school.writer.lost("7 syslog messages by UDP were lost")
    school.journal_all()
    school.start_reader()
    school.journal_all()
    school.clock.move(timedelta(seconds=2))
    school.journal_all()

    assert [gap.why for gap in school.journal.gaps] == ["7 syslog messages by UDP were lost"]
    assert school.files(".json") == []


def test_a_damaged_record_of_a_loss_is_still_a_loss(school):
    (school.folder / "lost_12.json").write_text("[")
    school.journal_all()
    assert [gap.certain for gap in school.journal.gaps] == [False]


def test_a_full_disk_cuts_no_line_and_repeats_none(school, monkeypatch):
    real, room = os.write, [25]

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = real(descriptor, bytes(data[: room[0]]))
        room[0] -= count
        return count

    monkeypatch.setattr(spool_writing.os, "write", write)
    lines = [b"line %d" % number for number in range(100)]
    for line in lines[:50]:
        school.writer.add("10.0.0.1", line)
    school.writer.take(school.taken)
    for tries in range(200):
        try:
            school.writer.write(school.taken)
        except OSError:
            school.journal_all()
            room[0] = tries % 7
        else:
            break
    room[0] = 10_000
    school.receive("10.0.0.1", *lines[50:])
    school.journal_all()

    assert school.journal.texts() == lines
    assert not school.journal.gaps


def test_a_failed_sync_is_told_as_a_possible_loss(school, monkeypatch):
    failing = [True]
    real = os.fdatasync

    def fdatasync(descriptor: int) -> None:
        if failing.pop() if failing else False:
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(spool_writing.os, "fdatasync", fdatasync)
    with pytest.raises(OSError, match="Input"):
        school.receive("10.0.0.1", b"one")
    school.writer.write(school.taken)
    school.journal_all()

    assert school.journal.texts() == [b"one"]
    assert [gap.certain for gap in school.journal.gaps] == [False]


def test_forged_senders_do_not_fill_the_disk_with_files(school):
    for number in range(2000):
        school.writer.add(f"10.0.{number // 250}.{number % 250}", b"%d" % number)
    school.writer.take(school.taken)
    school.writer.write(school.taken)
    school.journal_all()

    assert len(school.files(".open")) <= spool_writing.MOST_SENDERS + 1
    assert sorted(map(int, school.journal.texts())) == list(range(2000))


def test_a_quiet_senders_segment_is_closed_within_the_hour(school):
    school.receive("10.0.0.1", b"one")
    school.clock.move(timedelta(seconds=spool_writing.SEGMENT_SECONDS))
    school.writer.tick()
    assert len(school.files(".log")) == 1


def test_a_receiver_that_does_not_run_is_a_problem(school):
    school.writer.tick()
    school.journal_all()
    assert school.source.problem is None
    school.clock.move(timedelta(minutes=2))
    school.journal_all()
    assert "receive does not run" in school.source.problem
    assert school.writer.down_for() == pytest.approx(120, abs=1)


def test_a_clock_that_goes_back_does_not_reorder_a_senders_lines(school):
    school.start_writer(segment_bytes=1)
    for number in range(20):
        school.receive("10.0.0.1", b"%d" % number)
        school.clock.move(timedelta(seconds=-5 if number % 3 else 9))
    school.journal_all()
    assert list(map(int, school.journal.texts())) == list(range(20))


@pytest.mark.parametrize("seed", range(40))
def test_whoever_is_killed_whenever_every_synced_line_is_read_once(tmp_path, seed):
    rng = random.Random(seed)
    school = School(tmp_path)
    sent: dict[str, list[bytes]] = {"10.0.0.1": [], "10.0.0.2": [], "fe80::1": []}
    number = 0
    for _ in range(120):
        step = rng.random()
        if step < 0.45:
            sender = rng.choice(list(sent))
            lines = [b"%d %s" % (number + i, b"x" * rng.randrange(40)) for i in range(rng.randrange(1, 6))]
            number += len(lines)
            school.receive(sender, *lines)
            sent[sender] += lines
        elif step < 0.75:
            for _ in range(rng.randrange(4)):
                batch = school.source.read(rng.choice((64, 200, 10_000)))
                if batch is None:
                    break
                school.journal.commit(batch)
        elif step < 0.82:
            school.source.read(rng.choice((64, 10_000)))  # killed before it was journalled
            school.start_reader()
        elif step < 0.9:
            school.kill_writer()
            school.start_writer(segment_bytes=rng.choice((30, 200, 5000)))
        else:
            school.clock.move(timedelta(seconds=rng.choice((0.1, 2, 4000, 9000))))
            school.writer.tick()
            for stream in school.source.forget():
                del school.journal.checkpoints[stream]
    school.journal_all()

    for sender, lines in sent.items():
        got = [line for stream, _, line in school.journal.lines if stream.startswith(f"{sender}_")]
        assert got == lines
    assert not school.journal.gaps
