"""What was typed into a search engine, read from the URL of the search.

Only known engines and paths are read; which they are stands in ``engines.yaml``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import unquote, unquote_plus

import polars as pl
from pydantic import Field, RootModel

from filterwatch.config import Part, read, validate
from filterwatch.enrich.known import Known
from filterwatch.enrich.suffixes import Registrable
from filterwatch.lists.paths import straight

SUGGESTS = ("suggest", "complet", "sugg/", "/sug/", "sugrec", "typeahead", "/search/general/preview")
"""A path with one of these asks for suggestions at each keystroke: nobody has searched yet."""

LONGEST_TERMS = 2_048
"""Characters of a search that are kept, as many as Google takes: nothing is hidden behind its 32 words."""

LONGEST_QUERY = 16_384
"""Characters behind the question mark that are read, so that nothing is hidden behind many parameters or blanks: what
is longer, web servers refuse (our judgement; nginx and Apache stop at 8 KiB unless told otherwise)."""

Kind = Literal["web", "image", "video", "news", "shopping", "assistant", "social"]
"""What is searched for; ``assistant`` is a question to an AI, ``web`` all that is none of the others."""

SafeSearch = Literal["on", "blur", "off"]

_PATHS = 256
"""Paths whose searches are remembered; most of a day are at a dozen."""

LOOKED = ("search_terms", "search_kind", "safe_search")
"""Columns of :meth:`Engines.look`."""

_ENGINES = Path(__file__).with_name("engines.yaml")

_TWICE = re.compile(r"%20")
_FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters of Hangul that show nothing: the "blank character" that is passed around."""

_Name = Annotated[str, Field(pattern=r"^[^A-Z]+$")]
_Path = Annotated[str, Field(pattern=r"^(\*|(\*?)/[^*]*(\*?))$")]


class Search(Part):
    """One way in which an engine's URLs show a search.

    Attributes:
        parameters: None where the piece of the path behind the pattern is what was typed: ``/search/blue-tits``.
        also: Further parameters that are searched for together with the first.
        kind: Unless the engine's ``kinds`` say otherwise.
    """

    paths: tuple[_Path, ...] = Field(min_length=1)
    parameters: tuple[_Name, ...] = ()
    also: tuple[_Name, ...] = ()
    kind: Kind | None = None

    def is_at(self, path: str) -> bool:
        """Say whether *path* (as :func:`_path` has it) is one of its paths."""
        return any(_fits(path, pattern) for pattern in self.paths)

    def is_made_at(self, path: str) -> bool:
        """Say whether *path* is one of its paths, and does not speak of suggestions from where the pattern begins."""
        at = (pattern for pattern in self.paths if _fits(path, pattern))
        return any(not (self.parameters and _suggests(path, pattern)) for pattern in at)


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
    """A search engine: the names it has, its searches, its suggestions and its safe search.

    Attributes:
        kind: Of its searches, where no path or parameter says otherwise.
        kinds: ``parameter=value`` by the kind that it asks for.
    """

    at: tuple[str, ...] = Field(min_length=1)
    searches: tuple[Search, ...] = Field(min_length=1)
    suggests: tuple[Search, ...] = ()
    safe: Safe = Safe()
    kind: Kind = "web"
    kinds: dict[Kind, tuple[str, ...]] = Field(default_factory=dict)


class Asked(NamedTuple):
    """What a URL asks of a search engine.

    Attributes:
        engine: Its name in the data file.
        kind: A search that was made, or suggestions while somebody typed.
        safe: Safe search, as far as the URL says: null where it says nothing, which is not "off".
        what: What is searched for.
    """

    engine: str
    kind: Literal["search", "suggest"]
    terms: str
    safe: SafeSearch | None
    what: Kind = "web"


