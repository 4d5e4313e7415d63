"""The kernel's firewall log: nftables, iptables, ufw, UniFi, Proxmox, ulogd2.

The grammar, the fields and the words that tell the action stand in ``formats/netfilter.yaml``.  ``client_ip`` is the
sender of the packet, ``bytes_out`` its length; ``filter_rule`` is the prefix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import Field

from filterwatch.config import Part, validate
from filterwatch.config import read as read_yaml
from filterwatch.decoders.envelope import is_modern, open_envelope
from filterwatch.decoders.format import Action, Format, Options, of_lines
from filterwatch.decoders.grammars import logins
from filterwatch.decoders.grammars import netfilter_pairs as keyvalue
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.pair_columns import PairColumns, Target
from filterwatch.decoders.reading import NO_STAMP, Answer, Event, Rejected, Skipped, visible
from filterwatch.decoders.screen import SEPARATOR, Lines, kept
from filterwatch.decoders.stamps import read_stamp, read_stamps
from filterwatch.decoders.tables import KNOWN, Lookup, Row
from filterwatch.events import ACTION, KIND


class _Verdicts(Part):
    words: dict[str, list[str]]
    letters: dict[str, str]


class _Format(Part):
    format: str
    title: str
    family: str
    kind: str
    fields: dict[str, Target]
    verdicts: _Verdicts


@lru_cache(maxsize=1)
def shipped() -> _Format:
    """Return the shipped field map.

    Raises:
        ConfigurationError: The file is broken.
    """
    return validate(read_yaml(Path(__file__).with_name("netfilter.yaml")), _Format)


@dataclass(frozen=True)
class Prefixes:
    """What prefixes mean.

    Attributes:
        configured: The source's own map: beginning of a prefix -> action; it wins, the longest first.
    """

    configured: Mapping[str, str]

    def action(self, prefix: str) -> str:
        """Return the action that *prefix* tells; ``unknown`` where it tells none."""
        for beginning in sorted(self.configured, key=len, reverse=True):
            if prefix.startswith(beginning):
                return self.configured[beginning]
        verdicts = shipped().verdicts
        letter = re.search(verdicts.letters["pattern"], prefix)
        if letter:
            return verdicts.letters[letter[1]]
        told = "unknown"
        for word in re.split(r"[^A-Z]+", prefix.upper()):
            told = next((action for action, words in verdicts.words.items() if word in words), told)
        return told


_UPTIME = r"\[ *[0-9]+\.[0-9]+\] ?"
_PACKET = "IN="
_INNER = " ["
"""An ICMP error carries the packet it is about as ``[SRC=... ]``: not the packet that was logged."""

_KERNELS = frozenset(("kernel", "ulogd", "vmunix"))
_PROGRAM = re.compile(r"(?P<name>[A-Za-z(][\w./()+-]*)(?P<pid>\[\d+\])?: ?")
_CHAIN = re.compile(r"\d+ \d (?P<chain>[^ ]+) \d\d/")


def read(line: bytes, prefixes: Prefixes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    found = read_stamp(text)
    stamp, start = found or (NO_STAMP, 0)
    chain = _CHAIN.match(text)
    stamped = found is not None and not chain
    message = text[start:]
    if is_modern(text):
        envelope = open_envelope(text)
        stamp, message, stamped = envelope.stamp, f"{envelope.program}: {envelope.message}", False
    head, packet, rest = message.partition(_PACKET)
    prefix = prefix_of(re.sub(_UPTIME, "", head, count=1), stamped=stamped) if packet else None
    if prefix is None:
        return _other(text, stamped=found is not None)
    values = PairColumns(shipped().fields).exact(keyvalue.pairs(rest.partition(_INNER)[0]))
    if values["client_ip"] is None and values["dest_ip"] is None:
        return Skipped("netfilter: no IP packet")
    if chain:
        prefix = f"{chain['chain']} {prefix}".strip()
    values |= {"kind": "flow", "action": prefixes.action(prefix), "filter_rule": prefix or None}
    return Event(stamp, values)


def _other(text: str, *, stamped: bool) -> Answer:
    envelope = open_envelope(text)
    login = logins.read(envelope)
    if login:
        return login
    if stamped or envelope.program:
        return Skipped("netfilter: no line about a packet")
    return Rejected("netfilter: expected 'PREFIX IN= OUT= ... SRC= DST='")


def prefix_of(head: str, *, stamped: bool) -> str | None:
    """Return the firewall's prefix out of what stands between the time and ``IN=``; null when it is no packet line.

    Another daemon's message may hold ``IN=... SRC=...`` because somebody outside wrote it there: only the kernel's and
    ulogd's lines, and lines without any program, are packets.
    """
    words = head
    if stamped:
        host, blank, behind = head.partition(" ")
        if blank and behind.strip() and not host.startswith("[") and not host.endswith(":"):
            words = behind.removeprefix(f"{host} ")
    program = _PROGRAM.match(words)
    if program and program["name"] in _KERNELS:
        words = words[program.end() :]
    elif program and (program["pid"] or (words[program.end() :].strip() and program["name"].islower())):
        return None
    return words.strip().rstrip(":").rstrip()


def read_fast(lines: Lines, prefixes: Prefixes) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    stamps = read_stamps(lines)
    good = lines.regular & stamps.found & ~stamps.modern
    rows = np.flatnonzero(good)
    if not len(rows):
        return pl.DataFrame(schema={"line": pl.UInt32()})
    lines.array[stamps.body[rows] - 1] = SEPARATOR
    text = pl.read_csv(
        kept(lines, good),
        separator=chr(SEPARATOR),
        quote_char=None,
        has_header=False,
        schema={"stamp": pl.String(), "text": pl.String()},
        columns=[1],
    )
    split = text.select(
        pl.col("text").str.splitn(_PACKET, 2).struct.rename_fields(["head", "rest"]).struct.unnest(),
    ).with_columns(
        line=pl.Series(rows.astype(np.uint32)),
        stamp_us=pl.Series(stamps.us[rows]),
        stamp_clock=pl.Series(stamps.clock[rows]),
    )
    return _events(split.drop_nulls("rest"), prefixes)


def _events(split: pl.DataFrame, prefixes: Prefixes) -> pl.DataFrame:
    rest = split["rest"]
    if rest.str.contains(_INNER, literal=True).any():
        rest = rest.str.splitn(_INNER, 2).struct.field("field_0").alias("rest")
    fields = PairColumns(shipped().fields)
    texts = split.drop("rest").with_columns(
        *keyvalue.columns(rest, fields.keys), head=pl.col("head").str.replace(_UPTIME, "")
    )
    prefix = Lookup("head", lambda text: _head(text, prefixes), {"action": ACTION, "filter_rule": pl.String()})
    frame = fields.fast(texts, [prefix], pl.col("line", "stamp_us", "stamp_clock"))
    sure = pl.col(KNOWN) & (pl.col("client_ip").is_not_null() | pl.col("dest_ip").is_not_null())
    return frame.filter(sure).drop(KNOWN).with_columns(kind=pl.lit("flow", KIND))


def _head(text: str, prefixes: Prefixes) -> Row | None:
    prefix = prefix_of(text, stamped=True)
    return None if prefix is None else (prefixes.action(prefix), prefix or None)


class NetfilterOptions(Options):
    """Options of ``netfilter``."""

    prefixes: dict[str, Action] = Field(
        default={},
        description='Beginning of a log prefix -> action, e.g. {"GUEST": blocked}; by default its own words tell.',
    )


def _reader(name: str, options: Options) -> Reader:
    prefixes = Prefixes(options.prefixes if isinstance(options, NetfilterOptions) else {})
    return Reader(name, lambda line: read(line, prefixes), lambda lines: read_fast(lines, prefixes))


FORMATS = {
    "netfilter": Format(
        "Netfilter kernel log (nftables, iptables, ufw, UniFi, Proxmox)",
        "key=value",
        NetfilterOptions,
        of_lines(_reader),
        lambda _, event: event.get("kind") == "flow",
    ),
}
