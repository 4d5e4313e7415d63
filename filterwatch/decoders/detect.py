"""Which format a file has: the right one, or none; never a guess."""

from __future__ import annotations

from collections.abc import Sequence

from filterwatch.decoders import dnsmasq, filter_events, netfilter, squid
from filterwatch.decoders.reading import Answer, Event
from filterwatch.lines import LineBatch

SAMPLE_LINES = 200
"""Lines that are looked at: enough to see through a log's head, few enough to take a moment."""

ENOUGH = 0.6
"""Share of the lines that the format must turn into events."""

_POLICY, _PREFIXES = dnsmasq.Policy(), netfilter.Prefixes({})


def detect(lines: Sequence[bytes]) -> str | None:
    """Return the name of the format that *lines* (a sample, without line ends) are in; null when that cannot be told.

    A format is told when it turns most lines into events and no other turns half as many.
    """
    sample = [line for line in lines if line.strip()]
    if not sample:
        return None
    found = {
        # Lines of web servers read like squid's common format: only the native one tells.
        "squid": [event for event in _events([squid.read(line) for line in sample]) if "duration_ms" in event.values],
        "dnsmasq": _events([dnsmasq.read(line, _POLICY) for line in sample]),
        "netfilter": _events([netfilter.read(line, _PREFIXES) for line in sample]),
        "filter_events": _events([filter_events.read(line) for line in sample]),
    }
    ranked = sorted(found, key=lambda name: len(found[name]), reverse=True)
    best, second = len(found[ranked[0]]), len(found[ranked[1]])
    if best < ENOUGH * len(sample) or second > best / 2:
        return None
    return _variant(ranked[0], sample, found[ranked[0]])


def _events(answers: list[Answer]) -> list[Event]:
    return [answer for answer in answers if isinstance(answer, Event)]


def _variant(family: str, sample: Sequence[bytes], events: Sequence[Event]) -> str | None:
    """Return the name of the variant: lines with header blocks, or with serials, make one of their own.

    When every line went to the default parent it may be e2guardian that imitates squid, whose 403 means something else.
    """
    if family == "squid" and all(b" DEFAULT_PARENT/" in line for line in sample):
        return None
    if family == "squid" and sum(line.rstrip(b"\r").endswith(b"]") for line in sample) > len(sample) / 2:
        return "squid_mimehdrs"
    if family == "dnsmasq" and sum(event.values.get("client_port") is not None for event in events) > len(events) / 2:
        return "dnsmasq_extra"
    return family


def format_of(batch: LineBatch) -> str | None:
    """Return the format of a batch by a sample of its lines; null where they do not tell it."""
    step = max(1, len(batch) // SAMPLE_LINES)
    return detect([batch.line(index) for index in range(0, len(batch), step)])
