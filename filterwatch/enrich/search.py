"""What was typed into a search engine, read from the URL of the search.

Only known engines and paths are read; which they are stands in ``engines.yaml``.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import unquote, unquote_plus, urlsplit

import polars as pl
from pydantic import Field, RootModel

from filterwatch.config import Part, read, validate
from filterwatch.enrich.known import Known
from filterwatch.enrich.suffixes import Registrable

SUGGESTS = ("suggest", "complet", "sugg/", "sugrec", "typeahead")
"""A path with one of these asks for suggestions at each keystroke: nobody has searched yet."""

LONGEST_TERMS = 500
"""Characters of a search that are kept: more than any engine takes (Google cuts at 32 words)."""

LONGEST_QUERY = 16_384
"""Characters behind the question mark that are read, so that nothing is hidden behind many parameters or blanks: what
is longer, web servers refuse (our judgement; nginx and Apache stop at 8 KiB unless told otherwise)."""

_ENGINES = Path(__file__).with_name("engines.yaml")

_Path = Annotated[str, Field(pattern=r"^(\*|(\*?)/[^*]*(\*?))$")]


class Search(Part):
    """One way in which an engine's URLs show a search."""

    paths: tuple[_Path, ...] = Field(min_length=1)
    parameters: tuple[str, ...] = Field(min_length=1)

    def is_at(self, path: str) -> bool:
        """Say whether *path* (lower case) is one of its paths."""
        return any(_fits(path, pattern) for pattern in self.paths)


class Safe(Part):
    """How an engine's URLs show whether safe search is on.

    Attributes:
        on: ``parameter=value``; likewise *blur* (moderate) and *off*.
        at: Names at which it is always on.
        words_off: Words of a search that switch it off.
    """

    on: tuple[str, ...] = ()
    blur: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    words_off: tuple[str, ...] = ()


class Engine(Part):
    """A search engine: the names it has, its searches, its suggestions and its safe search."""

    at: tuple[str, ...] = Field(min_length=1)
    searches: tuple[Search, ...] = Field(min_length=1)
    suggests: tuple[Search, ...] = ()
    safe: Safe = Safe()


class Asked(NamedTuple):
    """What a URL asks of a search engine.

    Attributes:
        engine: Its name in the data file.
        kind: A search that was made, or suggestions while somebody typed.
        safe: Safe search, as far as the URL says: null where it says nothing, which is not "off".
    """

    engine: str
    kind: Literal["search", "suggest"]
    terms: str
    safe: Literal["on", "blur", "off"] | None


class _File(RootModel[dict[str, Engine]]):
    """The data file: engines by name."""


