"""One log from its first line to its last, whatever its file is called meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from filterwatch.lines import Checkpoint
from filterwatch.sources.content import Content, Plain
from filterwatch.sources.cutting import Trim
from filterwatch.sources.identity import Identity, Inode
from filterwatch.sources.reader import Reader


@dataclass(slots=True, eq=False)
class Stream:
    """A log that is followed, or known and done with.

    Attributes:
        id: Made once when it is first seen; stable over renaming and compression.
        family: Path of the log it was written as.
        offset: Uncompressed; behind the last line handed out.
        identity: How to know it again.
        reader: Its open file; null while it has none.
        current: Whether its writer's name leads to it.
        rank: Place in the order oldest first, among its family.
        moved: Monotonic seconds when it last grew or lost its writer's name.
        missing: Monotonic seconds since when it is nowhere; null while it is somewhere.
        over: Whether all that is left of it was read before: it only has to be ended.
        whole: Whether what is left is a compressed log that is complete, and ends where reading ended.
    """

    id: str
    family: str
    offset: int
    identity: Identity
    reader: Reader | None = None
    current: bool = False
    rank: int = -1
    moved: float = 0.0
    missing: float | None = None
    over: bool = False
    whole: bool = False

    @classmethod
    def restored(cls, stream: str, offset: int, data: dict[str, Any]) -> Stream:
        """Return a stream as its checkpoint tells."""
        return cls(stream, data["family"], offset, Identity.from_data(data))

    def checkpoint(self, source: str) -> Checkpoint:
        """Return how far it was read."""
        return Checkpoint(source, self.id, self.offset, self.to_data())

    def to_data(self) -> dict[str, Any]:
        """Return JSON values for a checkpoint."""
        return {"family": self.family, **self.identity.to_data()}

    def open(self, content: Content, inode: Inode, trim: Trim) -> bool:
        """Go on in *content*; return whether that holds what was read, as it did when it was told apart.

        A plain file may be emptied between the two.  Looked at after the reader took its own memory from it, and
        before that is believed, so that what is known of the log outlives its file.
        """
        self.close()
        self.identity.inode = inode
        self.reader = Reader(content, self.offset, trim)
        if self.offset and isinstance(content, Plain) and not self.identity.fits(content.read):
            return False
        self.identity.head = self.reader.head()
        return True

    def close(self) -> None:
        """Let go of its file."""
        if self.reader:
            self.reader.close()
            self.reader = None

    def advance(self) -> None:
        """Note what its reader handed out."""
        if self.reader:
            self.offset = self.reader.offset
            self.identity.head = self.reader.head()
            self.identity.anchor = self.reader.anchor()

    def measure(self) -> int:
        """Return up to which offset there is something to read in its open file; 0 without one.

        Raises:
            TruncatedError: The file no longer holds what was read.
        """
        if self.reader is None:
            return 0
        size = self.reader.measure()
        if not self.identity.compressed:
            self.identity.size = size
            self.identity.head = self.reader.head()
        return size

    def unread(self) -> int:
        """Return how many bytes of a plain file are known and not handed out."""
        return 0 if self.identity.compressed else max(0, self.identity.size - self.offset)

    def is_open_at(self, key: tuple[int, int]) -> bool:
        """Return whether it is being read from that inode."""
        return self.reader is not None and self.identity.inode.key == key

    def twin(self) -> Plain | None:
        """Return the plain file it is read from, which any copy of it must equal; null if there is none."""
        content = self.reader.content if self.reader else None
        return content if isinstance(content, Plain) else None
