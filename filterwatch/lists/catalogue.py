"""The catalogue: what public lists there are, where, under which licence, and how far each is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator

from filterwatch.config import Duration, Part, Slug, read, validate
from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import BYPASS_KINDS, CATEGORIES
from filterwatch.lists.formats import FORMATS
from filterwatch.lists.reading import OWN_FORMAT

Archive = Literal["none", "gz", "tar.gz", "zip"]
SQUIDGUARD, V2FLY, SUFFIXES = "squidguard", "v2fly", "public_suffixes"
KNOWN = (OWN_FORMAT, *FORMATS, SQUIDGUARD, SUFFIXES)

_FLAWED = (
    "an address is https (or http) without user and password; a key is written {key} and lies in a file of its own"
)


class Listed(Part):
    """One public list."""

    title: str = Field(description="what people call it", min_length=3)
    address: str = Field(description="where it is fetched; {key} stands for a key that its makers hand out")
    format: str = Field(OWN_FORMAT, description=f"one of {', '.join(KNOWN)}")
    archive: Archive = Field("none", description=f"how it is packed: {', '.join(get_args(Archive))}")
    pick: str = Field("", description="in an archive: the folder (squidguard), the list (v2fly), else the file's name")
    category: str = Field("", description="category word; empty for the public suffix list")
    kind: str = Field("", description="kind of bypass")
    mode: Literal["deny", "allow"] = Field("deny", description="allow: its entries cancel the category")
    licence: str = Field(description="SPDX id, or 'unknown'", min_length=3)
    credit: str = Field(description="the line that the licence wants shown", min_length=3)
    homepage: str = Field(description="where people read about it")
    trust: Literal["low", "medium", "high"] = Field(
        "medium",
        description=(
            "high: made by hand and right about well-known names, its exceptions (@@) count; low: made by machines"
        ),
    )
    hosting: bool = Field(False, description="whether it rightly names suffixes under which strangers get names")
    refresh: Duration = Field(timedelta(days=1), description="least time between two looks")
    at_least: int = Field(1, ge=1, description="entries; fewer, and something is wrong")
    megabytes: int = Field(32, ge=1, le=1024, description="most that is fetched")
    unpacked_megabytes: int = Field(256, ge=1, le=4096, description="most that it may unpack to")
    sha256: str = Field("", description="where its checksum is published, if anywhere")
    note: str = Field("", description="what to know before using it")

    @model_validator(mode="after")
    def _holds_together(self) -> Listed:
        if self.format not in KNOWN:
            raise ValueError(f"format: not a list format, found '{self.format}'; one of: {', '.join(KNOWN)}")
        if (self.format == SUFFIXES) != (not self.category):
            raise ValueError("category: every list gives one, but for the public suffix list")
        if self.category and self.category not in CATEGORIES and (self.category, self.mode) != ("all", "allow"):
            raise ValueError(f"category: not a category, found '{self.category}'")
        if self.category == "csam":
            raise ValueError("category: such lists are for members of their makers alone; see lists.members")
        if self.kind and (self.category != "bypass" or self.kind not in BYPASS_KINDS):
            raise ValueError(f"kind: only category bypass has kinds: {', '.join(BYPASS_KINDS)}")
        if not self.address.startswith(("https://", "http://")) or "@" in self.address.split("/")[2]:
            raise ValueError(f"address: {_FLAWED}")
        if self.archive in {"tar.gz", "zip"} and not self.pick:
            raise ValueError("pick: say which file or folder of the archive is meant")
        if self.format == SQUIDGUARD and self.archive not in {"tar.gz", "zip"}:
            raise ValueError("archive: squidGuard's lists are folders, so they come in an archive")
        return self

    @property
    def word(self) -> str:
        """The category word, with the kind of bypass."""
        return f"{self.category}.{self.kind}" if self.kind else self.category

    @property
    def may_except(self) -> bool:
        """Whether its exceptions cancel what it and other lists of the category say."""
        return self.trust == "high" or self.mode == "allow"


Catalogue = Mapping[str, Listed]


class _File(Part):
    lists: dict[Slug, Listed] = Field(description="the lists by their id")


def load(*paths: Path) -> Catalogue:
    """Return the lists of all files; a later file replaces what an earlier one says of a list.

    Raises:
        ConfigurationError: With every mistake.
    """
    found: dict[str, Listed] = {}
    mistakes: list[Mistake] = []
    for path in paths:
        try:
            found |= validate(read(path), _File).lists
        except ConfigurationError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigurationError(mistakes)
    return found
