"""Watching a filter's settings file: one line for each change of what it means, exactly once.

For filters that log nothing when they are switched off or let somebody through.  The last meaning stands in the
checkpoint, so a change while we were down is found at the next start.  A file that cannot be read, or is half-written,
is no change: it must look the same twice, and be whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filterwatch.clock import Clock
from filterwatch.lines import Checkpoint, LineBatch
from filterwatch.sources.settings import Settings
from filterwatch.sources.settings_meaning import Meaning, NotUnderstood, understood

STILL = 0.3
"""Seconds for which a file must not change before it is read: its writer may not be done."""

TROUBLE = 10.0
"""Seconds for which a file must be unreadable before that is told: some writers leave it empty for a moment."""

MOST_LINES = 100
"""Changes of one kind that are told one by one; the rest is one more line."""

_SERVICES = {"adguard": "adguardhome"}
_STREAM = "settings"
_ON, _OFF = "filtering was switched on", "filtering was switched off"
_NAMED = {"exempt": "an exemption", "clients": "a client without filtering"}

Key = tuple[int, int, int]


class SettingsSource:
    """Watches the settings file of one source section.

    Args:
        settings: The section; it has ``settings`` and ``product``.
        checkpoints: All stored checkpoints of this source.
        clock: Time of day for ``read_at``, monotonic seconds for every wait.
        base: Directory that a relative path starts from.

    Attributes:
        name: Name of the source.
    """

    def __init__(
        self, settings: Settings, checkpoints: Sequence[Checkpoint], clock: Clock, *, base: Path | None = None
    ) -> None:
        self.name: Final = settings.name
        self._product: str = settings.product or ""
        self._path = Path(os.path.abspath(os.path.join(base or "", settings.settings or "")))
        self._clock = clock
        self._offset, self._last = 0, None
        for one in checkpoints:
            self._offset, self._last = one.offset, Meaning.from_data(one.data)
        self._seen: Key | None = None
        self._since = clock.monotonic()
        self._done: Key | None = None
        self._wrong: str | None = None
        self._wrong_since: float | None = None

    def read(self, limit_bytes: int = 0, /) -> LineBatch | None:  # noqa: ARG002 - a change is a few lines
        """Return the changes since the last batch; null when there are none.

        The first batch holds no line unless filtering is off: it stores what later changes are measured by.
        """
        try:
            key = self._key()
            if key == self._done or not self._is_still(key):
                return None
            meaning = understood(self._product, self._path)
            if self._key() != key:
                return None
        except NotUnderstood as error:
            self._note(str(error))
            return None
        self._note(None)
        self._done = key
        if meaning == self._last:
            return None
        at = min(datetime.fromtimestamp(key[0] / 1e9, UTC), self._clock.now())
        data = b"".join(self._line(at, *change) for change in _changes(self._last, meaning))
        first, self._offset, self._last = self._offset, self._offset + len(data), meaning
        return LineBatch(
            source=self.name,
            stream=_STREAM,
            data=data,
            first_offset=first,
            last_offset=self._offset,
            path=str(self._path),
            read_at=self._clock.now(),
            checkpoint=Checkpoint(self.name, _STREAM, self._offset, meaning.to_data()),
        )

    @property
    def problem(self) -> str | None:
        """Why the file has not been understood for a while; null while all is well."""
        late = self._wrong_since is not None and self._clock.monotonic() - self._wrong_since >= TROUBLE
        return self._wrong if late else None

    def lag(self) -> int:
        """Return 0: a change is handed out as soon as it is seen."""
        return 0

    def directories(self) -> list[str]:
        """Return the directory in which the file may be replaced, for :class:`Hints`."""
        return [str(self._path.parent)]

    def forget(self) -> list[str]:
        """Return nothing: what the file meant last is always needed."""
        return []

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _key(self) -> Key:
        try:
            status = self._path.stat()
        except OSError as error:
            raise NotUnderstood(f"{self._path}: cannot be looked at: {error.strerror}; check the path") from None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _is_still(self, key: Key) -> bool:
        now = self._clock.monotonic()
        if key != self._seen:
            self._seen, self._since = key, now
        return now - self._since >= STILL

    def _note(self, wrong: str | None) -> None:
        self._wrong = wrong
        if wrong is None:
            self._wrong_since = None
        elif self._wrong_since is None:
            self._wrong_since = self._clock.monotonic()

    def _line(self, at: datetime, event: str, reason: str, client: str | None = None) -> bytes:
        service = _SERVICES.get(self._product, self._product)
        said = {"time": at.isoformat(), "service": service, "event": event, "reason": reason, "client": client}
        return json.dumps({name: value for name, value in said.items() if value is not None}).encode() + b"\n"


def _changes(old: Meaning | None, new: Meaning) -> Iterator[tuple[str, ...]]:
    """Yield event, reason and perhaps client of each change; at the very first look only that filtering is off."""
    if new.on is False and (old is None or old.on is not False):
        yield "filter_disabled", _OFF if old else "filtering was off when the settings were first read"
    if old is None:
        return
    if new.on and old.on is False:
        yield "filter_enabled", _ON
    yield from _exemptions("exempt", old.exempt, new.exempt)
    yield from _exemptions("clients", old.clients, new.clients)
    if new.rest != old.rest:
        yield "config_changed", "the settings were changed"


def _exemptions(kind: str, old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for event, names in (("exemption_added", set(new) - set(old)), ("exemption_removed", set(old) - set(new))):
        told = sorted(names)
        for name in told[:MOST_LINES]:
            yield (event, name) if kind == "exempt" else (event, _NAMED[kind], name)
        if len(told) > MOST_LINES:
            yield event, f"{len(told) - MOST_LINES} more of these"
