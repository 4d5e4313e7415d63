"""A million mutated lines over all decoders: one answer each, every time with its zone, and no exception.

60,000 of them by default; ``FILTERWATCH_KILLS=200`` is the whole million.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from decoding import LONDON, OPTIONS, SEEDS, batch
from mutating import MANY, generator, mutated

from filterwatch.decoders import line_decoder, make, names

LINES = 1_000_000 if MANY else 60_000
A_BATCH = 2_000
READ = [
    datetime(2026, 11, 22, 3, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 0, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
    datetime(2027, 3, 1, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, 30, tzinfo=UTC),
]
"""Around the turns of the year, of February, and of the clocks in London."""


@pytest.mark.parametrize("name", names())
def test_every_mutated_line_gets_one_answer_and_every_time_its_zone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = generator("million", name)
    every = [line for lines in SEEDS.values() for line in lines]
    # Rounded up: together no fewer than LINES.
    count = -(-LINES // len(names()))
    decoder = make(name, OPTIONS[name], zone=LONDON)

    for turn, start in enumerate(range(0, count, A_BATCH)):
        size = min(A_BATCH, count - start)
        own = mutated(random, SEEDS[name], size - size // 4)
        lines = [*own, *mutated(random, every, size // 8), *_any_bytes(random.bytes(100 * (size // 8 + 1)))]
        for few in (0, len(lines) + 1) if turn == 0 else (0,):
            monkeypatch.setattr(line_decoder, "FEW", few)
            for part, read_at in zip(
                _parts(lines, len(READ) if turn == 0 else 1), READ[turn % 7 :] + READ, strict=False
            ):
                decoded = decoder.decode(batch(part, read_at))
                numbers = [
                    line for frame in (decoded.events, decoded.rejected, decoded.skipped) for line in frame["line"]
                ]
                assert sorted(numbers) == list(range(len(part)))
                assert decoded.events["line"].is_sorted()
                assert decoded.events.schema["time"] == pl.Datetime("us", "UTC")
                assert decoded.events["time"].null_count() == 0


def _any_bytes(noise: bytes) -> list[bytes]:
    return [
        noise[start : start + 1 + noise[start] % 100].replace(b"\n", b"") for start in range(0, len(noise) - 100, 100)
    ]


def _parts(lines: list[bytes], count: int) -> list[list[bytes]]:
    return [lines[at::count] for at in range(count)]
