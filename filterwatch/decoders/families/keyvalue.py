r"""The family key=value in its dialects: any separator, quoted values, values with blanks that nobody quoted.

The first of two keys of one name counts: the appliance wrote what stands first, a pupil what comes later.  Where even
the first stands behind a text that a pupil chose (a URL with raw quotes brings pairs of its own), nobody can say whose
it is; such keys are told.  A quote inside a quoted value is written ``\"``.  Where pairs are not separated by blanks,
blanks before a key mean nothing.

Appliances write lines of one type with the same keys in the same order.  So the fast way cuts all lines at separators,
takes one line as the pattern, and reads at once all lines that have the same keys at the same places.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from filterwatch.decoders.families.cut import SURE, TWICE, Cut
from filterwatch.decoders.families.quotes import Hidden, hide

_KEY = r"[A-Za-z_][A-Za-z0-9_.()/-]*"
_MOST_ORDERS = 6
"""Orders of keys that are tried among lines of the same number of pairs."""
_MOST_KNOWN = 256
"""Orders that are remembered."""
_FEW = 16
"""So few lines of one order are cut one by one."""
_CHOSEN = re.compile(
    r"ur[il]|host|domain|sni|agent|refer|file|path|arg|request|header|cookie|content|msg|message|reason|title|subject"
    r"|search|query",
    re.IGNORECASE,
)
"""In names of keys whose text is a client's or a server's choice."""


def make(
    separator: str = " ",
    equals: str = "=",
    *,
    open_values: bool = False,
    brackets: bool = False,
    once: Collection[str] = (),
) -> Cut:
    """Return how lines of this dialect are cut.

    Args:
        separator: One character between pairs.
        equals: One character between a key and its value.
        open_values: Whether a value without quotes runs to the next key, over separators.
        brackets: Whether pairs stand in square brackets as well.
        once: Keys that must not have two values; those that do are named under :data:`TWICE`.
    """
    pairs = _pairs(separator, equals, open_values=open_values, brackets=brackets)

    blanks = "" if separator == " " else " *"
    begins = re.compile(f"{blanks}{_KEY}{re.escape(equals)}", re.DOTALL)
    orders = _Orders(separator, equals, open_values=open_values)
    sole = frozenset(once)

    # Blanks stand before a closing bracket too.
    exact = _exact(pairs, separator if brackets else "", sole)

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
                heads = tuple(head[0] if (head := begins.match(token)) else "" for token in left["tokens"][0])
                order = orders.of(heads, keys, hidden)
                repeated = _repeated(heads, equals) & sole
                fits = left.select(order.fits).to_series()
                mine = left if fits.all() else left.filter(fits)
                if not repeated:
                    found.append(mine.select("row", *order.values))
                left = left.filter(~fits)
        if len(found) == 1 and len(found[0]) == len(texts):
            return found[0].select(*keys, pl.lit(value=True).alias(SURE))
        schema = {"row": pl.UInt32()} | dict.fromkeys(keys, pl.String())
        known = pl.concat([pl.DataFrame(schema=schema), *found]).with_columns(pl.lit(value=True).alias(SURE))
        every = tokens.select("row").join(known, on="row", how="left", maintain_order="left")
        return every.select(*keys, pl.col(SURE).fill_null(value=False))

    return Cut(exact, fast if not brackets else None)


def _exact(pairs: re.Pattern[str], padding: str, sole: Collection[str]) -> Callable[[str], Mapping[str, str] | None]:
    """Return what cuts one message.

    Args:
        pairs: What a pair looks like.
        padding: What may stand behind a bare value.
        sole: Keys that must not have two values.
    """

    def exact(text: str) -> Mapping[str, str] | None:
        found: dict[str, str] = {}
        unsure: set[str] = set()
        twice: set[str] = set()
        chosen = False
        for pair in pairs.finditer(text):
            key, value, bare = pair.group("key", "quoted", "plain")
            if key in found and key not in unsure:
                continue
            said = bare.rstrip(padding) if value is None else value.replace('\\"', '"')
            if found.setdefault(key, said) != said:
                twice.add(key)
            if chosen and key in sole:
                unsure.add(key)
            chosen = chosen or bool(sole and _CHOSEN.search(key))
        if twice:
            found[TWICE] = " ".join(sorted(twice))
        return found or None

    return exact


def _repeated(heads: Sequence[str], equals: str) -> set[str]:
    """Return the keys that occur twice among the *heads* of tokens."""
    several = Counter(head.strip(" ").removesuffix(equals) for head in heads if head)
    return {key for key, count in several.items() if count > 1}


def _pairs(separator: str, equals: str, *, open_values: bool, brackets: bool) -> re.Pattern[str]:
    stop, sign, close = re.escape(separator), re.escape(equals), r"\]" if brackets else ""
    inside, closing = (r"|(?<=\[)", r"\]|") if brackets else ("", "")
    opening = rf"{stop}?\[|" if brackets else ""
    blanks = "" if separator == " " else " *+"
    begin = rf"(?:^|{stop}{inside}){blanks}(?P<key>{_KEY}){sign}"
    ends = rf"(?={stop}|{closing}$)"
    quoted = rf'"(?P<quoted>(?:[^"\\]|\\.)*+)"{ends}'
    plain = rf".*?(?={stop}{blanks}{_KEY}{sign}|{opening}{closing}$)" if open_values else rf"[^{stop}{close}]*"
    return re.compile(rf"{begin}(?:{quoted}|(?P<plain>{plain}))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Order:
    """The keys of one line, token by token.

    Attributes:
        fits: Whether a line has the same keys at the same places.
        values: The value of each key that is asked for, in lines that fit.
    """

    fits: pl.Expr
    values: list[pl.Expr]


class _Orders:
    """The orders of keys seen so far: putting an expression together costs as much as reading a hundred lines.

    Args:
        separator: One character between pairs.
        equals: One character between a key and its value.
        open_values: Whether a value without quotes runs to the next key.
    """

    def __init__(self, separator: str, equals: str, *, open_values: bool) -> None:
        self._separator, self._equals, self._open = separator, equals, open_values
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...], bool], _Order] = {}

    def of(self, heads: tuple[str, ...], keys: Sequence[str], hidden: Hidden) -> _Order:
        """Return the order of a line whose tokens begin with *heads* (key and sign; empty where there is none)."""
        what = (heads, tuple(keys), hidden.separator is None)
        if what not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[what] = _Order(self._fits(heads), [self._value(heads, key, hidden).alias(key) for key in keys])
        return self._known[what]

    def _fits(self, heads: Sequence[str]) -> pl.Expr:
        tokens = [(head, pl.col("tokens").list.get(at)) for at, head in enumerate(heads)]
        # In a value that runs on signs may stand anywhere (OU=Year 9,OU=Pupils), in others only a key has one.
        key = f"^ *{_KEY}{pl.escape_regex(self._equals)}" if self._open else pl.escape_regex(self._equals)
        return pl.all_horizontal(
            token.str.starts_with(head) if head else ~token.str.contains(key) for head, token in tokens
        )

    def _value(self, heads: Sequence[str], key: str, hidden: Hidden) -> pl.Expr:
        """Return the value of *key*, with what was hidden in it."""
        at = next((at for at, head in enumerate(heads) if head.strip(" ") == key + self._equals), None)
        if at is None:
            return pl.lit(None, pl.String)
        value = pl.col("tokens").list.get(at).str.slice(len(heads[at]))
        last = at + 1
        while self._open and last < len(heads) and not heads[last]:
            last += 1
        if last > at + 1:
            more = [pl.col("tokens").list.get(other) for other in range(at + 1, last)]
            quoted = value.str.starts_with('"')
            value = pl.when(quoted).then(value).otherwise(pl.concat_str(value, *more, separator=self._separator))
        bare = hidden.shown(value.str.slice(1).str.strip_suffix('"'))
        return pl.when(value.str.starts_with('"')).then(bare).otherwise(value)
