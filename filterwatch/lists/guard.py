"""The overblock guard: entries that would embarrass a school are set aside before they can raise anything.

Public lists file NHS clinics as gambling, government pages as drugs and a whole UK suffix as free hosting.  Such an
entry stays on its list and gives nothing; ``filterwatch lists status`` names it.  A list that holds the very names
everybody uses is not believed at all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
from pydantic import Field
from tldextract import TLDExtract

from filterwatch.config import Part, read, validate
from filterwatch.lists.catalogue import Listed
from filterwatch.lists.domains import Piece
from filterwatch.lists.modes import Mode

OWN, WHOLE, EVERYONES = "name of the school", "a whole registry", "name that everybody uses"
REGISTRY, HOSTING = "public suffix", "suffix under which strangers get names"
TRUSTED, ORDINARY, PRIVATE = "help, health, government or education", "ordinary site", "private addresses"
LOCAL, WIDE = "name of a local network", "far too many addresses"

DISTRUSTED = (OWN, WHOLE, EVERYONES)
"""Reasons for which the whole list is refused."""

_ADDRESS = r"^[0-9.]+(?:/[0-9]+)?$|^[^/]*:"
_PRIVATE = r"^(?:10\.|127\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|0\.|f[cd][0-9a-f]{2}:|fe80:|::1$|::$)"

_TOO_WIDE = r"^[0-9.]+/(?:[0-9]|1[01])$|^[^/]*:[^/]*/(?:[0-9]|1[0-9]|2[0-3])$"
"""Ranges wider than /12 (IPv6: /24); the widest on the lists that were looked at are /16 and /29."""

_BELOW_LOCAL = r"(?:^|\.)(?:local|lan|home|internal|intranet|localdomain|localhost|arpa)$"
"""Names that no registry gives out, and the reverse of addresses."""


class Names(Part):
    """What the guard knows; read from ``guard.yaml``."""

    never: tuple[str, ...] = Field(description="names and pages that everybody uses: a list that holds one is refused")
    tops: tuple[str, ...] = Field(
        (), description="top-level names that a list may hold although it was made by machines"
    )
    trusted: tuple[str, ...] = Field(description="names at and below which entries are set aside")
    trusted_labels: tuple[str, ...] = Field(
        description="labels that say the same below a country's name: ac.uk, edu.au"
    )
    ordinary: tuple[str, ...] = Field(description="ordinary sites: entries for just these are set aside")


@dataclass(frozen=True, slots=True)
class Aside:
    """An entry that was set aside.

    Attributes:
        entry: As on the list.
        reason: Why.
    """

    entry: str
    reason: str


class Guard:
    """Judges the entries of lists.

    Args:
        names: What it knows.
        own: The school's own names: mail domain, web site, learning platform.
    """

    def __init__(self, names: Names, own: Iterable[str] = ()) -> None:
        self.names = names
        self._own = [name.lower().strip(".") for name in own if name]
        self._trusted = trusted(names).pattern

    @classmethod
    def load(cls, path: Path, own: Iterable[str] = ()) -> Guard:
        """Return the guard that *path* describes.

        Raises:
            ConfigurationError: With every mistake in it.
        """
        return cls(validate(read(path), Names), own)

    @cached_property
    def _registries(self) -> pl.Series:
        return _series(_suffixes(private=False))

    @cached_property
    def _tops(self) -> frozenset[str]:
        """What registries run: public suffixes, and names like sch.uk below which each is one."""
        return frozenset(rule.removeprefix("*.") for rule in _rules(private=False))

    @cached_property
    def _hosting(self) -> pl.Series:
        return _series(set(_suffixes(private=True)) - set(_suffixes(private=False)))

    def mark(self, listed: Listed) -> str:
        """Return what is another when this guard, or what is said of the list, would have entries read otherwise."""
        said = (listed.format, listed.pick, listed.mode, listed.trust, listed.hosting)
        known = repr((said, self.names, self._own, self._registries.to_list(), self._hosting.to_list()))
        return hashlib.blake2b(known.encode(), digest_size=8).hexdigest()

    def judge(self, piece: Piece, listed: Listed) -> tuple[Piece, list[Aside]]:
        """Return the entries with those that are set aside marked, and these with the reason."""
        if not len(piece.names):
            return piece, []
        reason = self._reasons(piece, listed)
        held = reason.is_not_null()
        aside = [Aside(*pair) for pair in zip(piece.names.filter(held), reason.filter(held), strict=True)]
        if not aside:
            return piece, []
        modes = pl.select(pl.when(held).then(pl.lit(int(Mode.ASIDE), pl.UInt8)).otherwise(piece.modes)).to_series()
        return Piece(piece.names, modes), aside

    def _reasons(self, piece: Piece, listed: Listed) -> pl.Series:
        """Return why each entry is set aside, null for the others."""
        name, mode = pl.col("name"), pl.col("mode")
        gives = mode.is_in([Mode.SUFFIX, Mode.EXACT, Mode.CHILDREN, Mode.PAGE]) & pl.lit(listed.mode != "allow")
        said = _first(pl.lit(None, dtype=pl.String), *self._reach(listed))
        said = _first(said, *((gives & holds, why) for holds, why in self._embarrassing(listed)))
        frame = pl.DataFrame({"name": piece.names, "mode": piece.modes})
        frame = frame.with_columns(host=name.str.splitn("/", 2).struct.field("field_0"))
        return frame.select(pl.when(mode != Mode.ASIDE).then(said)).to_series()

    def _reach(self, listed: Listed) -> Iterator[tuple[pl.Expr, str]]:
        """Yield what speaks of far too much, whether it gives a category or cancels it."""
        name, mode = pl.col("name"), pl.col("mode")
        wide = mode.is_in([Mode.SUFFIX, Mode.CHILDREN, Mode.ALLOW, Mode.ALLOW_CHILDREN])
        top = ~name.str.contains(r"[.:/]")
        # Who makes a list by hand may mean `xbox` or `playstation`.
        meant = name.is_in(_series(self.names.tops).implode()) | (
            pl.lit(listed.trust == "high") & ~name.str.contains(r"^..$")
        )
        cancels = (mode >= Mode.ALLOW) | pl.lit(listed.mode == "allow")
        registry = wide & name.is_in(self._registries.implode()) & ~(top & meant)
        yield registry & ~(cancels & name.str.contains(self._trusted)), REGISTRY
        yield top & ~meant | pl.col("host").str.contains(_BELOW_LOCAL), LOCAL
        yield name.str.contains(_TOO_WIDE), WIDE
        if not listed.hosting:
            yield wide & name.is_in(self._hosting.implode()), HOSTING

    def _embarrassing(self, listed: Listed) -> Iterator[tuple[pl.Expr, str]]:
        """Yield what must not have a category."""
        name, host, mode = pl.col("name"), pl.col("host"), pl.col("mode")
        wide = mode.is_in([Mode.SUFFIX, Mode.CHILDREN])
        site = name.str.strip_prefix("www.")
        above = [".".join(own.split(".")[n:]) for own in self._own for n in range(own.count(".") + 1)]
        ours = (wide & name.is_in(_series(above).implode())) | host.is_in(_series(self._own).implode())
        for own in self._own:
            ours = ours | host.str.ends_with(f".{own}")
        yield ours & name.is_in(_series({one for one in above if one in self._tops}).implode()), WHOLE
        yield ours, OWN
        yield site.is_in(_series(self.names.never).implode()), EVERYONES
        yield host.str.contains(self._trusted), TRUSTED
        yield name.str.contains(_ADDRESS) & name.str.contains(_PRIVATE), PRIVATE
        if listed.trust != "high":
            yield (mode != Mode.PAGE) & site.is_in(_series(self.names.ordinary).implode()), ORDINARY


def _first(otherwise: pl.Expr, *cases: tuple[pl.Expr, str]) -> pl.Expr:
    """Return the reason of the first case that holds."""
    said = otherwise
    for holds, why in reversed(cases):
        said = pl.when(holds).then(pl.lit(why)).otherwise(said)
    return said


def trusted(names: Names) -> re.Pattern[str]:
    """Return the pattern of hosts at and below names of help, health, government and education."""
    labels = "|".join(names.trusted_labels)
    spelled = "|".join(name.replace(".", r"\.") for name in names.trusted)
    return re.compile(rf"(?:^|\.)(?:{spelled})$|(?:^|\.)(?:{labels})\.[a-z]{{2}}$")


def _suffixes(*, private: bool) -> Sequence[str]:
    """Return the rules of the built-in Public Suffix List that are plain names."""
    return [rule for rule in _rules(private=private) if rule.isascii() and rule[0] not in "*!"]


def _rules(*, private: bool) -> Sequence[str]:
    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=private).tlds


def _series(names: Iterable[str]) -> pl.Series:
    return pl.Series(sorted(set(names)), dtype=pl.String)
