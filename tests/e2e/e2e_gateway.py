"""A gateway on loopback for these tests: real squid, real dnsmasq, an origin, and our daemon as its own process."""

from __future__ import annotations

import http.server
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

SQUID = next((path for path in ("/usr/sbin/squid", "/usr/local/sbin/squid") if Path(path).exists()), None)
DNSMASQ = next((path for path in ("/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq") if Path(path).exists()), None)

needs_squid = pytest.mark.skipif(SQUID is None, reason="needs squid (Debian: squid-openssl)")
needs_dnsmasq = pytest.mark.skipif(DNSMASQ is None, reason="needs dnsmasq (Debian: dnsmasq-base)")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def until(holds, seconds: float, what: str):
    """Return what *holds* returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def end(process: subprocess.Popen[bytes], seconds: float = 15) -> float:
    """End a process as systemd does and return how long that took."""
    began = time.monotonic()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return time.monotonic() - began


def ready(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float = 20) -> None:
    """Wait until *process* takes connections on *port*; where it does not, end it and tell what its log says."""
    try:
        until(lambda: process.poll() is not None or answers(port), seconds, f"it listens on {port}")
        assert process.poll() is None, f"it ended: {log.read_text() if log.exists() else 'and left no log'}"
    except BaseException:
        end(process, 1)
        raise


# -- our daemon -------------------------------------------------------------------------------------------------------


class Daemon:
    """``filterwatch run``, ``ingest`` or ``deliver``; what it says on standard error is kept."""

    def __init__(self, config: Path, part: str = "run", before: tuple[str, ...] = ()) -> None:
        self.log = config.parent / f"{part}-{time.monotonic_ns()}.log"
        command = [*before, sys.executable, "-m", "filterwatch", part, "--config", str(config)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, cwd="/")

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str, seconds: float = 60) -> None:
        def heard() -> bool:
            assert self.process.poll() is None or words in self.said(), f"it ended: {self.said()}"
            return words in self.said()

        try:
            until(heard, seconds, f"'{words}' in the log")
        except AssertionError as error:
            raise AssertionError(f"{error}; it said: {self.said()}") from None

    def wait_until_ready(self) -> None:
        self.wait_for("Reading ")
        self.wait_for("Telling ")

    def end(self) -> float:
        return end(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def configure(folder: Path, sources: list[dict], **sections: object) -> Path:
    """Write a configuration with the shipped rules; pupils sit on 127.0.0.0/8."""
    settings = {
        "site": "e2e",
        "timezone": "UTC",
        "state": "state",
        "sources": sources,
        "people": {"ranges": [{"net": "127.0.0.0/8", "group": "pupils", "device_class": "individual"}]},
        "reports": {"weekly": None},
        "alerts": {
            "recipients": {
                "coordinator": {"name": "Ms Adeyemi", "channels": ["mail"]},
                "head": {"name": "Mrs Castle", "channels": ["other"]},
            },
            "limits": {"per_hour": 10_000, "per_day": 10_000},
        },
        **sections,
    }
    config = folder / "filterwatch.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False))
    return config


def channels(coordinator: str, head: str, **each: object) -> dict:
    return {"mail": {"url": coordinator, **each}, "other": {"url": head, **each}}


# -- the daemons that write logs --------------------------------------------------------------------------------------


NAUGHTY = b"xxnaughtyphrasexx"
"""A phrase that no school wants to see; stands on every page called ``naughty``."""


class Origin:
    """Every web site there is: answers each request with a small page."""

    def __init__(self) -> None:
        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = NAUGHTY if self.path.endswith("/naughty") else b"hello"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


SQUID_CONF = """
visible_hostname filter.school.test
http_port 127.0.0.1:{port}
# No name is looked up: every site is the origin of the test.
cache_peer 127.0.0.1 parent {origin} 0 no-query originserver
never_direct allow all
cache deny all
auth_param basic program {folder}/login
auth_param basic children 1
auth_param basic realm School
acl logged_in proxy_auth REQUIRED
acl asks dstdomain .hackforums.net
acl refused dstdomain .motherless.com
http_access deny refused
http_access allow asks logged_in
http_access deny asks
http_access allow all
strip_query_terms off
access_log {writer}:{folder}/access.log squid
logfile_rotate 5
cache_log {folder}/cache.log
pid_filename {folder}/squid.pid
coredump_dir {folder}
shutdown_lifetime 0 seconds
"""


class Squid:
    """A real squid; it takes every password.

    Args:
        folder: A new folder whose parents its own user can enter.
        writer: ``daemon`` as Debian sets it up, or ``stdio``.
        more: Further lines of its settings; ``{folder}`` is the folder.
    """

    def __init__(self, folder: Path, origin: int, writer: str = "daemon", more: str = "") -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(mode=0o755)
        login = folder / "login"
        login.write_text("#!/bin/sh\nwhile read -r _; do echo OK; done\n")
        login.chmod(0o755)
        self.conf = folder / "squid.conf"
        conf = SQUID_CONF + more
        self.conf.write_text(conf.format(port=self.port, origin=origin, folder=folder, writer=writer))
        if os.geteuid() == 0:  # it gives up root for its own user, who then writes here
            user = pwd.getpwnam("proxy")
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.log = folder / "access.log"
        command = [SQUID, "-N", "-f", self.conf]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "TZ": "UTC"})
        ready(self.process, self.port, folder / "cache.log")

    def get(self, url: str, client: str, headers: str = "") -> int:
        """Ask for *url* as *client* does (any address of 127.0.0.0/8) and return the status."""
        host = url.split("/")[2]
        with socket.create_connection(("127.0.0.1", self.port), 10, source_address=(client, 0)) as sock:
            sock.sendall(f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n".encode())
            answer = b""
            while part := sock.recv(65_536):
                answer += part
        return int(answer.split(b" ", 2)[1])

    def rotate(self) -> None:
        subprocess.run([SQUID, "-k", "rotate", "-f", self.conf], check=True, stderr=subprocess.DEVNULL, timeout=20)

    def lines(self) -> int:
        """Return how many lines lie in the log and its rotated siblings."""
        return sum(path.read_bytes().count(b"\n") for path in self.folder.glob("access.log*"))

    def close(self) -> None:
        end(self.process)


DNSMASQ_CONF = """
port={port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
user={user}
address=/nordvpn.com/0.0.0.0
address=/school.test/192.0.2.10
log-queries=extra
log-facility={folder}/dnsmasq.log
pid-file={folder}/dnsmasq.pid
"""


class Dnsmasq:
    """A real dnsmasq that blocks one name and answers another."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir(mode=0o755)
        conf = folder / "dnsmasq.conf"
        conf.write_text(DNSMASQ_CONF.format(port=self.port, folder=folder, user=pwd.getpwuid(os.geteuid()).pw_name))
        self.log = folder / "dnsmasq.log"
        self.process = subprocess.Popen([DNSMASQ, "-k", "-C", conf], env={**os.environ, "TZ": "UTC"})
        ready(self.process, self.port, self.log)

    def ask(self, name: str, client: str) -> bytes:
        """Ask for the IPv4 address of *name* as *client* does and return the whole answer."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        question = b"\x2a\x2a\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((client, 0))
            sock.settimeout(5)
            sock.sendto(question, ("127.0.0.1", self.port))
            return sock.recv(512)

    def close(self) -> None:
        end(self.process)
