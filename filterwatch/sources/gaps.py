"""What is said about lines that are gone, for the technician who can do something about it."""

from __future__ import annotations

from dataclasses import dataclass

from filterwatch.clock import Clock
from filterwatch.lines import Gap
from filterwatch.sources.compressed import Compressed
from filterwatch.sources.stream import Stream

_REMOVED = "the log was removed before it was read to its end; keep more rotated logs than days without us"
_EMPTIED = "the log was emptied in place and no copy holds its rest; rotate by renaming (logrotate: create)"
_COPIED = "lines written while the log was copied and emptied may be lost; rotate by renaming (logrotate: create)"
_PARTIAL = "all that is left of the log is a part that was read; look for a whole copy of it"
_MISSING = "was removed before it was read, others of its row were not; keep logs until they are read"


@dataclass(frozen=True, slots=True)
class Gaps:
    """Makes the gaps of one source.

    Attributes:
        source: Its name.
        clock: Says when a gap is noticed.
    """

    source: str
    clock: Clock

    def of_lost(self, stream: Stream) -> Gap:
        """Return the gap behind a stream that is nowhere; certain when bytes were seen and not read."""
        known = stream.unread() > 0
        last = stream.identity.size if known else None
        why = _EMPTIED if stream.identity.truncated else _REMOVED
        return Gap(self.source, stream.id, stream.offset, last, self.clock.now(), why, certain=known)

    def of_ended(self, stream: Stream) -> tuple[Gap, ...]:
        """Return what is missing behind the last byte of a stream that ends here; nothing as a rule."""
        reader, identity = stream.reader, stream.identity
        if reader and isinstance(reader.content, Compressed) and not reader.content.complete:
            why = f"the compressed log is {reader.content.damage or 'cut short'}; look for another copy of it"
            return (Gap(self.source, stream.id, reader.offset, None, self.clock.now(), why),)
        # A log that was renamed and compressed ends where it ends; only one that was emptied may have gone on.
        is_part = stream.over and not identity.ended and not stream.whole
        if identity.truncated or is_part:
            why = _COPIED if identity.truncated else _PARTIAL
            offset = reader.offset if reader else stream.offset
            return (Gap(self.source, stream.id, offset, None, self.clock.now(), why, certain=False),)
        return ()

    def of_hole(self, path: str) -> Gap:
        """Return the gap that a rotated log leaves which was never seen."""
        return Gap(self.source, "", None, None, self.clock.now(), f"{path} {_MISSING}")
