r"""Squid's ``logformat``: a definition such as ``%ts.%03tu %6tr %>a`` taken apart into texts and fields.

A code is ``% [encoding] [-] [[0]width[.width]] [{argument}] code [{argument}]``; text between codes separates them.
Codes glued to letters are told by the longest code that is known; an unknown one is a field that matches anything.

Source: TAG logformat in squid.conf (squid 5.7).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

from filterwatch.decoders.families.logformat_codes import CODES, HEADERS, UNKNOWN, Code, Shape
from filterwatch.decoders.families.logformat_times import pattern_of

_TOKEN = re.compile(
    r"%(?P<encoding>[\"\[#'/]?)(?P<left>-?)(?P<least>\d*)(?:\.(?P<most>\d+))?(?:\{(?P<before>[^}]*)\})?"
    r"(?P<code>(?:\w+::)?[<>]?[A-Za-z_]+)(?:\{(?P<after>[^}]*)\})?"
)
_TIME_CODES = ("tl", "tg")
_MOST_PADDING = 64


class Wrong(ValueError):
    """A definition cannot be compiled; the text says what is wrong and at which character, counted from 1."""

    def __init__(self, at: int, problem: str) -> None:
        super().__init__(f"character {at + 1}: {problem}")


@dataclass(frozen=True, slots=True)
class Field:
    """One code of a definition.

    Attributes:
        code: The code without ``http::``, such as ``>a``.
        meaning: What it says and what its text looks like.
        encoding: One of ``" [ # / '`` or nothing.
        argument: A header's name or a format of ``strftime``; empty where it has none.
        padding: How many blanks may stand before (or, left-aligned, behind) it.
        left: Whether it is left-aligned.
    """

    code: str
    meaning: Code
    encoding: str = ""
    argument: str = ""
    padding: int = 0
    left: bool = False


Piece = str | Field
"""A text that every line holds, or a field."""


@dataclass(frozen=True)
class Definition:
    """A definition taken apart.

    Attributes:
        text: As written.
        pieces: Its texts and fields, in order; two fields stand side by side only where digits or times end by
            themselves.
    """

    text: str
    pieces: tuple[Piece, ...]

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The fields, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Field))


def parse(text: str) -> Definition:
    """Return the *text* of a definition taken apart.

    Raises:
        Wrong: There is a ``%`` without a code, a time format that cannot be read back, or nothing that an event needs.
    """
    pieces: list[Piece] = []
    at = 0
    while at < len(text):
        percent = text.find("%", at)
        if percent < 0:
            percent = len(text)
        if percent > at:
            _add(pieces, text[at:percent])
        if percent == len(text):
            break
        if text.startswith("%%", percent):
            _add(pieces, "%")
            at = percent + 2
            continue
        field, at = _field(text, percent)
        pieces.append(field)
    united = _united(pieces)
    if not any(isinstance(piece, Field) and piece.meaning.role for piece in united):
        raise Wrong(0, "no code that says who asked for what; write a logformat such as '%ts.%03tu %6tr %>a ...'")
    return Definition(text, united)


def _add(pieces: list[Piece], text: str) -> None:
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] += text
    else:
        pieces.append(text)


def _field(text: str, at: int) -> tuple[Field, int]:
    """Return the field whose ``%`` stands *at*, and where it ends."""
    found = _TOKEN.match(text, at)
    if not found:
        raise Wrong(at, "no code behind '%'; write %% for a percent sign")
    if found["before"] is not None and found["after"] is not None:
        raise Wrong(at, "an argument before and behind the code; squid takes one of them")
    code, end = _longest(found["code"]), found.end()
    if len(code) < len(found["code"]):
        end = found.start("code") + len(code)
        argument = found["before"] or ""
    else:
        argument = found["before"] or found["after"] or ""
    code = code.removeprefix("http::")
    meaning = CODES.get(code, UNKNOWN)
    if code in (">h", "<h", ">ha"):
        meaning = replace(meaning, role=HEADERS.get((code[0], argument.split(":")[0].lower())))
    if code in _TIME_CODES and argument:
        pattern_of(argument, lambda problem: Wrong(at, problem))
    least = found["least"]
    padded = least and not least.startswith("0")
    padding = min(int(least), _MOST_PADDING) if padded and len(least) < 5 else 0
    return Field(code, meaning, found["encoding"], argument, padding, bool(found["left"])), end


def _longest(code: str) -> str:
    """Return the longest known beginning of *code*; all of it where none is known."""
    for end in range(len(code), 0, -1):
        if code[:end].removeprefix("http::") in CODES:
            return code[:end]
    return code


def _united(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Unite fields that nothing separates and that do not end by themselves: nobody can tell where one begins."""
    united: list[Piece] = []
    for piece in pieces:
        last = united[-1] if united else None
        if isinstance(piece, Field) and isinstance(last, Field) and not (_ends(last) and _ends(piece)):
            united[-1] = Field(f"{last.code}+{piece.code}", UNKNOWN)
        else:
            united.append(piece)
    return tuple(united)


def _ends(field: Field) -> bool:
    return field.meaning.shape in (Shape.SECONDS, Shape.MILLIS, Shape.TIME) and not field.padding
