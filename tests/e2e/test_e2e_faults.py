"""What a gateway does to a daemon: no mail server, a full disk, logs that cannot be read, services that hang."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from e2e_gateway import Daemon, channels, configure, end, free_port, until

from filterwatch import archive
from filterwatch.demo.mailbox import Mailbox
from filterwatch.journal import Reader

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
NOWHERE = channels("json://127.0.0.1:9/a", "json://127.0.0.1:9/b")
SQUID = [{"name": "squid", "format": "squid", "path": "access.log"}]


def line(number: int, host: str = "www.school.test", client: str = "127.0.5.5") -> str:
    request = f"GET http://{host}/n/{number} - HIER_DIRECT/192.0.2.7 text/html"
    return f"{time.time():.3f}     80 {client} TCP_MISS/200 5000 {request}\n"


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def numbers(state: Path) -> list[int]:
    """Return the number of every line that is journalled or archived, in order."""
    if not (state / "journal.db").exists():
        return []
    with Reader.at(state / "journal.db") as reader:
        events = archive.scan(state / "archive", reader).select(pl.col("url").str.extract(r"/n/(\d+)$").cast(int))
        return sorted(events.collect()["url"])


# -- a mail server that is not there ----------------------------------------------------------------------------------


def quick_retry(box: Mailbox | None, port: int) -> dict:
    url = (
        box.url("coordinator@school.test")
        if box
        else f"mailto://127.0.0.1:{port}?from=a@b.test&to=c@b.test&mode=insecure"
    )
    return {"channels": channels(url, "json://127.0.0.1:9/b"), "retry_first": "300ms", "retry_longest": "600ms"}


def test_an_alert_waits_for_a_mail_server_that_is_down_and_arrives_once(tmp_path):
    port = free_port()
    config = configure(tmp_path, SQUID, delivery=quick_retry(None, port))
    (tmp_path / "access.log").touch()
    with Daemon(config) as daemon:
        daemon.wait_until_ready()
        append(tmp_path / "access.log", line(1, "www.mullvad.net"))
        daemon.wait_for("did not take a notification (try 2)")
        mailbox = Mailbox(port=port)
        with closing(mailbox):
            until(lambda: mailbox.mails, 15, f"the mail; it said {daemon.said()}")
            time.sleep(2)
            assert len(mailbox.mails) == 1
    assert "127.0.5.5" not in daemon.said()
    assert "mullvad" not in daemon.said()


def test_a_mail_server_that_refuses_for_now_gets_the_alert_later_and_once(tmp_path):
    mailbox = Mailbox()
    mailbox.refusing = True
    config = configure(tmp_path, SQUID, delivery=quick_retry(mailbox, 0))
    (tmp_path / "access.log").touch()
    with closing(mailbox), Daemon(config) as daemon:
        daemon.wait_until_ready()
        append(tmp_path / "access.log", line(1, "www.mullvad.net"))
        daemon.wait_for("did not take a notification (try 2)")
        mailbox.refusing = False
        until(lambda: mailbox.mails, 15, f"the mail; it said {daemon.said()}")
        time.sleep(2)
        assert len(mailbox.mails) == 1


def test_an_alert_that_waits_survives_kill_9_of_the_whole_daemon(tmp_path):
    port = free_port()
    config = configure(tmp_path, SQUID, delivery=quick_retry(None, port))
    (tmp_path / "access.log").touch()
    with Daemon(config) as daemon:
        daemon.wait_until_ready()
        append(tmp_path / "access.log", line(1, "www.mullvad.net"))
        daemon.wait_for("did not take a notification (try 1)")
        for process in [*children(daemon.process.pid), daemon.process.pid]:
            os.kill(process, signal.SIGKILL)
        daemon.process.wait()
    mailbox = Mailbox(port=port)
    with closing(mailbox), Daemon(config):
        until(lambda: mailbox.mails, 30, "the mail after the restart")
        time.sleep(1)
        assert len(mailbox.mails) == 1


def children(process: int) -> list[int]:
    """Return all that *process* started, and what that started."""
    own = [int(one) for path in Path(f"/proc/{process}/task").glob("*/children") for one in path.read_text().split()]
    return own + [grandchild for child in own for grandchild in children(child)]


# -- a disk that is full ----------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "state"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"needs to mount a small file system: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return ballast
    raise AssertionError("unreachable: a disk holds so much")


def test_a_full_disk_stops_reading_says_what_to_do_and_loses_nothing(tmp_path, small_disk):
    config = configure(tmp_path, SQUID, delivery={"channels": NOWHERE})
    log = tmp_path / "access.log"
    append(log, "".join(line(number) for number in range(100)))
    with Daemon(config, "ingest") as daemon:
        daemon.wait_for("Reading ")
        until(lambda: len(numbers(small_disk)) == 100, 20, "the first lines")
        ballast = fill(small_disk)
        written = 100
        while "no room" not in daemon.said():
            append(log, "".join(line(written + number) for number in range(500)))
            written += 500
            time.sleep(0.1)
            assert written < 100_000, daemon.said()
            assert daemon.process.poll() is None, daemon.said()
        assert "free disk space, nothing is lost" in daemon.said()
        append(log, "".join(line(written + number) for number in range(500)))
        written += 500
        ballast.unlink()
        until(lambda: len(numbers(small_disk)) >= written, 30, f"all lines; it said {daemon.said()}")
        assert numbers(small_disk) == list(range(written))
        assert daemon.process.poll() is None
    assert "Traceback" not in daemon.said()


@pytest.mark.parametrize("before", [False, True], ids=["the very first start", "a later start"])
def test_a_disk_that_is_full_at_the_start_is_told_and_all_goes_on_when_there_is_room(tmp_path, small_disk, before):
    mailbox = Mailbox()
    config = configure(tmp_path, SQUID, delivery=quick_retry(mailbox, 0))
    log, written = tmp_path / "access.log", 0
    log.touch()
    if before:
        with Daemon(config) as daemon:
            append(log, line(0))
            written = 1
            daemon.wait_until_ready()
            until(lambda: numbers(small_disk) == [0], 20, f"the first line; it said {daemon.said()}")
    append(log, "".join(line(written + number, "www.mullvad.net") for number in range(300)))
    ballast = fill(small_disk)
    with closing(mailbox), Daemon(config) as daemon:
        daemon.wait_for("free disk space")
        time.sleep(6)
        assert daemon.process.poll() is None, daemon.said()
        ballast.unlink()
        until(lambda: len(mailbox.mails) == 1, 40, f"the mail; it said {daemon.said()}")
        until(lambda: len(numbers(small_disk)) >= written + 300, 40, f"all lines; it said {daemon.said()}")
        assert numbers(small_disk) == list(range(written + 300))
    assert "Traceback" not in daemon.said(), daemon.said()


# -- logs that cannot be read -----------------------------------------------------------------------------------------


def test_a_directory_in_place_of_the_log_is_told_and_the_log_read_when_it_is_there(tmp_path):
    config = configure(tmp_path, SQUID, delivery={"channels": NOWHERE})
    (tmp_path / "access.log").mkdir()
    with Daemon(config, "ingest") as daemon:
        daemon.wait_for("Source squid: ")
        (tmp_path / "access.log").rmdir()
        append(tmp_path / "access.log", line(0))
        until(lambda: numbers(tmp_path / "state") == [0], 15, f"the line; it said {daemon.said()}")
        daemon.wait_for("can be read again")


def test_a_link_that_leads_nowhere_yet_is_told_and_read_when_it_does(tmp_path):
    config = configure(tmp_path, SQUID, delivery={"channels": NOWHERE})
    (tmp_path / "access.log").symlink_to(tmp_path / "real.log")
    with Daemon(config, "ingest") as daemon:
        daemon.wait_for("Source squid: ")
        append(tmp_path / "real.log", line(0))
        until(lambda: numbers(tmp_path / "state") == [0], 15, f"the line; it said {daemon.said()}")
        daemon.wait_for("can be read again")


@pytest.fixture
def public():
    """A folder that another user can enter; pytest's cannot be."""
    path = Path(tempfile.mkdtemp(prefix="filterwatch-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_a_log_that_we_may_not_read_is_told_and_read_once_we_may(public):
    try_it = [*NOBODY, sys.executable, "-c", "import filterwatch.cli"]
    if os.geteuid() != 0 or not shutil.which("setpriv") or subprocess.run(try_it, check=False).returncode != 0:
        pytest.skip("needs root, setpriv, and an installation that other users may read")
    config = configure(public, SQUID, delivery={"channels": NOWHERE})
    (public / "state").mkdir()
    os.chown(public / "state", 65534, 65534)
    log = public / "access.log"
    append(log, "".join(line(number) for number in range(10)))
    log.chmod(0o600)
    with Daemon(config, "ingest", before=NOBODY) as daemon:
        daemon.wait_for(": Permission denied; ")
        append(log, line(10))
        time.sleep(1)
        assert daemon.process.poll() is None
        log.chmod(0o644)
        until(lambda: numbers(public / "state") == list(range(11)), 15, f"the lines; it said {daemon.said()}")
        daemon.wait_for("can be read again")


# -- two of us, and the end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "ready", "message"),
    [
        ("ingest", "Reading ", "writes it already; only one ingest may run, stop that one first"),
        ("deliver", "Telling ", "another `filterwatch deliver` runs; stop it first"),
    ],
)
def test_a_second_one_on_the_same_state_is_refused_and_the_first_goes_on(tmp_path, part, ready, message):
    config = configure(tmp_path, SQUID, delivery={"channels": NOWHERE})
    (tmp_path / "access.log").touch()
    with Daemon(config, part) as first:
        first.wait_for(ready)
        with Daemon(config, part) as second:
            assert second.process.wait(30) == 75  # EX_TEMPFAIL: not wrong, only not now
        assert message in second.said()
        assert "Traceback" not in second.said()
        assert first.process.poll() is None


def test_it_ends_within_five_seconds_while_a_service_hangs(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as never_answers:
        url = f"json://127.0.0.1:{never_answers.getsockname()[1]}/hook"
        config = configure(tmp_path, SQUID, delivery={"channels": channels(f"{url}/a", f"{url}/b", timeout="60s")})
        (tmp_path / "access.log").touch()
        with Daemon(config) as daemon:
            daemon.wait_until_ready()
            append(tmp_path / "access.log", line(1, "www.mullvad.net"))
            never_answers.settimeout(20)
            with never_answers.accept()[0]:
                started = children(daemon.process.pid)
                took = end(daemon.process)
                print(f"\nSIGTERM to the end with a hanging service: {took:.2f} s")
                assert took < 5
                assert daemon.process.returncode == 0
                left = [one for one in started if Path(f"/proc/{one}/cmdline").exists()]
                assert left == [], "processes were left behind"
