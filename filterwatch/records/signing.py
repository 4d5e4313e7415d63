"""The key that signs the ledger's head, and the signed note that is mailed and printed.

The note follows C2SP signed-note: text lines, a blank line, ``— name base64(key id + signature)``; the text is that
of a tlog-checkpoint (origin, size, head) with the date behind it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from filterwatch.errors import FilterwatchError
from filterwatch.records.files import make_once

_ED25519 = b"\x01"  # signature type of C2SP signed-note


class BadNote(FilterwatchError):
    """A signed note that is not what it says; its text names what is wrong."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the ledger stood.

    Attributes:
        origin: Whose ledger, e.g. ``filterwatch/st-pauls``.
        size: How many entries.
        head: Seal of the last one, hex.
        date: Day it was signed, ISO.
    """

    origin: str
    size: int
    head: str
    date: str

    def text(self) -> str:
        """Return what is signed."""
        root = base64.b64encode(bytes.fromhex(self.head)).decode()
        return f"{self.origin}\n{self.size}\n{root}\ndate {self.date}\n"


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read the signing key; the first call makes it, readable by its owner alone.

    Raises:
        FilterwatchError: It cannot be read or made, or others may read it.
    """
    try:
        if not path.exists():
            _make_key(path)
        if path.stat().st_mode & 0o077:
            raise FilterwatchError(f"{path}: others may read the ledger's key; run chmod 600 {path}")
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise FilterwatchError(
            f"{path}: the ledger's key cannot be read or made: {error.strerror}; "
            "run as the owner of the state directory, and free disk space where it is full"
        ) from None
    except ValueError:
        raise FilterwatchError(f"{path}: not a key in PEM form; restore it from the backup") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise FilterwatchError(f"{path}: not an Ed25519 key; restore it from the backup")
    return key


def _make_key(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    make_once(path, pem, 0o600)


def public_text(key: Ed25519PublicKey) -> str:
    """Return a public key as one word, to be kept outside the gateway."""
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def read_public(text: str) -> Ed25519PublicKey:
    """Read what :func:`public_text` wrote.

    Raises:
        BadNote: It is no public key.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip(), validate=True))
    except ValueError:
        raise BadNote("not a public key of a ledger; copy it again from the first signed note's page") from None


def _key_id(origin: str, key: Ed25519PublicKey) -> bytes:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + raw).digest()[:4]


def sign(head: Head, key: Ed25519PrivateKey) -> str:
    """Return the signed note of *head*."""
    text = head.text()
    signature = _key_id(head.origin, key.public_key()) + key.sign(text.encode())
    return f"{text}\n— {head.origin} {base64.b64encode(signature).decode()}\n"


def opened(note: str, key: Ed25519PublicKey) -> Head:
    """Return what a signed note says, once its signature is checked.

    Line ends and blanks around the note are forgiven: mail programs change them.

    Raises:
        BadNote: It is no note, or not signed by *key*.
    """
    lines = [line.strip() for line in note.strip().splitlines()]
    try:
        origin, size, root, date, blank, signed = lines
        _dash, name, encoded = signed.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        head = Head(origin, int(size), base64.b64decode(root, validate=True).hex(), date.removeprefix("date "))
    except ValueError:
        raise BadNote("not a signed head of a ledger: six lines are expected, as they were mailed") from None
    if blank or name != origin or signature[:4] != _key_id(origin, key):
        raise BadNote(f"signed head of {head.date}: signed with another key")
    try:
        key.verify(signature[4:], head.text().encode())
    except InvalidSignature:
        raise BadNote(f"signed head of {head.date}: the signature does not fit the text") from None
    return head
