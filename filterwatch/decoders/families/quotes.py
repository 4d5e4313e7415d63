"""Separators inside quotes, hidden, so that many messages can be cut at separators at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from filterwatch.decoders.screen import Places

_QUOTE, _BACKSLASH, _NEWLINE, _HIDDEN = 34, 92, 10, 31


@dataclass(frozen=True, slots=True)
class Hidden:
    """Messages with the separators inside quotes hidden.

    Attributes:
        texts: The messages.
        sure: Which of them are quoted as they should be: a quote opens a value and closes it, and none is inside.
        separator: What was hidden; null where nothing was.
    """

    texts: pl.Series
    sure: pl.Series
    separator: str | None

    def shown(self, value: pl.Expr) -> pl.Expr:
        """Return *value* with its separators back."""
        if self.separator is None:
            return value
        return value.str.replace_all(chr(_HIDDEN), self.separator, literal=True)


def hide(texts: pl.Series, separator: str, before: str | None = None) -> Hidden:
    """Return *texts* (printable ASCII, tabs) with separators inside quotes hidden.

    Args:
        texts: The messages.
        separator: Stands between values; a quote closes before it or at the end.
        before: Stands before an opening quote; null for a separator or the beginning.
    """
    even = texts.str.count_matches('"', literal=True) % 2 == 0
    if not texts.str.contains('"', literal=True).any():
        return Hidden(texts, even, None)
    if not even.all():
        # An odd number of quotes would turn the following lines inside out.
        texts = pl.select(pl.when(even).then(texts).otherwise(pl.lit("")))[:, 0]
    array = np.frombuffer(bytearray((texts.str.join("\n").item() + "\n").encode()), np.uint8)
    quote = array == _QUOTE
    inside = np.logical_xor.accumulate(quote)
    hiding = inside & (array == ord(separator))
    sure = even.to_numpy(writable=True)
    places: Places = np.flatnonzero(quote)
    ahead, behind = np.where(places > 0, array[places - 1], _NEWLINE), array[places + 1]
    opens = ahead == ord(before) if before else (ahead == ord(separator)) | (ahead == _NEWLINE)
    closes = ((behind == ord(separator)) | (behind == _NEWLINE)) & (ahead != _BACKSLASH)
    bad = places[~np.where(inside[places], opens, closes)]
    if len(bad):
        sure[np.searchsorted(np.flatnonzero(array == _NEWLINE), bad)] = False
    array[hiding] = _HIDDEN
    shown = pl.read_lines(array.tobytes()).to_series()
    return Hidden(shown, pl.Series(sure), separator if hiding.any() else None)