class _Url(NamedTuple):
    """A URL in parts; the authority in lower case, the path empty or with its slash, the others without their signs."""

    authority: str
    path: str
    query: str
    fragment: str


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
        self._members: list[tuple[int, ...]] = []
        self._at = lru_cache(_PATHS)(self._made_at)
        searches = [search for engine in self._engines for search in engine.searches]
        names = {name for search in searches for name in (*search.parameters, *search.also)}
        names |= {
            said.partition("=")[0] for one in self._engines for said in (*one.safe.on, *one.safe.blur, *one.safe.off)
        }
        in_path = {path.strip("*") for search in searches if not search.parameters for path in search.paths}
        self._signs = [*sorted(f"{mark}{name}=" for name in names for mark in "?&#"), "%", *sorted(in_path)]

    def number(self, host: str, registrable: Registrable) -> int | None:
        """Return the number by which :meth:`read` knows the engines that have *host*; null where none has."""
        if not registrable.domain or registrable.domain.partition(".")[0] not in self._known.labels:
            return None
        numbers = self._known.of(host, registrable)
        return self._group(numbers) if numbers else None

    def _group(self, numbers: tuple[int, ...]) -> int:
        if numbers not in self._groups:
            self._members.append(numbers)
            self._groups[numbers] = len(self._members) - 1
        return self._groups[numbers]

    def read(self, urls: pl.Series, numbers: pl.Series) -> pl.Series:
        """Return what was searched for, null where nothing was.

        Args:
            urls: String; URLs as logged.
            numbers: UInt16 beside them, from :meth:`number`.
        """
        return self.look(urls, numbers)["search_terms"]

    def look(self, urls: pl.Series, numbers: pl.Series) -> pl.DataFrame:
        """Return ``search_terms``, ``search_kind`` and ``safe_search`` of each URL, all String.

        A kind stands beside terms only.  Safe search (on, blur or off) is told of any page of an engine whose URL
        says something of it; null is not "off".

        Args:
            urls: String; URLs as logged.
            numbers: UInt16 beside them, from :meth:`number`.
        """
        rows = numbers.is_not_null().arg_true()
        out = pl.DataFrame(schema=dict.fromkeys(LOOKED, pl.String)).clear(len(urls))
        asked = pl.DataFrame({"row": rows, "url": urls.gather(rows), "number": numbers.gather(rows)})
        asked = asked.filter(pl.col("url").str.contains_any(self._signs, ascii_case_insensitive=True))
        if asked.is_empty():
            return out
        said = [self._said(url, number) for url, number in asked.select("url", "number").iter_rows()]
        return out.with_columns(
            out[name].scatter(asked["row"], pl.Series(values, dtype=pl.String))
            for name, values in zip(LOOKED, zip(*said, strict=True), strict=True)
        )

    def terms(self, url: str, number: int) -> str | None:
        """Return what *url*, whose host is of the engines *number*, searches for."""
        found = self._searched(_split(url), number)
        return found[2] if found else None

    def asked(self, url: str, host: str, number: int) -> Asked | None:
        """Return all that *url* says to the engines *number* of its *host*: for explaining, one URL at a time."""
        parts = _split(url)
        if found := self._searched(parts, number):
            at, search, terms = found
            engine, said = self._engines[at], _pairs(parts.query)
            safe = _safe(engine.safe, host, said, terms)
            return Asked(self._names[at], "search", terms, safe, _kind(engine, search, said))
        for at in self._members[number]:
            suggests = (one for one in self._engines[at].suggests if one.is_at(_path(parts.path)))
            if typed := next(filter(None, (_typed(parts.query, one) for one in suggests)), None):
                return Asked(self._names[at], "suggest", typed, None)
        return None

    def _said(self, url: str, number: int) -> tuple[str | None, Kind | None, SafeSearch | None]:
        """Return a row of :meth:`look`."""
        parts = _split(url)
        said = _pairs(parts.query)
        kind, terms = None, None
        if found := self._searched(parts, number):
            kind, terms = _kind(self._engines[found[0]], found[1], said), found[2]
        host = parts.authority.rpartition("@")[2].partition(":")[0]
        safe = (_safe(self._engines[at].safe, host, said, terms or "") for at in self._members[number])
        return terms, kind, next((one for one in safe if one), None)

    def _searched(self, parts: _Url, number: int) -> tuple[int, Search, str] | None:
        """Return which engine was searched, how, and what was typed; null for a suggestion."""
        if parts.authority.startswith("suggest"):
            return None
        made = self._at(number, parts.path)
        for query in (parts.query, parts.fragment) if parts.fragment else (parts.query,):
            for at, one in made:
                if typed := _typed(query, one) if one.parameters else _behind(parts.path, one.paths):
                    return at, one, typed
        return None

    def _made_at(self, number: int, path: str) -> tuple[tuple[int, Search], ...]:
        """Return the searches that the engines *number* have at *path*, each with its engine."""
        low = _path(path)
        found = ((at, one) for at in self._members[number] for one in self._engines[at].searches)
        return tuple((at, one) for at, one in found if one.is_made_at(low))


