"""The exact reader of a compiled ``logformat``: where each field of a line begins and ends, if only one answer fits.

Fields whose text is limited (addresses, numbers, times, words, encoded texts up to a character that their encoding
never writes) are *firm*: with the texts around them they form segments.  *Free* fields (user, headers, notes) lie
between the segments.  The leftmost way to place the segments and the rightmost one are both found; where they differ,
the line fits two readings, one of which is forged, and only what both of them say is believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from filterwatch.decoders.families.logformat import Definition, Field
from filterwatch.decoders.families.logformat_codes import Shape
from filterwatch.decoders.families.logformat_times import DEFAULT, pattern_of

MOST_TRIES: Final = 256
"""Places that a segment is tried at whose texts may run over other such places; more would take too long."""

_CLOSED: Final = {
    '"': ('"\t', r'(?:[^"\\\t]|\\.)*+'),
    "[": ("[]\t", r"(?:[^\[\]\\\t]|\\.)*+"),
    "#": (' "<>[]{}|\t', r'[^ "<>\[\]{}|\t]*+'),
    "/": (" ", r'(?:"(?:[^"\\]|\\.)*+"|[^ "]*+)'),
}
"""What an encoding never writes, and what it writes."""

_WITH_BLANKS = frozenset(_CLOSED[encoding][1] for encoding in '"[/')
"""Those of them that may hold blanks."""

_STOPPERS = ",;|()[]{}<>'=&"


def _firm(piece: Field, following: str, *, stretch: bool) -> str | None:
    """Return the expression of a field whose end can be told; null for a free one.

    Args:
        piece: The field.
        following: The text behind it; empty at the end of the line.
        stretch: Whether URLs may hold blanks.
    """
    shape = piece.meaning.shape
    stoppers, encoded = _CLOSED.get(piece.encoding, ("", ""))
    if shape is Shape.TIME:
        return time_pattern(piece)
    if shape not in (Shape.WORD, Shape.URL, Shape.FREE):
        return shape.value
    if encoded and (following[:1] in stoppers if following else piece.encoding in "#/"):
        return encoded
    if shape is Shape.URL and not stretch and following[:1] in ("", " ", "\t"):
        return r"[^ \t]++"
    if shape is Shape.WORD:
        stopper = following[:1] if following[:1] in _STOPPERS else ""
        return rf'[^\s"{re.escape(stopper)}]+'
    return None


def time_pattern(piece: Field) -> str:
    """Return the expression of a ``%tl`` or ``%tg``, without groups."""
    if piece.code == "tg" and not piece.argument:
        return f"{pattern_of(DEFAULT[:-3], ValueError, named=False)}(?: [+-][0-9]{{4}})?"
    return pattern_of(piece.argument or DEFAULT, ValueError, named=False)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Some texts and firm fields side by side.

    Attributes:
        head: The text that it begins with; empty for the end of the line behind a free field.
        pattern: What it looks like.
        fields: The numbers of its fields.
        quick: Whether no try runs past the next blanks, and each begins at one: all places together cost no more than
            reading the line once, so hundreds of quotes in a user agent hide nothing.
    """

    head: str
    pattern: re.Pattern[str]
    fields: tuple[int, ...]
    quick: bool

    def tries(self, text: str) -> int:
        """Return at how many places of *text* it may be tried."""
        return len(text) + 1 if self.quick else MOST_TRIES

    def first(self, text: str, at: int) -> re.Match[str] | None:
        """Return its first place in *text* from *at* on.

        Raises:
            _TooManyPlacesError: It fits at none of the first places.
        """
        if not self.head:
            return self.pattern.match(text, len(text))
        if self.quick:
            return self.pattern.search(text, at)
        for _ in range(MOST_TRIES):
            at = text.find(self.head, at)
            match = self.pattern.match(text, at) if at >= 0 else None
            if match or at < 0:
                return match
            at += 1
        raise _TooManyPlacesError


@dataclass(slots=True)
class _Writing:
    """A segment while it is put together."""

    parts: list[str] = field(default_factory=list)
    head: str = ""
    fields: list[int] = field(default_factory=list)
    blanks: bool = False
    """Whether one of the fields may hold any number of blanks."""

    def done(self, *, last: bool) -> _Segment:
        pattern = re.compile("".join(self.parts) + (r"\Z" if last else ""), re.DOTALL)
        quick = not self.fields or (" " in self.head and not self.blanks)
        return _Segment(self.head, pattern, tuple(self.fields), quick)


