"""What gives unblockers away: which share of a list of their hosts is reached, by each signal and all together.

    .venv/bin/python -m benchmarks.unblockers FILE... [--rules DIR] [--lists FILE...] [--without NAME] [--missed]

Each file holds a host a line (what follows a blank, a comma or # is left out).  Counted over hosts and over the domains
that were registered, because one operator may own many hosts.  A *sibling* is a host that shows nothing itself below
a registered domain of which another host of the files alerts by itself.  ``benchmarks.overblock`` says what the same
signals cost on ordinary sites.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.overblock import raised, read
from filterwatch import enrich, lists, policy
from filterwatch.events import LEVEL
from filterwatch.lists.names import STRAY, UNUSUAL
from filterwatch.text import printable

ALERTS, NAMES = "rules above low", ("bypass.unblocker", UNUSUAL, STRAY)


@dataclass(frozen=True, slots=True)
class Reach:
    """What reaches one host.

    Attributes:
        host: In its one form.
        domain: What was registered.
        alerts: Whether a rule above low holds for it.
        listed: Categories that lists give it.
        word: What its name makes it; empty for nothing.
        signs: The signs in its name.
    """

    host: str
    domain: str
    alerts: bool
    listed: frozenset[str]
    word: str
    signs: frozenset[str]


def reaches(hosts: Sequence[str], index: lists.CategoryIndex, rules: policy.RuleSet) -> list[Reach]:
    """Say of each host what reaches it."""
    found = raised(hosts, index, rules)
    high = set(found.filter(found["level"].cast(LEVEL) > "low")["host"].to_list())
    suffixes = enrich.Suffixes()
    out = []
    for host in hosts:
        entries = [one for one in index.entries(host) if one.used and one.mode not in {"allow", "name"}]
        signs = index.names.signs(host) if index.names else []
        word = index.names.judged(signs) if index.names else ""
        domain = suffixes.registrable(host).domain or host
        listed = frozenset(one.category for one in entries)
        out.append(Reach(host, domain, host in high, listed, word, frozenset(sign.sign for sign in signs)))
    return out


def told(found: Sequence[Reach]) -> list[str]:
    """Return the lines of the table: signal, hosts, share, domains, share."""
    known = {one.domain for one in found if one.alerts}
    all_domains = {one.domain for one in found}
    sets = {
        "a list says bypass": [one for one in found if any(word.startswith("bypass") for word in one.listed)],
        "a list says anything": [one for one in found if one.listed],
        **{f"name: {word}": [one for one in found if one.word == word] for word in NAMES},
        ALERTS: [one for one in found if one.alerts],
        "  or a sibling of one": [one for one in found if one.alerts or one.domain in known],
        "  or an unusual name": [one for one in found if one.alerts or one.domain in known or one.word == UNUSUAL],
        "  or a stray one": [one for one in found if one.alerts or one.domain in known or one.word],
    }
    lines = [f"{'':28}{'hosts':>8}{'share':>8}{'domains':>9}{'share':>8}"]
    for what, reached in sets.items():
        domains = {one.domain for one in reached}
        hosts = f"{len(reached):8,}{len(reached) / len(found):8.1%}"
        lines.append(f"{what:28}{hosts}{len(domains):9,}{len(domains) / len(all_domains):8.1%}")
    lines += [
        f"sign: {sign:22}{count:8,}{count / len(found):8.1%}"
        for sign, count in Counter(sign for one in found for sign in one.signs).most_common()
    ]
    return lines


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--rules", type=Path, default=Path("rules"))
    parser.add_argument("--lists", type=Path, nargs="*", default=[], help="further lists in our own form")
    parser.add_argument("--without", default=None, help="leave out a name and what is below it")
    parser.add_argument("--missed", action="store_true", help="print the hosts that nothing reaches")
    given = parser.parse_args()
    hosts = list(dict.fromkeys(host for path in given.file for host in read(path)))
    if given.without:
        hosts = [host for host in hosts if not f".{host}".endswith(f".{given.without}")]
    if not hosts:
        parser.error("no hosts in these files")
    with tempfile.TemporaryDirectory() as scratch:
        index = lists.prepare([given.rules / "lists", *given.lists], Path(scratch) / "lists.index")
        found = reaches(hosts, index, policy.load(given.rules))
    print("\n".join([f"{len(found):,} hosts", *told(found)]))
    if given.missed:
        print(*(printable(one.host) for one in found if not one.word and not one.alerts), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
