"""What a host's name alone gives away: the throw-away names of unblockers, which no list holds.

Pupils open unblockers below strangers' domains, dynamic DNS and sandboxes for code, under names that change by the day.
Each sign in a name gives points (``names.yaml``), and their sum makes it an unblocker's, unusual, or neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field
from tldextract import TLDExtract

from filterwatch.config import Part, read, validate
from filterwatch.errors import ConfigurationError
from filterwatch.events import CATEGORY_BIT, SIGNAL_BIT
from filterwatch.lists import guard

FILE = "names.yaml"
"""Beside the guard's names, in a folder of lists."""

UNBLOCKER, UNUSUAL, STRAY = "bypass.unblocker", "unusual_name", "stray_name"

_BITS = {
    UNBLOCKER: CATEGORY_BIT["bypass"] | CATEGORY_BIT[UNBLOCKER] | SIGNAL_BIT["unblocker_name"],
    UNUSUAL: SIGNAL_BIT[UNUSUAL],
    STRAY: SIGNAL_BIT[STRAY],
}
_PLACE_BITS = {
    **dict.fromkeys(("dynamic", "address"), SIGNAL_BIT["free_name"]),
    **dict.fromkeys(("sandbox", "delivery", "hosting"), SIGNAL_BIT["platform_name"]),
}
_SHORT = re.compile(r"[a-z0-9_]{1,3}|[a-z]{0,2}[0-9._-]+[a-z]{0,2}|xn--.*")
_LETTERS = re.compile(
    r"[bcdfghjklmnpqrstvwxz]{5,}|[0-9a-f]*[0-9][0-9a-f]{7,}|(?:[a-z]+[0-9]+){3,}|(?:[0-9]+[a-z]+){2,}"
)
_WORDY = re.compile(r"(?:[a-z0-9]+-){3,}[a-z0-9]+|[a-z]{18,}")
_ADDRESS = re.compile(r"(?:^|[.-])(?:[0-9]{1,3}[.-]){3}[0-9]{1,3}(?=[.-])")
_MOST_DEEPER = 2
_SUFFIXES = ("sandbox", "dynamic", "delivery", "address")
_PLACES = ("stray", "hosting", "dynamic", "sandbox", "delivery", "address", "cheap")
_SPEAKING = frozenset({"telling", "brand", "bait", "playful", "service", "dynamic", "address"})
"""Signs without which a name is nobody's: machines write the others too."""


class Points(Part):
    """What each sign is worth."""

    telling: int
    service: int
    brand: int
    bait: int
    playful: int
    stray: int
    deeper: int
    dynamic: int
    sandbox: int
    delivery: int
    hosting: int
    address: int
    gibberish: int
    sentence: int
    cheap: int


class Settings(Part):
    """What ``names.yaml`` holds."""

    unblocker: int = Field(description="points from which a name is taken for an unblocker's", ge=1)
    unusual: int = Field(description="points from which a name is unusual", ge=1)
    points: Points
    telling: tuple[str, ...] = Field(description="parts of labels that only ways round a filter have")
    service: tuple[str, ...] = Field(
        description="parts of labels that businesses' machines have too; telling in a domain"
    )
    brands: Mapping[str, tuple[str, ...]] = Field(description="names of learning platforms, with their makers' domains")
    bait: tuple[str, ...] = Field(description="school words")
    playful: tuple[str, ...] = Field(description="words that pupils write")
    ordinary: tuple[str, ...] = Field(description="labels that any business has below its domain")
    dynamic: tuple[str, ...] = Field(description="suffixes that give anybody a name in a minute")
    sandbox: tuple[str, ...] = Field(description="where anybody runs code of their own")
    delivery: tuple[str, ...] = Field(description="where files of sites of all kinds are delivered from")
    address: tuple[str, ...] = Field(description="suffixes whose names begin with an address")
    cheap: tuple[str, ...] = Field(description="top-level domains that cost next to nothing")
    known: tuple[str, ...] = Field(description="domains with names of many kinds below them")


