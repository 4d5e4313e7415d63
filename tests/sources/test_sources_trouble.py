"""Faults T13 to T16 and S11: what keeps a log from being read, and what only pretends to be one."""

import errno
import logging
import os
import stat
import tempfile
import threading
import time
from pathlib import Path

import pytest
from following import Daemon, Writer, compress, rename, rotated

from filterwatch.clock import SystemClock
from filterwatch.sources import Hints, content, hints, whereabouts


@pytest.fixture
def open_dir():
    """A directory that any account may enter."""
    directory = Path(tempfile.mkdtemp(prefix="fw"))
    directory.chmod(0o755)
    yield directory
    for one in directory.iterdir():
        one.unlink()
    directory.rmdir()


@pytest.fixture
def as_nobody(open_dir):
    """Run as an account that file modes apply to; the directory belongs to another."""
    assert open_dir.exists()
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


def as_root(action, *arguments):
    """Do something as who we were."""
    uid = os.geteuid()
    os.seteuid(os.getuid())
    try:
        return action(*arguments)
    finally:
        os.seteuid(uid)


@pytest.mark.usefixtures("as_nobody")
def test_t16_a_log_that_may_not_be_read_is_a_problem_with_its_remedy_and_loses_nothing(open_dir):
    log = open_dir / "access.log"
    as_root(log.write_bytes, b"1\n")
    as_root(log.chmod, 0)
    daemon = Daemon(log)

    assert daemon.poll() == []
    assert daemon.source.problem == (
        f"{log}: cannot be read: Permission denied; "
        "put filterwatch's account into its group, or allow it: setfacl -m u:filterwatch:rX"
    )
    as_root(log.chmod, 0o644)
    assert daemon.poll() == [b"1"]
    assert daemon.source.problem is None


@pytest.mark.usefixtures("as_nobody")
def test_t16_a_new_log_that_may_not_be_read_keeps_nothing_of_the_old_one_back(open_dir):
    log = open_dir / "access.log"
    as_root(log.write_bytes, b"1\n")
    daemon = Daemon(log)
    daemon.poll()
    as_root(rename, log)
    as_root(log.write_bytes, b"3\n")
    as_root(log.chmod, 0)
    as_root((open_dir / "access.log.1").write_bytes, b"1\n2\n")

    assert daemon.poll() == [b"2"]
    assert daemon.wait(1000) == []
    assert daemon.source.problem
    daemon.restart()
    assert daemon.settle() == []
    as_root(log.chmod, 0o644)
    assert daemon.settle() == [b"3"]
    assert daemon.journal.gaps == []


@pytest.mark.usefixtures("as_nobody")
def test_t16_a_log_that_is_open_is_read_on_when_its_directory_is_closed(open_dir):
    log = open_dir / "access.log"
    as_root(log.write_bytes, b"1\n")
    daemon = Daemon(log)
    daemon.poll()
    as_root(open_dir.chmod, 0o700)
    as_root(log.write_bytes, b"1\n2\nunfin")

    assert daemon.poll() == [b"2"]
    assert "Permission denied" in daemon.source.problem
    assert daemon.settle() == []
    as_root(open_dir.chmod, 0o755)
    as_root(log.write_bytes, b"1\n2\nunfinished\n")
    assert daemon.settle() == [b"unfinished"]
    assert daemon.journal.gaps == []


@pytest.mark.usefixtures("as_nobody")
def test_t16_while_its_directory_is_closed_a_log_is_not_called_lost(open_dir):
    log = open_dir / "access.log"
    as_root(log.write_bytes, b"1\n")
    daemon = Daemon(log)
    daemon.poll()
    as_root(open_dir.chmod, 0)
    daemon.restart()

    assert daemon.settle() == []
    assert daemon.journal.gaps == []
    as_root(open_dir.chmod, 0o755)
    as_root(log.write_bytes, b"1\n2\n")
    assert daemon.settle() == [b"2"]
    assert daemon.journal.gaps == []


def test_a_log_that_is_not_there_is_a_problem_at_once_at_a_start_and_later_after_the_wait(tmp_path):
    log = tmp_path / "access.log"
    daemon = Daemon(log)
    daemon.poll()
    daemon.poll()
    assert daemon.source.problem == f"{log}: no such log; check the path, and that the filter writes there"
    log.write_bytes(b"1\n")
    daemon.poll()
    assert daemon.source.problem is None
    rename(log)
    daemon.poll()
    daemon.wait(59)
    assert daemon.source.problem is None
    daemon.wait(2)
    assert "no such log" in daemon.source.problem


def test_a_directory_that_is_not_there_is_a_problem(tmp_path):
    daemon = Daemon(tmp_path / "nowhere" / "access.log")
    daemon.poll()

    assert daemon.source.problem == (
        f"{tmp_path}/nowhere: cannot be read: No such file or directory; "
        "check the path, and that the filter writes there"
    )


def test_s11_a_rotated_name_that_is_a_link_a_pipe_or_a_directory_is_left_alone(tmp_path):
    log = tmp_path / "access.log"
    secret = tmp_path / "shadow"
    secret.write_bytes(b"root:secret\n")
    log.write_bytes(b"1\n")
    (tmp_path / "access.log.1").symlink_to(secret)
    (tmp_path / "access.log.2.gz").symlink_to(secret)
    os.mkfifo(tmp_path / "access.log.3")
    (tmp_path / "access.log.4").mkdir()
    daemon = Daemon(log, start="history")

    assert daemon.settle() == [b"1"]


