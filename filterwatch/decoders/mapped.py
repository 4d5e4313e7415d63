"""Reads the lines of a format by its field map, many at once.

Lines are cut into texts by key: regular ones by the family's fast way, the rest one by one.  From there on all are rows
of one frame, so both ways mean the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from filterwatch.decoders import line_decoder
from filterwatch.decoders.columns import Columns, among
from filterwatch.decoders.decoded import ANSWERS, Decoded
from filterwatch.decoders.families import cef, delimited, jsonlines, keyvalue, pattern
from filterwatch.decoders.families.cut import SURE, TWICE, Cut, Fast
from filterwatch.decoders.foreign import FOREIGN, of_the_system
from filterwatch.decoders.maps import Condition, FieldMap, Shape, When
from filterwatch.decoders.reading import Clock, visible
from filterwatch.decoders.screen import Lines, kept
from filterwatch.decoders.settling import STAMP, Settling
from filterwatch.decoders.stamps import read_stamp
from filterwatch.decoders.written import STAMPS, stamps
from filterwatch.events import DataType
from filterwatch.lines import LineBatch

_PRIORITY = r"^<\d{1,3}> ?"
_BEGINS = {"json": r"\{", "cef": r"(?:CEF: ?)?\d\|", "leef": r"(?:LEEF: ?)?[12]\.0\|"}


def cut_of(shape: Shape, once: Sequence[str] = ()) -> Cut:
    """Return how lines of *shape* are cut; keys of *once* must not have two values."""
    if shape.family == "keyvalue":
        return keyvalue.make(
            shape.separator, shape.equals, open_values=shape.open_values, brackets=shape.brackets, once=once
        )
    if shape.family == "delimited":
        return delimited.make(shape.columns, shape.separator, sheet=shape.sheet)
    if shape.family == "json":
        return Cut(jsonlines.exact, jsonlines.fast)
    if shape.family == "cef":
        return cef.make()
    return cef.make_leef() if shape.family == "leef" else pattern.make(shape.pattern or "")


@dataclass(frozen=True)
class Way:
    """One shape, ready to cut."""

    shape: Shape
    cut: Cut

    def messages(self, texts: pl.Series) -> pl.Series:
        """Return the message in each text; null where it is none of this shape."""
        behind, ends, begins = self.shape.behind, self.shape.ends, self._begins
        if not (begins or behind or ends):
            whole = self.shape.pattern
            return texts if whole is None else pl.select(pl.when(texts.str.contains(whole)).then(texts)).to_series()
        lead = f"(?:{behind})" if behind else "" if begins else "^"
        rest = f".*?)(?:{ends})?$" if ends else ".*)$"
        return texts.str.extract(f"(?s){lead}({f'(?:{begins})' if begins else ''}{rest}")

    @property
    def _begins(self) -> str | None:
        return self.shape.begins or (None if self.shape.behind else _BEGINS.get(self.shape.family))

    def ascii_messages(self, texts: pl.Series) -> pl.Series:
        """Return what :meth:`messages` does, of texts of ASCII: finding a place is twenty times as fast as a group."""
        behind, ends, begins = self.shape.behind, self.shape.ends, self._begins
        if not (begins or behind):
            return self.messages(texts)
        start = f"(?s:{f'(?:{behind})' if behind else ''}{f'(?:{begins})' if begins else ''})"
        text = pl.lit(texts)
        message = text.str.slice(text.str.find(start))
        if behind:
            # How much of it stands behind depends on what follows, so the same expression tells.
            message = message.str.slice(
                message.str.extract(f"(?s)^((?:{behind})){f'(?:{begins})' if begins else ''}").str.len_bytes()
            )
        if ends:
            message = message.str.replace(f"(?s)(?:{ends})$", "")
        # Without a place to begin, slice gives null.
        return pl.select(message).to_series()

    def heads(self, texts: pl.Series) -> pl.DataFrame:
        """Return the texts by key that stand in the head of each text; null where it has none."""
        if self.shape.head is None:
            return pl.DataFrame()
        groups = texts.str.extract_groups(self.shape.head).struct.unnest()
        return groups.select(column for column in groups if not column.name.isdigit())

    def cuts(self, texts: pl.Series) -> Callable[[int], Mapping[str, str] | None]:
        """Return what gives the texts by key in one of *texts*, by its place; null where it is none of this shape."""
        messages = self.messages(texts)
        if self.cut.many is not None:
            return self.cut.many(messages).__getitem__
        each, exact = messages.to_list(), self.cut.exact
        return lambda at: None if each[at] is None else exact(each[at])

    def keys(self, wanted: Sequence[str]) -> dict[str, list[str]]:
        """Return under what names the line may have each of the keys."""
        return _named(self.shape, wanted)


def _named(shape: Shape, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Return under what names a line of *shape* may have each of the keys."""
    own = shape.names
    return {
        key: list(dict.fromkeys([*own.get(key, []), key, *(prefix + key for prefix in shape.prefixes)]))
        for key in wanted
    }


