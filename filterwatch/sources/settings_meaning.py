"""What a filter's settings file means: is filtering on, who and what is let through, and has anything else changed.

=========  ===========================================================  =========================================
product    file                                                         what is read
=========  ===========================================================  =========================================
adguard    ``AdGuardHome.yaml`` (schemas that keep the switches under   protection, filtering, clients without
           ``dns`` and those that keep them under ``filtering``)        filtering, ``@@`` rules, lists, services
pihole     ``pihole.toml`` (6), ``setupVars.conf`` (5), ``gravity.db``  blocking; allowed names
others     a list whose name says exception, grey, allow or trusted     its entries, as exemptions
others     anything else (``squid.conf``)                               a digest of what is no comment
=========  ===========================================================  =========================================

From memory of AdGuard Home's and Pi-hole FTL's settings, not checked against them; gravity.db (``domainlist``:
type 0 exact allow, 2 regex allow).
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filterwatch.config import read
from filterwatch.errors import FilterwatchError

LARGEST = 8 * 2**20
"""Bytes of a file that are read; settings are some 100 KB."""

MOST_NAMES = 2_000
"""Exemptions that are told one by one; of a longer list only that it changed."""

_ALLOWING = re.compile(r"exception|grey|allow|white|trusted", re.IGNORECASE)

Data = Mapping[str, Any]


class NotUnderstood(FilterwatchError):
    """The file does not say what it must: half-written, of another product, unreadable."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the settings mean.

    Attributes:
        on: Whether filtering is on; null where the file does not decide that.
        exempt: What is let through: names, rules.
        clients: Who is not filtered: addresses, MACs or names, as the file has them.
        rest: A digest of all else that decides what is filtered.
    """

    on: bool | None = None
    exempt: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    rest: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return JSON values for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Data) -> Meaning:
        """Return what :meth:`to_data` made."""
        return cls(data["on"], tuple(data["exempt"]), tuple(data["clients"]), data["rest"])


def understood(product: str, path: Path) -> Meaning:
    """Return what the settings file *path* of *product* means.

    Raises:
        NotUnderstood: It cannot be read, or is not whole.
    """
    try:
        _refuse_huge(path)
        if product == "adguard":
            return _adguard(_mapping(read(path).data, path), path)
        if path.suffix == ".db":
            return _gravity(path)
        text = path.read_text("utf-8", "backslashreplace")
        if path.suffix == ".toml":
            return _pihole(tomllib.loads(text), path)
        if path.name == "setupVars.conf":
            return _setup_vars(text, path)
        return _lines(text, path)
    except OSError as error:
        remedy = f"let the daemon read it: setfacl -m u:filterwatch:r {path}"
        raise NotUnderstood(f"{path}: cannot be read: {error.strerror}; {remedy}") from None
    except NotUnderstood:
        raise
    except (FilterwatchError, ValueError, sqlite3.Error):
        # Their texts may quote what stands in the file, passwords included.
        raise NotUnderstood(f"{path}: is not whole, or not of {product}; nothing is told until it is") from None


def _refuse_huge(path: Path) -> None:
    if path.stat().st_size > LARGEST and path.suffix != ".db":
        raise NotUnderstood(f"{path}: is larger than {LARGEST} bytes; is it a settings file?")


def _adguard(data: Data, path: Path) -> Meaning:
    dns, filtering = _section(data, "dns"), _section(data, "filtering")
    switches = [
        filtering.get(name, dns.get(name, data.get(name))) for name in ("protection_enabled", "filtering_enabled")
    ]
    if not all(isinstance(one, bool) for one in switches):
        raise NotUnderstood(f"{path}: says neither that protection is on nor that it is off; is it AdGuard Home's?")
    known = data.get("clients")
    clients = _section(data, "clients").get("persistent") if isinstance(known, Mapping) else known
    rules = [rule for rule in _list(data.get("user_rules")) if isinstance(rule, str)]
    lists = [
        (one.get("url"), one.get("enabled"))
        for name in ("filters", "whitelist_filters")
        for one in _list(data.get(name))
        if isinstance(one, Mapping)
    ]
    names = ("safebrowsing_enabled", "parental_enabled", "safesearch_enabled", "safe_search", "blocked_services")
    more = [section.get(name) for section in (dns, filtering) for name in names]
    return Meaning(
        on=all(switches),
        exempt=_names(rule for rule in rules if rule.startswith("@@")),
        clients=_names(_unfiltered(_list(clients))),
        rest=_digest([lists, more, sorted(rule for rule in rules if not rule.startswith("@@"))]),
    )


def _unfiltered(clients: list[Any]) -> Iterator[str]:
    for client in clients:
        own = isinstance(client, Mapping) and not client.get("use_global_settings", True)
        if own and client.get("filtering_enabled") is False:
            ids = _list(client.get("ids")) or [client.get("ip") or client.get("mac") or client.get("name")]
            yield from (str(one) for one in ids if one)


def _pihole(data: Data, path: Path) -> Meaning:
    dns = dict(_section(data, "dns"))
    active = _section(dns, "blocking").get("active")
    if not isinstance(active, bool):
        raise NotUnderstood(f"{path}: has no dns.blocking.active; is it pihole.toml, and whole?")
    dns["blocking"] = {name: value for name, value in _section(dns, "blocking").items() if name != "active"}
    return Meaning(on=active, rest=_digest(dns))


def _setup_vars(text: str, path: Path) -> Meaning:
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    if said.get("BLOCKING_ENABLED") not in ("true", "false"):
        raise NotUnderstood(f"{path}: has no BLOCKING_ENABLED; is it Pi-hole's, and whole?")
    rest = {name: value for name, value in said.items() if name.startswith(("PIHOLE_DNS", "DNSMASQ", "REV_SERVER"))}
    return Meaning(on=said["BLOCKING_ENABLED"] == "true", rest=_digest(rest))


def _gravity(path: Path) -> Meaning:
    # Never made, never written: a database in use is only looked at.
    with sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2) as base:
        rows = base.execute("SELECT type, domain FROM domainlist WHERE enabled = 1 ORDER BY type, domain").fetchall()
        lists = base.execute("SELECT address FROM adlist WHERE enabled = 1 ORDER BY address").fetchall()
    base.close()
    allowed = (domain for kind, domain in rows if kind in (0, 2))
    return Meaning(
        exempt=_names(allowed), rest=_digest([lists, [domain for kind, domain in rows if kind not in (0, 2)]])
    )


def _lines(text: str, path: Path) -> Meaning:
    stripped = (line.strip() for line in text.splitlines())
    entries = [line for line in stripped if line and not line.startswith("#")]
    if not _ALLOWING.search(path.name):
        return Meaning(rest=_digest(entries))
    return Meaning(
        exempt=_names(line for line in entries if not line.startswith(".")),
        rest=_digest(
            [line for line in entries if line.startswith(".")] + (entries if len(entries) > MOST_NAMES else [])
        ),
    )


def _names(found: Iterator[str]) -> tuple[str, ...]:
    names = sorted(set(found))
    return tuple(names) if len(names) <= MOST_NAMES else ()


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _section(data: Data, name: str) -> Data:
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object, path: Path) -> Data:
    if not isinstance(value, Mapping) or not value:
        raise NotUnderstood(f"{path}: is empty; nothing is told until it is whole")
    return value
