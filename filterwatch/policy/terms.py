"""Term packs: words typed into a search engine that say something about the person who typed them.

``rules/terms/NAME.yaml`` holds the words.  They are found whole (never inside another word), whatever their case,
accents, width or joining signs, in the plural, and as pupils dress and misspell them (:mod:`.terms_words`).  Phrases
that a pack calls benign are hidden first; a hidden phrase hides its own words only.  A term of negative weight says
that a search is rather a lesson's.
"""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, NamedTuple, Self

import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from filterwatch.config import Part, Slug
from filterwatch.policy.terms_phrases import Phrase, Run, Shape, Shapes, taken_apart, wordings
from filterwatch.policy.terms_words import Reader, Word, everyday, plain, slang, spans
from filterwatch.policy.values import Listed, Text

_SET = re.compile(r"<([^<>\s|]*)>")
_SOMETHING = re.compile("[A-Za-z0-9]")


def _something(weight: int) -> int:
    if not weight:
        raise ValueError("must not be 0; remove the term or give it a weight")
    return weight


class Term(Part):
    """A word or phrase.

    Attributes:
        term: ``a|b|c_d`` is one of three choices, ``..`` up to three words in between, ``...`` up to twelve, ``<name>``
            the words of a set of the pack.
        weight: What it adds to the pack's sum; below 0 it takes away.
        alone: Only where it is the whole search.
    """

    term: Text
    alone: bool = False
    weight: Annotated[int, Field(ge=-1000, le=1000), AfterValidator(_something)] = 1


def _term(value: object) -> object:
    return {"term": value} if isinstance(value, str | int) else value


class Pack(Part):
    """One file of terms.

    Attributes:
        id: The file's name without its ending.
        at_least: Sum of the weights of different terms in one search from which on the pack holds; with the
            default any single term is enough.
        sets: Choices by name, for several terms and benign phrases.
        terms: A plain word stands for a term of weight 1.
        benign: Phrases that are hidden before terms are looked for.
        reviewed: When and by whom the pack was last read through.
    """

    id: Slug
    language: Text
    title: str | None = None
    description: str | None = None
    reviewed: str | None = None
    references: tuple[Text, ...] = ()
    at_least: Annotated[int, Field(ge=1, le=100_000)] = 1
    sets: dict[Slug, Text] = Field(default_factory=dict)
    terms: Listed[Annotated[Term, BeforeValidator(_term)]]
    benign: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _knows_its_sets(self) -> Self:
        asked = {name for text in (*(term.term for term in self.terms), *self.benign) for name in _SET.findall(text)}
        if unknown := sorted(asked - self.sets.keys()):
            raise ValueError(f"sets: no set of this name, found <{unknown[0]}>; add it to sets")
        return self

    def written_out(self, texts: Iterable[str]) -> list[str]:
        """Return *texts* of the pack with the choices of its sets in place of their names."""
        return [_SET.sub(lambda name: self.sets[name[1]], text) for text in texts]


@dataclass(frozen=True, slots=True)
class Span:
    """Something that a pack knows, in a search.

    Attributes:
        says: The term or benign phrase, as the pack writes it.
        weight: Of the term; 0 for a benign phrase.
        places: Where its words stand in the search: first character and the one behind the last, of each.
        read_as: The words as they were read, where they were typed otherwise; else null.
        counts: Whether it adds to the sum: a term once, and no word twice.
    """

    says: str
    weight: int
    places: tuple[tuple[int, int], ...]
    read_as: str | None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What one pack says of a search.

    Attributes:
        held: Whether the sum reaches what the pack asks for.
        weight: The sum: each term once, however often it stands there.
        at_least: What the pack asks for.
        terms: Found terms, each match.
        hidden: Benign phrases that hid words.
    """

    pack: str
    held: bool
    weight: int
    at_least: int
    terms: tuple[Span, ...]
    hidden: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A term or benign phrase of one pack.

    Attributes:
        at: Its place among the pack's terms, or among its benign phrases.
        weight: 0 for a benign phrase.
        alone: Whether it must be the whole search.
    """

    shape: Shape
    pack: int
    at: int
    weight: int
    alone: bool = False


class _Near(NamedTuple):
    """A pattern that may be in a search: its phrases whose words are all there."""

    pattern: _Pattern
    phrases: list[Phrase]

    def find(self, words: Sequence[str | None]) -> Iterator[tuple[int, ...]]:
        """Yield the places of the words of each match in *words*."""
        for phrase in self.phrases:
            for at in phrase.find(words):
                if not self.pattern.alone or len(at) == len(words):
                    yield at


