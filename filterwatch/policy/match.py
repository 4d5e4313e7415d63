"""What ``match`` in a rule may say: conditions, and any, all or none of them, nested."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, model_validator

from filterwatch.config import Duration, Part
from filterwatch.events import (
    ACTIONS,
    CATEGORY_WORDS,
    CONTROL_EVENTS,
    IDENTITIES,
    KINDS,
    SAFE_SEARCH,
    SEARCH_KINDS,
)
from filterwatch.policy.values import Glob, HostName, Listed, Network, PathPrefix, Ports, Regex, Size, Text, one_of


class _Filled(Part):
    """A mapping whose keys must all hold; an empty one would hold always."""

    @model_validator(mode="after")
    def _says_something(self) -> _Filled:
        if not self.model_fields_set:
            raise ValueError("an empty condition would hold for everything; say what must hold, or remove it")
        return self


class HostPattern(_Filled):
    """A host named exactly, or by a pattern."""

    exact: Listed[HostName] | None = Field(None, description="these names and nothing below them")
    regex: Regex | None = Field(None, description="pattern found in the host")


class TextPattern(_Filled):
    """Text found in a column."""

    contains: Listed[Text] | None = Field(None, description="any of these, in any case")
    regex: Regex | None = Field(None, description="pattern found in it")


class UrlPattern(TextPattern):
    """Text found in the URL; escapes of letters and digits (``%61``) are undone first."""

    path_prefix: Listed[PathPrefix] | None = Field(
        None, description="the path, its dot segments resolved, begins with any of these, in any case"
    )


def _known_pack(value: object, info: ValidationInfo) -> object:
    packs = (info.context or {}).get("packs")
    if packs is None or value in packs:
        return value
    known = ", ".join(sorted(packs)) or "none"
    raise ValueError(f"no such term pack in terms/ (there: {known})")


class SearchPattern(_Filled):
    """What was typed into a search engine."""

    pack: Annotated[str, BeforeValidator(_known_pack)] | None = Field(None, description="a term pack: terms/NAME.yaml")
    words: Listed[Text] | None = Field(None, description="any of these words or phrases, whole, also in the plural")
    regex: Regex | None = Field(None, description="pattern found in the text as typed")


class AtLeastSize(Part):
    """A lower bound in bytes."""

    at_least: Size


class AtLeastDuration(Part):
    """A lower bound in time."""

    at_least: Duration


def _shape(value: object) -> str:
    return "host[pattern]" if isinstance(value, dict | HostPattern) else "host[names]"


Host = Annotated[
    Annotated[Listed[HostName], Tag("host[names]")] | Annotated[HostPattern, Tag("host[pattern]")],
    Discriminator(_shape),
]
"""Names (each with everything below it), or a :class:`HostPattern`.  The tags look like pydantic's own so that
:mod:`filterwatch.config` leaves them out of a mistake's place."""


class Match(_Filled):
    """Conditions on one event; all keys that are given must hold, and of a list any entry.

    A column that the log leaves out never holds, so that ``none`` of it does.
    """

    any: Listed[Match] | None = Field(None, description="at least one of these holds")
    all: Listed[Match] | None = Field(None, description="every one of these holds")
    none: Listed[Match] | None = Field(None, description="not one of these holds")
    categories: Listed[Annotated[str, one_of(CATEGORY_WORDS)]] | None = Field(None, description="on the lists as")
    filter_category: Listed[Glob] | None = Field(None, description="category in the filter's own words")
    filter_rule: Listed[Glob] | None = Field(None, description="the filter's rule, list or prefix")
    filter_reason: Listed[Glob] | None = Field(None, description="the filter's reason or result code")
    mime_type: Listed[Glob] | None = Field(None, description="media type")
    method: Listed[Glob] | None = Field(None, description="HTTP method")
    query_type: Listed[Glob] | None = Field(None, description="DNS record type")
    protocol: Listed[Glob] | None = Field(None, description="transport")
    user: Listed[Glob] | None = Field(None, description="name in the log")
    device_class: Listed[Glob] | None = Field(None, description="kind of device")
    host: Host | None = Field(None, description="host, or DNS name asked for, and every name below it")
    url: UrlPattern | None = Field(None, description="URL as logged")
    user_agent: TextPattern | None = Field(None, description="the client's description of itself")
    search_terms: SearchPattern | None = Field(None, description="typed into a search engine")
    search_kind: Listed[Annotated[str, one_of(SEARCH_KINDS)]] | None = Field(None, description="what was searched for")
    safe_search: Listed[Annotated[str, one_of(SAFE_SEARCH)]] | None = Field(
        None, description="what the URL says of an engine's safe search"
    )
    action: Listed[Annotated[str, one_of(ACTIONS)]] | None = Field(None, description="the filter's verdict")
    kind: Listed[Annotated[str, one_of(KINDS)]] | None = Field(None, description="kind of event")
    identity: Listed[Annotated[str, one_of(IDENTITIES)]] | None = Field(None, description="how the person is known")
    control_event: Listed[Annotated[str, one_of(CONTROL_EVENTS)]] | None = Field(
        None, description="what happened to the filter"
    )
    dest_port: Listed[Ports] | None = Field(None, description="port it went to")
    dest_ip: Listed[Network] | None = Field(None, description="address it went to")
    bytes_in: AtLeastSize | None = Field(None, description="download")
    bytes_out: AtLeastSize | None = Field(None, description="upload")
    duration: AtLeastDuration | None = Field(None, description="how long it took")
