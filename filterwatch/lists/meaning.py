"""What each combination of lists and modes gives and cancels, as bits of categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filterwatch.events import CATEGORY_BIT, LONE_BIT
from filterwatch.lists.layout import Header, ListInfo
from filterwatch.lists.modes import Mode

Bits = npt.NDArray[np.uint64]
_ALL = np.uint64((1 << 64) - 1)

OTHERS, OWN, DOUBTED = range(3)
"""Whose word it is: lists that are believed, the school's own, and single makers of low trust."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What each combination gives and cancels.

    Attributes:
        give: First axis: :data:`OTHERS`, :data:`OWN`, :data:`DOUBTED`.
        allow: The same: what is cancelled of each.
    """

    give: Bits
    allow: Bits


def allows(one: ListInfo, mode: Mode) -> bool:
    """Say whether an entry of this mode on this list cancels."""
    return mode is not Mode.ASIDE and (one.allow or mode.allows)


def meaning(header: Header, silent: Mode) -> Meaning:
    """Return what the combinations say where entries of the mode *silent* say nothing."""
    shape = (3, max(len(header.combinations), 1))
    give, allow = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    for row, pairs in enumerate(header.combinations):
        doubted: dict[str, set[str]] = {}
        for number, mode in ((number, Mode(mode)) for number, mode in pairs):
            if mode.scope in {silent, Mode.PAGES_BELOW, Mode.ASIDE}:
                continue
            one = header.lists[number]
            if allows(one, mode):
                word = one.category if one.allow else one.category.partition(".")[0]
                allow[[OTHERS, OWN, DOUBTED] if one.own else [OTHERS, DOUBTED], row] |= _word_bits(word, allow=True)
            elif one.doubted:
                doubted.setdefault(one.category, set()).add(one.maker)
            else:
                give[OWN if one.own else OTHERS, row] |= _word_bits(one.category, allow=False)
        for category, makers in doubted.items():
            give[DOUBTED if len(makers) < 2 else OTHERS, row] |= _word_bits(category, allow=False)
    return Meaning(give, allow)


def lone(sure: Bits, doubted: Bits) -> Bits:
    """Return the bits of the categories that only *doubted* gives (:data:`filterwatch.events.LONE_BIT`)."""
    bits = np.zeros(len(sure), np.uint64)
    for word, bit in LONE_BIT.items():
        given = _word_bits(word, allow=True)
        bits[((doubted & given) != 0) & ((sure & given) == 0)] |= np.uint64(bit)
    return bits


def marks(header: Header) -> npt.NDArray[np.bool_]:
    """Say of each combination whether it marks a host of which pages are listed."""
    said = [any(mode == Mode.PAGES_BELOW for _, mode in pairs) for pairs in header.combinations]
    return np.array(said or [False], dtype=np.bool_)


def _word_bits(word: str, *, allow: bool) -> np.uint64:
    """Return the bits of a list's category; a bypass kind brings ``bypass`` with it."""
    if word == "all":
        return _ALL
    family = word.partition(".")[0]
    if allow and word == family:
        return np.uint64(sum(bit for other, bit in CATEGORY_BIT.items() if other.partition(".")[0] == family))
    return np.uint64(CATEGORY_BIT[word] | (0 if allow else CATEGORY_BIT[family]))
