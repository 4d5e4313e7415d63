"""Which way leads to a named text of a JSON object, and how Polars goes there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import polars as pl

_INDEX = re.compile(r"0|[1-9][0-9]*|\*")
_CONTAINER_AMONG = r"(?:^|, )[\[{]"
_TEXT_LIKE_ONE = r':[ \t]*"[\[{]'
"""A text that begins like a list or an object: then Polars' rendering of a real one cannot be told from it."""

_NOT_AS_JSON = r"[\\\x00-\x1f]"

Path = tuple[str, ...]
Tree = dict[str, "Tree | None"]
"""Members by name; null for a text.  Members of a list of objects stand behind ``*``."""


def joined_texts(items: Sequence[object]) -> str | None:
    """Return the texts and numbers of a list as one text; null where it has none."""
    texts = [_text(item) for item in items]
    kept = [text for text in texts if text is not None]
    return ", ".join(kept) if kept else None


def _text(item: object) -> str | None:
    if isinstance(item, bool):
        return "true" if item else "false"
    return item if isinstance(item, str) else None


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to a text.

    Attributes:
        path: Names from the top; an index or ``*`` where a list of objects is.
        group: Index of the schema that it is in.
    """

    path: Path
    group: int

    @property
    def all_items(self) -> bool:
        return "*" in self.path and len(self.path) > 1

    def expression(self, top: pl.Series) -> pl.Expr:
        """Return the text at the end of the way, as Polars renders it; *top* is the member that it begins with."""
        value = pl.lit(top)
        for at, name in enumerate(self.path[1:], 1):
            if name == "*":
                behind = pl.element()
                for inner in self.path[at + 1 :]:
                    behind = behind.struct.field(inner)
                values = value.list.eval(behind).list.drop_nulls()
                return pl.when(values.list.len() > 0).then(values.list.join(", "))
            value = value.list.get(int(name), null_on_oob=True) if _INDEX.fullmatch(name) else value.struct.field(name)
        return value


@dataclass(frozen=True, slots=True)
class Plan:
    """How the texts of some names are read.

    Attributes:
        ways: The ways to each, the one that counts first first.
        schemas: What Polars is told to read; more than one where one name is both a text and an object.
    """

    ways: dict[str, list[_Way]]
    schemas: list[dict[str, pl.DataType]] = field(default_factory=list)

    def nothing(self, count: int) -> pl.DataFrame:
        """Return *count* rows that are sure of nothing."""
        nulls = pl.Series([None], dtype=pl.String).new_from_index(0, count)
        return pl.DataFrame(
            {
                **dict.fromkeys(self.ways, nulls),
                "sure": pl.Series([False]).new_from_index(0, count),
            }
        )

    def texts(
        self, found: Sequence[pl.DataFrame], lines: pl.Series, list_text: Callable[[str], str | None]
    ) -> pl.DataFrame:
        """Return the text of each name, and ``sure``.

        Args:
            found: What Polars read by each of the schemas.
            lines: The lines it read.
            list_text: From a list as Polars renders it to the text that we make of it.
        """
        ways = [(f"{number}", way) for number, way in enumerate(way for ways in self.ways.values() for way in ways)]
        frame = pl.concat(
            [
                one.select(way.expression(one[way.path[0]]).alias(name) for name, way in ways if way.group == group)
                for group, one in enumerate(found)
            ],
            how="horizontal",
        )
        empty = {name for name, nulls in frame.null_count().row(0, named=True).items() if nulls == len(lines)}
        used = [(name, way) for name, way in ways if name not in empty]
        odd = frame.select(_begins_like_a_container(name, way) for name, way in used)
        sure = pl.Series("sure", [True]).new_from_index(0, len(lines))
        if odd.width and any(odd.select(pl.all().any()).row(0)):
            frame, sure = _without_containers(frame, odd, used, lines, list_text)
        numbers = iter(name for name, _ in ways)
        texts = [_first_of([next(numbers) for _ in ways], empty).alias(key) for key, ways in self.ways.items()]
        hidden = [pl.when(sure).then(text) for text in texts] if not sure.all() else texts
        return frame.select(*hidden, sure.alias("sure"))


def _begins_like_a_container(name: str, way: _Way) -> pl.Expr:
    text = pl.col(name).str
    return text.contains(_CONTAINER_AMONG) if way.all_items else text.starts_with("[") | text.starts_with("{")


def _first_of(names: Sequence[str], empty: Collection[str]) -> pl.Expr:
    """Return the first text that is there; *empty* are columns that have none."""
    used = [name for name in names if name not in empty] or names[:1]
    return pl.col(used[0]) if len(used) == 1 else pl.coalesce(used)


def _without_containers(
    frame: pl.DataFrame,
    odd: pl.DataFrame,
    ways: Sequence[tuple[str, _Way]],
    lines: pl.Series,
    list_text: Callable[[str], str | None],
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the texts with lists made texts and objects left out, and which rows that is sure of."""
    unclear = lines.str.contains(_TEXT_LIKE_ONE)
    unsure = pl.Series("sure", [False]).new_from_index(0, len(lines))
    for name, way in ways:
        hit = odd[name].fill_null(value=False)
        if not hit.any():
            continue
        # Polars writes neither backslashes nor control bytes of a list as JSON has them.
        unclear_here = hit & (unclear | frame[name].str.contains(_NOT_AS_JSON))
        unsure |= hit if way.all_items else unclear_here
        if not way.all_items:
            rendered = frame[name].filter(hit).unique().to_list()
            texts = pl.Series([list_text(text) for text in rendered], dtype=pl.String)
            column = pl.when(hit).then(
                pl.col(name).replace_strict(rendered, texts, default=None, return_dtype=pl.String)
            )
            frame = frame.with_columns(column.otherwise(pl.col(name)).alias(name))
    return frame, ~unsure


