"""A receiver in a thread, certificates, and a daemon that journals what it spooled."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from following import Journal

from filterwatch.clock import SystemClock
from filterwatch.sources import Inlet, Receiver, Refused, Settings, SpoolSource, SpoolWriter, listeners


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(holds, seconds: float = 10):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return found


class Receiving:
    """Sources that listen on loopback, received for until the end of the ``with``."""

    def __init__(self, folder: Path, *listens: dict) -> None:
        self.settings = [
            Settings.model_validate({"name": f"s{number}", "format": "squid", "listen": listen})
            for number, listen in enumerate(listens)
        ]
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.journals = [Journal() for _ in listens]
        self.ending = threading.Event()
        self.failures = 0

    def __enter__(self):
        clock = SystemClock()
        self.inlets = [
            Inlet(one.name, one.listen, one.max_line_bytes, SpoolWriter(str(self.folder / one.name), clock))
            for one in self.settings
        ]
        found = listeners(self.inlets, self.folder)
        receiver = Receiver(
            self.inlets, found, clock, self.count, self.fail, Refused(str(self.folder), clock), gather=0.02
        )
        started = threading.Event()
        work = receiver.run(self.ending.is_set, started.set)
        self.thread = threading.Thread(target=asyncio.run, args=(work,), daemon=True)
        self.thread.start()
        assert started.wait(5)
        self.sources = [SpoolSource(one, [], clock, str(self.folder / one.name)) for one in self.settings]
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.thread.join(15)
        assert not self.thread.is_alive()

    def count(self, source: str, what: str, times: int) -> None:
        self.counts[source, what] += times

    def fail(self) -> None:
        self.failures += 1

    def lines(self, number: int = 0) -> list[bytes]:
        while (batch := self.sources[number].read()) is not None:
            self.journals[number].commit(batch)
        return self.journals[number].texts()

    def wait_for(self, *lines: bytes, number: int = 0) -> None:
        try:
            until(lambda: set(lines) <= set(self.lines(number)))
        except AssertionError:
            raise AssertionError(f"{self.journals[number].texts()[:20]} {self.counts}") from None


def certificate(folder: Path, name: str, issuer: str | None = None) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 and its key, signed by *issuer* or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, by = key, subject
    if issuer:
        signer = serialization.load_pem_private_key((folder / f"{issuer}.key").read_bytes(), None)
        by = x509.load_pem_x509_certificate((folder / f"{issuer}.pem").read_bytes()).subject
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    return paths


def encrypted(port: int, authority: Path, own: tuple[Path, Path] | None) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=authority)
    context.check_hostname = False
    if own:
        context.load_cert_chain(*own)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5))
