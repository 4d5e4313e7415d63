"""The vectorised reader of pfSense's and OPNsense's packet log: one pass for IPv4, one for IPv6."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import polars as pl

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import filterlog
from filterwatch.decoders.grammars.filterlog import Shape
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import address, number, port_number
from filterwatch.decoders.screen import SEPARATOR, Lines, Mask, kept
from filterwatch.decoders.stamps import Stamps, read_stamps
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.events import ACTION, KIND

_HEAD = r"^(?:[^ ]+ )?filterlog(?:\[[0-9]+\])?:$"
_MODERN_HEAD = r'^[^ ]+ filterlog [^ ]+ [^ ]+ (?:-|\[[^\]"\\ =]+(?: [^\]"\\ =]+="[^"\\\]]*")*\])$'
_REMEMBERED = 65_536
_NOTHING = pl.DataFrame(schema={"line": pl.UInt32()})


def read(lines: Lines, rule: int) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    array = lines.array
    stamps = read_stamps(lines)
    commas = np.flatnonzero(array == ord(","))
    behind = np.searchsorted(commas, lines.ends)
    first = np.concatenate([[0], behind[:-1]]) if len(lines) else behind
    good = lines.regular & stamps.found & (behind - first > filterlog.SHAPES["6"].destination)
    comma = np.where(good, commas[np.minimum(first, len(commas) - 1)] if len(commas) else 0, 0)
    # The message begins behind the last blank before the first comma.
    begin = lines.mark(np.searchsorted(lines.marks, comma) - 1)
    good &= begin >= stamps.body
    rows = np.flatnonzero(good)
    if not len(rows):
        return _NOTHING
    version = np.zeros(len(lines), np.uint8)
    eighth = commas[first[rows] + filterlog.VERSION - 1]
    version[rows] = np.where(lines.byte(eighth + 2) == ord(","), lines.byte(eighth + 1), 0)
    array[begin[rows]] = SEPARATOR
    array[stamps.body[rows] - 1] = SEPARATOR
    frames = []
    for digit, shape in filterlog.SHAPES.items():
        mine = good & (version == ord(digit)) & (behind - first > shape.destination)
        places = np.flatnonzero(mine)
        if len(places):
            cuts = commas[first[places][:, None] + np.arange(shape.destination + 1)]
            array[cuts.ravel()] = SEPARATOR
            frames.append(_events(lines, mine, stamps, shape, rule))
    return pl.concat(frames).sort("line") if frames else _NOTHING


def _events(lines: Lines, mask: Mask, stamps: Stamps, shape: Shape, rule: int) -> pl.DataFrame:
    names = ["stamp", "head", *(f"{at}" for at in range(shape.destination + 1)), "tail"]
    wanted = {
        "head": "head",
        f"{rule}": "filter_rule",
        f"{filterlog.REASON}": "filter_reason",
        f"{filterlog.ACTION}": "verb",
        f"{shape.protocol}": "word",
        f"{shape.length}": "length",
        f"{shape.source}": "source",
        f"{shape.destination}": "destination",
        "tail": "tail",
    }
    text = pl.read_csv(
        kept(lines, mask),
        separator=chr(SEPARATOR),
        quote_char=None,
        has_header=False,
        schema=dict.fromkeys(names, pl.String()),
        columns=[names.index(name) for name in wanted],
    )
    text = text.select(pl.col(name).fill_null("").alias(new) for name, new in wanted.items())
    modern = pl.Series(stamps.modern[mask])
    head = text["head"]
    right = pl.select(pl.when(modern).then(head.str.contains(_MODERN_HEAD)).otherwise(head.str.contains(_HEAD)))
    ports = pl.col("tail").str.splitn(",", 3)
    split = text.with_columns(
        right.to_series().alias("headed"),
        ports.struct.field("field_0").fill_null("").alias("from_port"),
        ports.struct.field("field_1").fill_null("").alias("to_port"),
    )
    frame = looked_up(split, _LOOKUPS, pl.col("headed", "filter_rule", "filter_reason"))
    ported = pl.col("ported")
    frame = frame.with_columns(
        pl.col("filter_rule", "filter_reason").replace("", None),
        client_port=pl.when(ported).then("client_port"),
        dest_port=pl.when(ported).then("dest_port"),
        line=pl.Series(np.flatnonzero(mask).astype(np.uint32)),
        stamp_us=pl.Series(stamps.us[mask]),
        stamp_clock=pl.Series(stamps.clock[mask]),
        kind=pl.lit("flow", KIND),
    )
    return frame.filter(KNOWN, "headed").drop(KNOWN, "headed", "ported")


@lru_cache(maxsize=_REMEMBERED)
def _address(text: str) -> Row | None:
    found = address(text)
    return (found,) if found else None


def _protocol(text: str) -> Row | None:
    word = text.lower()
    return word or None, word in filterlog.WITH_PORTS


def _port(text: str) -> Row | None:
    return (port_number(text),)


_LOOKUPS = [
    Lookup("verb", lambda text: (filterlog.ACTIONS.get(text, "unknown"),), {"action": ACTION}),
    Lookup("word", _protocol, {"protocol": pl.String(), "ported": pl.Boolean()}),
    Lookup("length", lambda text: (number(text),), {"bytes_out": pl.Int64()}),
    Lookup("source", _address, {"client_ip": pl.String()}),
    Lookup("destination", _address, {"dest_ip": pl.String()}),
    Lookup("from_port", _port, {"client_port": pl.Int32()}),
    Lookup("to_port", _port, {"dest_port": pl.Int32()}),
]


def _reader(name: str, options: Options) -> Reader:
    rule = filterlog.rule_column(options)
    return Reader(name, lambda line: filterlog.read(line, rule), lambda lines: read(lines, rule))


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "flow"


FORMATS = {
    "filterlog": Format(
        "Packet filter of pfSense and OPNsense (filterlog)",
        "CSV",
        filterlog.FilterlogOptions,
        of_lines(_reader),
        _claims,
        "docs.netgate.com, Raw Filter Log Format",
    ),
}
