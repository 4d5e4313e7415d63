"""What the daemon asks of a source, whatever its lines come from."""

from __future__ import annotations

from typing import Protocol

from filterwatch.lines import LineBatch


class Source(Protocol):
    """Lines in batches, each journalled with its checkpoint before the next is asked for."""

    @property
    def name(self) -> str:
        """The source's name."""
        ...

    @property
    def problem(self) -> str | None:
        """What keeps the source from being read, for the technician; null while all is well."""
        ...

    def read(self, limit_bytes: int = ..., /) -> LineBatch | None:
        """Return the next batch; null when there is nothing new now."""
        ...

    def lag(self) -> int:
        """Return how many bytes are written and not yet handed out."""
        ...

    def directories(self) -> list[str]:
        """Return the directories in which something may move."""
        ...

    def forget(self) -> list[str]:
        """Return streams whose checkpoints may be deleted; each is named once."""
        ...
