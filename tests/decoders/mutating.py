"""Lines with pieces put in, taken out, doubled or exchanged anywhere: many of them, and the same for the same seed.

``FILTERWATCH_KILLS=200`` makes many more of them and takes a new seed, which is printed;
``FILTERWATCH_SEED`` names one.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence

import numpy as np

KILLS = int(os.environ.get("FILTERWATCH_KILLS", "0"))
MANY = KILLS > 0
SEED = int(os.environ.get("FILTERWATCH_SEED") or (int.from_bytes(os.urandom(4), "big") if MANY else 1))
if MANY:
    print(f"lines are mutated by seed {SEED}")

NASTY = [
    b"\0", b"\t", b"\r", b"\x0b", b"\x7f", b"\x80", b"\xc3\xa9", b"\xff\xfe",
    b" ", b"  ", b" - ", b"-", b"[", b"]",
    b" [", b"] ", b"@", b"://", b"/", b"\\", b'"', b":", b"%", b"%0a", b"+", b"0", b"9" * 20,
    b" is ", b" from ", b" to ",
    b"IN=", b" SRC=", b" LEN=", b" HIER_NONE/- text/html", b"error:", b"HTTP", b"?", b"#", b"\x1e", b"\x1f",
    b"query[A] ",
    b"(CNAME)", b"error", b".", b"<13>", b"1 ",
]  # fmt: skip

_OTHERS = [
    b'""', b'","', b'\\"', b'="', b"=", b",", b";", b"|", b"{", b"}", b"null", b'":', b"N/A", b"1e999",
    b"-1", b"::1", b"::ffff:10.0.0.7",
    b"256.1.1.1", b"Feb 29 24:00:60", b"2027-02-29T12:00:00Z", b"1795312249999999999",
    b"user", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80",
]  # fmt: skip
_PIECES = [*NASTY, *_OTHERS]
_MOST = 3
"""Changes of one line."""


def generator(*words: object) -> np.random.Generator:
    """Return random numbers that are the same for the same *words* and :data:`SEED`."""
    return np.random.default_rng([SEED, *(zlib.crc32(str(word).encode()) for word in words)])


def mutated(random: np.random.Generator, seeds: Sequence[bytes], count: int) -> list[bytes]:
    """Return *count* lines from *seeds*: a fifth as they are, the others changed at one to three places."""
    picks = random.integers(len(seeds), size=count).tolist()
    rounds = random.integers(0, 5, size=count).tolist()
    shape = (count, _MOST)
    kinds, others = random.integers(7, size=shape).tolist(), random.integers(len(seeds), size=shape).tolist()
    places, pieces = random.random(shape).tolist(), random.integers(len(_PIECES), size=shape).tolist()
    lengths, noise = random.integers(1, 13, size=shape).tolist(), random.bytes(3 * _MOST * count)
    lines = []
    for at, pick in enumerate(picks):
        line = seeds[pick]
        for turn in range(min(rounds[at], _MOST)):
            place = int(places[at][turn] * (len(line) + 1))
            start = 3 * (at * _MOST + turn)
            kind, piece, length = kinds[at][turn], _PIECES[pieces[at][turn]], lengths[at][turn]
            if kind == 0:
                line = line[:place] + piece + line[place:]
            elif kind == 1:
                line = line[:place] + line[place + length :]
            elif kind == 2:
                line = line[:place] + piece + line[place + len(piece) :]
            elif kind == 3:
                line = line[:place] + seeds[others[at][turn]][place:]
            elif kind == 4:
                some = noise[start : start + 1 + length % 3].replace(b"\n", b"7")
                line = line[:place] + some + line[place + len(some) :]
            elif kind == 5:
                line = line[:place] + line[max(0, place - length) :]
            else:
                line = _redigited(line, place, noise[start])
        lines.append(line)
    return lines


def _redigited(line: bytes, place: int, byte: int) -> bytes:
    """Return *line* with the first digit behind *place* exchanged: dates that there are not, numbers too large."""
    for at in range(place, min(len(line), place + 80)):
        if 48 <= line[at] <= 57:
            return line[:at] + b"%d" % (byte % 10) + line[at + 1 :]
    return line
