"""What gives unblockers away, and at what cost: lists, names, siblings, links, and use of what is new and strange.

    .venv/bin/python -m benchmarks.unblockers HOSTS [--urls FILE] [--benign FILE...] [--as FROM=TO]
        [--rules DIR] [--lists FILE...] [--without NAME] [--missed]

HOSTS holds a host a line, or is a table with tabs and the columns ``host``, ``class`` and ``section`` (the brand):
of it the class ``unblocker`` counts, also in the half whose words were read when ``rules/lists/names.yaml`` was written
and in the other half, split by operator.  The files of ``--benign`` hold ordinary hosts; ``--as gov.uk=org.uk`` judges
those below one suffix as if they were below another, where nothing is trusted.

Shares are of hosts; the last column of shares is of registered domains, because one operator may own many hosts.  Of
the ordinary hosts, the rows on use say how many would be told if all were new to the school and used just like an
unblocker; the others, how many it is when each is asked for once.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from benchmarks import strange_use
from benchmarks.overblock import raised, read
from filterwatch import enrich, lists, policy
from filterwatch.events import LEVEL
from filterwatch.lists.names import STRAY, UNUSUAL
from filterwatch.text import printable

LINKS = "bypass-web_proxy-shape"
NO_BRAND = "Link Dump"
"""Section of hosts without a brand."""


@dataclass(frozen=True)
class Reach:
    """What reaches one host.

    Attributes:
        place: Host in its one form, registered domain and bits.
        alerts: Whether a rule on bypass above low holds for it.
        listed: Categories that lists give it.
        word: What its name makes it; empty for nothing.
        signs: The signs in its name.
        shaped: Whether a link to it has the shape of a web proxy's.
        sibling: A host below the same domain that alerts, where strangers do not share that domain.
    """

    place: strange_use.Place
    alerts: bool
    listed: frozenset[str]
    word: str
    signs: frozenset[str]
    shaped: bool
    sibling: strange_use.Place | None

    @property
    def host(self) -> str:
        """The host."""
        return self.place[0]

    @property
    def domain(self) -> str:
        """What was registered."""
        return self.place[1]

    @cached_property
    def told(self) -> dict[str, str]:
        """What the detector says, by the way the host is used."""
        beside = self.sibling[2] if self.sibling else None
        return {way: strange_use.told(self.place[2], way, beside) for way in strange_use.WAYS}


def reaches(
    hosts: Sequence[str], index: lists.CategoryIndex, rules: policy.RuleSet, shaped: frozenset[str] = frozenset()
) -> list[Reach]:
    """Say of each host what reaches it."""
    found = raised(hosts, index, rules)
    bypass = found.filter((found["level"].cast(LEVEL) > "low") & (found["category"] == "bypass"))
    high = set(bypass["host"].to_list())
    suffixes = enrich.Suffixes()
    bits = index.lookup(_series(hosts)).to_list()
    places = [(host, suffixes.registrable(host).domain or host, one) for host, one in zip(hosts, bits, strict=True)]
    bad = {place[1]: place for place in places if place[2] & strange_use.BAD and not place[2] & strange_use.SHARED}
    out = []
    for place in places:
        host = place[0]
        entries = [one for one in index.entries(host) if one.used and one.mode not in {"allow", "name"}]
        signs = index.names.signs(host) if index.names else []
        word = index.names.judged(signs) if index.names else ""
        beside = bad.get(place[1]) if host not in high and not place[2] & strange_use.SHARED else None
        listed, named = frozenset(one.category for one in entries), frozenset(sign.sign for sign in signs)
        out.append(Reach(place, host in high, listed, word, named, host in shaped, beside))
    return out


def signals() -> Mapping[str, Callable[[Reach], bool]]:
    """Return what may reach a host, in the order of the table."""
    by_rules: dict[str, Callable[[Reach], bool]] = {
        "a list says bypass": lambda one: any(word.startswith("bypass") for word in one.listed),
        "a list says anything": lambda one: bool(one.listed),
        "free name (dynamic DNS, hosting)": lambda one: bool(one.place[2] & strange_use.SHARED),
        "link like a web proxy's": lambda one: one.shaped,
        "alert by name or list": lambda one: one.alerts,
        "  or an unusual name": lambda one: one.alerts or one.word == UNUSUAL,
        "  or a stray one": lambda one: one.alerts or one.word in {UNUSUAL, STRAY},
        "  or beside one that alerts": lambda one: one.alerts or bool(one.word) or one.sibling is not None,
    }
    for way in strange_use.WAYS:
        by_rules[f"used: {way}: alert"] = lambda one, way=way: one.alerts or one.shaped or one.told[way] == "medium"
        by_rules[f"used: {way}: alert or hint"] = lambda one, way=way: one.alerts or one.shaped or one.told[way] != ""
    return by_rules


def table(groups: Mapping[str, Sequence[Reach]], benign: Sequence[Reach]) -> Iterator[str]:
    """Yield the lines of the table: signal, share of each group, share of the first one's domains, cost."""
    first = next(iter(groups.values()))
    domains = {one.domain for one in first}
    yield f"{'':46}" + "".join(f"{name:>11}" for name in (*groups, "domains")) + f"{'ordinary':>22}"
    yield f"{'':46}" + "".join(f"{len(of):11,}" for of in (*groups.values(), domains)) + f"{len(benign):22,}"
    for what, holds in signals().items():
        shares = [sum(map(holds, group)) / len(group) if group else 0.0 for group in groups.values()]
        shares.append(len({one.domain for one in first if holds(one)}) / len(domains))
        wrong = sum(map(holds, benign))
        cost = f"{wrong:,} (1 in {len(benign) / wrong:,.0f})" if wrong else "0" if benign else "-"
        yield f"{what:46}" + "".join(f"{share:11.1%}" for share in shares) + f"{cost:>22}"
    for sign, count in Counter(sign for one in first for sign in one.signs).most_common():
        yield f"sign: {sign:40}{count / len(first):11.1%}"