class Sign(NamedTuple):
    """A sign in a name.

    Attributes:
        sign: Which, as in ``points``.
        points: What it is worth.
        text: What shows it.
    """

    sign: str
    points: int
    text: str


class _Name(NamedTuple):
    """A host, taken apart.

    Attributes:
        labels: Below what can be registered, or below a suffix that strangers get names under; nearest last.
        rest: The name that was registered, without its public suffix; empty below such a suffix.
        above: Where the labels stop: the registered domain or the suffix.
        private: Whether that is a suffix that strangers get names under.
        top: The last label.
    """

    labels: tuple[str, ...]
    rest: str
    above: str
    private: bool
    top: str


class Names:
    """Judges names.

    Args:
        settings: What ``names.yaml`` says.
        ordinary: What the guard knows: names that everybody uses, help, health and education.
    """

    def __init__(self, settings: Settings, ordinary: guard.Names) -> None:
        self.settings = settings
        self._extract = TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
        self._suffixes = {suffix: kind for kind in _SUFFIXES for suffix in getattr(settings, kind)}
        self._known = frozenset(settings.known)
        self._sites = self._known | {*ordinary.never, *ordinary.ordinary}
        self._trusted = guard.trusted(ordinary)
        self._cheap = frozenset(settings.cheap)
        self._plain = frozenset(settings.ordinary)
        self._words = {kind: _any(getattr(settings, kind)) for kind in ("telling", "service", "bait", "playful")}
        self._brands = [(_any([word]), makers) for word, makers in settings.brands.items()]
        words = (*settings.telling, *settings.service, *settings.bait, *settings.playful, *settings.brands)
        self._parts = sorted({max(word.strip("^$").split("."), key=len) for word in words})

    @classmethod
    def load(cls, directory: Path) -> Names | None:
        """Return what *directory* knows of names; null where it holds no ``names.yaml``.

        Raises:
            ConfigurationError: With every mistake in it.
        """
        if not (directory / FILE).is_file():
            return None
        settings = validate(read(directory / FILE), Settings)
        try:
            ordinary = validate(read(directory / "guard.yaml"), guard.Names)
        except ConfigurationError:
            ordinary = guard.Names(never=(), trusted=(), trusted_labels=(), ordinary=())
        return cls(settings, ordinary)

    def lookup(self, hosts: pl.Series) -> npt.NDArray[np.uint64]:
        """Return the category and signal bits that each host's name gives; hosts are in their one form."""
        # Most names hold none of the words: told for all at once.
        speaks = hosts.str.contains_any(self._parts).to_list()
        found = [self._signs(host, speaks=some) for host, some in zip(hosts.to_list(), speaks, strict=True)]
        return np.array([self._bits(signs) for signs in found], dtype=np.uint64)

    def _bits(self, signs: list[Sign]) -> int:
        bits = _BITS.get(self.judged(signs), 0)
        for sign in signs:
            bits |= _PLACE_BITS.get(sign.sign, 0)
        return bits

    def word(self, host: str) -> str:
        """Return ``bypass.unblocker``, ``unusual_name``, ``stray_name`` or nothing."""
        return self.judged(self.signs(host))

    def judged(self, signs: list[Sign]) -> str:
        """Return the word that *signs* add up to."""
        points = sum(sign.points for sign in signs)
        if points >= self.settings.unblocker and not _SPEAKING.isdisjoint(sign.sign for sign in signs):
            return UNBLOCKER
        if points >= self.settings.unusual:
            return UNUSUAL
        return STRAY if any(sign.sign in _PLACES for sign in signs) else ""

    def signs(self, host: str) -> list[Sign]:
        """Return the signs in *host*, a name in its one form; none for addresses and well-known sites."""
        return self._signs(host, speaks=True)

    def _signs(self, host: str, *, speaks: bool) -> list[Sign]:
        """Return the signs in *host*; *speaks* says whether one of the words may be in it."""
        if "." not in host or ":" in host or self._trusted.search(host):
            return []
        name = self._taken_apart(host)
        if (
            name is None
            or (name.private and name.above == host)
            or name.above in (self._known if name.private else self._sites)
        ):
            return []
        worth = self.settings.points
        return [Sign(sign, getattr(worth, sign), text) for sign, text in self._found(host, name, speaks=speaks)]

    def _taken_apart(self, host: str) -> _Name | None:
        for above in _above(host):
            if above in self._suffixes:
                return _Name(tuple(host.removesuffix(above).strip(".").split(".")), "", above, True, _top(host))
        found = self._extract.extract_str(host)
        if not found.domain or not found.suffix:  # a suffix itself, or a name of the school's own: printer.school.local
            return None
        if found.is_private:
            labels = host.removesuffix(found.suffix).strip(".").split(".")
            return _Name(tuple(labels), "", found.suffix, True, _top(host))
        labels = found.subdomain.split(".") if found.subdomain else []
        return _Name(tuple(labels), found.domain, f"{found.domain}.{found.suffix}", False, _top(host))

    def _found(self, host: str, name: _Name, *, speaks: bool) -> Iterator[tuple[str, str]]:
        odd = [label for label in name.labels if not self._ordinary(label)]
        if speaks:
            yield from self._said(host, name, odd)
        if name.private:
            if any(not label.startswith("www") for label in name.labels):
                yield self._suffixes.get(name.above, "hosting"), name.above
        elif odd:
            yield "stray", odd[-1]
        for label in odd[1 : 1 + _MOST_DEEPER]:
            yield "deeper", label
        if self._suffixes.get(name.above) != "delivery":  # names there are written by machines
            yield from self._shape(name, odd)

    def _said(self, host: str, name: _Name, odd: list[str]) -> Iterator[tuple[str, str]]:
        below = ".".join(name.labels)
        if word := self._words["telling"].search(".".join((*odd, name.rest))) or self._words["service"].search(
            name.rest
        ):
            yield "telling", word[0]
        elif word := self._words["service"].search(".".join(odd)):
            yield "service", word[0]
        yield from self._borrowed(host, below)
        spoken = f"{below}.{name.rest}" if name.top in self._cheap else below  # there a domain costs as little
        for kind in ("bait", "playful"):
            if word := self._words[kind].search(spoken):
                yield kind, word[0]

    def _borrowed(self, host: str, below: str) -> Iterator[tuple[str, str]]:
        for brand, makers in self._brands:
            word = brand.search(below)
            if word and not any(above in makers for above in _above(host)):
                yield "brand", word[0]
                return

    def _shape(self, name: _Name, odd: list[str]) -> Iterator[tuple[str, str]]:
        for sign, pattern in (("gibberish", _LETTERS), ("sentence", _WORDY)):
            if label := next((label for label in odd if pattern.search(label)), None):
                yield sign, label
                break
        if name.top in self._cheap and not name.private:
            yield "cheap", name.top

    def _ordinary(self, label: str) -> bool:
        return label.rstrip("0123456789-") in self._plain or _SHORT.fullmatch(label) is not None


def _above(host: str) -> Iterator[str]:
    while host:
        yield host
        host = host.partition(".")[2]


def _top(host: str) -> str:
    return host.rpartition(".")[2]


def _any(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of *words*; ``^`` and ``$`` in them are the edges of labels and their words."""
    return re.compile("|".join(map(_spelled, sorted(words, key=len, reverse=True))))


def _spelled(word: str) -> str:
    figures = "0-9" if word.strip("^$").isdigit() else ""
    begin = rf"(?<![a-z{figures}])" if word.startswith("^") else ""
    end = rf"(?![a-z{figures}])" if word.endswith("$") else ""
    return begin + re.escape(word.strip("^$")) + end
