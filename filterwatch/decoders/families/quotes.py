"""Separators inside quotes, hidden, so that many messages can be cut at separators at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from filterwatch.decoders.screen import Bytes, Mask, Places

_QUOTE, _BACKSLASH, _NEWLINE, _HIDDEN = 34, 92, 10, 31
_WIDEST = 40
"""No key is longer, with its sign."""
_BLOCK = 2**18
"""So many bytes at once stay in the processor's cache, with what is found out about them."""


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
    written: bytes = texts.str.join("\n").cast(pl.Binary).item() + b"\n"
    if b'"' not in written:
        return Hidden(texts, pl.repeat(value=True, n=len(texts), eager=True), None)
    array = np.frombuffer(bytearray(written) + bytes(_WIDEST), np.uint8)
    rules = _Rules(ord(separator), ord(before) if before else None)
    sure, start, hidden = [], 0, False
    while start < len(written):
        end = written.find(b"\n", start + _BLOCK) + 1 or len(written)
        good, any_hidden = rules.hide(array[start : end + _WIDEST], end - start)
        sure.append(good)
        start, hidden = end, hidden or any_hidden
    shown = pl.read_lines(array[: len(written)].tobytes()).to_series()
    return Hidden(shown, pl.Series(np.concatenate(sure)), separator if hidden else None)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What separates, and what opens a quote."""

    separator: int
    before: int | None

    def hide(self, padded: Bytes, length: int) -> tuple[Mask, bool]:
        """Hide separators inside quotes in some whole lines, in their place.

        Args:
            padded: The lines, and more bytes behind them.
            length: How many bytes the lines are.

        Returns:
            Which lines are quoted as they should be, and whether anything was hidden.
        """
        array = padded[:length]
        marks: Places = np.flatnonzero((array == _QUOTE) | (array == self.separator) | (array == _NEWLINE))
        kinds = array[marks]
        quote = kinds == _QUOTE
        ends = np.flatnonzero(kinds == _NEWLINE)
        odd: Mask = (np.cumsum(quote, dtype=np.uint8) & 1).view(np.bool_)
        # Quotes are counted line by line: an odd number in one would turn all lines behind it inside out.
        before_line = np.concatenate([np.zeros(1, np.bool_), odd[ends[:-1]]])
        sure: Mask = odd[ends] == before_line
        inside = odd if sure.all() else odd != np.repeat(before_line, np.diff(ends, prepend=-1))
        hidden = inside & (kinds == self.separator)
        places = marks[quote]
        ahead, behind = np.where(places > 0, array[places - 1], _NEWLINE), array[places + 1]
        first = (ahead == self.separator) | (ahead == _NEWLINE) if self.before is None else ahead == self.before
        last = ((behind == self.separator) | (behind == _NEWLINE)) & (ahead != _BACKSLASH)
        bad = places[~np.where(inside[quote], first, last)]
        if self.before is not None:
            bad = np.concatenate([bad, self._inner(padded, marks, np.flatnonzero(quote[:-1] & hidden[1:]))])
        if len(bad):
            sure[np.searchsorted(marks[ends], bad)] = False
        array[marks[hidden]] = _HIDDEN
        return sure, bool(hidden.any())

    def _inner(self, padded: Bytes, marks: Places, opening: Places) -> Places:
        """Return which *opening* quotes (indices of marks) do not stand behind the first sign of their pair.

        In ``a=b="c d"`` nothing is quoted: a value that begins without a quote has none.
        """
        begins = np.where(opening > 0, marks[opening - 1] + 1, 0)
        heads = np.lib.stride_tricks.sliding_window_view(padded, _WIDEST)[begins]
        wrong: Mask = begins + np.argmax(heads == self.before, axis=1) != marks[opening] - 1
        return marks[opening[wrong]]
