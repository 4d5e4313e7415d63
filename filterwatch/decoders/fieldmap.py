"""Field maps: from what a family's tokenizer cut out of a line to event columns, as data.

A map is YAML: column -> key and conversion.  Each conversion is one function of one text; the fast path calls it once
per distinct text, so both paths say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl
from pydantic import Field

from filterwatch.config import Part
from filterwatch.decoders.decoded import EVENT_ROWS
from filterwatch.decoders.reading import Value, address, mac, number
from filterwatch.decoders.tables import Row, looked_up

PROTOCOLS = {
    "1": "icmp", "2": "igmp", "4": "ipip", "6": "tcp", "17": "udp", "41": "ipv6", "47": "gre", "50": "esp",
    "51": "ah", "58": "icmpv6", "89": "ospf", "103": "pim", "112": "vrrp", "132": "sctp", "136": "udplite",
}  # fmt: skip
"""IANA protocol numbers that firewalls print instead of names."""


def _port(text: str) -> int | None:
    value = number(text)
    return value if value is not None and value <= 65_535 else None


def _source_mac(text: str) -> str | None:
    """Return the second hardware address of an Ethernet header, as netfilter prints it whole."""
    return mac(text[18:35]) if len(text) == 41 else None


CONVERSIONS: Mapping[str, Callable[[str], Value]] = {
    "address": address,
    "mac": mac,
    "source_mac": _source_mac,
    "port": _port,
    "number": number,
    "protocol": lambda text: PROTOCOLS.get(text, text.lower()),
    "text": lambda text: None if text == "-" else text,
    "lower": lambda text: None if text == "-" else text.lower(),
    "upper": lambda text: None if text == "-" else text.upper(),
}


class Target(Part):
    """Where one event column comes from."""

    key: str = Field(alias="from")
    convert: str = Field(alias="as", default="text")


@dataclass(frozen=True, slots=True)
class FieldMap:
    """The columns of one format.

    Attributes:
        targets: Event column -> key and conversion.
    """

    targets: Mapping[str, Target]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a tokenizer must cut out."""
        return tuple(dict.fromkeys(target.key for target in self.targets.values()))

    def exact(self, found: Mapping[str, str]) -> dict[str, Value]:
        """Return the columns of one line."""
        return {
            column: CONVERSIONS[target.convert](found[target.key]) if found.get(target.key) else None
            for column, target in self.targets.items()
        }

    def fast(self, found: pl.DataFrame) -> list[pl.Series]:
        """Return the columns of many lines; *found* has one text column a key, null where the line lacks it."""
        columns = []
        for column, target in self.targets.items():
            convert = CONVERSIONS[target.convert]
            texts = found[target.key]
            table = looked_up(texts, _row_of(convert), {column: EVENT_ROWS[column]})
            columns.append(table[column])
        return columns


def _row_of(convert: Callable[[str], Value]) -> Callable[[str], Row]:
    return lambda text: (convert(text) if text else None,)