def _split(url: str) -> _Url:
    """Return the parts of *url*; of ``host/path`` and of a path too, as some filters write it."""
    rest, _, fragment = url.partition("#")
    rest, _, query = rest.partition("?")
    scheme, slashes, behind = rest.partition("//")
    if slashes and scheme[-1:] in ("", ":") and "/" not in scheme:
        rest = behind
    authority, slash, path = rest.partition("/")
    return _Url(authority.lower(), slash + path, query, fragment)


def _path(path: str) -> str:
    path = path.partition(";")[0]
    if "%" in path:
        path = unquote(path, errors="replace")
    return straight(path).lower()


def _kind(engine: Engine, search: Search, said: frozenset[str]) -> Kind:
    named = (kind for kind, pairs in engine.kinds.items() if not said.isdisjoint(pairs))
    return next(named, search.kind or engine.kind)


def _safe(safe: Safe, host: str, said: frozenset[str], terms: str) -> SafeSearch | None:
    if any(host == name or host.endswith(f".{name}") for name in safe.at):
        return "on"
    if not said.isdisjoint(safe.off) or (safe.words_off and not set(terms.lower().split()).isdisjoint(safe.words_off)):
        return "off"
    return "on" if not said.isdisjoint(safe.on) else "blur" if not said.isdisjoint(safe.blur) else None


def _pairs(query: str) -> frozenset[str]:
    pairs = query[:LONGEST_QUERY].split("&")
    return frozenset((unquote(pair, errors="replace") if "%" in pair else pair).lower() for pair in pairs)


def _behind(path: str, patterns: tuple[str, ...]) -> str:
    """Return the piece of *path* behind the first of *patterns* that stands in it, with its joining signs as blanks."""
    path = straight(path)
    low = path.lower()
    for pattern in patterns:
        before, found, _ = low.partition(pattern.strip("*"))
        if found:
            piece = path[len(before) + len(found) :].partition("/")[0]
            return tidied(_decoded(piece).replace("-", " ").replace("_", " "))
    return ""


def _typed(query: str, search: Search) -> str:
    """Return what the parameters of *search* say: the first that is not blank and those beside it.

    One that is given twice says both: some engines take the first, some the last, some all.
    """
    said: dict[str, dict[str, None]] = {}
    for pair in query[:LONGEST_QUERY].split("&"):
        name, _, value = pair.partition("=")
        name = (unquote(name, errors="replace") if "%" in name else name).lower()
        if (name in search.parameters or name in search.also) and (terms := tidied(_decoded(value))):
            said.setdefault(name, {})[terms] = None
    first = next((said[name] for name in search.parameters if name in said), {})
    texts = list(dict.fromkeys((*first, *(text for name in search.also for text in said.get(name, ())))))
    if len(texts) > 1 and sum(map(len, texts)) + len(texts) > LONGEST_TERMS:
        # Nothing long hides what is typed before or behind it: the first and the last are what engines take.
        half = LONGEST_TERMS // 2
        texts = [texts[0][: half - 1], texts[-1][:half], *texts[1:-1]]
    return " ".join(texts)[:LONGEST_TERMS].rstrip()


def _decoded(value: str) -> str:
    """Return what stands behind percent signs, read as UTF-8; twice where a blank was encoded twice."""
    text = unquote_plus(value, errors="replace")
    return unquote(text, errors="replace") if _TWICE.search(text) else text


def tidied(text: str) -> str:
    """Return *text* with Unicode compatibility forms unified (NFKC), blanks folded to one, and cut to what is kept.

    Characters that show nothing (zero-width spaces, soft hyphens, joiners, fillers, controls) are taken out: in a word
    they hide it.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(one for one in text if one.isspace() or not _shows_nothing(one))
    seen = unicodedata.normalize("NFKC", " ".join(text.split())[:LONGEST_TERMS])
    return " ".join(seen.split())[:LONGEST_TERMS].rstrip()


def _shows_nothing(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cf", "Cc"} or sign in _FILLERS


def _suggests(path: str, pattern: str) -> bool:
    behind = path[path.find(pattern.strip("*")) :]
    return any(word in behind for word in SUGGESTS)


def _fits(path: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    inside = pattern.strip("*")
    if pattern.startswith("*"):
        return inside in path if pattern.endswith("*") else path.rstrip("/").endswith(inside)
    if pattern.endswith("*"):
        return path.startswith(inside)
    return (path.rstrip("/") or "/") == (inside.rstrip("/") or "/")
