"""Fault T34 and S9: compressed logs that are damaged, cut short, of many members, or bombs."""

import gzip
import os

import pytest
from following import COMPRESS, Daemon, Writer, rename, rotated
from test_sources_lines import follow_alone

LINES = [f"line {number} {'x' * (number % 50)}".encode() for number in range(5000)]
LOG = b"".join(line + b"\n" for line in LINES)


def history(tmp_path, packed: bytes, suffix: str) -> Daemon:
    """Follow a log with one rotated sibling."""
    (tmp_path / f"access.log.1{suffix}").write_bytes(packed)
    (tmp_path / "access.log").write_bytes(b"live\n")
    return Daemon(tmp_path / "access.log", start="history")


@pytest.mark.parametrize("suffix", COMPRESS)
def test_t34_many_members_are_one_log(tmp_path, suffix):
    pack = COMPRESS[suffix]
    members = pack(LOG[:1000]) + pack(b"") + pack(LOG[1000:1001]) + pack(LOG[1001:]) + b"\0" * 512
    daemon = history(tmp_path, members, suffix)
    daemon.settle()

    assert daemon.journal.texts() == [*LINES, b"live"]
    assert daemon.journal.gaps == []


@pytest.mark.parametrize("suffix", COMPRESS)
def test_t34_a_file_cut_short_gives_what_it_holds_and_an_exact_gap(tmp_path, suffix):
    packed = COMPRESS[suffix](LOG[:60_000]) + COMPRESS[suffix](LOG[60_000:])
    daemon = history(tmp_path, packed[:-40], suffix)
    daemon.settle()
    stored = daemon.journal.texts()

    assert stored.pop(stored.index(b"live")) == b"live"
    whole = len(stored) - 1
    assert whole > 1000
    assert stored[:whole] == LINES[:whole]
    assert LINES[whole].startswith(stored[whole])
    [gap] = daemon.journal.gaps
    assert gap.certain
    assert gap.first_offset >= sum(len(line) + 1 for line in LINES[:whole])
    assert "cut short" in gap.why
    daemon.restart()
    assert daemon.settle() == []
    assert len(daemon.journal.gaps) == 1


@pytest.mark.parametrize("suffix", COMPRESS)
def test_t34_garbled_bytes_end_a_file_and_not_the_daemon(tmp_path, suffix):
    pack = COMPRESS[suffix]
    daemon = history(tmp_path, pack(LOG) + pack(LOG)[:-30] + os.urandom(100), suffix)
    daemon.settle()

    assert daemon.journal.texts()[: len(LINES)] == LINES
    assert b"live" in daemon.journal.texts()
    [gap] = daemon.journal.gaps
    assert gap.certain


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("junk", [b"not compressed at all\n", b"\x1f\x8b", b"", b"\0" * 100])
def test_t34_what_only_has_the_name_of_a_compressed_log_harms_nobody(tmp_path, suffix, junk):
    daemon = history(tmp_path, junk, suffix)
    daemon.settle()

    assert b"live" in daemon.journal.texts()
    assert all(gap.certain for gap in daemon.journal.gaps)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_s9_a_bomb_is_given_up_after_little_memory_and_the_next_file_is_read(tmp_path, suffix):
    bomb = COMPRESS[suffix](b"\0" * 2**24)  # one member of sixteen million zeros, sixty-four times
    (tmp_path / f"access.log.1{suffix}").write_bytes(bomb * 64)
    (tmp_path / "access.log").write_bytes(b"live\n")
    why, last, _, needed = follow_alone(tmp_path / "access.log")

    assert "more than 200 times" in why
    assert last == r"b'live\n'"
    assert int(needed) < 90


def test_a_compressed_log_inside_a_compressed_log_is_not_unpacked_twice(tmp_path):
    daemon = history(tmp_path, gzip.compress(gzip.compress(LOG)), ".gz")
    daemon.settle()

    assert LINES[0] not in daemon.journal.texts()
    assert b"live" in daemon.journal.texts()


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_crash_inside_a_compressed_log_goes_on_at_the_same_line(tmp_path, suffix):
    daemon = history(tmp_path, COMPRESS[suffix](LOG), suffix)
    for _ in range(30):
        daemon.poll(limit=5000, most=2)
        daemon.restart()
    daemon.settle()

    assert sorted(daemon.journal.texts()) == sorted([*LINES, b"live"])
    assert len(set(daemon.journal.keys())) == len(LINES) + 1


def test_a_log_whose_only_copy_is_damaged_before_what_was_read_is_not_read_again(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    writer.write(4000)
    daemon.poll()
    daemon.kill()
    rename(log)
    packed = gzip.compress(rotated(log, 1).read_bytes())
    rotated(log, 1).unlink()
    (tmp_path / "access.log.1.gz").write_bytes(packed[: len(packed) // 2])
    log.write_bytes(b"live\n")
    daemon.start()
    daemon.settle()

    assert daemon.journal.texts()[4000:] == [b"live"]
    assert len(daemon.journal.gaps) == 1