class Engines:
    """The known engines.

    Args:
        file: Another data file than the shipped one.

    Raises:
        ConfigurationError: *file* has mistakes.
    """

    def __init__(self, file: Path = _ENGINES) -> None:
        known = validate(read(file), _File).root
        self._names = tuple(known)
        self._engines = tuple(known.values())
        self._known = Known(engine.at for engine in self._engines)
        self._groups: dict[tuple[int, ...], int] = {}
        self._searches: list[tuple[Search, ...]] = []
        self._members: list[tuple[int, ...]] = []
        parameters = {p for engine in self._engines for search in engine.searches for p in search.parameters}
        self._signs = [*sorted(f"{parameter}=" for parameter in parameters), "%"]

    def number(self, host: str, registrable: Registrable) -> int | None:
        """Return the number by which :meth:`read` knows the engines that have *host*; null where none has."""
        if not registrable.domain or registrable.domain.partition(".")[0] not in self._known.labels:
            return None
        numbers = self._known.of(host, registrable)
        return self._group(numbers) if numbers else None

    def _group(self, numbers: tuple[int, ...]) -> int:
        if numbers not in self._groups:
            self._members.append(numbers)
            self._searches.append(tuple(s for n in numbers for s in self._engines[n].searches))
            self._groups[numbers] = len(self._searches) - 1
        return self._groups[numbers]

    def read(self, urls: pl.Series, numbers: pl.Series) -> pl.Series:
        """Return what was searched for, null where nothing was.

        Args:
            urls: String; URLs as logged.
            numbers: UInt16 beside them, from :meth:`number`.
        """
        wanted = numbers.is_not_null() & urls.str.contains("?", literal=True)
        empty = pl.Series("search_terms", [None], dtype=pl.String)
        if not wanted.any():
            return empty.new_from_index(0, len(urls))
        asked = pl.DataFrame({"row": wanted.arg_true(), "url": urls.filter(wanted), "number": numbers.filter(wanted)})
        asked = asked.filter(pl.col("url").str.contains_any(self._signs))
        found = [self.terms(url, number) for url, number in asked.select("url", "number").iter_rows()]
        return empty.new_from_index(0, len(urls)).scatter(asked["row"], pl.Series(found, dtype=pl.String))

    def terms(self, url: str, number: int) -> str | None:
        """Return what *url*, whose host is of the engines *number*, searches for."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        path = _path(parts.path)
        if any(word in path for word in SUGGESTS) or parts.netloc.lower().startswith("suggest"):
            return None
        return _first(self._searches[number], path, parts.query)

    def asked(self, url: str, host: str, number: int) -> Asked | None:
        """Return all that *url* says to the engines *number* of its *host*: for explaining, one URL at a time."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        for at in self._members[number]:
            engine, path = self._engines[at], _path(parts.path)
            if terms := _first(engine.suggests, path, parts.query):
                return Asked(self._names[at], "suggest", terms, None)
            if self.terms(url, number) and (terms := _first(engine.searches, path, parts.query)):
                return Asked(self._names[at], "search", terms, _safe(engine.safe, host, parts.query, terms))
        return None


def _path(path: str) -> str:
    path = path.partition(";")[0].lower()
    return unquote(path, errors="replace").lower() if "%" in path else path


def _first(searches: tuple[Search, ...], path: str, query: str) -> str | None:
    return next((typed for one in searches if one.is_at(path) and (typed := _typed(query, one.parameters))), None)


def _safe(safe: Safe, host: str, query: str, terms: str) -> Literal["on", "blur", "off"] | None:
    if any(host == name or host.endswith(f".{name}") for name in safe.at):
        return "on"
    said = {pair.lower() for pair in query[:LONGEST_QUERY].split("&")}
    if not said.isdisjoint(safe.off) or not set(terms.lower().split()).isdisjoint(safe.words_off):
        return "off"
    return "on" if not said.isdisjoint(safe.on) else "blur" if not said.isdisjoint(safe.blur) else None


def _typed(query: str, names: tuple[str, ...]) -> str | None:
    """Return the first of the parameters *names* that is not blank; of one given twice the last."""
    values: dict[str, str] = {}
    for pair in reversed(query[:LONGEST_QUERY].split("&")):
        name, _, value = pair.partition("=")
        if "%" in name:
            name = unquote(name, errors="replace")
        if name in names and name not in values:
            terms = tidied(unquote_plus(value, errors="replace"))
            if terms:
                values[name] = terms
    return next((values[name] for name in names if name in values), None)


def tidied(text: str) -> str:
    """Return *text* with Unicode compatibility forms unified (NFKC), blanks folded to one, and cut to what is kept.

    Characters that show nothing (zero-width spaces, soft hyphens, joiners) are taken out: in a word they hide it.
    """
    if not text.isascii():
        text = "".join(one for one in text if unicodedata.category(one) != "Cf")
    seen = unicodedata.normalize("NFKC", " ".join(text.split())[:LONGEST_TERMS])
    return " ".join(seen.split())[:LONGEST_TERMS].rstrip()


def _fits(path: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    inside = pattern.strip("*")
    if pattern.startswith("*"):
        return inside in path if pattern.endswith("*") else path.rstrip("/").endswith(inside)
    if pattern.endswith("*"):
        return path.startswith(inside)
    return (path.rstrip("/") or "/") == (inside.rstrip("/") or "/")