def unblockers(path: Path) -> tuple[list[str], dict[str, str]]:
    """Return the hosts in *path* in their one form, and the brand of each where the file tells it."""
    lines = path.read_text(errors="replace").splitlines()
    if not lines or "\t" not in lines[0]:
        return read(path), {}
    rows = [row for row in csv.DictReader(lines, delimiter="\t") if row.get("class") == "unblocker"]
    brands = {enrich.host_of(row["host"]) or "": row.get("section") or NO_BRAND for row in rows}
    brands.pop("", None)
    return list(brands), brands


def halves(brands: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the hosts in two parts of whole operators: what shares a brand or a registered domain stays together."""
    suffixes = enrich.Suffixes()
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    domains = {host: f"domain {suffixes.registrable(host).domain or host}" for host in brands}
    for host, brand in brands.items():
        if brand != NO_BRAND:
            above[top(f"brand {brand}")] = top(domains[host])
    operators: dict[str, list[str]] = {}
    for host in brands:
        operators.setdefault(top(domains[host]), []).append(host)
    parts: tuple[list[str], list[str]] = ([], [])
    for hosts in operators.values():
        parts[hashlib.sha256(min(hosts).encode()).digest()[0] & 1].extend(hosts)
    return parts


def _shaped(path: Path | None, index: lists.CategoryIndex, rules: policy.RuleSet) -> frozenset[str]:
    """Return the hosts of links that have the shape of a web proxy's."""
    if path is None:
        return frozenset()
    words = (line.split("\t")[0] for line in path.read_text(errors="replace").splitlines())
    urls = {url: host for url in words if (host := enrich.host_of(url))}
    found = raised(list(urls.values()), index, rules, urls=list(urls))
    return frozenset(found.filter(found["rule"] == LINKS)["host"].to_list())


def _series(hosts: Sequence[str]) -> pl.Series:
    return pl.Series(hosts, dtype=pl.String)


def _below(host: str, name: str) -> bool:
    return f".{host}".endswith(f".{name}")


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", type=Path)
    parser.add_argument("--urls", type=Path, help="links to these hosts, one a line (what follows a tab is left out)")
    parser.add_argument("--benign", type=Path, nargs="*", default=[], help="ordinary hosts, one a line")
    parser.add_argument("--as", dest="as_if", help="judge ordinary hosts below one suffix as below another")
    parser.add_argument("--rules", type=Path, default=Path("rules"))
    parser.add_argument("--lists", type=Path, nargs="*", default=[], help="further lists in our own form")
    parser.add_argument("--without", default=None, help="a column without this name and what is below it")
    parser.add_argument("--missed", action="store_true", help="print the hosts that nothing reaches")
    given = parser.parse_args()
    hosts, brands = unblockers(given.hosts)
    if not hosts:
        parser.error("no hosts in this file")
    ordinary = list(dict.fromkeys(host for path in given.benign for host in read(path)))
    if given.as_if:
        was, _, becomes = given.as_if.partition("=")
        ordinary = [host.removesuffix(was) + becomes for host in ordinary if _below(host, was) and host != was]
    with tempfile.TemporaryDirectory() as scratch:
        index = lists.prepare([given.rules / "lists", *given.lists], Path(scratch) / "lists.index")
        rules = policy.load(given.rules)
        found = {one.host: one for one in reaches(hosts, index, rules, _shaped(given.urls, index, rules))}
        benign = reaches(ordinary, index, rules) if ordinary else []
    groups = {"all": list(found.values())}
    for name, part in zip(("read", "held out"), halves(brands) if brands else (), strict=False):
        groups[name] = [found[host] for host in part]
    if given.without:
        groups["without"] = [one for one in found.values() if not _below(one.host, given.without)]
    print(*table(groups, benign), sep="\n")
    if given.missed:
        print(*(printable(one.host) for one in found.values() if not one.word and not one.alerts), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
