"""Appliances that only send: kill -9 of receiver and ingest, a disk that is full, and Debian's rsyslog and logger."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from e2e_gateway import Daemon, configure, free_port, until

from filterwatch import archive
from filterwatch.journal import JournalError, Reader

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))
from syslog_school import certificate

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

KILLS = int(os.environ.get("FILTERWATCH_KILLS", "8"))
SEED = int(os.environ.get("FILTERWATCH_SEED", "20261122"))
LIMITS = {"allow": ["127.0.0.0/8"], "lines_per_second": 1_000_000}
NOWHERE = {"channels": {"mail": {"url": "json://127.0.0.1:9/a"}, "other": {"url": "json://127.0.0.1:9/b"}}}


def squid_line(number: int) -> str:
    request = f"GET http://www.school.test/n/{number} - HIER_DIRECT/192.0.2.7 text/html"
    return f"{1795500000 + number * 0.01:.3f}     80 127.0.5.5 TCP_MISS/200 5000 {request}"


def a_school(folder: Path, *, format_: str = "squid", **listen: object) -> Path:
    source = {"name": "appliance", "format": format_, "listen": {**listen, **LIMITS}}
    return configure(folder, [source], delivery=NOWHERE, archive={"seal_after": "1s"})


def column(state: Path, what: pl.Expr) -> list:
    """Return a column of everything that is journalled or archived, in order."""
    try:
        with Reader.at(state / "journal.db") as reader:
            return sorted(archive.scan(state / "archive", reader).select(what.alias("what")).collect()["what"])
    except JournalError:  # not made yet
        return []


def numbers(state: Path) -> list[int]:
    """Return the number of every line."""
    return column(state, pl.col("url").str.extract(r"/n/(\d+)$").cast(int))


def spooled(state: Path) -> set[int]:
    """Return the number of every whole line that lies in the spool."""
    found = set()
    for segment in (state / "spool" / "appliance").glob("127.*"):
        whole, _, _ = segment.read_bytes().rpartition(b"\n")
        found |= {int(line.split(b"/n/")[1].split()[0]) for line in whole.splitlines()}
    return found


class Sender(threading.Thread):
    """An appliance: sends numbered lines by TCP, connects again when cut off, sends none twice."""

    def __init__(self, port: int, lines: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.port, self.lines, self.pause = port, lines, seconds * 100 / lines
        self.cut_off = 0

    def run(self) -> None:
        connection = None
        for number in range(0, self.lines, 100):
            text = "".join(f"{squid_line(one)}\n" for one in range(number, min(number + 100, self.lines)))
            try:
                connection = connection or socket.create_connection(("127.0.0.1", self.port), 30)
                connection.sendall(text.encode())
            except OSError:
                self.cut_off += 1
                if connection:
                    connection.close()
                connection = None
            time.sleep(self.pause)
        if connection:
            connection.close()


def killed(daemon: Daemon, after: float) -> None:
    time.sleep(after)
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()


@pytest.mark.slow
def test_a_killed_ingest_loses_and_repeats_nothing_of_what_is_sent(tmp_path):
    rng, lines, port = random.Random(SEED), 20_000, free_port()
    config = a_school(tmp_path, tcp=f"127.0.0.1:{port}")
    with Daemon(config, "receive") as receiver:
        receiver.wait_for("Receiving ")
        sender = Sender(port, lines, seconds=KILLS * 1.5)
        sender.start()
        for _ in range(KILLS):
            killed(Daemon(config, "ingest"), rng.uniform(0.8, 2.5))
        sender.join()
        with Daemon(config, "ingest"):
            until(lambda: len(numbers(tmp_path / "state")) >= lines, 60, "every line")

    assert sender.cut_off == 0
    assert numbers(tmp_path / "state") == list(range(lines))


@pytest.mark.slow
def test_a_killed_receiver_repeats_nothing_and_loses_nothing_that_was_spooled(tmp_path):
    rng, lines, port = random.Random(SEED), 20_000, free_port()
    config = a_school(tmp_path, tcp=f"127.0.0.1:{port}")
    sender = Sender(port, lines, seconds=KILLS * 1.5)
    seen: set[int] = set()
    with Daemon(config, "ingest") as ingest:
        receiver = Daemon(config, "receive")
        receiver.wait_for("Receiving ")
        sender.start()
        for _ in range(KILLS):
            killed(receiver, rng.uniform(0.1, 1.5))
            if rng.random() < 0.4:
                killed(ingest, 0)
                ingest = Daemon(config, "ingest")  # noqa: PLW2901 - it was killed
            seen |= spooled(tmp_path / "state")
            receiver = Daemon(config, "receive")
            receiver.wait_for("Receiving ")
        sender.join()
        until(lambda: spooled(tmp_path / "state") <= set(numbers(tmp_path / "state")), 60, "all that is spooled")
        receiver.end()
        until(lambda: spooled(tmp_path / "state") <= set(numbers(tmp_path / "state")), 60, "all that is spooled")
        ingest.end()

    got = numbers(tmp_path / "state")
    print(f"seed={SEED} kills={KILLS} sent={lines} journalled={len(got)} cut off={sender.cut_off}")
    assert len(got) == len(set(got)), "a line came twice"
    assert seen <= set(got), "a line was spooled and lost"
    assert sender.cut_off
    assert len(got) > lines / 4


def test_hostile_senders_neither_end_the_receiver_nor_make_it_grow(tmp_path):
    rng, port, udp = random.Random(SEED), free_port(), free_port()
    config = a_school(tmp_path, tcp=f"127.0.0.1:{port}", udp=f"127.0.0.1:{udp}")
    with Daemon(config, "receive") as receiver:
        receiver.wait_for("Receiving ")
        before = memory(receiver)
        endless = socket.create_connection(("127.0.0.1", port))
        for _ in range(200):
            endless.sendall(b"e" * 2**20)
        huge = socket.create_connection(("127.0.0.1", port))
        huge.sendall(b"9999999 <13>")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            for _ in range(300):
                junk = rng.randbytes(rng.randrange(2000))
                datagrams.sendto(junk, ("127.0.0.1", udp))
                with socket.create_connection(("127.0.0.1", port)) as one, contextlib.suppress(OSError):
                    one.sendall(junk)
        # Its junk has taken all the connections that one sender may have, for as long as it takes to notice their end.
        until(lambda: heard(tmp_path, port), 10, "a good line")
        assert memory(receiver) < before + 60 * 2**20
        assert receiver.process.poll() is None
        endless.close()
        huge.close()
    assert "Traceback" not in receiver.said()


def heard(folder: Path, port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)) as good, contextlib.suppress(OSError):
        good.sendall(f"{squid_line(7)}\n".encode())
        time.sleep(0.3)
    return any(b"/n/7 " in one.read_bytes() for one in spool(folder))


def memory(daemon: Daemon) -> int:
    return int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1]) * 4096


def spool(folder: Path) -> list[Path]:
    return list((folder / "state" / "spool" / "appliance").glob("127.*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_makes_a_tcp_sender_wait_and_loses_nothing(tmp_path):
    (tmp_path / "state" / "spool").mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", tmp_path / "state" / "spool"], check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount here")
    try:
        port, lines = free_port(), 60_000
        config = a_school(tmp_path, tcp=f"127.0.0.1:{port}")
        with Daemon(config, "receive") as receiver:
            receiver.wait_for("Receiving ")
            sender = Sender(port, lines, seconds=1)
            sender.start()
            receiver.wait_for("cannot be written: No space left on device")
            subprocess.run(["mount", "-o", "remount,size=64m", tmp_path / "state" / "spool"], check=True)
            receiver.wait_for("can be written again")
            sender.join(30)
            with Daemon(config, "ingest"):
                until(lambda: len(numbers(tmp_path / "state")) >= lines, 60, "every line")
        assert numbers(tmp_path / "state") == list(range(lines))
    finally:
        subprocess.run(["umount", "-l", tmp_path / "state" / "spool"], check=False)


# -- real senders -----------------------------------------------------------------------------------------------------

KERNEL = "[ 1.0] BLOCK IN=eth0 OUT=wan0 SRC=127.0.7.{0} DST=192.0.2.9 LEN=60 PROTO=TCP SPT=4{0:03} DPT=853"


def clients(state: Path) -> list[str]:
    return column(state, pl.col("client_ip"))


@pytest.mark.skipif(not shutil.which("logger"), reason="needs logger (Debian: bsdutils)")
def test_logger_is_understood_by_udp_and_tcp_in_both_framings_and_both_headers(tmp_path):
    port, udp = free_port(), free_port()
    config = a_school(tmp_path, format_="netfilter", tcp=f"127.0.0.1:{port}", udp=f"127.0.0.1:{udp}")
    ways = [
        *(["--udp", "--port", str(udp), header] for header in ("--rfc3164", "--rfc5424")),
        *(["--tcp", "--port", str(port), header, *counted]
          for header in ("--rfc3164", "--rfc5424") for counted in ([], ["--octet-count"])),
    ]  # fmt: skip
    with Daemon(config, "receive") as receiver, Daemon(config, "ingest"):
        receiver.wait_for("Receiving ")
        for number, way in enumerate(ways):
            command = ["logger", "--server", "127.0.0.1", *way, "--tag", "kernel", KERNEL.format(number)]
            subprocess.run(command, check=True, timeout=10)
        until(lambda: len(clients(tmp_path / "state")) == len(ways), 20, "every line")
    assert clients(tmp_path / "state") == [f"127.0.7.{number}" for number in range(len(ways))]


@pytest.mark.skipif(
    not shutil.which("rsyslogd") or not list(Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")),
    reason="needs rsyslogd with TLS (Debian: rsyslog rsyslog-gnutls)",
)
@pytest.mark.parametrize("way", ["udp", "tcp", "counted", "tls"])
def test_rsyslog_delivers_a_file_of_lines(tmp_path, way):
    port = free_port()
    certificate(tmp_path, "authority")
    certificate(tmp_path, "server", "authority")
    certificate(tmp_path, "client", "authority")
    tls = {
        "address": f"127.0.0.1:{port}",
        "certificate": "server.pem",
        "key": "server.key",
        "client_ca": "authority.pem",
    }
    listen = {"udp": {"udp": f"127.0.0.1:{port}"}, "tls": {"tls": tls}}.get(way, {"tcp": f"127.0.0.1:{port}"})
    config = a_school(tmp_path, format_="netfilter", **listen)
    (tmp_path / "in.log").write_text("")
    rules = tmp_path / "rsyslog.conf"
    rules.write_text(rsyslog_rules(tmp_path, way, port))
    with Daemon(config, "receive") as receiver, Daemon(config, "ingest"):
        receiver.wait_for("Receiving ")
        sender = subprocess.Popen(
            ["rsyslogd", "-n", "-f", rules, "-i", tmp_path / "rsyslog.pid"], stderr=subprocess.DEVNULL
        )
        try:
            time.sleep(1)
            with (tmp_path / "in.log").open("a") as log:
                log.writelines(KERNEL.format(number) + "\n" for number in range(200))
            until(lambda: len(clients(tmp_path / "state")) == 200, 30, "every line")
        finally:
            sender.terminate()
            sender.wait(10)
    assert sorted(set(clients(tmp_path / "state"))) == sorted(f"127.0.7.{number}" for number in range(200))


def rsyslog_rules(folder: Path, way: str, port: int) -> str:
    """Return what makes rsyslog send every line of ``in.log`` to us."""
    secure = (
        f'global(DefaultNetstreamDriverCAFile="{folder}/authority.pem" '
        f'DefaultNetstreamDriverCertFile="{folder}/client.pem" '
        f'DefaultNetstreamDriverKeyFile="{folder}/client.key")\n'
    )
    more = {
        "udp": 'protocol="udp"',
        "tcp": 'protocol="tcp"',
        "counted": 'protocol="tcp" TCP_Framing="octet-counted"',
        "tls": 'protocol="tcp" TCP_Framing="octet-counted" StreamDriver="gtls" StreamDriverMode="1" '
        'StreamDriverAuthMode="x509/certvalid"',
    }[way]
    return (
        f'global(workDirectory="{folder}")\n{secure if way == "tls" else ""}module(load="imfile")\n'
        f'input(type="imfile" File="{folder}/in.log" Tag="kernel:")\n'
        f'action(type="omfwd" target="127.0.0.1" port="{port}" template="RSYSLOG_SyslogProtocol23Format" {more})\n'
    )
