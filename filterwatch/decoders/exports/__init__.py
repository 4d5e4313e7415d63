"""Exports of filters whose logs nobody describes: tables, JSON lines and key=value, read by the names of their columns.

``looked_at`` finds in the head of a file how it is written and what its columns mean; ``ExportDecoder`` reads the rows
with the engine of the field maps.  The names and words are data: ``words.yaml``.
"""

from filterwatch.decoders.exports.decoder import ExportDecoder, head_in
from filterwatch.decoders.exports.layout import Layout, Unread
from filterwatch.decoders.exports.options import ExportOptions
from filterwatch.decoders.exports.sheet import Sheet, looked_at
from filterwatch.decoders.exports.words import Words, words

__all__ = ["ExportDecoder", "ExportOptions", "Layout", "Sheet", "Unread", "Words", "head_in", "looked_at", "words"]
