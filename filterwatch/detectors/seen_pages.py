"""What is remembered of sites, as pages that are filled one after another and then left alone.

A site that is new or noted again is written behind the others; its last entry is the one that holds.  Only the page
that is being filled changes, so that a commit writes a few kilobytes however much is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

PAGE, PAGES = 1_000, 61
"""Entries of a page, and pages; the oldest is overwritten."""

GIVEN_UP = 6
"""Pages that are overwritten in a day at most: who floods the memory needs ten days to empty it."""

_ENTRY, _START = Struct("<QHH"), Struct("<Q")


class Page:
    """Some entries; a part of the state by itself.

    Attributes:
        name: Of the part.
        start: Number of the first entry.
        entries: Key, first day and last day of each, as bytes.
    """

    def __init__(self, name: str, restored: Callable[[], None]) -> None:
        self.name = name
        self.start = 0
        self.entries = bytearray()
        self._state: bytes | None = None
        self._restored = restored

    def add(self, key: int, first: int, last: int) -> None:
        """Write one entry behind the others."""
        self.entries += _ENTRY.pack(key, first, last)
        self._state = None

    def clear(self, start: int) -> None:
        """Begin anew with entry number *start*."""
        self.start, self._state = start, None
        self.entries.clear()

    def state(self) -> bytes:
        """Return the entries; the same object as long as nothing is added."""
        if self._state is None:
            self._state = _START.pack(self.start) + self.entries if self.entries else b""
        return self._state

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`.

        Raises:
            ValueError: It holds no entries.
        """
        size = len(state) - _START.size
        if state and (size <= 0 or size % _ENTRY.size):
            raise ValueError("no page of sites")
        self.start = _START.unpack_from(state)[0] if state else 0
        self.entries = bytearray(state[_START.size :])
        self._state = None
        self._restored()


class Pages:
    """Days by key: the first and the last on which a site was noted."""

    def __init__(self, name: str) -> None:
        self.pages = [Page(f"{name}.{number}", self._restored) for number in range(PAGES)]
        self.given_up = 0
        self._days: dict[int, tuple[int, int, int]] | None = {}
        self._next = 0

    def get(self, key: int) -> tuple[int, int] | None:
        """Return first and last day; null for what is not remembered."""
        found = self.days().get(key)
        return found[:2] if found else None

    def put(self, key: int, first: int, last: int) -> None:
        """Remember *key*; the oldest page is forgotten for it where all are full."""
        days, number = self.days(), self._next
        page = self.pages[number // PAGE % len(self.pages)]
        if number % PAGE == 0:
            self.given_up += bool(page.entries)
            for old, (one, _, _) in enumerate(_ENTRY.iter_unpack(page.entries), page.start):
                if one in days and days[one][2] == old:
                    del days[one]
            page.clear(number)
        page.add(key, first, last)
        days[key] = (first, last, number)
        self._next = number + 1

    def is_open(self) -> bool:
        """Whether another site may be put today."""
        self.days()
        at_a_page = self._next % PAGE == 0 and self._next >= len(self.pages) * PAGE
        return not at_a_page or self.given_up < GIVEN_UP

    def outlives(self, key: int, more: int) -> bool:
        """Whether *key* is remembered, and will be after *more* were put."""
        found = self.days().get(key)
        return found is not None and self._next + more <= (found[2] // PAGE + len(self.pages)) * PAGE

    def has_room(self, more: int) -> bool:
        """Whether *more* can be put and nothing is forgotten for them."""
        self.days()
        full = -(-self._next // PAGE) * PAGE  # to the end of the page that is being filled
        return self._next + more <= max(full, len(self.pages) * PAGE)

    def holds(self, more: int) -> bool:
        """Whether what is put now will be remembered after *more* were put."""
        return more <= (len(self.pages) - 1) * PAGE

    def days(self) -> dict[int, tuple[int, int, int]]:
        """Return first day, last day and number of the entry, by key; after a restart read from the pages first."""
        if self._days is None:
            self._days = {
                key: (first, last, number)
                for page in sorted(self.pages, key=lambda page: page.start)
                for number, (key, first, last) in enumerate(_ENTRY.iter_unpack(page.entries), page.start)
            }
            self._next = max(page.start + len(page.entries) // _ENTRY.size for page in self.pages)
        return self._days

    def _restored(self) -> None:
        self._days = None
