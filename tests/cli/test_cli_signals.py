"""Who hangs up: a reader of our output ends a command quietly, a peer of the daemon ends nothing."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from filterwatch.cli import main

LIVES = """
import signal, socket
from filterwatch.app.daemon import Stop
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
Stop()
ours, theirs = socket.socketpair()
theirs.close()
try:
    ours.send(b"x")
except BrokenPipeError:
    print("lives")
"""


def test_a_peer_that_hangs_up_does_not_end_the_daemon():
    done = subprocess.run([sys.executable, "-c", LIVES], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "lives\n"), done.stderr


def test_a_reader_that_hangs_up_ends_a_command_quietly(tmp_path):
    log = tmp_path / "access.log"
    line = "1795312249.195 0 10.0.0.7 TCP_MISS/200 3508 GET http://www.x.test/x - HIER_NONE/- text/html\n"
    log.write_text(line * 20_000)
    command = [sys.executable, "-m", "filterwatch", "decode", "--format", "squid", log]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert said == b""
    assert process.returncode == -signal.SIGPIPE


def test_what_a_command_does_to_signals_ends_with_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["filterwatch", "version"])
    before = signal.getsignal(signal.SIGPIPE)
    with pytest.raises(SystemExit):
        main()

    assert signal.getsignal(signal.SIGPIPE) == before
    assert capsys.readouterr().out
