"""The registrable domain of a name, from the Public Suffix List, offline.

tldextract reads the list; the walk over a name's labels is our own, twice as fast (decision 0030), and a test
holds it to tldextract's answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tldextract.cache import DiskCache
from tldextract.suffix_list import get_suffix_lists

from filterwatch.enrich.hosts import host_of, is_address
from filterwatch.errors import ConfigurationError, Mistake

_KNOWN, _SUFFIX, _PRIVATE, _BELOW, _EXCEPT = 1, 2, 4, 8, 16
"""What the list says of a name: something; that it is a suffix, a company's one; that each name below it is one
(``*.``), a company's likewise; that it is none though its siblings are (``!``)."""


class Registrable(NamedTuple):
    """What can be registered under a public suffix.

    Attributes:
        domain: Null for addresses, single labels and names that are a suffix themselves.
        suffix: The suffix where a registry runs it; empty for one that a company hands out (``blogspot.com``).
    """

    domain: str | None = None
    suffix: str = ""


NOTHING = Registrable()


class Suffixes:
    """The Public Suffix List, its private section included: two blogs under ``blogspot.com`` are two sites.

    Args:
        file: A newer list than the one that came with tldextract, e.g. Debian's
            ``/usr/share/publicsuffix/public_suffix_list.dat``.

    Raises:
        ConfigurationError: *file* cannot be read.
    """

    def __init__(self, file: Path | None = None) -> None:
        public, private = _read(file) if file else _built_in()
        self._names: dict[str, int] = {}
        for rule in public:
            self._add(rule, 0)
        for rule in private:
            self._add(rule, _PRIVATE)

    def _add(self, rule: str, private: int) -> None:
        mark = _BELOW if rule.startswith("*.") else _EXCEPT if rule.startswith("!") else _SUFFIX
        name = rule.removeprefix("*.").removeprefix("!")
        if not name.isascii():
            name = host_of(name) or rule
        self._names[name] = self._names.get(name, 0) | mark | _KNOWN | private
        while "." in name:
            name = name.partition(".")[2]
            self._names[name] = self._names.get(name, 0) | _KNOWN

    def registrable(self, host: str) -> Registrable:
        """Return the registrable domain of *host*, which is in its one form (:func:`~.hosts.host_of`)."""
        if "." not in host or is_address(host):
            return NOTHING
        start = at = host.rfind(".") + 1  # of the suffix, of the name we look at; a suffix nobody knows is one label
        above = private = 0
        while True:
            said = self._names.get(host[at:], 0)
            if said & _EXCEPT:
                start, private = host.find(".", at) + 1, said & _PRIVATE
                break
            if said & _SUFFIX:
                start, private = at, said & _PRIVATE
            elif above & _BELOW:
                start, private = at, above & _PRIVATE
            if not said or not at:
                break
            above, at = said, host.rfind(".", 0, at - 1) + 1
        if not start:
            return NOTHING
        domain = host[host.rfind(".", 0, start - 1) + 1 :]
        return Registrable(domain, "" if private else host[start:])


def _built_in() -> tuple[Iterable[str], Iterable[str]]:
    """Return the rules of registries and of companies, from the list that came with tldextract."""
    cache = DiskCache(cache_dir=None)  # keeps nothing
    return get_suffix_lists(cache=cache, urls=(), cache_fetch_timeout=None, fallback_to_snapshot=True)


def _read(file: Path) -> tuple[Iterable[str], Iterable[str]]:
    """Return the same from a file in the format of publicsuffix.org."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError([Mistake(str(file), 0, 0, f"cannot be read: {why}")]) from None
    if "===BEGIN ICANN DOMAINS===" not in text:
        problem = "no Public Suffix List: '// ===BEGIN ICANN DOMAINS===' is missing; take the file of publicsuffix.org"
        raise ConfigurationError([Mistake(str(file), 1, 1, problem)])
    public, _, private = text.partition("===BEGIN PRIVATE DOMAINS===")
    return _rules(public), _rules(private)


def _rules(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith(("//", " "))]
