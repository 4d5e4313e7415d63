r"""Faults T9 and T24 to T27: what stands between two ``\n``, whatever it is."""

import os
import resource
import subprocess
import sys

import pytest
from following import Daemon
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.lines import LONGEST_LINE
from filterwatch.sources.cutting import BOM, NUL_RUN, Cutter, Trim

HOLE = b"\0" * NUL_RUN


def read(tmp_path, data: bytes, **settings) -> Daemon:
    """Follow a log that holds *data*."""
    log = tmp_path / "access.log"
    log.write_bytes(data)
    daemon = Daemon(log, **settings)
    daemon.poll()
    return daemon


def test_t24_a_line_over_the_limit_keeps_its_head_and_the_next_line_is_right(tmp_path):
    daemon = read(tmp_path, b"before\n" + b"x" * 200_000 + b"\nafter\n")

    assert daemon.journal.texts() == [b"before", b"x" * LONGEST_LINE, b"after"]
    assert [offset for _, offset, _ in daemon.journal.lines] == [0, 7, 200_008]
    assert daemon.source.counts == {"cut_lines": 1, "nul_bytes": 0}


def test_t24_a_line_just_as_long_as_the_limit_is_kept_whole(tmp_path):
    daemon = read(tmp_path, b"x" * 256 + b"\n" + b"y" * 257 + b"\nz\n", max_line_bytes=256)

    assert daemon.journal.texts() == [b"x" * 256, b"y" * 256, b"z"]
    assert daemon.source.counts["cut_lines"] == 1


