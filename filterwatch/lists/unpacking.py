"""Archives from strangers: only regular files, only so many bytes, nothing outside, nothing written."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, Self

from filterwatch.errors import FilterwatchError

MOST_MEMBERS = 20_000
"""Files in an archive; v2fly's has some 1,500."""

WORST_RATIO = 150
"""Times that a file may grow when unpacked: text of names shrinks three to eight times, zeros a thousand times."""

SMALL = 4 << 20
"""Bytes below which the ratio does not matter."""


MOST_HEADER = 1 << 20
"""Bytes of a name or a header inside of a tar: each is read into memory whole."""

_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Refused(FilterwatchError):
    """What came is not what a list should be; its text says why."""


PIECE = 1 << 20
"""Bytes of a list that are read at once."""


class Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to *size* bytes; nothing at the end."""
        ...


class Capped(io.BufferedIOBase):
    """A stream that ends in :class:`Refused` when more comes out of it than was allowed.

    Args:
        stream: What to read.
        most: Bytes.
        packed: Bytes of the file that it is unpacked from.
    """

    def __init__(self, stream: Readable, most: int, packed: int) -> None:
        self._stream = stream
        self._most = min(most, max(SMALL, packed * WORST_RATIO))
        self._seen = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to *size* bytes.

        Raises:
            Refused: More than was allowed, or a damaged archive.
        """
        wanted = self._most + 1 if size is None or size < 0 else size
        try:
            block = self._stream.read(wanted)
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
            raise Refused(f"damaged or cut short ({error})") from None
        self._seen += len(block)
        if self._seen > self._most:
            raise Refused(f"unpacks to more than {self._most >> 20} MB")
        return block


def members(path: Path, archive: str, most: int) -> Iterator[tuple[str, Capped]]:
    """Yield name and content of each regular file, to be read before the next; links and devices are left out.

    Args:
        path: What came.
        archive: ``none``, ``gz``, ``tar``, ``tar.gz`` or ``zip``.
        most: Bytes that all of it may unpack to.

    Raises:
        Refused: It is damaged, no such archive, would write outside of its folder, or unpacks to too much.
    """
    packed = path.stat().st_size
    with path.open("rb") as file:
        if archive == "none":
            yield path.name, Capped(file, most, most)
        elif archive == "gz":
            yield path.name, Capped(_gunzip(file), most, packed)
        elif archive == "zip":
            yield from _zip(file, most, packed)
        else:
            stream = Capped(file, most, most) if archive == "tar" else Capped(_gunzip(file), most, packed)
            yield from _tar(stream, most)


def _gunzip(file: BinaryIO) -> gzip.GzipFile:
    if file.read(2) != b"\x1f\x8b":
        raise Refused("not packed with gzip")
    file.seek(0)
    return gzip.GzipFile(fileobj=file)


class _Member(tarfile.TarInfo):
    """A member of a tar whose headers are no larger than they need be."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read the first block of a member."""
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADERS and member.size > MOST_HEADER:
            raise Refused(f"holds a header of more than {MOST_HEADER >> 20} MB")
        return member


def _tar(stream: Capped, most: int) -> Iterator[tuple[str, Capped]]:
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as tar:
            for number, member in enumerate(tar):
                _check(member.name, number)
                # A sparse file gives zeros without end for no bytes at all.
                content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                if content is not None:
                    yield member.name, Capped(content, most, most)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Refused(f"damaged or cut short ({error})") from None


def _zip(file: BinaryIO, most: int, packed: int) -> Iterator[tuple[str, Capped]]:
    try:
        with zipfile.ZipFile(file) as archive:
            for number, info in enumerate(archive.infolist()):
                _check(info.filename, number)
                kind = stat.S_IFMT(info.external_attr >> 16)
                if info.is_dir() or kind not in {0, stat.S_IFREG}:
                    continue
                if info.flag_bits & 1:
                    raise Refused("packed with a password")
                with archive.open(info) as content:
                    capped = Capped(content, most, packed)
                    yield info.filename, capped
                    most -= capped._seen  # noqa: SLF001 - one module
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise Refused(f"damaged or cut short ({error})") from None


def _check(name: str, number: int) -> None:
    if number >= MOST_MEMBERS:
        raise Refused(f"more than {MOST_MEMBERS} files in one archive")
    place = PurePosixPath(name.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or "\0" in name:
        raise Refused("holds a file that would lie outside of its folder")


def whole_lines(stream: Readable, longest: int | None = None) -> Iterator[bytes]:
    """Yield what *stream* gives in pieces of whole lines.

    Raises:
        Refused: A line has more than *longest* bytes, where that is given.
    """
    rest = b""
    while block := stream.read(PIECE):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
        if longest is not None and len(rest) > longest + PIECE:
            raise Refused(f"a line is longer than {longest >> 20} MB")
    if rest:
        yield rest