class _Index:
    """Patterns by the words of the run without which they cannot hold, and which others use least."""

    def __init__(self, patterns: Sequence[_Pattern], common: frozenset[str]) -> None:
        uses = Counter(run for one in patterns for run in one.shape.runs)
        often = Counter(dict.fromkeys(common, len(patterns)))
        for run, times in uses.items():
            for word in run.words:
                often[word] += times
        words = {run: _telling(run, often) for run in uses}
        rank = {run: sum(often[word] for word in mine) for run, mine in words.items()}
        self.keys: dict[str, list[_Pattern]] = {}
        for one in patterns:
            for word in words[min(one.shape.runs, key=rank.__getitem__)]:
                self.keys.setdefault(word, []).append(one)

    def near(self, words: Sequence[str]) -> Iterator[_Near]:
        """Yield the patterns that may be in *words*, each once."""
        different = set(words)
        near = {id(one): one for word in different if word in self.keys for one in self.keys[word]}
        return (_Near(one, phrases) for one in near.values() if (phrases := one.shape.phrases(different)))


def _telling(run: Run, often: Counter[str]) -> set[str]:
    """Return words of which one is in every search that *run* is in: of each choice those that are used least."""
    return set().union(
        *(
            choice[0] if len(choice) == 1 else min(choice, key=lambda slot: sum(often[word] for word in slot))
            for choice in run.choices
        )
    )


class Finder:
    """Finds the terms of many packs in texts, each text and term once.

    A text is looked at closely only if it has a word that some pattern cannot do without.
    """

    def __init__(self) -> None:
        self._packs: list[Pack] = []
        self._ready: tuple[Reader, _Index, dict[int, _Index], frozenset[str]] | None = None

    def add(self, pack: Pack) -> int:
        """Look for *pack* too; return its place."""
        self._packs.append(pack)
        self._ready = None
        return len(self._packs) - 1

    def find(self, texts: pl.Series) -> Iterator[tuple[int, list[int]]]:
        """Yield the row of each text in which packs hold, and their places."""
        bare = plain(texts)
        for row in self._worth_a_look(bare):
            typed = bare[row].split()
            words = self._parts()[0].words(typed)
            places = [place for place, found, _ in self._judge(words) if _weight(found) >= self._packs[place].at_least]
            if places:
                yield row, places

    def explain(self, text: str) -> list[Found]:
        """Return what each pack that knows anything in *text* says of it."""
        typed = spans(text)
        words = self._parts()[0].words([word for word, _, _ in typed])
        out = []
        for place, found, hidden in self._judge(words):
            pack = self._packs[place]
            counted = _counted(found)
            terms = tuple(
                _span(pack.terms[one.at].term, one, at, words, typed, counts=counted.get(one.at) == (one.weight, at))
                for one, at in found
            )
            masks = tuple(_span(pack.benign[one.at], one, at, words, typed, counts=False) for one, at in hidden)
            weight = _weight(found)
            out.append(Found(pack.id, weight >= pack.at_least, weight, pack.at_least, terms, masks))
        return out

    def _worth_a_look(self, bare: pl.Series) -> list[int]:
        """Return the rows in which a word stands, or may be meant, that some pattern cannot do without."""
        reader, index, _, begins = self._parts()
        frame = bare.alias("text").to_frame().with_row_index("row")
        words = frame.select("row", word=pl.col("text").str.split(" ")).explode("word")
        telling = [
            word
            for word in words["word"].drop_nulls().unique().to_list()
            if word in begins or any(one in index.keys for one in reader.meant(word))
        ]
        apart = frame.filter(pl.col("text").str.contains(r"(?:^| )\p{L} \p{L} \p{L}(?: |$)"))["row"]
        rows = words.filter(pl.col("word").is_in(telling))["row"]
        return pl.concat([rows, apart]).unique().sort().to_list()

    def _judge(
        self, words: list[Word]
    ) -> Iterator[tuple[int, list[tuple[_Pattern, tuple[int, ...]]], list[tuple[_Pattern, tuple[int, ...]]]]]:
        """Yield the packs with terms in *words*, their matches, and the benign phrases that hide words."""
        _, index, benign, _ = self._parts()
        texts = [word.text for word in words]
        found: dict[int, list[_Near]] = {}
        for one in index.near(texts):
            if next(one.find(texts), None):
                found.setdefault(one.pattern.pack, []).append(one)
        for place in sorted(found):
            hidden = [(one.pattern, at) for one in benign[place].near(texts) for at in one.find(texts)]
            gone = {at for _, places in hidden for at in places}
            seen = [None if at in gone else text for at, text in enumerate(texts)]
            yield place, [(one.pattern, at) for one in found[place] for at in one.find(seen)], hidden

    def _parts(self) -> tuple[Reader, _Index, dict[int, _Index], frozenset[str]]:
        if self._ready is None:
            with _uncollected():
                self._ready = self._made()
        return self._ready

    def _made(self) -> tuple[Reader, _Index, dict[int, _Index], frozenset[str]]:
        terms = [(place, at, term.weight, term.alone) for place, pack in enumerate(self._packs)
                 for at, term in enumerate(pack.terms)]  # fmt: skip
        masks = [(place, at, 0, False) for place, pack in enumerate(self._packs) for at in range(len(pack.benign))]
        texts = [text for pack in self._packs for text in pack.written_out(term.term for term in pack.terms)]
        texts += [text for pack in self._packs for text in pack.written_out(pack.benign)]
        patterns = [
            _Pattern(shape, *one) for shape, one in zip(shapes(texts), terms + masks, strict=True) if shape is not None
        ]
        reader = _reader(patterns)
        common = (
            frozenset(word for form, meant in slang().items() if " " in form for word in meant.split()) | everyday()
        )
        index = _Index([one for one in patterns if one.weight], common)
        benign = {
            place: _Index([one for one in patterns if one.pack == place and not one.weight], common)
            for place in range(len(self._packs))
        }
        return reader, index, benign, reader.begins(index.keys)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the search for garbage back: all that is made here is kept, and searching it took as long as making it."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _reader(patterns: Sequence[_Pattern]) -> Reader:
    terms = [one.shape for one in patterns if one.weight]
    masks = [one.shape for one in patterns if not one.weight]
    return Reader(
        frozenset().union(*{run.words for one in terms for run in one.runs}),
        frozenset().union(*{run.words for one in masks for run in one.runs}),
        {pair for one in terms for pair in one.pairs},
    )


