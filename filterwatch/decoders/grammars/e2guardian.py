"""e2guardian's access.log in its formats 1 to 8, and DansGuardian's, read exactly.

====  ==========  =======================================================================================
1     blanks      when who from where what how size weight category groupno code mime clienthost groupname
                  agent params logid1 logid2 postdata
2     ``","``     the same; quotes inside are not escaped
3     blanks      squid's native columns, without a reason
4     TAB         those of 1
5, 6  TAB         epoch.ms server user ip [clienthost] url how code size mime agent - duration - message_no
                  what weight category groupname groupno
7, 8  TAB         the same, then searchterms extflags
====  ==========  =======================================================================================

DansGuardian lacks the four columns behind the agent.  URL and agent are the pupil's own and may hold the separator, so
that a line may have several readings: a block in any of them counts, and their status is not believed.

Source: e2guardian 5.3.5 live (1 to 6) and src/FatController.cpp; 7 and 8 exist from 5.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.grammars.e2guardian_cells import CODE, DIGITS, METHOD, WEIGHT, Cells, Stamps, event
from filterwatch.decoders.reading import Answer, Clock, Event, Rejected, Stamp, address, visible
from filterwatch.decoders.stamps import DAY, SECOND, days, valid

BEHIND_AGENT = 4
"""Columns that formats 1, 2 and 4 have behind the agent: params, two log ids, postdata."""

CLASSIC = 15
"""Columns of formats 1, 2 and 4 up to the agent."""

PROTEX = 20
"""Columns of formats 5 and 6 with ``logclienthostandip``; without it one less."""

_MOST_WORDS = 16
"""Words of a category name that are looked through."""

_MOST_TRIED = 32
"""Places, from either end, that are tried as the method of a line with several."""

_METHOD, _DIGITS, _WEIGHT, _CODE = (re.compile(pattern) for pattern in (METHOD, DIGITS, WEIGHT, CODE))
_WHEN = re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2}) (\d{1,2}):(\d\d):(\d\d)", re.ASCII)
_EPOCH = re.compile(r"([0-9]{9,10})\.([0-9]{3})")
_PRODUCT = re.compile(r"[A-Za-z][\w.+!-]*/", re.ASCII)
_NO_EVENT = "e2guardian: the client is no IP address"

Columns = Callable[[str, Stamps], Answer]
"""Reads the text of one line in one format."""


def reader(columns: Columns, stamps: Stamps) -> Callable[[bytes], Answer]:
    """Return what reads lines of one format, also with a syslog header in front."""

    def read(line: bytes) -> Answer:
        text = visible(line)
        answer = columns(text, stamps)
        if isinstance(answer, Rejected):
            inside = open_envelope(text)
            if inside.program and inside.program.endswith("guardian"):
                return columns(inside.message.replace("#011", "\t"), stamps)
        return answer

    return read


def spaces(tail: int) -> Columns:
    """Return the reader of format 1, with *tail* columns behind the agent."""

    def read(text: str, stamps: Stamps) -> Answer:
        parts = text.split(" ")
        when = _when(" ".join(parts[:2]))
        place = next((at for at in range(4, len(parts)) if "://" in parts[at]), None)
        if when is None or place is None:
            return Rejected("e2guardian: expected 'date time user address URL'")
        if address(parts[place - 1]) is None:
            return Rejected(_NO_EVENT)
        anchors, last = _anchors(parts, place + 1), len(parts) - tail
        tried = ((at, _code_at(parts, at, last)) for at in anchors[:_MOST_TRIED] + anchors[-_MOST_TRIED:])
        method, code = next(((at, code) for at, code in tried if code), (0, 0))
        # "ADULT 1 403" is the category, group and status of the same reading.
        others = [at for at in anchors if at != method and not method < at < code]
        whats: list[str] = []
        if others:
            start = place + 1 + reason_at(parts[place + 1 : anchors[-1]], stamps)
            whats = [" ".join(parts[start : next(at for at in anchors if at >= start)])]
        cells = _spaced(parts, place, (method, code, last), stamps) if code else None
        return _gravest(when, cells, whats, stamps)

    return read


def _code_at(parts: list[str], method: int, last: int) -> int | None:
    """Return where the status stands behind *method*, size, weight, a category of some words and the group number."""
    words = range(method + 4, min(method + 4 + _MOST_WORDS, last - 3))
    return next((at + 1 for at in words if _ends(parts, at)), None)


def _spaced(parts: list[str], place: int, found: tuple[int, int, int], stamps: Stamps) -> Cells:
    """Return the columns of format 1: the URL begins at *place*, method, status and end were *found*."""
    at, code, last = found
    start = reason_at(parts[place + 1 : at], stamps) + place + 1
    return Cells(
        " ".join(parts[2 : place - 1]),
        parts[place - 1],
        " ".join(parts[place:start]),
        " ".join(parts[start:at]),
        parts[at],
        parts[at + 1],
        " ".join(parts[at + 3 : code - 1]),
        parts[code],
        parts[code + 1],
        agent(parts[code + 3 : last]),
    )


def _ends(parts: list[str], at: int) -> bool:
    return bool(_DIGITS.fullmatch(parts[at]) and _CODE.fullmatch(parts[at + 1]))


def reason_at(words: Sequence[str], stamps: Stamps) -> int:
    """Return which of *words*, between URL and method, the reason begins with: a URL may hold blanks."""
    stamped = [at for at, word in enumerate(words) if word.startswith("*")]
    for at in stamped:
        if stamps.reason(" ".join(words[at : at + 4])).action == "blocked":
            return at
    if words and words[-1] == "-" and not stamped:
        return len(words) - 1
    return stamped[0] if stamped else 0


def agent(words: Sequence[str]) -> str:
    """Return the user agent out of group name and agent: from the first ``product/`` on; empty where none is."""
    at = next((at for at, word in enumerate(words) if at and _PRODUCT.match(word)), len(words))
    return " ".join(words[at:])


def separated(separator: str, quote: str, tail: int) -> Columns:
    """Return the reader of formats 2 and 4, with *tail* columns behind the agent."""

    def read(text: str, stamps: Stamps) -> Answer:
        if quote and not (len(text) > 1 and text[0] == text[-1] == quote):
            return Rejected("e2guardian: expected columns in quotes")
        parts = (text[1:-1] if quote else text).split(separator)
        when = _when(parts[0])
        if when is None or len(parts) < CLASSIC + tail:
            return Rejected(f"e2guardian: expected a date and {CLASSIC + tail} columns")
        whole = len(parts) == CLASSIC + tail and _ends_well(parts, 5)
        anchors = [5] if whole else [at for at in _anchors(parts, 5) if _ends_well(parts, at)]
        cells = _separated(parts, anchors[0], tail, separator) if anchors else None
        return _gravest(when, cells, [parts[at - 1] for at in anchors[1:]], stamps)

    return read


def _ends_well(parts: list[str], at: int) -> bool:
    return at + 9 < len(parts) and _anchored(parts, at) and _ends(parts, at + 4)


def _separated(parts: list[str], at: int, tail: int, separator: str) -> Cells:
    agent = separator.join(parts[at + 9 : max(len(parts) - tail, at + 10)])
    url = separator.join(parts[3 : at - 1])
    method, size, category, code, mime = (parts[at + behind] for behind in (0, 1, 3, 5, 6))
    return Cells(parts[1], parts[2], url, parts[at - 1], method, size, category, code, mime, agent)


def protex(extra: int) -> Columns:
    """Return the reader of formats 5 to 8, with *extra* columns behind the group number."""

    def read(text: str, stamps: Stamps) -> Answer:
        parts = text.split("\t")
        epoch = _EPOCH.fullmatch(parts[0])
        if epoch is None or len(parts) < PROTEX - 1 + extra:
            return Rejected(f"e2guardian: expected epoch.ms and {PROTEX + extra} columns")
        url = 4 if "://" in parts[4] else 5
        heads, tails = [url + 1], [url + 9]
        if len(parts) != PROTEX - 5 + url + extra or not (_head(parts, url + 1) and _tail(parts, url + 9)):
            # Most columns of a long line that only repeats tabs are empty: those are passed over without a match.
            heads = [at for at in range(url + 1, len(parts) - 13) if parts[at] and _head(parts, at)]
            start = heads[0] + 8 if heads else len(parts)
            tails = [at for at in range(start, len(parts) - 5) if parts[at] and _tail(parts, at)]
        stamp = Stamp((int(epoch[1]) * 1000 + int(epoch[2])) * 1000, Clock.UTC)
        cells = _protex(parts, url, heads[0], tails[0]) if tails else None
        # A second head shows itself only by its status: that of neither is believed.
        more = [parts[at + 1] for at in (tails[1:] or tails[: len(heads) - 1])]
        return _gravest(stamp, cells, more, stamps)

    return read


def _head(parts: list[str], at: int) -> bool:
    found = _METHOD.fullmatch(parts[at]) and _CODE.fullmatch(parts[at + 1]) and _DIGITS.fullmatch(parts[at + 2])
    return found is not None


def _tail(parts: list[str], at: int) -> bool:
    """Return whether a message number stands at *at*, with duration, weight and group number around it."""
    number = _DIGITS.fullmatch(parts[at]) and _DIGITS.fullmatch(parts[at - 2])
    found = number and _WEIGHT.fullmatch(parts[at + 2]) and _DIGITS.fullmatch(parts[at + 5])
    return found is not None


def _protex(parts: list[str], url: int, head: int, tail: int) -> Cells:
    return Cells(
        parts[2],
        parts[3],
        "\t".join(parts[url:head]),
        parts[tail + 1],
        parts[head],
        parts[head + 2],
        parts[tail + 3],
        parts[head + 1],
        parts[head + 3],
        "\t".join(parts[head + 4 : tail - 3]),
        parts[tail - 2],
        parts[tail],
    )


def _anchors(parts: list[str], start: int) -> list[int]:
    """Return the places, from *start* on, where method, size and weight stand."""
    return [at for at in range(start, len(parts) - 8) if _anchored(parts, at)]


def _anchored(parts: list[str], at: int) -> bool:
    words = _METHOD.fullmatch(parts[at]) and _DIGITS.fullmatch(parts[at + 1]) and _WEIGHT.fullmatch(parts[at + 2])
    return words is not None


def _gravest(stamp: Stamp, cells: Cells | None, others: Sequence[str], stamps: Stamps) -> Answer:
    """Return the event of the first reading of a line; a block among the reasons of *others* counts for it."""
    if cells is None:
        return Rejected("e2guardian: expected method, size, weight and status behind the URL")
    if others:
        blocked = (what for what in others if stamps.reason(what).action == "blocked")
        what = cells.what if stamps.reason(cells.what).action == "blocked" else next(blocked, cells.what)
        cells = cells._replace(code="", what=what)
    found: Event | None = event(stamp, cells, stamps)
    return found or Rejected(_NO_EVENT)


def _when(text: str) -> Stamp | None:
    found = _WHEN.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    if not valid(year, month, day) or hour > 23 or minute > 59 or second > 60:
        return None
    return Stamp(int(days(year, month, day)) * DAY + (hour * 3600 + minute * 60 + second) * SECOND, Clock.WALL)
