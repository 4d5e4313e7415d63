"""Faults T1 to T8, T10 to T12, T33 and bar B6: rotation of every kind, running and down."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from following import COMPRESS, Daemon, Writer, a_clock, compress, copy, rename, rotated

from filterwatch.clock import ManualClock
from filterwatch.sources import whereabouts


def restarted(daemon: Daemon) -> list[bytes]:
    """Kill and start the daemon; return what it reads now."""
    daemon.restart()
    return daemon.settle()


def test_t1_rename_and_create_under_load_keeps_every_line_in_order(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log, width=20), Daemon(log)
    written = daemon.poll()
    for _ in range(100):
        written += writer.write(30)
        rename(log)
        written += writer.write(20)  # squid goes on in the renamed file until it is told to reopen
        daemon.poll()
        writer.reopen()
    written += writer.write(3)
    daemon.poll()

    assert daemon.journal.texts() == written


def test_t1_the_new_file_does_not_wait_for_the_old_one_and_late_lines_are_read(tmp_path):
    log = tmp_path / "access.log"
    old, daemon = Writer(log), Daemon(log)
    old.write(1)
    daemon.poll()
    rename(log)
    log.write_bytes(b"new\n")

    assert daemon.poll() == [b"new"]
    daemon.clock.sleep(59)
    late = old.write(1)
    assert daemon.poll() == late
    daemon.clock.sleep(59)
    late = old.write(1)
    assert daemon.poll() == late


def test_t1_even_a_writer_that_is_later_than_the_wait_loses_nothing(tmp_path):
    log = tmp_path / "access.log"
    old, daemon = Writer(log), Daemon(log)
    old.write(1)
    daemon.poll()
    rename(log)
    log.write_bytes(b"new\n")
    daemon.settle()
    late = old.write(2)

    assert daemon.poll() == late


def test_t1_an_unfinished_last_line_is_handed_out_once_its_file_is_finished(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(b"whole\nunfin")
    daemon = Daemon(log)
    assert daemon.poll() == [b"whole"]
    assert daemon.wait(1000) == []  # the log may still go on
    rename(log)
    assert daemon.poll() == []
    assert daemon.wait(59) == []

    assert daemon.wait(2) == [b"unfin"]
    assert daemon.journal.keys()[-1][1] == 6
    assert daemon.journal.stored()[-1].offset == 11
    assert restarted(daemon) == []


def test_t2_copytruncate_under_load_never_repeats_the_copy(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = daemon.poll()
    for turn in range(100):
        written += writer.write(20)
        if turn % 3:
            daemon.poll(limit=500, most=turn % 5)
        copy(log)
        if turn % 2:
            daemon.poll(limit=500, most=turn % 7)
        os.truncate(log, 0)
        if turn % 4:
            daemon.poll()
    daemon.settle()

    stored = daemon.journal.texts()
    assert sorted(stored) == sorted(written)


def test_t2_lines_between_copying_and_emptying_are_reported_as_a_possible_gap(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    writer.write(50)
    daemon.poll()
    copy(log)
    writer.write(1)
    os.truncate(log, 0)
    writer.write(1)
    daemon.settle()

    [gap] = daemon.journal.gaps
    assert (gap.first_offset, gap.last_offset, gap.certain) == (50 * 61, None, False)
    assert gap.stream == daemon.journal.lines[0][0]
    assert daemon.journal.texts()[-1].startswith(b"line 52 ")
    assert restarted(daemon) == []
    assert len(daemon.journal.gaps) == 1


def test_t2_emptied_without_a_copy_what_was_seen_and_not_read_is_a_certain_gap(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    daemon.poll()
    writer.write(50)
    daemon.poll(limit=1000, most=1)
    read = len(daemon.journal.lines)
    os.truncate(log, 0)
    daemon.settle()

    [gap] = daemon.journal.gaps
    assert (gap.first_offset, gap.last_offset, gap.certain) == (read * 61, 50 * 61, True)


def test_t3_emptied_and_grown_past_the_old_offset_between_two_polls_is_read_from_its_head(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    writer.write(50)
    daemon.poll()
    os.truncate(log, 0)
    longer = writer.write(80)

    assert daemon.poll() == longer


def test_t3_emptied_and_grown_to_the_very_same_size_is_read_from_its_head(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    writer.write(50)
    daemon.poll()
    os.truncate(log, 0)
    same = writer.write(50)

    assert daemon.poll() == same
    os.truncate(log, 0)
    same = writer.write(50)
    assert restarted(daemon) == same


@pytest.mark.parametrize("size", [5, 200])
@pytest.mark.parametrize("lines", [0, 1, 9])
def test_t3_copied_and_emptied_at_any_moment_of_a_start_repeats_and_loses_nothing(tmp_path, monkeypatch, lines, size):
    """The log is known again by its bytes and opened: between the two its bytes may go."""
    read, moment, reads = os.pread, 0, 1
    while moment < reads:
        root = tmp_path / str(moment)
        root.mkdir()
        log = root / "access.log"
        writer, daemon = Writer(log, width=20), Daemon(log)
        daemon.poll()
        written = writer.write(size)
        daemon.poll()
        written += writer.write(1)
        daemon.kill()
        moment, reads = moment + 1, 0

        def rotate(descriptor: int, limit: int, at: int, now=moment, log=log, writer=writer, written=written) -> bytes:
            nonlocal reads
            reads += 1
            if reads == now:
                copy(log)
                os.truncate(log, 0)
                written += writer.write(lines) if lines else []
            return read(descriptor, limit, at)

        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", rotate)
            daemon.start()
            daemon.poll()
        daemon.settle()

        assert sorted(daemon.journal.texts()) == sorted(written), f"before read {moment} of {reads}"
        assert [gap for gap in daemon.journal.gaps if gap.certain] == []


@pytest.mark.parametrize("suffix", COMPRESS)
def test_t4_a_log_compressed_at_once_is_resumed_at_its_uncompressed_offset(tmp_path, suffix):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = writer.write(500)
    daemon.poll(limit=5000, most=3)
    daemon.kill()
    for _ in range(3):
        rename(log)
        writer.reopen()
        written += writer.write(100)
        compress(rotated(log, 1), suffix)
    daemon.start()
    daemon.settle()

    assert daemon.journal.texts() == written
    assert len({stream for stream, _, _ in daemon.journal.lines}) == 4
    assert daemon.journal.gaps == []
    assert restarted(daemon) == []


@pytest.mark.parametrize("suffix", COMPRESS)
def test_t4_a_copy_kept_beside_its_compressed_form_is_read_once(tmp_path, suffix):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = writer.write(30)
    daemon.poll()
    daemon.kill()
    written += writer.write(1)
    old = copy(log)
    os.truncate(log, 0)
    kept = old.read_bytes()
    compress(old, suffix)
    old.write_bytes(kept)
    written += writer.write(5)

    daemon.start()
    daemon.settle()

    assert daemon.journal.texts() == written


@pytest.mark.parametrize("suffix", COMPRESS)
def test_t4_compressing_while_running_changes_nothing(tmp_path, suffix):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = []
    for _ in range(5):
        written += writer.write(100)
        daemon.poll()
        rename(log)
        writer.reopen()
        compress(rotated(log, 1), suffix)
        daemon.poll()
    daemon.settle()

    assert daemon.journal.texts() == written
    assert daemon.journal.gaps == []
    assert restarted(daemon) == []


def test_t4_a_compressed_log_that_is_still_being_written_is_no_new_log(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log, width=500), Daemon(log)
    writer.write(2000)
    daemon.poll()
    rename(log)
    writer.reopen()
    packed = COMPRESS[".gz"](rotated(log, 1).read_bytes())
    target = tmp_path / "access.log.1.gz"
    for end in (0, 12, len(packed) // 2, len(packed) - 3):
        target.write_bytes(packed[:end])
        assert daemon.wait(1) == []
        assert daemon.wait(61) == []
    target.write_bytes(packed)
    rotated(log, 1).unlink()

    assert daemon.settle() == []
    assert restarted(daemon) == []


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
@pytest.mark.parametrize("rotations", range(1, 15))
def test_b6_everything_rotated_away_while_down_is_read_oldest_first(tmp_path, rotations, suffix):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = writer.write(10)
    daemon.poll(limit=300, most=2)
    daemon.kill()
    for _ in range(rotations):
        written += writer.write(7)
        rename(log)
        if suffix:
            compress(rotated(log, 1), suffix)
        writer.reopen()
    written += writer.write(1)
    daemon.start()
    daemon.poll()

    assert daemon.journal.texts() == written
    daemon.settle()
    assert daemon.journal.texts() == written
    assert daemon.journal.gaps == []


@pytest.mark.parametrize("rotations", [1, 3, 7])
def test_t5_a_log_deleted_before_it_was_read_is_an_exact_gap(tmp_path, rotations):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = writer.write(20)
    daemon.poll()
    daemon.kill()
    writer.write(5)
    left = []
    for _ in range(rotations):
        rename(log)
        writer.reopen()
        left += writer.write(7)
    rotated(log, rotations).unlink()
    daemon.start()
    daemon.settle()

    assert daemon.journal.texts() == written + left
    [gap] = daemon.journal.gaps
    assert gap.stream == daemon.journal.lines[0][0]
    assert (gap.first_offset, gap.last_offset) == (20 * 61, None)
    assert "removed before it was read" in gap.why
    assert restarted(daemon) == []
    assert len(daemon.journal.gaps) == 1


def test_t5_what_was_seen_before_the_stop_and_is_gone_is_a_certain_gap(tmp_path):
    log = tmp_path / "access.log"
    writer = Writer(log)
    writer.write(100)
    daemon = Daemon(log)
    daemon.poll(limit=1000, most=2)
    read = len(daemon.journal.lines)
    daemon.kill()
    log.unlink()
    writer.reopen()
    daemon.start()
    daemon.settle()

    [gap] = daemon.journal.gaps
    assert (gap.first_offset, gap.last_offset, gap.certain) == (read * 61, 100 * 61, True)


@pytest.mark.parametrize(("removed", "gone"), [([2], [2]), ([2, 3], [3, 2]), ([2, 4], [4, 2]), ([1], []), ([], [])])
def test_t5_a_log_missing_from_the_middle_of_the_row_is_a_gap_though_it_was_never_seen(tmp_path, removed, gone):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    writer.write(20)
    daemon.poll()
    daemon.kill()
    for _ in range(5):
        rename(log)
        writer.reopen()
        writer.write(7)
    for number in removed:
        rotated(log, number).unlink()
    daemon.start()
    for _ in range(12):
        daemon.poll(most=1)
        daemon.restart()
    daemon.settle()

    names = [gap.why.split()[0] for gap in daemon.journal.gaps]
    assert names == [f"{log}.{number}" for number in gone]
    assert all((gap.certain, gap.first_offset, gap.stream) == (True, None, "") for gap in daemon.journal.gaps)


def test_t5_a_row_that_a_rotation_is_moving_at_a_start_has_no_gap(tmp_path):
    log = tmp_path / "access.log"
    clock = ManualClock(datetime.now(UTC))
    writer, daemon = Writer(log), Daemon(log, clock)
    written = writer.write(20)
    daemon.poll()
    daemon.kill()
    for _ in range(2):
        rename(log)
        writer.reopen()
        written += writer.write(7)
    moving, gone = rotated(log, 1), tmp_path / "access.log.3"
    rotated(log, 2).rename(gone)
    daemon.start()
    daemon.poll()
    moving.rename(tmp_path / "access.log.2")
    daemon.settle()

    assert daemon.journal.gaps == []
    assert daemon.journal.texts() == written


@pytest.mark.parametrize("generations", [True, False])
def test_t6_reused_inodes_lose_and_repeat_nothing(tmp_path, monkeypatch, generations):
    if not generations:  # overlayfs
        monkeypatch.setattr(whereabouts, "generation", lambda _descriptor: None)
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = []
    inodes = set()
    for turn in range(200):
        written += writer.write(3)
        daemon.poll()
        log.unlink()
        if turn % 2:
            daemon.kill()  # only then is the inode free for the next file
            daemon.start()
        writer.reopen()
        inodes.add(log.stat().st_ino)
    daemon.settle()

    assert daemon.journal.texts() == written
    assert len(daemon.journal.keys()) == len(set(daemon.journal.keys()))
    assert all(not gap.certain for gap in daemon.journal.gaps)


def test_t7_logs_that_begin_with_the_same_kilobyte_are_all_read(tmp_path):
    header = b"# " + b"h" * 1500 + b"\n"
    one, other = tmp_path / "ufw.log", tmp_path / "kern.log"
    one.write_bytes(header + b"one 1\n")
    other.write_bytes(header + b"other 1\n")
    daemon = Daemon([str(one), str(other)])
    assert sorted(daemon.poll()) == sorted([header[:-1], b"one 1", header[:-1], b"other 1"])

    rename(one)
    one.write_bytes(header + b"one 2\n")
    rename(other)
    other.write_bytes(header)
    assert sorted(daemon.poll()) == sorted([header[:-1], b"one 2", header[:-1]])
    compress(rotated(one, 1))
    compress(rotated(other, 1))
    assert daemon.settle() == []
    daemon.kill()
    rename(one)
    one.write_bytes(header)
    with one.open("ab") as more:
        more.write(b"one 3\n")
    daemon.start()

    assert daemon.settle() == [header[:-1], b"one 3"]


@pytest.mark.parametrize("suffix", COMPRESS)
def test_t7_a_file_that_equals_another_to_the_last_byte_is_its_copy_and_one_with_a_line_more_is_not(tmp_path, suffix):
    header = b"#" + b"h" * 1500 + b"\n"
    log = tmp_path / "dns.log"
    log.write_bytes(header)
    daemon = Daemon(log)
    daemon.poll()
    daemon.kill()
    for day in range(4):
        rename(log)
        compress(rotated(log, 1), suffix)
        log.write_bytes(header + b"day %d\n" % day * (day % 2))
    daemon.start()
    daemon.settle()

    assert [text for text in daemon.journal.texts() if text != header[:-1]] == [b"day 1", b"day 3"]


def test_t8_a_log_of_one_short_line_is_read_at_once(tmp_path):
    log = tmp_path / "access.log"
    daemon = Daemon(log)
    daemon.poll()
    log.write_bytes(b"twenty bytes of log\n")

    assert daemon.poll() == [b"twenty bytes of log"]
    with log.open("ab") as more:
        more.write(b"x" * 2000 + b"\n")
    assert daemon.poll() == [b"x" * 2000]
    assert restarted(daemon) == []


def test_t9_a_line_written_byte_by_byte_with_crashes_between_is_one_line(tmp_path):
    log = tmp_path / "access.log"
    daemon = Daemon(log)
    line = "gesperrt: Süßes für 1 €\n".encode()
    with log.open("wb", buffering=0) as writer:
        for byte in line:
            writer.write(bytes([byte]))
            daemon.poll()
            daemon.restart()
    daemon.poll()

    assert daemon.journal.texts() == [line[:-1]]


def test_t10_a_log_removed_while_open_is_read_to_its_end(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = []
    for _ in range(100):
        written += writer.write(2)
        daemon.poll()
        log.unlink()
        written += writer.write(2)
        writer.reopen()
    daemon.settle()

    assert daemon.journal.texts() == written
    assert daemon.journal.gaps == []


def test_t11_a_switched_link_is_followed_and_the_old_target_read_to_its_end(tmp_path):
    link = tmp_path / "latest.log"
    daemon = Daemon(link)
    daemon.poll()
    written = []
    for turn in range(100):
        target = tmp_path / f"squid-{turn:03}.txt"
        target.touch()
        fresh = tmp_path / "fresh"
        fresh.symlink_to(target)
        if turn % 10 == 5:
            daemon.restart()
        fresh.replace(link)
        daemon.poll()
        target.write_bytes(b"turn %d\n" % turn)
        written.append(b"turn %d" % turn)
    daemon.settle()

    assert daemon.journal.texts() == written


def test_t11_what_the_old_target_got_while_we_were_down_is_read(tmp_path):
    link, old, new = tmp_path / "latest.log", tmp_path / "monday.txt", tmp_path / "tuesday.txt"
    old.write_bytes(b"1\n")
    link.symlink_to(old)
    daemon = Daemon(link)
    daemon.poll()
    daemon.kill()
    old.write_bytes(b"1\n2\n")
    new.write_bytes(b"3\n")
    link.unlink()
    link.symlink_to(new)
    daemon.start()

    assert daemon.poll() == [b"2", b"3"]


def test_t11_links_can_be_refused(tmp_path):
    (tmp_path / "real").write_bytes(b"secret\n")
    (tmp_path / "access.log").symlink_to(tmp_path / "real")

    assert Daemon(tmp_path / "access.log", follow_symlinks=False).poll() == []


def test_t12_dated_names_are_read_from_their_head_as_they_appear(tmp_path):
    daemon = Daemon(tmp_path / "access-*.log")
    written = []
    for day in range(20, 31):
        log = tmp_path / f"access-2026-11-{day}.log"
        for line in range(3):
            with log.open("ab") as writer:
                writer.write(b"%d %d\n" % (day, line))
            written.append(b"%d %d" % (day, line))
            daemon.poll()
        if day == 25:
            daemon.restart()
        if day == 27:
            compress(tmp_path / "access-2026-11-21.log")
    daemon.settle()

    assert daemon.journal.texts() == written
    assert restarted(daemon) == []


@pytest.mark.parametrize("name", ["access-{}.log", "access.log-{}", "access.log.{}"])
def test_t12_dated_rotations_missed_while_down_are_read_oldest_first(tmp_path, name):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    written = writer.write(5)
    daemon.poll(limit=100, most=2)
    daemon.kill()
    for day in (20261122, 20261123, 20261124):
        log.rename(tmp_path / name.format(day))
        os.utime(tmp_path / name.format(day), (0, 0))  # a backup lost the times
        writer.reopen()
        written += writer.write(5)
    compress(tmp_path / name.format(20261122), ".xz")
    daemon.start()
    daemon.poll()

    assert daemon.journal.texts() == written


def test_t33_a_file_reached_by_several_names_is_read_once(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(b"once\n")
    os.link(log, tmp_path / "hard.log")
    (tmp_path / "soft.log").symlink_to(log)
    daemon = Daemon([str(log), str(tmp_path / "*.log"), str(tmp_path / "a*.log")])

    assert daemon.poll() == [b"once"]
    assert restarted(daemon) == []


def test_the_stream_of_a_line_stays_the_same_through_renaming_and_compression(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    for step in range(4):
        writer.write(10)
        daemon.poll(limit=100, most=2)
        if step == 1:
            shutil.move(log, tmp_path / "access.log.1")
        if step == 2:
            daemon.kill()
            writer.path = tmp_path / "access.log.1"
            compress(writer.path)
            daemon.start()
            writer.descriptor = os.open(os.devnull, os.O_WRONLY)
    daemon.settle()

    assert len({stream for stream, _, _ in daemon.journal.lines}) == 1
    assert [offset for _, offset, _ in daemon.journal.lines] == [61 * line for line in range(30)]


def test_the_very_first_start_can_begin_at_the_live_log_its_end_or_the_whole_history(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(b"now\nunfin")
    (tmp_path / "access.log.1").write_bytes(b"yesterday\n")
    compress(shutil.copy(tmp_path / "access.log.1", tmp_path / "access.log.2") and tmp_path / "access.log.2")
    (tmp_path / "access.log.2.gz").write_bytes(COMPRESS[".gz"](b"before\n"))
    starts = {name: Daemon(log, start=name) for name in ("beginning", "end", "history")}

    assert starts["beginning"].poll() == [b"now"]
    assert starts["end"].poll() == []
    assert starts["history"].poll() == [b"before", b"yesterday", b"now"]
    with log.open("ab") as writer:
        writer.write(b"ished\n")
    for daemon in starts.values():
        daemon.restart()
        assert daemon.poll() == [b"unfinished"]


def test_what_was_passed_over_at_the_first_start_is_never_read_and_later_files_always_are(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(b"0\n")
    (tmp_path / "access.log.1").write_bytes(b"old\n")
    daemon = Daemon(log, start="end")
    daemon.poll(most=1)  # one checkpoint holds it all: a crash right after it must not bring the past back
    daemon.kill()
    rename(log)
    compress(tmp_path / "access.log.2", ".xz")
    with (tmp_path / "access.log.1").open("ab") as writer:
        writer.write(b"1\n")
    log.write_bytes(b"2\n")
    daemon.start()

    assert daemon.settle() == [b"1", b"2"]


def test_checkpoints_of_logs_that_are_read_and_gone_may_be_deleted(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    daemon.poll()
    for _ in range(5):
        rename(log)
        writer.reopen()
        writer.write(3)
        daemon.settle()
    before = len(daemon.journal.checkpoints)
    rotated(log, 3).unlink()
    daemon.settle()
    assert daemon.source.forget() == []
    daemon.wait(4000)

    gone = daemon.source.forget()
    assert len(gone) == 1
    assert daemon.source.forget() == []
    del daemon.journal.checkpoints[gone[0]]
    assert len(daemon.journal.checkpoints) == before - 1
    assert restarted(daemon) == []


def test_lag_counts_what_is_written_and_not_handed_out(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    daemon.poll()
    writer.write(100)
    daemon.poll(limit=610, most=1)

    assert daemon.source.lag() == 90 * 61
    daemon.poll()
    assert daemon.source.lag() == 0


def test_two_logs_are_read_in_turn(tmp_path):
    one, other = Writer(tmp_path / "a.log"), Writer(tmp_path / "b.log")
    daemon = Daemon([str(one.path), str(other.path)])
    daemon.poll()
    one.write(100)
    other.write(100)
    daemon.poll(limit=610, most=4)

    assert [Path(path).name for path in daemon.journal.paths] == ["a.log"] * 10 + ["b.log"] * 10 + ["a.log"] * 10 + [
        "b.log"
    ] * 10


def test_the_daemons_clock_may_jump_without_effect(tmp_path):
    log = tmp_path / "access.log"
    clock = a_clock()
    writer, daemon = Writer(log), Daemon(log, clock)
    written = writer.write(2)
    daemon.poll()
    clock._now = clock._now.replace(year=1970)
    rename(log)
    written += writer.write(2)
    writer.reopen()
    written += writer.write(2)
    daemon.settle()

    assert daemon.journal.texts() == written
