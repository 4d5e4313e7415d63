"""Tests on URLs: the dearest, so each is made only where the rules that ask for it may still hold.

Where a proxy does not look inside TLS most URLs are a bare ``host:443``, some thousand different ones in a batch; these
are tested once each, the others line by line.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_ESCAPES = {f"%{ord(sign):02X}": sign for sign in _UNRESERVED}

Mask = NDArray[np.bool_]


class Urls:
    """All tests of a rule set on the column ``url``."""

    def __init__(self) -> None:
        self._tests: dict[str, pl.Expr] = {}

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the flags that the tests set."""
        return tuple(self._tests)

    def add(self, test: pl.Expr) -> str:
        """Add a test, an expression over :data:`~filterwatch.policy.lookups.VALUE`; return its flag."""
        name = f"url_{len(self._tests)}"
        self._tests[name] = test
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
        out = []
        for name, everywhere in asked.items():
            held = _held(self._tests[name], values, everywhere[rows] & paths)
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


def unescaped(urls: pl.Series) -> pl.Series:
    """Return *urls* with the escapes undone that nobody needs: ``/pr%6Fxy`` is ``/proxy`` (promise S21)."""
    rows = np.flatnonzero(urls.str.contains("%", literal=True).fill_null(value=False).to_numpy())
    if not len(rows):
        return urls
    plain = urls.gather(rows).str.replace_many(list(_ESCAPES), list(_ESCAPES.values()), ascii_case_insensitive=True)
    return urls.clone().scatter(rows, plain)
