r"""The family key=value in its dialects: any separator, quoted values, values with blanks that nobody quoted.

The first of two keys of one name counts: the appliance wrote what stands first, a pupil what comes later.  A quote
inside a quoted value is written ``\"``.

Appliances write lines of one type with the same keys in the same order.  So the fast way cuts all lines at separators,
takes one line as the pattern, and reads at once all lines that have the same keys at the same places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.decoders.families.cut import SURE, Cut
from filterwatch.decoders.families.quotes import hide

_KEY = r"[A-Za-z_][A-Za-z0-9_.()/-]*"
_MOST_ORDERS = 6
"""Orders of keys that are tried among lines of the same number of pairs."""
_FEW = 16
"""So few lines of one order are cut one by one."""


def make(separator: str = " ", equals: str = "=", *, open_values: bool = False, brackets: bool = False) -> Cut:
    """Return how lines of this dialect are cut.

    Args:
        separator: One character between pairs.
        equals: One character between a key and its value.
        open_values: Whether a value without quotes runs to the next key, over separators.
        brackets: Whether pairs stand in square brackets as well.
    """
    pairs = _pairs(separator, equals, open_values=open_values, brackets=brackets)

    def exact(text: str) -> Mapping[str, str] | None:
        found: dict[str, str] = {}
        for pair in pairs.finditer(text):
            key, value, bare = pair.group("key", "quoted", "plain")
            if key not in found:
                found[key] = bare if value is None else value.replace('\\"', '"')
        return found or None

    def fast(texts: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
        hidden = hide(texts, separator, before=equals)
        tokens = hidden.texts.str.split(separator).alias("tokens").to_frame()
        tokens = tokens.with_columns(row=pl.int_range(len(texts), dtype=pl.UInt32), pairs=pl.col("tokens").list.len())
        found = []
        for same in tokens.filter(hidden.sure).partition_by("pairs"):
            left = same
            for _ in range(_MOST_ORDERS):
                if len(left) < _FEW:
                    break
                order = _Order(left["tokens"][0].to_list(), separator, equals, open_values=open_values)
                fits = left.select(order.fits()).to_series()
                mine = left if fits.all() else left.filter(fits)
                found.append(mine.select("row", *(hidden.shown(order.value(key)).alias(key) for key in keys)))
                left = left.filter(~fits)
        if len(found) == 1 and len(found[0]) == len(texts):
            return found[0].select(*keys, pl.lit(value=True).alias(SURE))
        schema = {"row": pl.UInt32()} | dict.fromkeys(keys, pl.String())
        known = pl.concat([pl.DataFrame(schema=schema), *found]).with_columns(pl.lit(value=True).alias(SURE))
        every = tokens.select("row").join(known, on="row", how="left", maintain_order="left")
        return every.select(*keys, pl.col(SURE).fill_null(value=False))

    return Cut(exact, fast if not brackets else None)


def _pairs(separator: str, equals: str, *, open_values: bool, brackets: bool) -> re.Pattern[str]:
    stop, sign, close = re.escape(separator), re.escape(equals), r"\]" if brackets else ""
    inside, closing = (r"|(?<=\[)", r"\]|") if brackets else ("", "")
    begin = rf"(?:^|{stop}{inside})(?P<key>{_KEY}){sign}"
    ends = rf"(?={stop}|{closing}$)"
    quoted = rf'"(?P<quoted>(?:[^"\\]|\\.)*+)"{ends}'
    plain = rf".*?(?={stop}{_KEY}{sign}|{closing}$)" if open_values else rf"[^{stop}{close}]*"
    return re.compile(rf"{begin}(?:{quoted}|(?P<plain>{plain}))", re.DOTALL)


class _Order:
    """The keys of one line, token by token."""

    def __init__(self, tokens: Sequence[str], separator: str, equals: str, *, open_values: bool) -> None:
        key = re.compile(f"({_KEY}){re.escape(equals)}", re.DOTALL)
        self._keys = [found[1] if (found := key.match(token)) else None for token in tokens]
        self._tokens, self._separator, self._equals = tokens, separator, equals
        self._open = open_values

    def fits(self) -> pl.Expr:
        """Return whether a line has the same keys at the same places."""
        tokens = [(key, pl.col("tokens").list.get(at)) for at, key in enumerate(self._keys)]
        return pl.all_horizontal(
            ~token.str.contains(self._equals, literal=True)
            if key is None
            else token.str.starts_with(key + self._equals)
            for key, token in tokens
        )

    def value(self, key: str) -> pl.Expr:
        """Return the value of *key* in lines that fit."""
        if key not in self._keys:
            return pl.lit(None, pl.String)
        at = self._keys.index(key)
        value = pl.col("tokens").list.get(at).str.slice(len(key) + len(self._equals))
        last = at + 1
        while self._open and last < len(self._keys) and self._keys[last] is None:
            last += 1
        if last > at + 1:
            more = [pl.col("tokens").list.get(other) for other in range(at + 1, last)]
            quoted = value.str.starts_with('"')
            value = pl.when(quoted).then(value).otherwise(pl.concat_str(value, *more, separator=self._separator))
        return pl.when(value.str.starts_with('"')).then(value.str.slice(1).str.strip_suffix('"')).otherwise(value)
