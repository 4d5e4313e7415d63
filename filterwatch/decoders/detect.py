"""Which format a file has: the right one, or none; never a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import count
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.decoders.catalogue import formats
from filterwatch.decoders.decoded import Decoder
from filterwatch.decoders.format import Format
from filterwatch.decoders.reading import visible
from filterwatch.lines import Checkpoint, LineBatch

SAMPLE_LINES = 200
"""Lines that are looked at: enough to see through a log's head, few enough to take a moment."""

HEAD_LINES = 40
"""Of these, the first ones are taken without a gap: a header stands there."""

ENOUGH = 0.6
"""Share of the lines that the format must turn into events that only it can have."""

FOREIGN = 0.1
"""Share of lines that others may claim: more, and the file is of several formats, or of two that look alike."""

FEWEST = 4
"""Lines of its own that a format needs to be told in spite of a single one of another."""

LIKELY = 0.3
"""Share of the lines that a format must turn into events to be named as one that it may be."""

MOST_LIKELY = 5
"""Formats that are named."""

_UTC = ZoneInfo("UTC")
_ANY_TIME = datetime(2000, 1, 1, tzinfo=_UTC)
_calls = count()

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Claims:
    """Which lines of a sample each format claims; comments are no lines."""

    lines: int
    by: Mapping[str, Mask]


def detect(lines: Sequence[bytes]) -> str | None:
    """Return the name of the format that *lines* (a sample, without line ends) are in; null when that cannot be told.

    A format is told when most lines are surely its own, and hardly one is another's.
    """
    return _told(_claims(lines))


def format_of(batch: LineBatch) -> str | None:
    """Return the format of a batch by a sample of its lines; null where they do not tell it."""
    return detect(_sample(batch))


def shares(batch: LineBatch) -> dict[str, float]:
    """Return the share of the lines that each format, and no other, claims, the greatest first.

    They add up to less than 1 where lines are of no format, or of several.
    """
    return format_and_shares(batch)[1]


def format_and_shares(batch: LineBatch) -> tuple[str | None, dict[str, float]]:
    """Return what :func:`format_of` and :func:`shares` do, by one look."""
    found = _claims(_sample(batch))
    if not found.by:
        return None, {}
    claimed = np.stack(list(found.by.values()))
    alone = claimed & (claimed.sum(axis=0) == 1)
    several = {name: float(mask.sum()) / found.lines for name, mask in zip(found.by, alone, strict=True) if mask.any()}
    return _told(found), dict(sorted(several.items(), key=lambda item: item[1], reverse=True))


def likely(batch: LineBatch) -> list[str]:
    """Return the few formats that make events of most lines of a sample, the best first: one may be what it is in.

    For a person to choose from: unlike :func:`format_of`, it guesses.
    """
    lines = [line for line in _sample(batch) if line.strip()]
    data = b"".join(line + b"\n" for line in lines)
    stream = f"likely {next(_calls)}"
    part = LineBatch("", stream, data, 0, len(data), "", _ANY_TIME, Checkpoint("", stream, len(data)))
    read = {name: len(_decoder(name, one).decode(part).events) for name, one in formats().items()}
    some = [name for name, events in read.items() if events and events >= LIKELY * len(lines)]
    return sorted(some, key=lambda name: -read[name])[:MOST_LIKELY]


def _told(found: _Claims) -> str | None:
    if not found.by:
        return None
    best = max(found.by, key=lambda name: int(found.by[name].sum()))
    own = int(found.by[best].sum())
    rival = max((int(mask.sum()) for name, mask in found.by.items() if name != best), default=0)
    foreign = ~found.by[best] & np.logical_or.reduce(list(found.by.values()))
    allowed = max(FOREIGN * own, own >= FEWEST)
    return best if own >= ENOUGH * found.lines and max(rival, int(foreign.sum())) <= allowed else None


def _sample(batch: LineBatch) -> list[bytes]:
    rest = range(HEAD_LINES, len(batch))
    step = max(1, len(rest) // (SAMPLE_LINES - HEAD_LINES))
    return [batch.line(index) for index in (*range(min(HEAD_LINES, len(batch))), *rest[::step])]


def _claims(lines: Sequence[bytes]) -> _Claims:
    sample = [line for line in lines if line.strip() and b"\n" not in line]
    data = b"".join(line + b"\n" for line in sample)
    stream = f"detect {next(_calls)}"  # a decoder remembers streams; this one is new
    batch = LineBatch("", stream, data, 0, len(data), "", _ANY_TIME, Checkpoint("", stream, len(data)))
    comment = np.array([line.startswith(b"#") for line in sample], np.bool_)
    texts = pl.Series([visible(line) for line in sample], dtype=pl.String)
    found: dict[str, Mask] = {}
    headed: dict[str, Mask] = {}
    known = formats()
    for name, one in known.items():
        claimed = _claimed(name, one, batch, texts, comment)
        if claimed is not None:
            (headed if claimed[1] else found)[name] = claimed[0]
    if headed:
        under = np.logical_or.reduce(list(headed.values()))
        found = {name: mask & ~under for name, mask in found.items()} | headed
    for name, one in known.items():
        if name in found and found[name].any():
            for base in one.beyond:
                if base in found:
                    found[name] |= found.pop(base)
    return _Claims(int((~comment).sum()), {name: mask for name, mask in found.items() if mask.any()})


def _claimed(name: str, one: Format, batch: LineBatch, texts: pl.Series, comment: Mask) -> tuple[Mask, bool] | None:
    """Return the lines that are surely of one format, and whether its header stands there; null where none can be.

    Under a header of its own every line that it can read is.
    """
    claims = one.claims
    if claims is None or not len(texts):
        return None
    marked: Mask | None = None if one.marks is None else texts.str.contains(one.marks).to_numpy()
    if marked is not None and not marked.any():
        return None
    decoded = _decoder(name, one).decode(batch)
    rows: dict[int, Mapping[str, object]] = {}
    for row in decoded.events.to_dicts():
        rows[row["line"]] = {key: value for key, value in row.items() if value is not None}
    passed = decoded.skipped["line"].to_list()
    mask = np.zeros(len(texts), np.bool_)
    if marked is not None:
        mask[[*rows, *passed]] = True
        mask &= marked
    else:
        nothing: Mapping[str, object] = {}
        for line in (*rows, *passed):
            mask[line] = claims(batch.line(line), rows.get(line, nothing))
    headed = bool((mask & comment).any())
    if headed:
        mask[list(rows)] = True
    return mask & ~comment, headed


@lru_cache(maxsize=1_024)
def _decoder(name: str, one: Format) -> Decoder:
    return one.make(name, one.options(), _UTC)
