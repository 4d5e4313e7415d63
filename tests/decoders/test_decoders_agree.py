"""The fast path and the exact path say the same, whatever the bytes."""

from __future__ import annotations

import time
from datetime import UTC

import polars as pl
import pytest
from decoding import LONDON, OPTIONS, SEEDS, batch, exactly, whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from filterwatch.decoders import line_decoder, make, names

NASTY = [
    b"\0", b"\t", b"\r", b"\x0b", b"\x7f", b"\x80", b"\xc3\xa9", b"\xff\xfe",
    b" ", b"  ", b" - ", b"-", b"[", b"]",
    b" [", b"] ", b"@", b"://", b"/", b"\\", b'"', b":", b"%", b"%0a", b"+", b"0", b"9" * 20,
    b" is ", b" from ", b" to ",
    b"IN=", b" SRC=", b" LEN=", b" HIER_NONE/- text/html", b"error:", b"HTTP", b"?", b"#", b"\x1e", b"\x1f",
    b"query[A] ",
    b"(CNAME)", b"error", b".", b"<13>", b"1 ",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A line of the format, with a few pieces put in, taken out or doubled anywhere."""
    line = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(line)))
        kind = draw(st.sampled_from(("put", "cut", "swap", "tail")))
        piece = draw(st.sampled_from(NASTY) | st.binary(min_size=1, max_size=3).filter(lambda b: b"\n" not in b))
        if kind == "put":
            line = line[:at] + piece + line[at:]
        elif kind == "cut":
            line = line[:at] + line[at + draw(st.integers(1, 12)) :]
        elif kind == "swap":
            line = line[:at] + piece + line[at + len(piece) :]
        else:
            line = line[:at] + draw(st.sampled_from(seeds))[at:]
    return line


@pytest.mark.parametrize("name", names())
def test_the_fast_path_says_what_the_exact_path_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)
    every = [line for lines in SEEDS.values() for line in lines]

    @given(st.lists(mutated(SEEDS[name]) | mutated(every), min_size=1, max_size=12))
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(lines: list[bytes]) -> None:
        decoder = make(name, OPTIONS[name], zone=LONDON)
        given_lines = batch(lines)
        fast, exact = decoder.decode(given_lines), exactly(make(name, OPTIONS[name], zone=LONDON), given_lines)

        assert_frame_equal(whole(fast.events), whole(exact.events))
        assert_frame_equal(fast.rejected, exact.rejected)
        assert_frame_equal(fast.skipped, exact.skipped)

    agree()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("few", [0, 1_000])
def test_every_line_of_any_bytes_gets_one_answer_and_every_time_its_zone(
    name: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_decoder, "FEW", few)
    anything = st.binary(max_size=200).map(lambda b: b.replace(b"\n", b""))

    @given(st.lists(anything | mutated(SEEDS[name]), max_size=8))
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    def answered(lines: list[bytes]) -> None:
        decoded = make(name, OPTIONS[name], zone=LONDON).decode(batch(lines))
        numbers = [line for frame in (decoded.events, decoded.rejected, decoded.skipped) for line in frame["line"]]

        assert sorted(numbers) == list(range(len(lines)))
        assert decoded.events["line"].is_sorted()
        assert decoded.events.schema["time"] == pl.Datetime("us", "UTC")
        assert all(
            time.tzinfo is not None and time.utcoffset() == UTC.utcoffset(None) for time in decoded.events["time"]
        )

    answered()


@pytest.mark.parametrize("name", names())
def test_a_line_of_windows_ends_is_read_like_any_other(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)
    decoder = make(name, OPTIONS[name], zone=LONDON)

    unix, windows = (decoder.decode(batch(line + end for line in SEEDS[name])) for end in (b"", b"\r"))

    assert_frame_equal(whole(windows.events), whole(unix.events))


LONGEST = 65_536


@pytest.mark.parametrize("name", names())
def test_no_line_takes_long_whatever_it_repeats(name: str) -> None:
    decoder = make(name, OPTIONS[name], zone=LONDON)
    heads = [b"", *(seed[: len(seed) * part // 3] for seed in SEEDS[name] for part in (1, 2, 3))]

    for piece in [*NASTY, b"] [", b' "', b'\\" ', b" from 1 port", b"COMMAND=", b'[a="', b"[1.", b"/ ", b"a.", b"[ "]:
        tail = piece * (LONGEST // len(piece))
        lines = [(head + tail)[:LONGEST] for head in heads]
        began = time.process_time()

        exactly(decoder, batch(lines))

        assert (time.process_time() - began) / len(lines) < 0.05, piece
