"""Reading whole files once, for replay, decode and reports."""

import gzip
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from following import COMPRESS, a_clock

from filterwatch.errors import SourceUnreadable
from filterwatch.sources import read_files

LINES = [f"line {number}".encode() for number in range(2000)]
LOG = b"".join(line + b"\n" for line in LINES)


def texts(batches) -> list[bytes]:
    return [batch.line(index) for batch in batches for index in range(len(batch))]


@pytest.mark.parametrize("chunk", [1, 7, 100, 1000, 4 * 2**20])
def test_a_plain_file_is_read_to_its_last_line_end_or_not(tmp_path, chunk):
    log = tmp_path / "access.log"
    log.write_bytes(LOG[:-1])

    batches = list(read_files([log], chunk, source="squid"))
    assert texts(batches) == LINES
    assert b"".join(batch.data for batch in batches) == LOG
    assert {(batch.source, batch.stream, batch.path) for batch in batches} == {("squid", str(log), str(log))}
    offsets = [offset for batch in batches for offset in batch.line_offsets.tolist()]
    assert offsets == [LOG.index(line + b"\n") for line in LINES]
    assert batches[-1].last_offset == len(LOG) - 1


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_is_known_by_its_bytes_whatever_its_name(tmp_path, suffix):
    log = tmp_path / "access.log"
    log.write_bytes(COMPRESS[suffix](LOG[:999]) + COMPRESS[suffix](LOG[999:]))

    assert texts(read_files([str(log)], 1000)) == LINES


def test_files_follow_each_other_and_an_empty_one_gives_nothing(tmp_path):
    for name, data in (("a", b"1\n"), ("b", b""), ("c", b"2"), ("d", b"\n")):
        (tmp_path / name).write_bytes(data)

    batches = list(read_files([tmp_path / name for name in "abcd"]))
    assert [(batch.stream[-1], batch.data) for batch in batches] == [("a", b"1\n"), ("c", b"2\n"), ("d", b"\n")]


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_is_a_dash(packed):
    program = (
        "import sys; from filterwatch.sources import read_files\n"
        "for batch in read_files(['-'], 1000): sys.stdout.buffer.write(batch.data)"
    )
    given = gzip.compress(LOG) if packed else LOG
    done = subprocess.run([sys.executable, "-c", program], input=given, capture_output=True, check=True)

    assert done.stdout == LOG


def test_a_log_without_years_is_dated_by_its_last_write_and_never_by_the_future(tmp_path):
    log = tmp_path / "messages"
    log.write_bytes(b"Dec 31 23:59:59 gw squid: x\n")
    os.utime(log, (1_700_000_000, 1_700_000_000))
    [batch] = read_files([log], clock=a_clock())
    assert batch.read_at == datetime.fromtimestamp(1_700_000_000, UTC)

    os.utime(log, (4_000_000_000, 4_000_000_000))
    [batch] = read_files([log], clock=a_clock())
    assert batch.read_at == a_clock().now()


def test_a_damaged_file_gives_what_it_holds_and_says_what_it_does_not(tmp_path):
    bad, good = tmp_path / "bad.gz", tmp_path / "good"
    bad.write_bytes(gzip.compress(LOG)[:-20])
    good.write_bytes(b"good\n")

    batches = list(read_files([bad, good]))
    gaps = [gap for batch in batches for gap in batch.gaps]
    assert texts(batches)[-1] == b"good"
    assert len(texts(batches)) > 1000
    assert [(gap.source, gap.stream, gap.certain) for gap in gaps] == [("files", str(bad), True)]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "good").write_bytes(b"good\n")
    batches = read_files([tmp_path / "good", tmp_path / "none", tmp_path])
    assert next(batches).data == b"good\n"
    with pytest.raises(SourceUnreadable, match=f"^{tmp_path}/none: cannot be read: No such file or directory$"):
        next(batches)
    with pytest.raises(SourceUnreadable, match=f"^{tmp_path}: cannot be read: Is a directory$"):
        next(read_files([tmp_path]))


def test_long_lines_and_nuls_are_cut_here_too(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(b"\0" * 5000 + b"x" * 5000 + b"\nend")

    batches = list(read_files([log], 1000, longest=300))
    assert texts(batches) == [b"x" * 300, b"end"]
    assert [batch.line_offsets.tolist() for batch in batches] == [[5000], [10_001]]
