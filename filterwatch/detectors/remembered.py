"""A bounded memory that no flood of made-up names empties for those who are surely known."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar, runtime_checkable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Halves = tuple[dict[K, V], dict[K, V]]


def is_named(who: str | None) -> bool:
    """Whether a key such as ``person:...``, ``device:...`` or ``client_ip:...`` is no mere address."""
    return who is not None and who.startswith(("person:", "device:"))


@runtime_checkable
class Forgetful(Protocol):
    """What says how much it forgot to make room."""

    name: str

    @property
    def forgotten(self) -> int:
        """How much, since the start."""
        ...


class Remembered(Generic[K, V]):
    """Values by key, those put last kept: so many of people who are surely known, and as many of others.

    Anybody can forge an address; a login, or what the log of leases says, is not forged by asking for names.

    Attributes:
        forgotten: How many were pushed out by others.
    """

    def __init__(self) -> None:
        self._halves: Halves[K, V] = ({}, {})
        self.forgotten = 0

    def __contains__(self, key: K) -> bool:
        return key in self._halves[1] or key in self._halves[0]

    def __iter__(self) -> Iterator[K]:
        for half in self._halves:
            yield from half

    def items(self) -> Iterator[tuple[K, V]]:
        """Yield all, of each half those put first first."""
        for half in self._halves:
            yield from half.items()

    def __len__(self) -> int:
        return sum(map(len, self._halves))

    def get(self, key: K) -> V | None:
        """Return what was put last; null for nothing."""
        found = self._halves[1].get(key)
        return self._halves[0].get(key) if found is None else found

    def put(self, key: K, value: V, most: int, *, sure: bool) -> None:
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

    def keep(self, holds: Callable[[K, V], bool]) -> None:
        """Forget what does not hold."""
        loose, firm = ({key: value for key, value in half.items() if holds(key, value)} for half in self._halves)
        self._halves = (loose, firm)

    def state(self) -> Halves[K, V]:
        """Return both halves: of others, and of people who are surely known."""
        return self._halves

    def restore(self, halves: Halves[K, V]) -> None:
        """Go on from :meth:`state`."""
        self._halves = halves
