"""Lines of other programs in a system log that several write to: they mean nothing to a format and are no mistake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from filterwatch.decoders.envelope import Envelope, open_envelope
from filterwatch.decoders.reading import NO_STAMP, Skipped

FOREIGN: Final = Skipped("a line of another program")
"""The answer to such a line."""

_SYSTEM: Final = frozenset(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines())
"""Programs of any Linux machine: what ``foreign.txt`` names."""


def of_the_system(text: str) -> bool:
    """Whether a line of a system log is one of the programs that every machine runs: no format's own."""
    envelope = open_envelope(text)
    program = (envelope.program or "").strip("()").partition("/")[0].lower()
    return envelope.stamp is not NO_STAMP and (program in _SYSTEM or program.startswith("systemd"))


def of_another(envelope: Envelope, own: re.Pattern[str]) -> bool:
    """Whether a line of a system log (time, host, program) is no program's of a format's *own*."""
    whole = envelope.stamp is not NO_STAMP and envelope.host is not None
    return whole and envelope.program is not None and not own.fullmatch(envelope.program)
