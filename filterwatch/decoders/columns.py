"""The event columns of lines of one type, from their texts by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from filterwatch.decoders.convert import BY_COLUMN, CONVERSIONS, OWN_COLUMN, Conversion
from filterwatch.decoders.decoded import EVENT_ROWS
from filterwatch.decoders.families.cut import TWICE
from filterwatch.decoders.maps import FieldMap, Record, Target
from filterwatch.decoders.tables import Lookup, Row, looked_up
from filterwatch.events import ACTION, KIND, DataType

_SOLE = frozenset({"client_ip", "client", "user"})
"""Columns that say who asked."""
_STAMP = ("line", "stamp_us", "stamp_clock")


class Columns:
    """How the event columns of one type of lines come from its texts by key.

    Args:
        map_: The format.
        record: The type; null for lines of none.
    """

    def __init__(self, map_: FieldMap, record: Record | None) -> None:
        targets: Mapping[str, Target] = {**map_.fields, **(record.fields if record else {})}
        self._verdicts = record.action if record and record.action else map_.action
        kind = record.kind if record and record.kind else map_.kind
        read = {column: target for column, target in targets.items() if target.value is None}
        self._doubts = {f"text {column}": target.keys for column, target in read.items() if column in _SOLE}
        self._texts = [_text(target).alias(f"text {column}") for column, target in read.items()]
        self._values: list[pl.Expr] = []
        self._flags: list[pl.Expr] = []
        self._lookups: list[Lookup] = []
        found: dict[str, list[str]] = {}
        beside: dict[str, list[str]] = {}
        for column, target in read.items():
            own = OWN_COLUMN.get(column, column)
            one = CONVERSIONS[target.conversion or BY_COLUMN[column]]
            given = {own: EVENT_ROWS[own], **(one.beside or {})}
            for at, other in enumerate(given):
                places = (beside if at else found).setdefault(other, [])
                places += [f"{column} plain {at}"] if one.values else []
                places += [f"{column} asked {at}"] if one.exact else []
            self._read(column, one, given)
        self._kept = [name for names in (*found.values(), *beside.values()) for name in names if " plain " in name]
        for other, names in beside.items():
            found.setdefault(other, []).extend(names)
        constants = {column: target.value for column, target in targets.items() if target.value is not None}
        self._last = [
            *(pl.coalesce(names).alias(name) for name, names in found.items() if name not in constants),
            *(pl.lit(value).cast(EVENT_ROWS[column]).alias(column) for column, value in constants.items()),
            pl.lit(kind, KIND).alias("kind"),
        ]

    def _read(self, column: str, one: Conversion, given: Mapping[str, DataType]) -> None:
        """Remember how the values of one column come from its text."""
        text, plain = pl.col(f"text {column}"), pl.col(f"plain {column}")
        for at, (value, dtype) in enumerate(zip(one.values(text) if one.values else (), given.values(), strict=False)):
            sure = value if one.plain is None else pl.when(plain).then(value)
            self._values.append(sure.cast(dtype).alias(f"{column} plain {at}"))
        if one.exact is None:
            return
        source = f"text {column}"
        if one.plain is not None:
            self._flags.append(one.plain(text).alias(f"plain {column}"))
            self._values.append(pl.when(~plain).then(text).alias(f"odd {column}"))
            source = f"odd {column}"
        self._lookups.append(_lookup(source, column, one.exact, given))

    @property
    def sole(self) -> list[str]:
        """The keys that say who asked and what the filter decided: with two values they say nothing."""
        return [*(key for keys in self._doubts.values() for key in keys), *self._verdict_keys]

    @property
    def _verdict_keys(self) -> list[str]:
        return [key for step in self._verdicts.steps for key in step.keys] if self._verdicts else []

    def of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the stamp and the event columns of *rows*, all of them of this type."""
        frame = rows.select(*_STAMP, *self._texts, self._action().alias("action"))
        if rows[TWICE].null_count() < len(rows):
            frame = frame.with_columns(
                pl.when(~_twice(rows[TWICE], keys)).then(text).alias(text) for text, keys in self._doubts.items()
            )
            unknown = _twice(rows[TWICE], self._verdict_keys)
            frame = frame.with_columns(action=pl.when(unknown).then(pl.lit("unknown", ACTION)).otherwise("action"))
        frame = frame.with_columns(self._flags).with_columns(self._values)
        if self._lookups:
            frame = looked_up(frame, self._lookups, pl.col(*_STAMP, "action", *self._kept))
        return frame.select(*_STAMP, "action", *self._last)

    def _action(self) -> pl.Expr:
        if self._verdicts is None:
            return pl.lit(None, ACTION)
        steps = [
            _meant(pl.coalesce(step.keys), {str(key): words for key, words in step.words.items()})
            for step in self._verdicts.steps
        ]
        return pl.coalesce([*steps, pl.lit(self._verdicts.otherwise, pl.String)]).cast(ACTION)


def _twice(told: pl.Series, keys: Sequence[str]) -> pl.Series:
    """Return which lines have one of *keys* with two values, as far as *told* (keys between blanks)."""
    return told.fill_null("").str.contains_any([f" {key} " for key in keys]) if keys else told.is_null() & False


def _lookup(source: str, column: str, exact: Callable[[str], Row], given: Mapping[str, DataType]) -> Lookup:
    nothing: Row = (None,) * len(given)
    columns = {f"{column} asked {at}": dtype for at, dtype in enumerate(given.values())}
    return Lookup(source, lambda text: exact(text) if text else nothing, columns)


def _text(target: Target) -> pl.Expr:
    """Return the text of the line that *target* speaks of."""
    text = pl.coalesce(target.keys)
    if target.pattern:
        text = text.str.extract(target.pattern)
    if target.words:
        text = _meant(text, target.words)
    if target.query:
        text = _with_query(text, pl.coalesce(target.query))
    return _absolute(text, target) if target.host else text


def _with_query(path: pl.Expr, query: pl.Expr) -> pl.Expr:
    mark = pl.when(query.str.starts_with("?")).then(pl.lit("")).otherwise(pl.lit("?"))
    return pl.when(query.is_not_null()).then(path + mark + query).otherwise(path)


def _absolute(text: pl.Expr, target: Target) -> pl.Expr:
    """Return a URL whose host stands in another key, put together."""
    service = pl.coalesce(target.scheme).str.to_lowercase() if target.scheme else pl.lit(None, pl.String)
    named = pl.when(service.str.contains("^(?:.*/)?(?:https|ssl|tls|443|8443)$")).then(pl.lit("https://"))
    scheme = named.when(service == "ftp").then(pl.lit("ftp://")).otherwise(pl.lit("http://"))
    whole = pl.concat_str(scheme, pl.coalesce(target.host), text)
    return pl.when(text.str.starts_with("/")).then(pl.coalesce(whole, text)).otherwise(text)


def _meant(text: pl.Expr, words: Mapping[str, Sequence[str]]) -> pl.Expr:
    """Return what a text means; null where no word is it."""
    meant: pl.Expr = pl.lit(None, pl.String)
    for value, several in reversed(list(words.items())):
        meant = pl.when(text.str.contains(among(several))).then(pl.lit(value)).otherwise(meant)
    return meant


def among(words: Sequence[str]) -> str:
    """Return the expression for a text that is one of *words*, without case; ``*`` stands for anything."""
    return "(?is)^(?:" + "|".join(re.escape(word).replace(r"\*", ".*") for word in words) + ")$"
