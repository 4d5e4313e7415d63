"""Which events of a batch may teach the memory of sites something: found in frames, as nearly none does."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import polars as pl

from filterwatch.detectors.seen import Adding, Seen

MOST = 100_000
"""Visits that are known to be noted, as hashes; beyond it they are looked up anew."""


class News:
    """Looks up each site of a batch once, and what was noted already never again.

    Nothing here is state: without it the same is found, later.

    Args:
        seen: What the school knows.
    """

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._noted = pl.Series(dtype=pl.UInt64)
        self._forgotten = seen.forgotten
        # What the log says must not be able to collide.
        self._seed = int.from_bytes(os.urandom(8))

    def found(self, places: pl.DataFrame, ordinary: int) -> tuple[npt.NDArray[np.bool_], int]:
        """Return which events may note a site, and how many entries the batch writes at most.

        Args:
            places: Of :func:`~filterwatch.detectors.strange_rows.places_of`.
            ordinary: How many sites the batch may make ordinary.
        """
        keep = np.zeros(len(places), dtype=bool)
        busy = all(map(self._seen.is_busy, places["day"].unique()))
        rows = self._unknown(places) if busy else places.with_columns(hashed=pl.lit(0, pl.UInt64))
        fresh = self._fresh(rows, 0)
        more = len(fresh) + ordinary
        if not self._seen.has_room(more):  # something that is noted may be forgotten within the batch
            rows = places.with_columns(hashed=pl.lit(0, pl.UInt64))
            more = places.select("site", "day", "sure").n_unique() + ordinary
            if not self._seen.holds(more):
                return ~keep, more
            fresh = self._fresh(rows, more)
        if len(fresh) and not (busy and self._seen.has_place_for(len(fresh))):
            rows = rows.join(fresh, on=["site", "day", "sure"], how="semi")
            each = rows.unique(["site", "day", "sure", "who"], keep="first")
            fresh = fresh if busy and not self._seen.may_fill(_people(each)) else each
        keep[fresh["place"].to_numpy()] = True
        return keep, more

    def _unknown(self, places: pl.DataFrame) -> pl.DataFrame:
        """Return visits that are not known to be noted, of people who may note any, with their hashes."""
        if self._forgotten != self._seen.forgotten or len(self._noted) > MOST:
            self._noted, self._forgotten = self._noted.clear(), self._seen.forgotten
        visit = pl.col("site").hash(self._seed) ^ (pl.col("day") * 2 + pl.col("sure")).hash(self._seed)
        rows = places.with_columns(hashed=visit).filter(~pl.col("hashed").is_in(self._noted.implode()))
        full = {(one.who, one.sure) for one in _people(rows) if self._seen.is_full(one)}
        if not full:
            return rows
        named = pl.DataFrame([*full], schema={"who": pl.String, "sure": pl.Boolean}, orient="row")
        return rows.join(named, on=[pl.col("who").fill_null(""), "sure"], how="anti", maintain_order="left")

    def _fresh(self, rows: pl.DataFrame, more: int) -> pl.DataFrame:
        """Return the first of each site, day and half that is not noted, or will not be when *more* are noted."""
        if not len(rows):
            return rows
        first = rows.group_by("day", "sure", "site").agg(pl.col("place", "hashed").first())
        fresh = [first.clear()]
        for part in first.partition_by("day", "sure"):
            day, sure = part["day"][0], part["sure"][0]
            unnoted = self._seen.unnoted(part["site"].to_list(), day, more, sure=sure)
            new = part["site"].is_in(pl.Series([*unnoted], dtype=pl.String).implode())
            fresh.append(part.filter(new))
            if not more:
                self._noted.extend(part.filter(~new)["hashed"])  # appended, it would be thousands of chunks
        return pl.concat(fresh)


def _people(rows: pl.DataFrame) -> list[Adding]:
    if not len(rows):
        return []
    people = rows.group_by("who", "sure").agg(pl.len(), pl.col("day").max())
    return [Adding(who or "", sure, many, day) for who, sure, many, day in people.iter_rows()]
