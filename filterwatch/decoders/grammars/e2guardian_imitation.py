"""e2guardian's log in format 3, which imitates squid's: the same columns, another verdict, and no reason.

``epoch.ms %6ms client TCP_DENIED|TCP_HIT|TCP_MISS/code size METHOD url user DEFAULT_PARENT/ip mime``

Every 403 is called ``TCP_DENIED/403``, a site's own too.  Without a body it is e2guardian's block before it asked
anybody; with one it is a page that e2guardian withheld for its phrases, or a refusal of the site or of the proxy
behind: the line cannot tell which, and the action is unknown.
Source: e2guardian 5.3.5 live and src/FatController.cpp.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from filterwatch.decoders.grammars import e2guardian_fast, squid
from filterwatch.decoders.grammars.e2guardian_cells import Stamps, person_of
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Clock, Event, Rejected
from filterwatch.decoders.screen import BLANK, SEPARATOR, Lines, Mask, kept
from filterwatch.decoders.tables import Lookup, Row
from filterwatch.decoders.url import asked

_NAMES = ("when", "duration", "ip", "result", "size", "method", "url", "user", "hierarchy", "mime")
_PADDING = 5
_RESULT = re.compile(r"([A-Z][A-Z0-9_]*)/([0-9]{3})")
_HIERARCHY = r"^[A-Z][A-Z0-9_]*/[^ ]+$"


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    answer = squid.read(line)
    if not isinstance(answer, Event):
        return answer
    values = dict(answer.values)
    if "duration_ms" not in values:
        return Rejected("e2guardian: expected squid's native columns")
    if values["user"] == values["client_ip"]:
        values["user"] = values["user_domain"] = None
    # What squid calls the peer is always the parent proxy here.
    values["dest_ip"] = asked(str(values["url"] or ""), str(values["method"] or "")).ip
    values["action"] = _verdict(str(values["filter_reason"]), values["status"], values["bytes_in"])
    return Event(answer.stamp, values)


def _verdict(result: str, status: object, size: object) -> str:
    if status == 407:
        return "auth_required"
    if result == "TCP_DENIED" and status == 403:
        return "unknown" if size else "blocked"
    return "error" if status is None else "allowed"


def read_fast(lines: Lines) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    stamp, good = e2guardian_fast.epochs(lines, BLANK)
    good &= lines.regular & _cut(lines)
    return e2guardian_fast.events(good, stamp, kept(lines, good), _NAMES, _meaning, Clock.UTC)


def _cut(lines: Lines) -> Mask:
    """Put separators between the columns; return the lines that have them all."""
    window = lines.windows(lines.starts + 15, _PADDING)
    padding = np.cumprod(window == BLANK, axis=1).sum(axis=1)
    good: Mask = lines.blanks - padding >= len(_NAMES) - 1
    # What ends otherwise has header blocks, columns of somebody else, or a blank at its end.
    last = lines.byte(lines.ends - 1)
    good &= (last != ord('"')) & (last != ord("]")) & (last != BLANK)
    rows = np.flatnonzero(good)
    first, blanks = lines.first[rows] + padding[rows], lines.blanks[rows] - padding[rows]
    # A number in digits alone follows: zeros take the place of the blanks before it.
    for column in range(_PADDING):
        window[padding > column, column] = ord("0")
    lines.overwrite(lines.starts[rows] + 15, window[rows])
    cuts = [lines.first[rows], *(first + at for at in range(1, 7)), *(first + blanks - back for back in (2, 1))]
    lines.array[lines.marks[np.concatenate(cuts)]] = SEPARATOR
    return good


def _meaning(text: pl.DataFrame) -> pl.DataFrame:
    lookups = [
        Lookup("ip", e2guardian_fast.client_row, {"client_ip": pl.String()}),
        Lookup("who", _person, {"user": pl.String(), "user_domain": pl.String()}),
        *(one for one in e2guardian_fast.lookups(Stamps({})) if one.column in ("whom", "method")),
        Lookup("outcome", _outcome, e2guardian_fast.VERDICT),
        Lookup("mime", _mime, {"mime_type": pl.String()}),
    ]
    outcome = pl.concat_str("result", pl.col("size") == "0", separator=chr(SEPARATOR)).alias("outcome")
    apart = [
        pl.col("hierarchy").str.contains(_HIERARCHY),
        # A size of more than one zero is the exact reader's business.
        (pl.col("size") == "0") | ~pl.col("size").str.starts_with("0"),
    ]
    return e2guardian_fast.meaning(text.with_columns(outcome), lookups, apart)


def _outcome(text: str) -> Row | None:
    result, _, empty = text.partition(chr(SEPARATOR))
    found = _RESULT.fullmatch(result)
    if not found:
        return None
    status = int(found[2]) or None
    return _verdict(found[1], status, empty != "true"), found[1], status


def _person(text: str) -> Row | None:
    name, _, client = text.rpartition(chr(SEPARATOR))
    return None if not name or '"' in name or name.endswith(" -") else person_of(name, client)


def _mime(text: str) -> Row | None:
    return None if '"' in text else (None if text == "-" else text,)


def reader(name: str) -> Reader:
    """Return how format 3 is read."""
    return Reader(name, read, read_fast)
