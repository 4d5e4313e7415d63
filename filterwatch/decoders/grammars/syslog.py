"""A system log of which nothing else is known: only what happened to a filter is taken, all else is skipped.

The same as ``filter_events``, under the name that people look for first.
"""

from __future__ import annotations

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import filter_events
from filterwatch.decoders.line_decoder import Reader

FORMATS = {
    "syslog": Format(
        "Any system log: what happened to a filter",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, filter_events.read, passed_over=filter_events.passed_over)),
        source="RFC 3164, RFC 5424",
    ),
}
