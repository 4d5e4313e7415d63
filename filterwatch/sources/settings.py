"""What a person writes under ``sources:``, one section a log."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from filterwatch.config import Duration, Part, Slug
from filterwatch.lines import LONGEST_LINE
from filterwatch.sources.names import COMPRESSIONS
from filterwatch.sources.syslog_settings import Allowed, Listen

Start = Literal["beginning", "end", "history"]
"""Where the very first start of a source begins to read."""

Product = Literal["adguard", "pihole", "e2guardian", "squid", "dnsmasq", "unbound", "named", "squidGuard", "netfilter"]
"""Whose settings a watched file holds."""

_OF_FILES = {"path", "start", "rotate_wait", "follow_symlinks"}


def _as_list(value: object) -> object:
    """Take one path for a list of one."""
    return [value] if isinstance(value, str) else value


class Settings(Part):
    """One log: a file that is followed or lines that are sent to us, which format it has, how it is read."""

    name: Slug = Field(description="Name of the source in events, metrics and reports; never change it once in use.")
    format: str = Field(description="Name of the decoder, as `filterwatch decode --format` takes it.")
    path: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        default=(),
        description="The live log, a pattern (* ? [...]) or a list of both; rotated and compressed siblings are found "
        "by themselves. A relative path is relative to the configuration file.",
    )
    listen: Listen | None = Field(
        default=None, description="Instead of `path`: where appliances send their log to by syslog."
    )
    settings: Path | None = Field(
        default=None,
        description="Instead of `path`: a settings file or list that is watched, for filters that log no change of it; "
        "the format is `settings_changes`.",
    )
    database: Path | None = Field(
        default=None,
        description="Instead of `path`: Pi-hole FTL's database (/etc/pihole/pihole-FTL.db), row by row; the format "
        "is `pihole_ftl`.",
    )
    product: Product | None = Field(default=None, description="With `settings`: the filter whose settings they are.")
    behind: Slug | None = Field(
        default=None,
        description="Source with the log of the filter in front of this proxy: of a request that passed both, its line "
        "counts, never this one's.",
    )
    behind_addresses: tuple[Allowed, ...] = Field(
        default=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        description="With `behind`: from where the filter's requests come in this log; the pupils' networks where "
        "X-Forwarded-For puts their addresses into it.",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the format.")
    zone: ZoneInfo | None = Field(
        default=None, description="Time zone of times without one, e.g. Europe/London; default: the school's."
    )
    site: Slug | None = Field(default=None, description="Site the log comes from; default: the configuration's.")
    start: Start = Field(
        default="beginning",
        description="At the very first start: 'beginning' reads the live log from its first line, 'end' only new "
        "lines, 'history' the rotated logs too.",
    )
    rotate_wait: Duration = Field(
        default=timedelta(seconds=60),
        description="How long a rotated log must be still before it counts as finished: its writer may hold it open.",
    )
    max_line_bytes: int = Field(
        default=LONGEST_LINE, ge=256, le=16 * 2**20, description="Bytes of a line that are kept; the rest is cut."
    )
    follow_symlinks: bool = Field(
        default=True, description="Whether the live log may be a symbolic link; a rotated one never may."
    )

    @field_validator("path")
    @classmethod
    def _is_readable_pattern(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if not path or path.endswith("/") or "\0" in path:
                raise ValueError(f"name a file or a pattern such as /var/log/squid/access.log, found {path!r}")
            if path.endswith(tuple(COMPRESSIONS)):
                raise ValueError(f"name the live log; its compressed siblings are found by themselves, found {path!r}")
            if "**" in path:
                raise ValueError(f"'**' is not a pattern here: name each directory, found {path!r}")
        return paths

    @model_validator(mode="after")
    def _is_somewhere(self) -> Settings:
        if self.settings is not None:
            return self._is_watched()
        if self.database is not None:
            return self._is_database()
        if self.product is not None:
            raise ValueError("`product` says whose settings are watched; write `settings` with the file, or remove it")
        if not self.path and self.listen is None:
            raise ValueError("key 'path' is missing; name the log, or write `listen` for lines that are sent to us")
        if self.listen is not None and (with_path := sorted(_OF_FILES & self.model_fields_set)):
            raise ValueError(f"'{with_path[0]}' says how a file is followed, and `listen` follows none; remove one")
        return self

    def _is_watched(self) -> Settings:
        if wrong := sorted((_OF_FILES | {"listen"}) & self.model_fields_set):
            raise ValueError(f"'{wrong[0]}' belongs to a log, and `settings` watches a settings file; remove one")
        if self.product is None or self.format != "settings_changes":
            raise ValueError("a watched settings file needs `product` and `format: settings_changes`")
        return self

    def _is_database(self) -> Settings:
        if wrong := sorted((_OF_FILES - {"start"} | {"listen", "product"}) & self.model_fields_set):
            raise ValueError(f"'{wrong[0]}' does not go with `database`, which is read row by row; remove one")
        if self.format != "pihole_ftl":
            raise ValueError("a database needs `format: pihole_ftl`")
        return self

    @field_validator("rotate_wait")
    @classmethod
    def _is_long_enough(cls, wait: timedelta) -> timedelta:
        if wait < timedelta(seconds=1):
            raise ValueError("must be at least 1s; 60s is what a filter needs to reopen its log")
        return wait
