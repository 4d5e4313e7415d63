"""What each combination of lists and modes gives and cancels, as bits of categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filterwatch.events import CATEGORY_BIT
from filterwatch.lists.layout import Header, ListInfo
from filterwatch.lists.modes import Mode

Bits = npt.NDArray[np.uint64]
_ALL = np.uint64((1 << 64) - 1)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What each combination gives and cancels; index 0 of the first axis is for other lists, 1 for the school's own."""

    give: Bits
    allow: Bits


def allows(one: ListInfo, mode: Mode) -> bool:
    """Say whether an entry of this mode on this list cancels."""
    return mode is not Mode.ASIDE and (one.allow or mode.allows)


def meaning(header: Header, silent: Mode) -> Meaning:
    """Return what the combinations say where entries of the mode *silent* say nothing."""
    shape = (2, max(len(header.combinations), 1))
    give, allow = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    for row, pairs in enumerate(header.combinations):
        for number, mode in ((number, Mode(mode)) for number, mode in pairs):
            if mode.scope in {silent, Mode.PAGES_BELOW, Mode.ASIDE}:
                continue
            one = header.lists[number]
            if not allows(one, mode):
                give[int(one.own), row] |= np.uint64(_word_bits(one.category, allow=False))
                continue
            word = one.category if one.allow else one.category.partition(".")[0]
            allow[: 2 if one.own else 1, row] |= np.uint64(_word_bits(word, allow=True))
    return Meaning(give, allow)


def marks(header: Header) -> npt.NDArray[np.bool_]:
    """Say of each combination whether it marks a host of which pages are listed."""
    said = [any(mode == Mode.PAGES_BELOW for _, mode in pairs) for pairs in header.combinations]
    return np.array(said or [False], dtype=np.bool_)


def _word_bits(word: str, *, allow: bool) -> int:
    """Return the bits of a list's category; a bypass kind brings ``bypass`` with it."""
    if word == "all":
        return int(_ALL)
    family = word.partition(".")[0]
    if allow and word == family:
        return sum(bit for other, bit in CATEGORY_BIT.items() if other.partition(".")[0] == family)
    return CATEGORY_BIT[word] | (0 if allow else CATEGORY_BIT[family])
