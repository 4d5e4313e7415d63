"""What a school may say about category lists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from filterwatch.config import Duration, Part, Slug


class Members(Part):
    """A list that a body (IWF, CTIRU) hands to its members alone, under contract; filterwatch never brings one."""

    path: Path = Field(description="the file; only its owner, filterwatch's user, may read it (chmod 600)")
    category: Literal["csam", "extremism", "malware"] = Field("csam", description="what its entries are")
    format: Literal["urls", "domains", "hosts", "adblock", "rpz"] = Field("urls", description="how it is written")


def _own(value: object) -> object:
    if not isinstance(value, str | Path):
        raise ValueError(  # noqa: TRY004 - what pydantic collects
            "expected a path; category and mode stand in the file: '# category: ...', '# mode: allow'"
        )
    return value


class Settings(Part):
    """Category lists: the shipped ones and the school's own."""

    shipped: bool = Field(
        default=True, description="Use the lists that come with the rules (the directory lists/ inside rules)."
    )
    own: tuple[Annotated[Path, BeforeValidator(_own)], ...] = Field(
        default=(),
        description=(
            "List files or directories of *.txt list files of the school, relative to this file. Each begins with its "
            "category: '# category: ethos' ('# mode: allow' for sites that are never to be counted in it), then one "
            "name a line: the name and everything below it."
        ),
    )
    use: tuple[Slug, ...] = Field(
        default=(),
        description=(
            "Public lists of the catalogue that `filterwatch lists update` fetches. None is fetched unless named here; "
            "`filterwatch lists catalogue` shows all."
        ),
    )
    catalogue: Path | None = Field(
        default=None,
        description="A further catalogue, in the form of rules/lists/catalogue.yaml; relative to this file.",
    )
    keys: dict[Slug, Path] = Field(
        default_factory=dict, description="By list: a file with the key that its makers hand out to each user."
    )
    names: tuple[str, ...] = Field(
        default=(),
        description="Names of the school (web site, mail, learning platform): a list that holds one is refused.",
    )
    stale_after: Duration = Field(
        default=timedelta(days=14), description="Age of a fetched list from which `lists status` finds fault."
    )
    allow_http: bool = Field(default=False, description="Whether lists may be fetched without TLS.")
    members: tuple[Members, ...] = Field(
        default=(), description="Lists for members alone; their entries are never shown, in no command and no report."
    )