class MappedDecoder:
    """The decoder of a field map.

    Args:
        map_: The field map.
        zone: Zone of times that have none.
        year: Year of times that have none.
    """

    def __init__(self, map_: FieldMap, zone: ZoneInfo, year: int | None = None) -> None:
        self._map = map_
        self._settling = Settling(zone, year)
        self._types = [Columns(map_, record) for record in map_.records] + [Columns(map_, None)]
        sole = list(dict.fromkeys(key for one in self._types for key in one.sole))
        once = [[name for names in _named(shape, sole).values() for name in names] for shape in map_.shapes]
        self._ways = [Way(shape, cut_of(shape, names)) for shape, names in zip(map_.shapes, once, strict=True)]
        self._keys = _keys(map_)
        self._names = [_named(shape, self._keys) for shape in map_.shapes]
        texts: dict[str, DataType] = dict.fromkeys(("whole", *self._keys, TWICE), pl.String())
        self._nothing = pl.DataFrame(schema={"line": pl.UInt32(), "way": pl.UInt8(), **texts})
        self._record = _record(map_)
        self._tabs = any(shape.separator == "\t" for shape in map_.shapes)

    @property
    def name(self) -> str:
        """The format's name."""
        return self._map.format

    def decode(self, batch: LineBatch) -> Decoded:
        """Answer every line of *batch*; batches of one stream come in order."""
        tokens, skipped, refused, odd = self._cut(batch)
        events, passed_over = self._read(tokens)
        why = f"{self._map.format}: none of the shapes of {self._map.title}"
        rejected = pl.DataFrame({"line": refused, "why": [why] * len(refused)}, schema=ANSWERS)
        if self._map.time_needed:
            timeless = pl.col("stamp_clock") == int(Clock.NONE)
            late = events.filter(timeless).select("line", why=pl.lit(f"{self._map.format}: no time that can be read"))
            rejected, events = pl.concat([rejected, late]).sort("line"), events.filter(~timeless)
        events, counts = self._settling.settle(events, batch)
        return Decoded(
            events=events,
            rejected=rejected,
            skipped=pl.concat([skipped, passed_over]).sort("line"),
            counts=counts | {"odd_lines": odd},
        )

    def _cut(self, batch: LineBatch) -> tuple[pl.DataFrame, pl.DataFrame, list[int], int]:
        """Return the texts by key, skipped lines, the lines of no shape, and how many were cut one by one."""
        fast: list[pl.DataFrame] = []
        rows, left = np.arange(0, dtype=np.int64), np.arange(len(batch))
        if len(batch) > line_decoder.FEW:
            data = batch.data.replace(b"\r\n", b"\n") if b"\r" in batch.data else batch.data
            lines = Lines(data, tabs=self._tabs)
            rows = np.flatnonzero(lines.regular)
            left = np.flatnonzero(~lines.regular)
            if len(rows):
                texts = pl.read_lines(kept(lines, lines.regular)).to_series()
                fast, unsure = self._fast(texts, rows)
                left = np.sort(np.concatenate([left, np.asarray(unsure, np.int64)]))
        exact, skipped, refused = self._exact(batch, left.tolist())
        parts = [part for part in (*fast, exact) if len(part)] or [exact]
        tokens = parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal")
        tokens = tokens if tokens["line"].is_sorted() else tokens.sort("line")
        if TWICE not in tokens.columns:
            tokens = tokens.with_columns(pl.lit(None, pl.String).alias(TWICE))
        return tokens, skipped, refused, len(left)

    def _fast(self, texts: pl.Series, rows: np.typing.NDArray[np.int64]) -> tuple[list[pl.DataFrame], list[int]]:
        """Return the texts by key of lines that are certain, and the lines that are not."""
        bare = texts.str.replace(_PRIORITY, "") if texts.str.starts_with("<").any() else texts
        rest = pl.DataFrame({"text": bare, "line": rows.astype(np.uint32), "whole": texts})
        blank = bare.str.strip_chars(" \t") == ""
        if self._map.comment:
            blank |= texts.str.starts_with(self._map.comment)
        unsure = rest.filter(blank)["line"].to_list()
        rest = rest.filter(~blank) if unsure else rest
        found = []
        for number, way in enumerate(self._ways):
            if not len(rest):
                break
            message = way.ascii_messages(rest["text"])
            mine = rest.filter(message.is_not_null()) if message.null_count() else rest
            if not len(mine):
                continue
            cut = way.cut.fast
            if cut is None:
                unsure += mine["line"].to_list()
                rest = rest.filter(message.is_null())
                continue
            got = self._texts(number, mine, cut, message.drop_nulls())
            has = reduce(or_, [pl.col(key).is_not_null() for key in way.shape.needs], pl.lit(not way.shape.needs))
            if got.select((pl.col(SURE) & has).all()).item():
                found.append(got.drop(SURE))
                rest = rest.filter(message.is_null())
                continue
            unsure += got.filter(~pl.col(SURE))["line"].to_list()
            found.append(got.filter(pl.col(SURE) & has).drop(SURE))
            rest = pl.concat(
                [rest.filter(message.is_null()), rest.join(got.filter(pl.col(SURE) & ~has), on="line", how="semi")]
            )
        return found, [*unsure, *rest["line"].to_list()]

    def _texts(self, number: int, mine: pl.DataFrame, cut: Fast, messages: pl.Series) -> pl.DataFrame:
        """Return the texts by key of lines that may be of shape *number*, and whether they are certain."""
        way = self._ways[number]
        names = self._names[number]
        asked = list(dict.fromkeys(name for several in names.values() for name in several))
        got = cut(messages, asked)
        if any(len(several) > 1 for several in names.values()):
            got = got.select(SURE, *(pl.coalesce(several).alias(key) for key, several in names.items()))
        head = way.heads(mine["text"])
        got = got.with_columns(head[key].fill_null(got[key]) for key in head.columns if key in names)
        return got.with_columns(mine["line"], mine["whole"], way=pl.lit(number, pl.UInt8))

    def _exact(self, batch: LineBatch, lines: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame, list[int]]:
        if not lines:
            return self._nothing, pl.DataFrame(schema=ANSWERS), []
        whole = [visible(batch.line(index).removeprefix(b"\xef\xbb\xbf").lstrip(b"\0")) for index in lines]
        texts = pl.Series(whole, dtype=pl.String).str.replace(_PRIORITY, "")
        cuts = [way.cuts(texts) for way in self._ways]
        heads = [way.heads(texts).rows(named=True) for way in self._ways]
        found: dict[str, list[str | int | None]] = {key: [] for key in ("line", "way", "whole", *self._keys, TWICE)}
        skipped: list[tuple[int, str]] = []
        refused: list[int] = []
        for at, index in enumerate(lines):
            text = whole[at]
            if not text.strip(" \t"):
                skipped.append((index, "an empty line"))
            elif self._map.comment and text.startswith(self._map.comment):
                skipped.append((index, "a comment"))
            elif (cut := self._first(at, cuts, heads)) is not None:
                number, values = cut
                row: dict[str, str | int | None] = {"line": index, "way": number, "whole": text, **values}
                for key, value in row.items():
                    found[key].append(value)
            elif of_the_system(text):
                skipped.append((index, FOREIGN.why))
            else:
                refused.append(index)
        return (
            pl.DataFrame(found, schema=self._nothing.schema),
            pl.DataFrame(skipped, schema=ANSWERS, orient="row"),
            refused,
        )

    def _first(
        self,
        at: int,
        cuts: Sequence[Callable[[int], Mapping[str, str] | None]],
        heads: Sequence[Sequence[Mapping[str, str | None]]],
    ) -> tuple[int, dict[str, str | None]] | None:
        """Return the first shape that takes line *at*, and its texts by key."""
        for number, (way, cut_at, several) in enumerate(zip(self._ways, cuts, heads, strict=True)):
            pairs = cut_at(at)
            if pairs is None:
                continue
            head = several[at] if several else {}
            cut = {**pairs, **{key: text for key, text in head.items() if text is not None}}
            values = {
                key: cut.get(names[0]) if len(names) == 1 else next((cut[name] for name in names if name in cut), None)
                for key, names in self._names[number].items()
            }
            if TWICE in pairs:
                # What stands in the head is the appliance's.
                twice = set(pairs[TWICE].split(" ")) - {key for key, text in head.items() if text is not None}
                values[TWICE] = " ".join(
                    ["", *(key for key, names in self._names[number].items() if not twice.isdisjoint(names)), ""]
                )
            else:
                values[TWICE] = None
            if not way.shape.needs or any(values[key] is not None for key in way.shape.needs):
                return number, values
        return None

    def _read(self, tokens: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the events with their stamps, and the lines of types that mean nothing."""
        said = [key for key in self._keys if tokens[key].null_count() < len(tokens)]
        nothing = pl.col(said).is_in([*self._map.nothing, ""])
        tokens = self._stamped(tokens.with_columns(pl.when(~nothing).then(pl.col(said)).name.keep()))
        types = self._map.records
        skipped = [pl.DataFrame(schema=ANSWERS)]
        events = [pl.DataFrame(schema=STAMP)]
        tokens = tokens.with_columns(record=self._record)
        for rows in tokens.partition_by("record") if tokens["record"].n_unique() > 1 else [tokens] * bool(len(tokens)):
            number = rows["record"][0]
            why = types[number].skip if number < len(types) else self._map.rest
            if why is not None:
                skipped.append(rows.select("line", why=pl.lit(why)))
            else:
                events.append(self._types[number].of(rows))
        return pl.concat(events, how="diagonal").sort("line"), pl.concat(skipped)

    def _stamped(self, tokens: pl.DataFrame) -> pl.DataFrame:
        us, clock = (pl.Series(name, [None], dtype).new_from_index(0, len(tokens)) for name, dtype in STAMPS.items())
        for place in self._map.time:
            wanting = us.is_null()
            if not wanting.any():
                break
            envelope = place.written == "envelope"
            text = pl.col("whole") if envelope else pl.concat_str(place.keys, separator=" ")
            texts = tokens.select(text if wanting.all() else pl.when(wanting).then(text)).to_series()
            if texts.null_count() == len(texts):
                continue
            if envelope:
                got = _of_envelopes(texts)
            else:
                got = stamps(texts, place.written, tokens[place.zone] if place.zone else None)
                if place.utc:
                    got = got.with_columns(clock=pl.col("clock").replace(int(Clock.WALL), int(Clock.UTC)))
            us, clock = us.fill_null(got["us"]), clock.fill_null(got["clock"])
        return tokens.with_columns(stamp_us=us.fill_null(0), stamp_clock=clock.fill_null(3))


_USUAL_STAMP = (
    r"^((?:<\d{1,3}> ?(?:1 )?)?(?:[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?|\d{4}-\d\d-\d\d[T ])\d\d:\d\d:\d\d"
    r"(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)? )"
)
"""What can be read by itself, once for all lines of that moment."""


def _of_envelopes(texts: pl.Series) -> pl.DataFrame:
    """Return the stamps at the heads of *texts* in the columns of :data:`STAMPS`."""
    heads = pl.select(pl.coalesce(texts.str.extract(_USUAL_STAMP), texts)).to_series()
    words = heads.drop_nulls().unique()
    read = [(one[0].us, int(one[0].clock)) if (one := read_stamp(word)) else (None, None) for word in words]
    found = pl.DataFrame(read, schema=STAMPS, orient="row").with_columns(words.alias("head"))
    every = heads.alias("head").to_frame()
    return every.join(found, on="head", how="left", maintain_order="left").select(list(STAMPS))


def _record(map_: FieldMap) -> pl.Expr:
    """Return which type a row is of: the number of its record, or how many there are."""
    record = pl.lit(len(map_.records), pl.UInt16)
    for number in reversed(range(len(map_.records))):
        record = pl.when(holds(map_.records[number].when)).then(pl.lit(number, pl.UInt16)).otherwise(record)
    return record


def holds(when: When) -> pl.Expr:
    """Return whether all conditions hold for a row of texts by key."""
    return reduce(and_, [_condition(pl.col(key), one) for key, one in when.items()], pl.lit(True))


def _condition(text: pl.Expr, one: Condition) -> pl.Expr:
    wanted = pl.lit(True)
    if one.words:
        wanted = text.str.contains(among(one.words))
    if one.like is not None:
        wanted = wanted & text.str.contains(one.like)
    if one.present is not None:
        wanted = wanted & (text.is_not_null() == one.present)
    return wanted.fill_null(False)


def _keys(map_: FieldMap) -> list[str]:
    found: list[str] = []
    for place in map_.time:
        found += [*place.keys, *([place.zone] if place.zone else [])]
    for fields, action in ((map_.fields, map_.action), *((record.fields, record.action) for record in map_.records)):
        for target in fields.values():
            found += [*target.keys, *target.host, *target.query, *target.scheme]
        for step in action.steps if action else []:
            found += step.keys
    for record in map_.records:
        found += record.when
    for shape in map_.shapes:
        found += shape.needs
    return list(dict.fromkeys(found))
