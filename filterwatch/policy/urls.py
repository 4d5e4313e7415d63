"""Tests on URLs: the dearest, so each is made only where the rules that ask for it may still hold.

Where a proxy does not look inside TLS most URLs are a bare ``host:443``, some thousand different ones in a batch; these
are tested once each, the others line by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.lists.paths import resolved, straight, unescaped
from filterwatch.policy.lookups import VALUE

_BEFORE = r"(?:(?:[a-z][a-z0-9+.-]*:)?//[^/?#]*/+|[^/?#]*[^/?#:]/+|/)"
"""What stands before the first piece of a path: scheme and host, a host alone, or nothing where a log has the path."""

Mask = NDArray[np.bool_]


class Urls:
    """All tests of a rule set on the column ``url``."""

    def __init__(self) -> None:
        self._tests: dict[str, pl.Expr] = {}
        self._of_paths: set[str] = set()

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the flags that the tests set."""
        return tuple(self._tests)

    def add(self, test: pl.Expr, *, of_path: bool = False) -> str:
        """Add a test, an expression over :data:`~filterwatch.policy.lookups.VALUE`; return its flag.

        One of a path gets URLs with dot segments resolved; others may look for these very segments.
        """
        name = f"url_{len(self._tests)}"
        self._tests[name] = test
        if of_path:
            self._of_paths.add(name)
        return name

    def read(self, urls: pl.Series, due: Mapping[str, Mask]) -> list[pl.Series]:
        """Return the flags that hold somewhere, each read for the rows where it is *due*."""
        asked = {name: due[name] for name in self._tests if name in due}
        if not asked:
            return []
        rows = np.flatnonzero(np.logical_or.reduce(list(asked.values())))
        values = unescaped((urls if len(rows) == len(urls) else urls.gather(rows)).alias("value"))
        paths = values.str.contains("/", literal=True).fill_null(value=False).to_numpy()
        bare = values.filter(~paths).unique()
        straightened = values if self._of_paths.isdisjoint(asked) else resolved(values)
        out = []
        for name, everywhere in asked.items():
            looked_at = straightened if name in self._of_paths else values
            held = _held(self._tests[name], looked_at, everywhere[rows] & paths)
            hosts = bare.filter(bare.to_frame().select(self._tests[name].fill_null(value=False)).to_series())
            if len(hosts):
                held |= values.is_in(hosts.implode()).fill_null(value=False).to_numpy() & everywhere[rows]
            if held.any():
                whole = np.zeros(len(urls), np.bool_)
                whole[rows] = held
                out.append(pl.Series(name, whole))
        return out


def _held(test: pl.Expr, values: pl.Series, due: Mask) -> Mask:
    """Return where *test* holds, read where it is *due*."""
    held = np.zeros(len(values), np.bool_)
    rows = np.flatnonzero(due)
    held[rows] = values.gather(rows).to_frame().select(test.fill_null(value=False)).to_series().to_numpy()
    return held


def path_begins(prefixes: Iterable[str]) -> pl.Expr:
    """Return a test for URLs whose path begins with any of *prefixes*, once :func:`~.paths.resolved` has seen them."""
    pieces = (pl.escape_regex(straight(prefix)[1:]).replace("/", "/+") for prefix in prefixes)
    return VALUE.str.contains(f"(?i)^{_BEFORE}(?:{'|'.join(pieces)})")
