"""The formats of e2guardian and DansGuardian: which reader each has, and by what its lines are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import e2guardian, e2guardian_fast, e2guardian_imitation
from filterwatch.decoders.grammars.e2guardian_cells import E2guardianOptions, Stamps
from filterwatch.decoders.line_decoder import Reader

_SOURCE = "e2guardian 5.3.5 live and src/FatController.cpp"
_QUOTED = '","'

Layout = tuple[e2guardian.Columns, Callable[[Stamps], e2guardian_fast.Reading]]

_TAIL = e2guardian.BEHIND_AGENT
_LAYOUTS: dict[str, Layout] = {
    "e2guardian_1": (e2guardian.spaces(_TAIL), partial(e2guardian_fast.spaces, _TAIL)),
    "e2guardian_2": (e2guardian.separated(_QUOTED, '"', _TAIL), partial(e2guardian_fast.quoted, _TAIL)),
    "e2guardian_4": (e2guardian.separated("\t", "", _TAIL), partial(e2guardian_fast.tabbed, _TAIL)),
    "e2guardian_5": (e2guardian.protex(0), partial(e2guardian_fast.protex, 0)),
    "e2guardian_6": (e2guardian.protex(0), partial(e2guardian_fast.protex, 0)),
    "e2guardian_7": (e2guardian.protex(2), partial(e2guardian_fast.protex, 2)),
    "e2guardian_8": (e2guardian.protex(2), partial(e2guardian_fast.protex, 2)),
    "dansguardian": (e2guardian.spaces(0), partial(e2guardian_fast.spaces, 0)),
}


def _reader(name: str, options: Options) -> Reader:
    columns, fast = _LAYOUTS[name]
    stamps = Stamps.of(options)
    return Reader(name, e2guardian.reader(columns, stamps), fast(stamps))


_DATED = rb"\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d"
_MARKS = {
    # Two log ids that nobody sets stand before the last column: DansGuardian's lines end with the agent.
    "e2guardian_1": re.compile(rb"^" + _DATED + rb" [^\t]* - - [^ ]+\r?$", re.DOTALL),
    "e2guardian_2": re.compile(rb'^"' + _DATED + rb'","', re.DOTALL),
    "e2guardian_4": re.compile(rb"^" + _DATED + rb"\t", re.DOTALL),
}


def _claims(mark: re.Pattern[bytes], line: bytes, _: Mapping[str, object]) -> bool:
    return mark.search(line) is not None


def _format(name: str) -> Format:
    title = (
        "DansGuardian access.log, format 1" if name == "dansguardian" else f"e2guardian access.log, format {name[-1]}"
    )
    mark = _MARKS.get(name)
    # Formats 5 and 6 look alike, so do 7 and 8; DansGuardian's lines look like cut ones of e2guardian: to be named.
    claims = partial(_claims, mark) if mark else None
    return Format(title, "columns", E2guardianOptions, of_lines(_reader), claims, _SOURCE)


FORMATS = {name: _format(name) for name in _LAYOUTS} | {
    "e2guardian_3": Format(
        "e2guardian access.log, format 3 (imitates squid)",
        "columns",
        Options,
        of_lines(lambda name, _: e2guardian_imitation.reader(name)),
        source=_SOURCE,
    ),
}
