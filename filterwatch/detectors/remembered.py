"""A bounded memory that no flood of made-up names empties for those who are surely known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

V = TypeVar("V")
Halves = tuple[dict[str, V], dict[str, V]]


class Remembered(Generic[V]):
    """Values by key, those put last kept: so many of people who are surely known, and as many of others.

    Anybody can forge an address; a login, or what the log of leases says, is not forged by asking for names.

    Attributes:
        forgotten: How many were pushed out by others.
    """

    def __init__(self) -> None:
        self._halves: Halves[V] = ({}, {})
        self.forgotten = 0

    def __contains__(self, key: str) -> bool:
        return key in self._halves[1] or key in self._halves[0]

    def __iter__(self) -> Iterator[str]:
        for half in self._halves:
            yield from half

    def __len__(self) -> int:
        return sum(map(len, self._halves))

    def get(self, key: str) -> V | None:
        """Return what was put last; null for nothing."""
        found = self._halves[1].get(key)
        return self._halves[0].get(key) if found is None else found

    def put(self, key: str, value: V, most: int, *, sure: bool) -> None:
        """Put *value* last; forget the first of its half beyond *most*."""
        loose, firm = self._halves
        half = firm if sure or key in firm else loose
        half.pop(key, None)
        if sure:
            loose.pop(key, None)
        half[key] = value
        if len(half) > most:
            del half[next(iter(half))]
            self.forgotten += 1

    def keep(self, holds: Callable[[V], bool]) -> None:
        """Forget what does not hold."""
        loose, firm = ({key: value for key, value in half.items() if holds(value)} for half in self._halves)
        self._halves = (loose, firm)

    def state(self) -> Halves[V]:
        """Return both halves: of others, and of people who are surely known."""
        return self._halves

    def restore(self, halves: Halves[V]) -> None:
        """Go on from :meth:`state`."""
        self._halves = halves
