"""Fetching an address once in a run, however many lists lie in what it gives."""

from __future__ import annotations

from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path

from filterwatch.lists.fetching import Failed, Fetched, Fetcher, Known, Silent, server_of


class Once:
    """What was fetched in this run, and what could not be.

    Args:
        fetcher: Gets what was not asked for yet.
        new: Gives the name of a new file.
    """

    def __init__(self, fetcher: Fetcher, new: Callable[[], Path]) -> None:
        self._fetcher = fetcher
        self._new = new
        self._came: dict[str, tuple[Path, Fetched]] = {}
        self._current: set[tuple[str, Known]] = set()
        self._failed: dict[tuple[str, int], str] = {}
        self._silent: dict[str, str] = {}

    def fetch(self, address: str, most: int, known: Known) -> tuple[Path, Fetched] | None:
        """Return what *address* gives, as :meth:`Fetcher.fetch` does, and the file, which stays until :meth:`drop`.

        Raises:
            Failed: It could not be fetched, now or before; a server that was silent once is not asked again.
            OSError: The file cannot be written.
        """
        if address in self._came:
            if self._came[address][1].size > most:
                raise Failed(f"larger than {most >> 20} MB")
            return self._came[address]
        if (address, known) in self._current:
            return None
        server = server_of(address)
        if why := self._silent.get(server) or self._failed.get((address, most)):
            raise Failed(why)
        path = self._new()
        try:
            fetched = self._fetcher.fetch(address, path, most, known)
        except (Failed, OSError) as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            if isinstance(error, Silent):
                self._silent[server] = f"{error}, asked for another list"
            elif isinstance(error, Failed):
                self._failed[address, most] = str(error)
            raise
        if fetched is None:
            self._current.add((address, known))
            return None
        self._came[address] = path, fetched
        return self._came[address]

    def drop(self, keep: Container[str] = ()) -> None:
        """Remove the files of all addresses but those to *keep*: others may still need them."""
        for address in [one for one in self._came if one not in keep]:
            path, _ = self._came.pop(address)
            with suppress(OSError):
                path.unlink(missing_ok=True)