@lru_cache(maxsize=64)
def plan(keys: tuple[str, ...]) -> Plan:
    """Return how the texts named *keys* are read."""
    trees: list[Tree] = []
    ways = {key: [_Way(path, _place(trees, path)) for path in _paths(key)] for key in keys}
    return Plan(ways, [{name: _type(inner) for name, inner in tree.items()} for tree in trees])


def _paths(key: str) -> list[Path]:
    """Return the ways on which the text *key* may be: by its whole name at the top, and by its parts."""
    parts = tuple(key.split("."))
    marks = [at for at, part in enumerate(parts) if _INDEX.fullmatch(part)]
    usable = not marks or (len(marks) == 1 and 0 < marks[0] < len(parts) - 1)
    usable &= not any(part.startswith("^") for part in parts)  # Polars takes such a name for a pattern
    return [(key,), parts] if len(parts) > 1 and usable else [(key,)]


def _place(trees: list[Tree], path: Path) -> int:
    """Put *path* into the first tree where it fits; return which."""
    for number, tree in enumerate(trees):
        if _fits(tree, path):
            _put(tree, path)
            return number
    trees.append({})
    _put(trees[-1], path)
    return len(trees) - 1


def _common(path: Path, at: int) -> str:
    return "*" if at and _INDEX.fullmatch(path[at]) else path[at]


def _fits(tree: Tree, path: Path) -> bool:
    for at in range(len(path)):
        name, last = _common(path, at), at == len(path) - 1
        if tree and at and ("*" in tree) != (name == "*"):
            return False
        if name not in tree:
            return True
        inner = tree[name]
        if inner is None or last:
            return inner is None and last
        tree = inner
    return True


def _put(tree: Tree, path: Path) -> None:
    for at in range(len(path) - 1):
        inner = tree.setdefault(_common(path, at), {})
        if inner is None:
            raise AssertionError(path)
        tree = inner
    tree[path[-1]] = None


def _type(tree: Tree | None) -> pl.DataType:
    if tree is None:
        return pl.String()
    if "*" in tree:
        return pl.List(_type(tree["*"]))
    return pl.Struct({name: _type(inner) for name, inner in tree.items()})
