"""Case numbers and codes: short, easy to say on the telephone, telling nothing.

They are not counted up: a number on a mail must not tell how many cases a school has, nor lead to the next one.
Letters and digits that look or sound alike are left out, and vowels, so that no word can appear.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"


def number(prefix: str, year: int, seed: str, taken: Callable[[str], bool]) -> str:
    """Return a number such as ``FW-2026-7KQ3M``: the same *seed* gives the same, unless that is *taken*."""
    attempt = 0
    while True:
        digest = hashlib.blake2b(f"{prefix}/{seed}/{attempt}".encode(), digest_size=8).digest()
        found = f"{prefix}-{year}-{_word(digest, 5)}"
        if not taken(found):
            return found
        attempt += 1


def code(secret: str, *about: str) -> str:
    """Return a code that only this school's filterwatch can make, such as ``4HK7-92QX``."""
    word = _word(_keyed(secret, "code", *about), 8)
    return f"{word[:4]}-{word[4:]}"


def pseudonym(secret: str, *about: str) -> str:
    """Return a name that stays the same for a person and tells nothing, such as ``P-7KQ3MX``."""
    return f"P-{_word(_keyed(secret, 'pseudonym', *about), 6)}"


def digest(secret: str, *about: str) -> str:
    """Return a keyed digest: equal for equal things, useless without the secret."""
    return _keyed(secret, "digest", *about).hex()[:32]


def normal(typed: str) -> str:
    """Return a code as it was issued, however it was typed."""
    word = "".join(letter for letter in typed.upper() if letter in ALPHABET)
    return f"{word[:4]}-{word[4:]}"


def _keyed(secret: str, *about: str) -> bytes:
    return hmac.digest(secret.encode(), "\x1f".join(about).encode("utf-8", "surrogatepass"), "sha256")


def _word(digest_: bytes, length: int) -> str:
    rest = int.from_bytes(digest_, "big")
    letters = []
    for _ in range(length):
        rest, place = divmod(rest, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)
