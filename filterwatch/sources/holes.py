"""Numbered rotated logs that are missing from the row: somebody removed one while nobody looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from filterwatch.sources.names import order_of
from filterwatch.sources.scan import Found
from filterwatch.sources.stream import Stream


def holes(
    found: Iterable[Found], stream_at: Callable[[Found], Stream | None], is_new: Callable[[Stream], bool]
) -> Iterator[tuple[Stream, list[str]]]:
    """Yield rotated logs that must have been there: the next newer stream, and the paths missing before it.

    Asked at a start, of the logs rotated away since the last one that was read before; dated names do not tell.

    Args:
        found: The files of one look.
        stream_at: Gives the stream that a file holds.
        is_new: Whether a stream was met after this start.
    """
    families: dict[str, dict[int, Stream | None]] = defaultdict(dict)
    for one in found:
        kind, number = order_of(one.mark)
        if one.current or kind == "number":
            families[one.family][0 if one.current else number] = stream_at(one)
    for family, row in families.items():
        streams = {number: stream for number, stream in row.items() if stream}
        read = [number for number, stream in streams.items() if not is_new(stream) and not stream.identity.passed]
        new = [number for number, stream in streams.items() if number and is_new(stream)]
        if not new:
            continue
        missing: list[str] = []
        for number in range((min(read) if read else max(new)) - 1, min(new) - 1, -1):
            if number not in row:
                missing.append(f"{family}.{number}")
            elif missing and number in streams:
                yield streams[number], missing
                missing = []
