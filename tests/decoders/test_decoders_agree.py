"""The fast path and the exact path say the same, whatever the bytes."""

from __future__ import annotations

import time
from itertools import product

import pytest
from decoding import LONDON, OPTIONS, SEEDS, batch, exactly, whole
from mutating import KILLS, MANY, NASTY, generator, mutated
from polars.testing import assert_frame_equal

from filterwatch.decoders import Decoder, line_decoder, make, names

SIZES = [1, 1, 2, 2, 3, 5, 8, 12, 20, 40, 400 if MANY else 120] * max(1, KILLS // 10)
"""Lines of a batch: what few lines say must not depend on how many others stand beside them."""


@pytest.mark.parametrize("name", names())
def test_the_fast_path_says_what_the_exact_path_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)
    random = generator("agree", name)
    every = [line for lines in SEEDS.values() for line in lines]

    for size in SIZES:
        lines = mutated(random, SEEDS[name], size - size // 5) + mutated(random, every, size // 5)
        if _wrong(name, lines):
            fewest = _fewest(name, lines)
            print(f"lines = {fewest!r}")
            _agree(name, fewest)


@pytest.mark.parametrize("name", ["apache", "nginx", "squid_common", "squid_combined"])
@pytest.mark.parametrize(
    "line",
    [
        b'10.1.0.9 - - [22/Nov/2026:01:46:26 +0000] "CONNECT www.games.test:443 HTTP/11.1" 407 415',
        b'10.1.0.9 - - [22/Nov/2026:01:46:26 +0000] "GET http://www.games.test/ HTTP/1.11" 200 415 "-" "-"',
        b'10.1.0.9 1.0.7 - - [22/Nov/2026:01:46:26 +0000] "GET /index.html HTTP/2.0" 200 2326 "-" "Mozilla/5.0"',
        b'10.1.0.9 10.1.0.7 - - [22/Nov/2026:01:46:26 +0000] "GET /index.html HTTP/2.0" 200 2326 "-" "Mozilla/5.0"',
        b'10.1.0.8 - - [22/Nov/2026:01:46:25 +0000] "CONNECT www.games.test:443 HTTP/1.1" 07 415',
        b'10.1.0.9 - - [22/Nov/2026:01:46:26 +0000] "IN= /index.html HTTP/2.0" 200 2326 "-" "Mozilla/5.0"',
        b'10.1.0.9 - Ada Bell [22/Nov/2026:01:46:26 +0000] "GET /index.html HTTP/2.0" 200 2326 "-" "Mozilla/5.0"',
    ],
)
def test_lines_that_were_once_read_in_two_ways(name: str, line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)

    _agree(name, [line])


def _agree(name: str, lines: list[bytes]) -> None:
    given = batch(lines)
    fast = make(name, OPTIONS[name], zone=LONDON).decode(given)
    exact = exactly(make(name, OPTIONS[name], zone=LONDON), given)
    assert_frame_equal(whole(fast.events), whole(exact.events))
    assert_frame_equal(fast.rejected, exact.rejected)
    assert_frame_equal(fast.skipped, exact.skipped)


def _wrong(name: str, lines: list[bytes]) -> bool:
    try:
        _agree(name, lines)
    except Exception:  # noqa: BLE001 - whatever it is, the fewest lines that bring it about show it again
        return True
    return False


def _fewest(name: str, lines: list[bytes]) -> list[bytes]:
    """Return a few of *lines* on which the paths still differ."""
    step = len(lines) // 2
    while step:
        for start in range(0, len(lines), step):
            fewer = lines[:start] + lines[start + step :]
            if fewer and _wrong(name, fewer):
                lines = fewer
                break
        else:
            step //= 2
        step = min(step, len(lines) // 2)
    return lines


@pytest.mark.parametrize("name", names())
def test_a_line_of_windows_ends_is_read_like_any_other(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)
    decoder = make(name, OPTIONS[name], zone=LONDON)

    unix, windows = (decoder.decode(batch(line + end for line in SEEDS[name])) for end in (b"", b"\r"))

    assert_frame_equal(whole(windows.events), whole(unix.events))


LONGEST = 65_536
SHARE = 8
QUICK = 0.05
"""Seconds of processor time that a line may take on any machine before its growth is looked at."""
PIECES = [*NASTY, b"] [", b' "', b'\\" ', b" from 1 port", b"COMMAND=", b'[a="', b"[1.", b"/ ", b"a.", b"[ "]


@pytest.mark.parametrize("name", names())
def test_no_line_takes_long_whatever_it_repeats(name: str) -> None:
    decoder = make(name, OPTIONS[name], zone=LONDON)
    heads = [b"", *(seed[: len(seed) * part // 3] for seed, part in product(SEEDS[name], (1, 2, 3)))]
    random = generator("long", name)

    for piece in PIECES:
        some = [heads[at] for at in random.integers(len(heads), size=12 if MANY else 2)]
        texts = [head + piece * (LONGEST // len(piece)) for head in some]
        long = _seconds(decoder, [text[:LONGEST] for text in texts])

        # A slow or busy machine takes longer over short lines too: only what grows faster than its line is a fault.
        if long > QUICK * len(some):
            short = _seconds(decoder, [text[: LONGEST // SHARE] for text in texts] * SHARE)
            assert long < 3 * short, f"{piece!r}: {long:.3f} s, and {short:.3f} s where the same is {SHARE} lines each"


def _seconds(decoder: Decoder, lines: list[bytes]) -> float:
    began = time.process_time()
    exactly(decoder, batch(lines))
    return time.process_time() - began
