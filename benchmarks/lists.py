"""The category index against its budget: 5,000,000 names in 10 lists, 200,000 unique hosts.

Beside the names 15,000 ranges of addresses and 40,000 pages, as many as real lists hold.  Run:
``python -m benchmarks.lists [names]``. Names are made up from a fixed seed; a quarter of the hosts is listed.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from filterwatch import lists

BUDGETS = {
    "build s": 15.0,
    "build MB": 400.0,
    "open s": 1.0,
    "resident MB": 100.0,
    "us per host": 3.0,
    "us per address": 3.0,
}
"""At most; issue 4 of the design."""

_CATEGORIES = ("adult", "gambling", "malware", "games", "piracy", "drugs", "violence", "chat", "dating", "webmail")
_TOP = ("com", "net", "org", "co.uk", "de", "info", "xyz", "io", "ru", "fr")


def _name(random_: random.Random) -> str:
    word = f"{random_.choice(('play', 'best', 'my', 'super', 'the', 'x'))}-{random_.randrange(10**9):x}"
    return f"{word}.{random_.choice(_TOP)}"


def _write(directory: Path, names: int) -> None:
    random_ = random.Random(7)
    for category in _CATEGORIES:
        with (directory / f"{category}.txt").open("w") as file:
            file.write(f"# category: {category}\n")
            file.writelines(f"{_name(random_)}\n" for _ in range(names // len(_CATEGORIES)))
    with (directory / "vpn.txt").open("w") as file:
        file.write("# category: bypass\n# kind: vpn\n")
        file.writelines(f"{_address(random_)}/{random_.randrange(12, 33)}\n" for _ in range(15_000))
    with (directory / "pages.txt").open("w") as file:
        file.write("# category: drugs\n")
        file.writelines(f"{_page(random_)}\n" for _ in range(40_000))


def _address(random_: random.Random) -> str:
    return f"{random_.randrange(1, 224)}.{random_.randrange(256)}.{random_.randrange(256)}.{random_.randrange(256)}"


def _page(random_: random.Random) -> str:
    return f"site{random_.randrange(20_000)}.example/~user{random_.randrange(1000)}/page{random_.randrange(9)}"


def _hosts(directory: Path) -> Iterator[str]:
    random_ = random.Random(8)
    with (directory / "adult.txt").open() as file:
        listed = [line.strip() for line in file][1:60_000]
    for n in range(200_000):
        name = random_.choice(listed) if n % 4 == 0 else _name(random_)
        yield f"{random_.choice(('www', 'cdn', 'img3.static', 'a'))}.{name}"


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _resident() -> float:
    fields = Path("/proc/self/status").read_text().split("\n")
    return next(int(line.split()[1]) / 1024 for line in fields if line.startswith("VmRSS"))


def build(directory: Path) -> None:
    began = time.perf_counter()
    stats = lists.compile(directory, directory / "lists.index")
    print(f"build s\t{time.perf_counter() - began:.2f}\nbuild MB\t{_peak():.0f}")
    print(f"file MB\t{stats.size / 1e6:.1f}\nnames\t{stats.names}")


def query(directory: Path) -> None:
    hosts = pl.Series(list(_hosts(directory)))
    before = _resident()
    began = time.perf_counter()
    index = lists.CategoryIndex.open(directory / "lists.index")
    print(f"open s\t{time.perf_counter() - began:.3f}")
    index.lookup(hosts[:10])
    bits = index.lookup(hosts)
    print(f"us per host\t{min(_took(index, hosts) for _ in range(5)) / len(hosts) * 1e6:.2f}")
    print(f"resident MB\t{_resident() - before:.0f}\nlisted hosts\t{(bits != 0).sum()} of {len(hosts)}")
    random_ = random.Random(9)
    addresses = pl.Series([_address(random_) for _ in range(50_000)])
    print(f"us per address\t{min(_took(index, addresses) for _ in range(3)) / len(addresses) * 1e6:.2f}")
    pages = pl.Series([f"{_page(random_)}/more?x={n}" for n in range(20_000)])
    names = pages.str.split("/").list.first()
    began = time.process_time()
    index.lookup_urls(names, pages)
    print(f"us per URL of a host with pages\t{(time.process_time() - began) / len(pages) * 1e6:.2f}")
    began = time.process_time()
    index.has_pages(hosts)
    print(f"us per host to know of pages\t{(time.process_time() - began) / len(hosts) * 1e6:.2f}")
    for size in (1, 100, 1000):
        took = min(_took(index, hosts.slice(at, size)) for at in range(0, 20 * size, size))
        print(f"ms for a batch of {size}\t{took * 1e3:.2f}")


def _took(index: lists.CategoryIndex, hosts: pl.Series) -> float:
    """Return processor seconds: other work on the machine counts less."""
    began = time.process_time()
    index.lookup(hosts)
    return time.process_time() - began


def main() -> int:
    """Run the benchmark; 1 when a budget is broken."""
    if len(sys.argv) > 2:
        {"build": build, "query": query}[sys.argv[1]](Path(sys.argv[2]))
        return 0
    names = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    broken = 0
    with tempfile.TemporaryDirectory() as directory:
        _write(Path(directory), names)
        for step in ("build", "query"):
            command = [sys.executable, "-m", "benchmarks.lists", step, directory]
            for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
                what, _, figure = line.partition("\t")
                budget = BUDGETS.get(what)
                late = budget is not None and float(figure) > budget
                broken += late
                print(
                    f"{what:32} {figure:>20}" + (f"   budget {budget:g}{'  BROKEN' if late else ''}" if budget else "")
                )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