class TwoReadingsError(ValueError):
    """A line fits a definition in two ways.

    Attributes:
        shortest: The text of each field in the leftmost reading; null where the readings disagree where it begins.
        longest: The same of the rightmost reading.  A field is sure where both are one text.
    """

    def __init__(self, shortest: list[str | None], longest: list[str | None]) -> None:
        super().__init__()
        self.shortest, self.longest = shortest, longest


class _TooManyPlacesError(ValueError):
    """A segment fits at none of the first :data:`MOST_TRIES` places."""


class Matcher:
    """Reads lines of one definition.

    Args:
        definition: What a line looks like.
        stretch: Whether URLs may hold blanks (``uri_whitespace allow``).
    """

    def __init__(self, definition: Definition, *, stretch: bool = False) -> None:
        self._segments: list[_Segment] = []
        self._free: list[int] = []
        writing, number = _Writing(), 0
        pieces = definition.pieces
        for at, piece in enumerate(pieces):
            if isinstance(piece, str):
                writing.head = writing.head or ("" if writing.parts else piece)
                writing.parts.append(re.escape(piece))
                continue
            behind = pieces[at + 1] if at + 1 < len(pieces) else ""
            following = behind if isinstance(behind, str) else ""
            expression = _firm(piece, following, stretch=stretch)
            if expression is None:
                self._segments.append(writing.done(last=False))
                self._free.append(number)
                writing = _Writing()
            else:
                pad = f" {{0,{piece.padding}}}" if piece.padding else ""
                writing.parts.append(f"{'' if piece.left else pad}({expression}){pad if piece.left else ''}")
                writing.fields.append(number)
                writing.blanks |= expression in _WITH_BLANKS
            number += 1
        self._segments.append(writing.done(last=True))
        self._count = number

    def read(self, text: str, *, latest: bool = False) -> list[str] | None:
        """Return the text of each field; null where the line does not fit.

        Args:
            text: The line.
            latest: Of several readings take the one whose first free fields are the longest.

        Raises:
            TwoReadingsError: It fits in two ways, or nobody can say in how many.
        """
        first = self._segments[0].pattern.match(text)
        if not first:
            return None
        if not self._free:
            return self._texts(text, [first])
        try:
            forward = self._forward(text, first)
            backward = self._backward(text, first) if forward else None
        except _TooManyPlacesError:
            only = [None if begin < 0 else text[begin:end] for begin, end in self._spans([first])]
            raise TwoReadingsError(only, only) from None
        if forward is None or backward is None:
            return None
        if [found.start() for found in forward] != [found.start() for found in backward]:
            if not latest:
                raise self._disagreement(text, forward, backward)
            return self._texts(text, backward)
        return self._texts(text, forward)

    def _forward(self, text: str, first: re.Match[str]) -> list[re.Match[str]] | None:
        found = [first]
        for segment in self._segments[1:]:
            match = segment.first(text, found[-1].end())
            if not match:
                return None
            found.append(match)
        return found

    def _backward(self, text: str, first: re.Match[str]) -> list[re.Match[str]] | None:
        found: list[re.Match[str]] = []
        end = len(text)
        for segment in reversed(self._segments[1:]):
            at, match = end, None
            for _ in range(segment.tries(text)):
                at = text.rfind(segment.head, first.end(), at) if segment.head else at
                match = segment.pattern.match(text, at) if at >= 0 else None
                if at < 0 or (match and match.end() <= end):
                    break
                match = None
                at += len(segment.head) - 1
            else:
                raise _TooManyPlacesError
            if not match:
                return None
            found.append(match)
            end = match.start()
        return [first, *reversed(found)]

    def _disagreement(self, text: str, forward: list[re.Match[str]], backward: list[re.Match[str]]) -> TwoReadingsError:
        shortest: list[str | None] = []
        longest: list[str | None] = []
        for (begin, end), (later, last) in zip(self._spans(forward), self._spans(backward), strict=True):
            shortest.append(text[begin:end] if begin == later else None)
            longest.append(text[later:last] if begin == later else None)
        return TwoReadingsError(shortest, longest)

    def _texts(self, text: str, found: list[re.Match[str]]) -> list[str]:
        return [text[begin:end] for begin, end in self._spans(found)]

    def _spans(self, found: list[re.Match[str]]) -> list[tuple[int, int]]:
        """Return where each field begins and ends; -1 for those of segments that were not found."""
        spans = [(-1, -1)] * self._count
        for segment, match in zip(self._segments, found, strict=False):
            for group, number in enumerate(segment.fields, 1):
                spans[number] = match.span(group)
        for number, before, behind in zip(self._free, found, found[1:], strict=False):
            spans[number] = (before.end(), behind.start())
        return spans
