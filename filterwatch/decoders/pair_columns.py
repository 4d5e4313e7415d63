"""From the pairs of a line to event columns, for a grammar that cuts its lines itself: column -> key and conversion.

Each conversion is one function of one text; the fast path calls it once per distinct text, so both paths say the same.
Formats that are data alone have field maps (``maps``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl
from pydantic import Field

from filterwatch.config import Part
from filterwatch.decoders.decoded import EVENT_ROWS
from filterwatch.decoders.reading import IPV4, MOST_DIGITS, PROTOCOLS, Value, address, mac, number, port_number
from filterwatch.decoders.tables import Lookup, Row, looked_up


def _source_mac(text: str) -> str | None:
    """Return the second hardware address of an Ethernet header, as netfilter prints it whole."""
    return mac(text[18:35]) if len(text) == 41 else None


@dataclass(frozen=True, slots=True)
class Conversion:
    """From a text to a value.

    Attributes:
        exact: For one text.
        plain: For many: which texts need no asking.
        value: For many: the value of a plain text.
    """

    exact: Callable[[str], Value]
    plain: Callable[[pl.Expr], pl.Expr] | None = None
    value: Callable[[pl.Expr], pl.Expr] | None = None


def _matches(pattern: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda text: text.str.contains(pattern)


def _count(text: pl.Expr) -> pl.Expr:
    return text.cast(pl.Int64, strict=False)


CONVERSIONS: Mapping[str, Conversion] = {
    "address": Conversion(address, _matches(IPV4), lambda text: text),
    "mac": Conversion(mac),
    "source_mac": Conversion(_source_mac),
    "port": Conversion(port_number, _matches("^(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3})$"), _count),
    "number": Conversion(number, _matches(f"^[0-9]{{1,{MOST_DIGITS}}}$"), _count),
    "protocol": Conversion(lambda text: PROTOCOLS.get(text, text.lower())),
    "text": Conversion(lambda text: None if text == "-" else text),
    "lower": Conversion(lambda text: None if text == "-" else text.lower()),
    "upper": Conversion(lambda text: None if text == "-" else text.upper()),
}
"""Where nearly every text is another one, asking for each would be slow: those are plain."""


class Target(Part):
    """Where one event column comes from."""

    key: str = Field(alias="from")
    convert: str = Field(alias="as", default="text")


@dataclass(frozen=True, slots=True)
class PairColumns:
    """Which columns come from which pairs.

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
            column: CONVERSIONS[target.convert].exact(found[target.key]) if found.get(target.key) else None
            for column, target in self.targets.items()
        }

    def fast(self, texts: pl.DataFrame, lookups: list[Lookup], *more: pl.Expr) -> pl.DataFrame:
        """Return the columns of many lines, of other *lookups*, and *more* of *texts*.

        *texts* has one text column a key, null where the line lacks it.
        """
        flags: list[pl.Expr] = []
        masked: list[pl.Expr] = []
        united: list[pl.Expr] = []
        asked = list(lookups)
        for column, target in self.targets.items():
            conversion, key = CONVERSIONS[target.convert], target.key
            if conversion.plain is not None and conversion.value is not None:
                text, flag = pl.col(key), f"{column} is plain"
                plain, key = f"plain {column}", f"odd {column}"
                flags.append(conversion.plain(text).alias(flag))
                value = conversion.value(pl.when(flag).then(text)).cast(EVENT_ROWS[column])
                masked += [value.alias(plain), pl.when(~pl.col(flag)).then(text).alias(key)]
                united.append(pl.coalesce(plain, column).alias(column))
                more = (*more, pl.col(plain))
            asked.append(Lookup(key, _row_of(conversion.exact), {column: EVENT_ROWS[column]}))
        frame = looked_up(texts.with_columns(flags).with_columns(masked), asked, *more)
        return frame.with_columns(united).select(pl.exclude("^plain .*$"))


def _row_of(convert: Callable[[str], Value]) -> Callable[[str], Row]:
    return lambda text: (convert(text) if text else None,)
