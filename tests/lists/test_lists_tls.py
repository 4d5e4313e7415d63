"""A server whose certificate nobody vouches for gives no list."""

from __future__ import annotations

import ssl
import sys
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).parent))
from list_server import Server, gives

from filterwatch.clock import ManualClock
from filterwatch.lists.fetching import Failed, Fetcher


def certified(directory: Path, address: str) -> Path:
    """Write a key and a certificate for *address* that it vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lists")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    raw = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = directory / "server.pem"
    path.write_bytes(raw + made.public_bytes(pem))
    return path


@pytest.mark.parametrize(
    ("address", "trusted", "comes"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("127.0.0.9", True, False)],
)
def test_only_a_server_whose_certificate_is_trusted_and_its_own_gives_a_list(
    tmp_path, monkeypatch, address, trusted, comes
):
    path = certified(tmp_path, address)
    server = Server()
    server.answers["/list"] = gives(b"a.example\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))  # as a school's own authority in the machine's store
    fetcher = Fetcher(ManualClock(datetime(2026, 11, 2, tzinfo=UTC)))
    try:
        into = tmp_path / "list"
        if comes:
            fetched = fetcher.fetch(server.url("/list").replace("http:", "https:"), into, 1000)
            assert fetched is not None
            assert into.read_bytes() == b"a.example\n"
        else:
            with pytest.raises(Failed, match="certificate is not trusted"):
                fetcher.fetch(server.url("/list").replace("http:", "https:"), into, 1000)
            assert not into.exists()
    finally:
        server.server.shutdown()
        server.server.server_close()