def test_t24_a_line_longer_than_a_batch_is_read_over_many_polls_and_a_crash(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(b"1\n")
    daemon = Daemon(log)
    with log.open("ab", buffering=0) as writer:
        for turn in range(10):
            writer.write(b"x" * 100_000)
            daemon.poll(limit=30_000)
            if turn == 5:
                daemon.restart()
        writer.write(b"\n2\n")
    daemon.poll(limit=30_000)

    assert daemon.journal.texts() == [b"1", b"x" * LONGEST_LINE, b"2"]
    assert daemon.journal.keys()[2][1] == 1_000_003


def test_t25_a_run_of_nuls_is_skipped_and_the_line_behind_it_kept(tmp_path):
    daemon = read(tmp_path, b"one\n" + b"\0" * 5000 + b"two\nhalf" + HOLE + b"three\nfo" + b"\0" * 10 + b"ur\n")

    assert daemon.journal.texts() == [b"one", b"two", b"half", b"three", b"fo" + b"\0" * 10 + b"ur"]
    assert [offset for _, offset, _ in daemon.journal.lines] == [0, 5004, 5008, 5012 + NUL_RUN, 5018 + NUL_RUN]
    assert daemon.source.counts == {"cut_lines": 0, "nul_bytes": 5000 + NUL_RUN}


def test_t25_a_writer_that_does_not_append_leaves_nuls_after_copytruncate(tmp_path):
    log = tmp_path / "access.log"
    with log.open("wb", buffering=0) as writer:
        writer.write(b"1\n" * 5000)
        daemon = Daemon(log)
        daemon.poll()
        os.truncate(log, 0)
        writer.write(b"2\n")  # at its old offset

        assert daemon.poll() == [b"2"]
        assert daemon.journal.keys()[-1][1] == 10_000


def test_t25_nuls_at_the_end_wait_for_what_comes_and_are_not_gone_through_again(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(b"1\n" + b"\0" * 100_000)
    daemon = Daemon(log)
    assert daemon.poll() == [b"1"]
    daemon.poll()
    reader = next(iter(daemon.source._where.streams.values())).reader
    assert (reader.offset, reader.cutter.position) == (2, 100_002)
    with log.open("ab") as writer:
        writer.write(b"2\n")

    assert daemon.poll() == [b"2"]


def test_t26_only_a_line_feed_ends_a_line_and_one_carriage_return_goes(tmp_path):
    odd = b"a\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f\rg"
    daemon = read(tmp_path, odd + b"\r\nlone\rcr\n\n\r\nend\r\r\n")

    assert daemon.journal.texts() == [odd, b"lone\rcr", b"", b"", b"end\r"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    daemon = read(tmp_path, BOM + b"one\n" + BOM + b"two\n")

    assert daemon.journal.lines[0][1:] == (3, b"one")
    assert daemon.journal.texts()[1] == BOM + b"two"


def test_t27_bytes_that_are_no_text_are_kept_as_they_are(tmp_path):
    noise = bytes(byte for byte in range(1, 256) if byte not in b"\r\n") * 40
    daemon = read(tmp_path, b"ok\n" + noise + b"\n" + "utf16".encode("utf-16") + b"\n")

    assert daemon.journal.texts() == [b"ok", noise, "utf16".encode("utf-16")]


def reference(data: bytes, longest: int) -> list[bytes]:
    """Return the whole lines of *data* by the slowest possible reading of the rules."""
    lines = []
    for raw in data.removeprefix(BOM).split(b"\n")[:-1]:
        parts: list[bytes] = []
        line, nuls, started = b"", 0, False
        for byte in raw:
            if byte == 0:
                nuls += 1
                continue
            if started and nuls >= NUL_RUN:
                parts.append(line)
                line = b""
            elif started:
                line += b"\0" * nuls
            line, nuls, started = line + bytes([byte]), 0, True
        line += b"\0" * nuls if started and nuls < NUL_RUN else b""
        lines += [part[:longest] for part in (*parts, line)]
    return lines


PIECES = st.lists(
    st.sampled_from([b"a", b"bb", b"\n", b"\n", b"\r\n", b"\0", b"\0" * 3, HOLE, HOLE * 2, b"x" * 300, BOM, b"\xff"]),
    max_size=30,
).map(b"".join)


# A full chunk holds megabytes: never less than a BOM.
@given(PIECES, st.integers(3, 900), st.booleans())
def test_however_it_is_chunked_a_stream_gives_the_same_lines_at_the_same_offsets(data, chunk, full):
    cutter = Cutter(0, Trim(256))
    lines: list[tuple[int, bytes]] = []
    end = 0
    while end < len(data):
        end = min(end + chunk, len(data))
        cut = cutter.feed(data[cutter.position : end], full=full)
        if cut:
            split = cut.data.split(b"\n")[:-1]
            starts = cut.offsets or [cut.first_offset + sum(len(x) + 1 for x in split[:i]) for i in range(len(split))]
            lines += zip(starts, split, strict=True)
            assert cut.last_offset == cutter.offset == cutter.position
        assert cutter.offset == 0 or data[cutter.offset - 1 : cutter.offset] == b"\n"

    assert [line for _, line in lines] == reference(data, 256)
    for offset, line in lines:
        head = line.rstrip(b"\0")
        assert data[offset : offset + len(head)] == head
    whole = Cutter(0, Trim(256))
    cut = whole.feed(data, full=False)
    assert (cut.data.split(b"\n")[:-1] if cut else []) == [line for _, line in lines]


MEMORY = """
import resource, sys
from datetime import UTC, datetime
from filterwatch.clock import ManualClock
from filterwatch.sources import FileSource, Settings
clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
source = FileSource(Settings(name="s", format="f", path=sys.argv[1], start="history"), [], clock)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
last = b""
def drain():
    global last
    while (batch := source.read()) is not None:
        last = batch.data[-20:] or last
        for gap in batch.gaps:
            print(gap.why)
drain()
clock.sleep(61)
drain()
print(last)
print(source.counts["cut_lines"], source.counts["nul_bytes"])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def follow_alone(log) -> list[str]:
    """Follow *log* in a process of its own; return what it prints, the MiB it needed last."""
    done = subprocess.run([sys.executable, "-c", MEMORY, log], capture_output=True, text=True, check=True, timeout=100)
    return done.stdout.splitlines()


@pytest.mark.parametrize(("size", "fill"), [(500 * 2**20, b"\0"), (2**30, b"x")])
def test_b9_a_gigabyte_without_a_line_end_needs_little_memory(tmp_path, size, fill):
    log = tmp_path / "access.log"
    with log.open("wb") as writer:
        if fill == b"\0":
            writer.truncate(size)  # sparse
        else:
            size //= 4  # written out; the time grows with it, the memory must not
            block = fill * 2**20
            for _ in range(size // 2**20):
                writer.write(block)
        writer.seek(size)
        writer.write(b"\nlast line\n" if fill == b"x" else b"last line\n")
    *_, last, counts, needed = follow_alone(log)

    assert last.endswith("last line\\n'")
    assert counts == ("1 0" if fill == b"x" else f"0 {size}")
    assert int(needed) < 60


def test_memory_is_measured_at_all():
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
