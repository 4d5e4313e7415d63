"""Decoders: from the lines of one format to the event frame.

``make(name, options, zone=...)`` gives a :class:`Decoder`; ``decode(batch)`` answers every line: event, rejected or
skipped.  A format is a reader of single lines, and where speed matters a vectorised one that says the same
(``line_decoder``); what formats share are the envelope (``envelope``, ``stamps``, ``times``) and the ``families``.
A format is a module in ``grammars`` or a field map in ``formats``.
"""

from filterwatch.decoders.catalogue import UnknownFormat, add, formats, make, names, shipped
from filterwatch.decoders.decoded import EVENT_ROWS, Decoded, Decoder
from filterwatch.decoders.detect import SAMPLE_LINES, detect, format_and_shares, format_of, shares
from filterwatch.decoders.format import Format, Options
from filterwatch.decoders.redact import redact

__all__ = [
    "EVENT_ROWS",
    "SAMPLE_LINES",
    "Decoded",
    "Decoder",
    "Format",
    "Options",
    "UnknownFormat",
    "add",
    "detect",
    "format_and_shares",
    "format_of",
    "formats",
    "make",
    "names",
    "redact",
    "shares",
    "shipped",
]