def shapes(texts: Sequence[str]) -> list[Shape | None]:
    """Return what each text of a pack looks for; null where no letter or figure is left of it."""
    short = slang()
    taken = [taken_apart(text) for text in texts]
    runs = dict.fromkeys(run for text in taken for _, runs in text for run in runs)
    asked = list(dict.fromkeys(one for run in runs for one in wordings(run)))
    bare = plain(pl.Series(asked, dtype=pl.String))
    words = {one: _written_out(text.split(), short) for one, text in zip(asked, bare, strict=True)}
    make = Shapes(words.__getitem__)
    return [make.of(text) for text in taken]


def empty(texts: Sequence[str]) -> list[int]:
    """Return the places of the phrases of which nothing is left once they are normalised."""
    odd = [at for at, text in enumerate(texts) if not _SOMETHING.search(text)]  # the others need not be taken apart
    return [at for at, one in zip(odd, shapes([texts[at] for at in odd]), strict=True) if one is None]


def _written_out(bare: list[str], short: dict[str, str]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(bare):
        pair = short.get(" ".join(bare[at : at + 2])) if at + 1 < len(bare) else None
        out += (pair or short.get(bare[at], bare[at])).split()
        at += 2 if pair else 1
    return out


def _weight(found: list[tuple[_Pattern, tuple[int, ...]]]) -> int:
    return sum(weight for weight, _ in _counted(found).values())


def _counted(found: list[tuple[_Pattern, tuple[int, ...]]]) -> dict[int, tuple[int, tuple[int, ...]]]:
    """Return of each term that counts its weight and the words of the match that counts.

    A term counts once, and one thing said in two ways counts once: what adds shares no word.
    """
    counted: dict[int, tuple[int, tuple[int, ...]]] = {}
    taken: set[int] = set()
    for one, at in sorted(found, key=lambda match: (-match[0].weight, match[1])):
        if one.at not in counted and (one.weight < 0 or taken.isdisjoint(at)):
            counted[one.at] = one.weight, at
            taken.update(at if one.weight > 0 else ())
    return counted


def _span(
    says: str,
    one: _Pattern,
    at: tuple[int, ...],
    words: list[Word],
    typed: list[tuple[str, int, int]],
    *,
    counts: bool,
) -> Span:
    read = [words[place] for place in at]
    numbers = sorted({number for word in read for number in range(word.first, word.last + 1)})
    same = [word.text for word in read] == [typed[number][0] for number in numbers]
    places = tuple((typed[number][1], typed[number][2]) for number in numbers)
    return Span(says, one.weight, places, None if same else " ".join(word.text for word in read), counts)
