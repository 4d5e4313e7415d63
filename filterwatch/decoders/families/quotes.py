"""Separators inside quotes, hidden, so that many messages can be cut at separators at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from filterwatch.decoders.screen import Mask, Places

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
    every = pl.repeat(value=True, n=len(texts), eager=True)
    if not texts.str.contains('"', literal=True).any():
        return Hidden(texts, every, None)
    array = np.frombuffer(bytearray((texts.str.join("\n").item() + "\n").encode()), np.uint8)
    marks: Places = np.flatnonzero(_MARKS[ord(separator)][array])
    kinds = array[marks]
    line_ends, quotes = kinds == _NEWLINE, kinds == _QUOTE
    line = np.cumsum(line_ends) - line_ends
    count = np.cumsum(quotes)
    behind_line = count[line_ends]
    before_line = np.concatenate([np.zeros(1, np.int64), behind_line[:-1]])
    inside = (count - before_line[line]) % 2 == 1
    sure = (behind_line - before_line) % 2 == 0
    places, opening = marks[quotes], inside[quotes]
    ahead = np.where(places > 0, array[places - 1], _NEWLINE)
    behind = array[places + 1]
    opens = ahead == ord(before) if before else (ahead == ord(separator)) | (ahead == _NEWLINE)
    closes = ((behind == ord(separator)) | (behind == _NEWLINE)) & (ahead != _BACKSLASH)
    sure[line[quotes][~np.where(opening, opens, closes)]] = False
    hiding = marks[inside & ~quotes & ~line_ends]
    array[hiding] = _HIDDEN
    shown = pl.read_lines(array.tobytes()).to_series()
    return Hidden(shown, pl.Series(sure), separator if len(hiding) else None)


def _marks(separator: int) -> Mask:
    table = np.zeros(256, np.bool_)
    table[[_QUOTE, _NEWLINE, separator]] = True
    return table


_MARKS = [_marks(byte) for byte in range(128)]