def test_s11_a_pipe_in_the_place_of_the_live_log_never_blocks(tmp_path):
    log = tmp_path / "access.log"
    os.mkfifo(log)
    daemon = Daemon(log)
    daemon.poll()

    assert daemon.source.problem.startswith(f"{log}: not a regular file; name the log itself")


def test_s11_a_file_swapped_for_a_link_between_looking_and_opening_is_refused(tmp_path, monkeypatch):
    log, secret = tmp_path / "access.log", tmp_path / "shadow"
    log.write_bytes(b"1\n")
    secret.write_bytes(b"root:secret\n")
    daemon = Daemon(log)
    opened = []

    def swapped(path: str, *, follow: bool) -> int:
        log.unlink()
        log.symlink_to(secret)
        opened.append(path)
        return content.open_file(path, follow=follow)

    with monkeypatch.context() as patched:
        patched.setattr(whereabouts, "open_file", swapped)
        daemon.poll(most=1)

    assert opened
    assert daemon.journal.texts() == []


def test_a_file_that_cannot_be_opened_now_is_tried_again(tmp_path, monkeypatch):
    log = tmp_path / "access.log"
    log.write_bytes(b"1\n")
    daemon = Daemon(log)

    def failing(path: str, *, follow: bool) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path, follow)

    with monkeypatch.context() as patched:
        patched.setattr(whereabouts, "open_file", failing)
        assert daemon.poll() == []
        assert "raise LimitNOFILE" in daemon.source.problem
    assert daemon.poll() == [b"1"]


def test_more_logs_than_may_be_open_wait_for_their_turn(tmp_path, monkeypatch):
    monkeypatch.setattr(whereabouts, "_MOST_OPEN", 5)
    for day in range(30):
        (tmp_path / f"access-2026-10-{day + 1:02}.log").write_bytes(b"%d\n" % day)
    daemon = Daemon(tmp_path / "access-*.log", start="history")
    for _ in range(20):
        daemon.wait(61)

    assert daemon.journal.texts() == [b"%d" % day for day in range(30)]


def test_descriptors_do_not_leak(tmp_path):
    log = tmp_path / "access.log"
    writer, daemon = Writer(log), Daemon(log)
    daemon.poll()
    counts = []
    for turn in range(30):
        writer.write(5)
        rename(log)
        writer.reopen()
        daemon.settle()
        if turn % 3 == 2:
            compress(rotated(log, 2))
        daemon.settle()
        counts.append(len(list(Path("/proc/self/fd").iterdir())))

    assert max(counts[5:]) == min(counts[5:])


def test_t13_hints_shorten_the_wait_and_polling_alone_misses_nothing(tmp_path):
    log = tmp_path / "access.log"
    log.touch()
    for use_inotify in (True, False):
        waiting = Hints([str(tmp_path)], SystemClock(), use_inotify=use_inotify)
        threading.Timer(0.1, lambda: log.write_bytes(b"1\n")).start()
        start = time.monotonic()
        moved = waiting.wait(0.6)
        waited = time.monotonic() - start
        waiting.close()

        assert moved == use_inotify
        assert (waited < 0.5) == use_inotify


def test_hints_come_at_most_so_often_that_batches_can_grow(tmp_path):
    log = tmp_path / "access.log"
    waiting = Hints([str(tmp_path)], SystemClock(), gather=0.05)
    stop = threading.Event()

    def write() -> None:
        with log.open("ab", buffering=0) as writer:
            while not stop.wait(0.001):
                writer.write(b"x\n")

    thread = threading.Thread(target=write)
    thread.start()
    start = time.monotonic()
    hinted = sum(waiting.wait(1) for _ in range(6))
    took = time.monotonic() - start
    stop.set()
    thread.join()
    waiting.close()

    assert hinted == 6
    assert took >= 0.25
    # Taking a watch down while its thread waits is an "error" to watchdog, now and then: not one for our log.
    assert not logging.getLogger("watchdog.observers.inotify").isEnabledFor(logging.ERROR)


def test_t15_without_inotify_it_says_so_once_and_polls(tmp_path, monkeypatch, caplog):
    def exhausted(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(hints.Observer, "schedule", exhausted)
    with caplog.at_level(logging.WARNING):
        waiting = Hints([str(tmp_path)], SystemClock())

    assert len(caplog.records) == 1
    assert "found by polling" in caplog.text
    assert not waiting.works
    assert waiting.wait(0.01) is False
    waiting.watch([str(tmp_path)])
    assert len(caplog.records) == 1
    waiting.close()


def test_hints_are_taken_for_new_directories(tmp_path):
    waiting = Hints([str(tmp_path / "later")], SystemClock(), gather=0)
    assert not waiting.works
    (tmp_path / "later").mkdir()
    waiting.watch([str(tmp_path / "later")])
    (tmp_path / "later" / "x").touch()

    assert waiting.wait(1)
    waiting.close()


def test_regular_files_only(tmp_path):
    with pytest.raises(OSError, match="not a regular file"):
        content.open_file(str(tmp_path), follow=False)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        content.open_file(str(tmp_path / "pipe"), follow=False)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
