"""Squid's own definitions besides the native one: ``common``, ``combined``, ``referrer`` and ``useragent``.

Header blocks may follow the first two, as they follow the native format: whenever any log of the same squid writes a
header.  Their credentials go no further; user agent and referrer are taken from them where the format has none.

Source: TAG logformat in squid.conf (squid 5.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from filterwatch.decoders.families.logformat_decode import compiled, reader_of
from filterwatch.decoders.families.logformat_reader import Compiled
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader

DEFINITIONS: Final[Mapping[str, str]] = {
    "squid": "%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt",
    "common": '%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st %Ss:%Sh',
    "combined": '%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st "%{Referer}>h" "%{User-Agent}>h" %Ss:%Sh',
    "referrer": "%ts.%03tu %>a %{Referer}>h %ru",
    "useragent": '%>a [%tl] "%{User-Agent}>h"',
}
"""The definitions that every squid knows without a line in squid.conf."""

BLOCKS: Final = ("squid", "common", "combined")
"""Those that header blocks may follow."""


def _reader(name: str, _: Options) -> Reader:
    return reader_of(name, built_in(name.removeprefix("squid_")))


def built_in(name: str) -> Compiled:
    """Return one of :data:`DEFINITIONS`, as squid itself writes it."""
    definition = DEFINITIONS[name].replace("HTTP/%rv", "%squid::protocol")
    return compiled(definition, blocks=name in BLOCKS)


def _claims(line: bytes, event: Mapping[str, object], *, combined: bool) -> bool:
    """Return whether a line ends as no web server's does; the agent in a header block is no mark of ``combined``."""
    return (
        event.get("filter_reason") is not None and (b'" "' in line.partition(b" [")[2].partition(b" [")[0]) == combined
    )


FORMATS = {
    "squid_common": Format(
        "Squid access.log, logformat common", "logformat", Options, of_lines(_reader), partial(_claims, combined=False)
    ),
    "squid_combined": Format(
        "Squid access.log, logformat combined", "logformat", Options, of_lines(_reader), partial(_claims, combined=True)
    ),
    "squid_referrer": Format("Squid referer log", "logformat", Options, of_lines(_reader)),
    "squid_useragent": Format("Squid user agent log", "logformat", Options, of_lines(_reader)),
}
