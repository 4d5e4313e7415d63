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
        separator: Stands between values (no quote); a quote closes before it or at the end.
        before: Stands before an opening quote; null for a separator or the beginning.
    """
    written = (texts.str.join("\n").item() + "\n").encode()
    if b'"' not in written:
        return Hidden(texts, pl.repeat(value=True, n=len(texts), eager=True), None)
    array = np.frombuffer(bytearray(written), np.uint8)
    marks: Places = np.flatnonzero((array == _QUOTE) | (array == ord(separator)) | (array == _NEWLINE))
    kinds = array[marks]
    quote = kinds == _QUOTE
    ends = np.flatnonzero(kinds == _NEWLINE)
    passed = np.cumsum(quote, dtype=np.int32)
    # Quotes are counted line by line: an odd number in one would turn all lines behind it inside out.
    before_line = np.concatenate([np.zeros(1, np.int32), passed[ends[:-1]]])
    inside = ((passed - np.repeat(before_line, np.diff(ends, prepend=-1))) & 1).astype(np.bool_)
    sure = (passed[ends] - before_line) % 2 == 0
    hiding = marks[inside & (kinds == ord(separator))]
    places = marks[quote]
    ahead, behind = np.where(places > 0, array[places - 1], _NEWLINE), array[places + 1]
    opens = ahead == ord(before) if before else (ahead == ord(separator)) | (ahead == _NEWLINE)
    closes = ((behind == ord(separator)) | (behind == _NEWLINE)) & (ahead != _BACKSLASH)
    bad = places[~np.where(inside[quote], opens, closes)]
    if len(bad):
        sure[np.searchsorted(marks[ends], bad)] = False
    array[hiding] = _HIDDEN
    return Hidden(pl.read_lines(array.tobytes()).to_series(), pl.Series(sure), separator if len(hiding) else None)
