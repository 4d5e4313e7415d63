"""Appliances that only send are heard by UDP, TCP and TLS; no sender ends the receiver, fills it, or cuts in."""

import contextlib
import errno
import os
import socket
import time
from datetime import UTC, datetime

import pytest
from syslog_school import Receiving, certificate, encrypted, free_port, until

from filterwatch.clock import SystemClock
from filterwatch.errors import FilterwatchError
from filterwatch.sources import Refused, refusals, spool_writing, syslog_receiver

LOOPBACK = ["127.0.0.0/8"]


def tcp(**more: object) -> dict:
    return {"tcp": f"127.0.0.1:{free_port()}", "allow": LOOPBACK, **more}


def connected(receiving: Receiving, number: int = 0) -> socket.socket:
    return socket.create_connection(receiving.settings[number].listen.tcp, 5)


def ended(connection: socket.socket) -> bool:
    """Whether the receiver ends the connection within five seconds."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def drip(connection: socket.socket) -> None:
    """Send a byte now and then until the receiver has enough, five seconds at most."""
    with contextlib.suppress(OSError):
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)


def sent_until_it_waits(connection: socket.socket, data: bytes) -> int:
    """Return how much of *data* goes out before the receiver takes no more."""
    at = 0
    with contextlib.suppress(TimeoutError):
        while at < len(data):
            at += connection.send(data[at : at + 65_536])
    return at


def test_udp_and_both_ways_of_tcp_are_received(tmp_path):
    port = free_port(socket.SOCK_DGRAM)
    with Receiving(tmp_path, tcp(udp=f"127.0.0.1:{port}")) as receiving:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"<13>by udp\nforged?\n", ("127.0.0.1", port))
        with connected(receiving) as lines, connected(receiving) as counted:
            lines.sendall(b"<13>line one\r\n<13>line two\n<13>no end")
            counted.sendall(b"11 <13>counted13 <13>two\nlines")
        udp, ends = b"<13>by udp#012forged?", b"<13>no end"
        receiving.wait_for(udp, b"<13>line one", b"<13>line two", ends, b"<13>counted", b"<13>two#012lines")
        assert len(receiving.lines()) == 6


def test_only_those_that_are_allowed_may_send_and_sources_share_a_port(tmp_path):
    port = free_port()
    first, second = tcp(tcp=f"127.0.0.1:{port}", allow=["127.0.0.2"]), tcp(tcp=f"127.0.0.1:{port}", allow=["127.0.0.3"])
    with Receiving(tmp_path, first, second) as receiving:
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            with socket.create_connection(("127.0.0.1", port), 5, (address, 0)) as sender:
                sender.sendall(f"<13>from {address}\n".encode())
                if address == "127.0.0.4":
                    assert ended(sender)
        receiving.wait_for(b"<13>from 127.0.0.2", number=0)
        receiving.wait_for(b"<13>from 127.0.0.3", number=1)
        assert len(receiving.lines(0)) == len(receiving.lines(1)) == 1
        assert receiving.counts["s0", "not_allowed"] == 1


def test_whom_no_source_allows_is_told_once_by_network_and_kept_for_the_doctor(tmp_path, caplog):
    udp = free_port(socket.SOCK_DGRAM)
    with Receiving(tmp_path, tcp(udp=f"127.0.0.1:{udp}", allow=["127.0.9.9"])) as receiving:
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.1.2"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind((address, 0))
                sender.sendto(b"<13>secret", ("127.0.0.1", udp))
        with connected(receiving) as sender:
            assert ended(sender)
        until(lambda: receiving.counts["s0", "not_allowed"] == 5)

    told = [record.getMessage() for record in caplog.records if "allow" in record.getMessage()]
    assert len(told) == 2
    assert not any(word in text for text in told for word in ("127.0.0.2", "127.0.0.3", "127.0.1.2", "secret"))
    found = refusals(str(tmp_path))
    assert [(one.sources, one.network, one.times) for one in found] == [
        (("s0",), "127.0.0.0/24", 4),
        (("s0",), "127.0.1.0/24", 1),
    ]
    assert abs((datetime.now(UTC) - found[0].last).total_seconds()) < 30
    with Receiving(tmp_path, tcp()):
        until(lambda: refusals(str(tmp_path)) == [])  # `allow` may be right by now


def test_forged_senders_fill_neither_our_log_nor_our_memory(tmp_path, caplog):
    refused = Refused(str(tmp_path), SystemClock())
    for number in range(10_000):
        refused.note(["wall"], f"10.{number // 256}.{number % 256}.9")
        refused.note(["wall"], f"fe80::{number:x}:0:0:1%eth0")
        refused.note(["wall"], f"::ffff:10.{number // 256}.{number % 256}.9")
    refused.save()

    assert len(caplog.records) < 100
    found = refusals(str(tmp_path))
    assert sum(one.times for one in found) == 30_000
    assert len(found) < 100
    assert {"fe80::/64", "10.0.3.0/24", "other networks"} <= {one.network for one in found}


def test_a_wrong_count_ends_that_connection_and_no_other(tmp_path):
    with Receiving(tmp_path, tcp()) as receiving, connected(receiving) as good, connected(receiving) as bad:
        bad.sendall(b"8 <13>okay6 <13>wrong count")
        assert ended(bad)
        good.sendall(b"<13>still here\n")
        receiving.wait_for(b"<13>still here")
        assert receiving.counts["s0", "bad_framing"] == 1


def test_who_drips_half_a_message_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(syslog_receiver, "_UNFINISHED_SECONDS", 0.3)
    with Receiving(tmp_path, tcp()) as receiving, connected(receiving) as silent, connected(receiving) as slow:
        silent.sendall(b"<13>half")
        began = time.monotonic()
        drip(slow)
        assert time.monotonic() - began < 4
        assert ended(silent)
        until(lambda: receiving.counts["s0", "unfinished"] == 2)
        with connected(receiving) as good:
            good.sendall(b"<13>next\n")
            receiving.wait_for(b"<13>next")


def test_connections_are_few_and_one_sender_cannot_have_them_all(tmp_path):
    with Receiving(tmp_path, tcp(connections=20)) as receiving:
        port = receiving.settings[0].listen.tcp.port
        greedy = [socket.create_connection(("127.0.0.1", port), 5, ("127.0.0.9", 0)) for _ in range(40)]
        with connected(receiving) as other:
            other.sendall(b"<13>heard\n")
            receiving.wait_for(b"<13>heard")
        for one in greedy:
            one.close()
        assert receiving.counts["s0", "too_many"] == 40 - 16
        until(lambda: receiving.inlets[0].connections == 0)


def test_a_full_disk_makes_tcp_wait_and_loses_nothing(tmp_path, monkeypatch):
    full = [False]
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(spool_writing.os, "write", write)
    lines = [b"<13>%d %s" % (number, b"y" * 1000) for number in range(20_000)]
    with Receiving(tmp_path, tcp(lines_per_second=1_000_000)) as receiving, connected(receiving) as sender:
        full[0] = True
        sender.settimeout(1)
        data = b"\n".join(lines) + b"\n"
        at = sent_until_it_waits(sender, data)
        assert at < len(data)
        held = sum(map(len, receiving.inlets[0].taken.lines.values())) + receiving.inlets[0].spool.pending
        assert held < 1.5 * 2**20
        assert receiving.failures
        full[0] = False
        sender.settimeout(10)
        sender.sendall(data[at:])
        sender.close()
        until(lambda: len(receiving.lines()) == len(lines), 20)
        assert receiving.lines() == lines
        assert not receiving.journals[0].gaps


def test_what_udp_lost_is_recorded(tmp_path):
    port = free_port(socket.SOCK_DGRAM)
    listen = {"udp": f"127.0.0.1:{port}", "allow": LOOPBACK, "lines_per_second": 10}
    with Receiving(tmp_path, listen) as receiving, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(200):
            sender.sendto(b"<13>%d" % number, ("127.0.0.1", port))
        until(lambda: receiving.lines() and receiving.journals[0].gaps)
    kept = len(receiving.lines())
    lost = sum(int(gap.why.split()[0]) for gap in receiving.journals[0].gaps)
    assert kept + lost == 200
    assert 10 <= kept <= 15


def test_what_the_kernel_dropped_is_recorded(tmp_path):
    port = free_port(socket.SOCK_DGRAM)
    listen = {"udp": f"127.0.0.1:{port}", "allow": LOOPBACK, "lines_per_second": 1_000_000}
    with Receiving(tmp_path, listen) as receiving, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        big = b"<13>" + b"z" * 60_000
        for _ in range(3000):
            sender.sendto(big, ("127.0.0.1", port))
        until(lambda: receiving.counts["s0", "dropped"])
    kept = len(receiving.lines())
    assert kept + sum(int(gap.why.split()[0]) for gap in receiving.journals[0].gaps) == 3000


def test_tls_senders_need_a_certificate_of_ours(tmp_path):
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "server", "authority")
    good = certificate(tmp_path, "client", "authority")
    certificate(tmp_path, "stranger")
    bad = certificate(tmp_path, "impostor", "stranger")
    port = free_port()
    tls = {"address": f"127.0.0.1:{port}", "certificate": "server.pem", "key": "server.key"}
    listen = {"tls": tls | {"client_ca": "authority.pem"}, "allow": LOOPBACK}
    with Receiving(tmp_path, listen) as receiving:
        for own in (bad, None):
            try:
                with encrypted(port, authority[0], own) as sender:
                    sender.sendall(b"<13>not ours\n")
                    assert ended(sender)
            except OSError:
                pass  # the handshake told
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            plain.sendall(b"<13>without tls\n" * 100)
            assert ended(plain)
        with encrypted(port, authority[0], good) as sender:
            sender.sendall(b"13 <13>encrypted8 <13>next")
        receiving.wait_for(b"<13>encrypted", b"<13>next")
        until(lambda: receiving.counts["s0", "bad_tls"] == 3)
        assert len(receiving.lines()) == 2


def test_a_port_that_is_taken_and_a_key_that_is_none_are_told_with_their_remedy(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(FilterwatchError, match="another program has it"),
        Receiving(tmp_path, tcp(tcp=f"127.0.0.1:{other.getsockname()[1]}")),
    ):
        pass
    (tmp_path / "a.pem").write_text("nothing")
    tls = {"address": f"127.0.0.1:{free_port()}", "certificate": "a.pem", "key": "a.pem"}
    with pytest.raises(FilterwatchError, match="PEM"), Receiving(tmp_path, {"tls": tls, "allow": LOOPBACK}):
        pass
