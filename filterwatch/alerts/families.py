"""Category families: what a message may say about content, and who is told."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

from pydantic import Field, RootModel

from filterwatch import config
from filterwatch.config import Part, Slug


class Family(Part):
    """One family; the list stands in ``families.yaml``."""

    name: Slug
    title: str
    chain: Slug
    incident: str
    categories: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    protocol: bool = Field(
        default=False, description="the illegal-content protocol: the address is hidden from everyone"
    )


class _Families(RootModel[tuple[Family, ...]]):
    """The file."""


@cache
def families() -> tuple[Family, ...]:
    """Return every family, first match first."""
    with as_file(files("filterwatch.alerts") / "families.yaml") as path:
        return config.validate(config.read(path), _Families).root


def family_named(name: str) -> Family:
    """Return the family called *name*."""
    return next(family for family in families() if family.name == name)


@cache
def family_of(rule: str, category: str, outcome: str) -> Family:
    """Return the family of a detection; what fits nowhere counts as unsuitable content."""
    for family in families():
        if rule in family.rules or outcome in family.outcomes or category in family.categories:
            return family
    return family_named("unsuitable")
