"""Addresses that show another site inside themselves: translations, archives, caches, links and scripts of proxies.

Which they are, and where the inner address stands, says ``wrappers.yaml``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import polars as pl
from pydantic import Field, RootModel

from filterwatch.config import Part, read, validate
from filterwatch.enrich.hosts import LONGEST_WRITTEN, host_of
from filterwatch.enrich.known import Known
from filterwatch.enrich.suffixes import Registrable, Suffixes
from filterwatch.lists.paths import unescaped

DEEPEST = 3
"""Wrappers around wrappers that are opened: a translation of an archived page is two."""

_FILE = Path(__file__).with_name("wrappers.yaml")
_AUTHORITY = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^/?#]*"
_SCRIPTS = [".php?", "/http", "/?http"]
"""What every URL of a proxy script has one of, in any case."""

_HYPHENS = re.compile("--?")
_ENCODED = re.compile(r"(?i)https?%(?:25)*3a")


class Wrapper(Part):
    """Addresses of one site that have another inside; what each key means stands at the head of the data file."""

    at: tuple[str, ...] = ()
    labels: bool = False
    inner: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class _File(RootModel[dict[str, Wrapper]]):
    """The data file: wrappers by name."""


class Wrappers:
    """Finds the inner address.  Each text inside a batch of URLs is read once; nothing is remembered.

    Args:
        suffixes: The Public Suffix List.
        file: Another data file than the shipped one.

    Raises:
        ConfigurationError: *file* has mistakes.
    """

    def __init__(self, suffixes: Suffixes, file: Path = _FILE) -> None:
        known = list(validate(read(file), _File).root.values())
        self._suffixes = suffixes
        self._sites = [one for one in known if one.at]
        self._known = Known(one.at for one in self._sites)
        self._parts = sorted({name.removesuffix("*") for one in self._sites for name in one.at})
        self._scripts = [_whole(pattern) for one in known if not one.at for pattern in one.inner]
        self._patterns = [[_whole(pattern) for pattern in one.inner] for one in self._sites]

    def may_wrap(self, hosts: pl.Series) -> pl.Series:
        """Say of each host whether :meth:`number` may know it (Boolean, never null): most it cannot."""
        return hosts.str.contains_any(self._parts).fill_null(value=False)

    def number(self, host: str, registrable: Registrable) -> int | None:
        """Return the number by which :meth:`inner` knows the wrapper that has *host*; null where none has."""
        numbers = self._known.of(host, registrable)
        return numbers[0] if numbers else None

    def spelt(self, host: str, number: int) -> str | None:
        """Return the inner host that the name *host* of the wrapper *number* spells."""
        wrapper = self._sites[number]
        label = next((host.removesuffix(f".{name}") for name in wrapper.at if host.endswith(f".{name}")), "")
        if not wrapper.labels or "-" not in label:
            return None
        label = label.rpartition(".")[2]
        if label.startswith("0-") and label.endswith("-0"):  # AMP: names that would look like punycode
            label = label[2:-2]
        return _place(_HYPHENS.sub(lambda found: "-" if len(found[0]) == 2 else ".", label))

    def scripted(self, urls: pl.Series) -> pl.Series:
        """Say of each URL whether it may be one of a proxy script on any host (Boolean, never null)."""
        return urls.str.contains_any(_SCRIPTS, ascii_case_insensitive=True).fill_null(value=False)

    def inner(self, urls: pl.Series, numbers: pl.Series) -> pl.Series:
        """Return the address inside each URL, null where there is none; wrappers inside wrappers are opened too.

        Args:
            urls: String; URLs as logged.
            numbers: Integers beside them, from :meth:`number`; null looks for scripts of proxies.
        """
        found: list[str | None] = [None] * len(urls)
        for number in set(numbers.to_list()):
            rows = numbers.eq_missing(pl.Series([number], dtype=numbers.dtype)).arg_true()
            shown = self._shown(urls.gather(rows), number)
            if shown.null_count() < len(shown):
                for row, text in zip(rows.to_list(), shown.to_list(), strict=True):
                    found[row] = text
        texts = {text: _address(text) for text in set(found) if text}
        opened = {text: self._opened(address) for text, address in texts.items() if address}
        return pl.Series("inner", [opened.get(text) if text else None for text in found], dtype=pl.String)

    def of(self, url: str) -> str | None:
        """Return the innermost address of *url*, null where it has none inside: one URL at a time."""
        found = self._opened(url, DEEPEST)
        return None if found == url else found

    def _shown(self, urls: pl.Series, number: int | None) -> pl.Series:
        patterns = self._scripts if number is None else self._patterns[number]
        none = pl.lit(None, dtype=pl.String)
        shown = pl.coalesce(none, *(pl.col("url").str.extract(p) for p in patterns)).alias("shown")
        found = unescaped(urls.alias("url")).to_frame().with_columns(shown)["shown"]
        if number is None or not self._sites[number].labels:
            return found
        pairs = zip(found.to_list(), urls.to_list(), strict=True)
        return pl.Series([text or self._spelt_page(url, number) for text, url in pairs], dtype=pl.String)

    def _spelt_page(self, url: str, number: int) -> str | None:
        """Return the page that *url* asks for of the host that its own host spells."""
        host = host_of(url)
        spelt = self.spelt(host, number) if host else None
        return f"{spelt}/{re.sub(_AUTHORITY, '', url).lstrip('/')}" if spelt else None

    def _opened(self, address: str, times: int = DEEPEST - 1) -> str:
        """Return the innermost address of *address*, itself where it has none inside."""
        for _ in range(times):
            host = host_of(address)
            number = self.number(host, self._suffixes.registrable(host)) if host else None
            if number is None and not any(sign in address.lower() for sign in _SCRIPTS):
                break
            shown = self._shown(pl.Series([address]), number)[0]
            deeper = _address(shown) if shown else None
            if deeper is None:
                break
            address = deeper
        return address


def _whole(pattern: str) -> str:
    """Return *pattern*, which is for path and query, as one for URLs with or without a scheme."""
    return _AUTHORITY + pattern.removeprefix("^") if pattern.startswith("^") else pattern


def _address(text: str) -> str | None:
    """Return the address that *text* means, without its percent-encoding; null where it names no place."""
    text = text[:LONGEST_WRITTEN]
    for _ in range(DEEPEST):
        if _ENCODED.match(text):
            text = unquote(text, errors="replace")
    if "/" not in text:
        text = unquote(text, errors="replace")
    text = re.sub(r"^(?i:(https?):/*)", lambda found: f"{found[1].lower()}://", text).rstrip("*")
    return text if _place(text) else None


def _place(text: str) -> str | None:
    host = host_of(text)
    return host if host and ("." in host or ":" in host) else None
