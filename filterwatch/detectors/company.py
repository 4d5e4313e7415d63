"""In company: what a device asked for just after another site, that site's page probably loaded.

A log of names has no referrers, and others leave them out: a button, a film in a lesson and a link looked up beforehand
look like visits.  But a page asks for its own host first and for all else within seconds, and a person reads before the
next click.  So of rules with ``visits: sure`` a hit is left out where a burst of the device's requests began with
another site, just before it.  The first hit on a site decides for those that follow: a film that goes on in a lesson
asks for its host again, alone, and somebody who is at a site has other tabs.

Tunnels and flows are logged when they end and stand by themselves: there doubt counts, unless next to nothing came
through a tunnel: a browser opened it for a link that nobody followed, or an app asked whether there is news.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.detectors.restoring import behind
from filterwatch.events import ACTION, EVENT_SCHEMA, KIND, column
from filterwatch.lists.paths import written_host

QUIET = timedelta(seconds=1.5)
"""After so long without a request of the device a new burst begins (our judgement; see decision 0193)."""

WITHIN = timedelta(seconds=3)
"""How long after a burst began a page still loads its pieces; later in it, somebody may have clicked."""

SPAN, LONGEST = timedelta(minutes=10), timedelta(minutes=30)
"""What follows sooner came about as the first hit of a device on a site did; at most for so long: films in lessons end,
and nobody hides behind one all day."""

SMALL = 10_000
"""Bytes to the client of a tunnel that nobody looked into: certificates take 2 to 6 kB (``furniture.yaml``), tickets
and settings some more; the smallest page is several times that (our judgement)."""

MOST = 5_000
"""Requests of the last seconds, and verdicts, that are remembered; the newest are kept."""

_STEP = timedelta(microseconds=1)
_PLACE = ("site", "source", "stream", "line_offset")
_KEYS = ("source", "who")
_WHO = ("client_ip", "device", "person")
"""Whose browser it is: cloud filters may log no address, and many people may share that of a terminal server."""

_NEEDED = (*_PLACE, *_WHO, "time", "kind", "method", "referrer", "counted", "embedded", "domain", "host", "query")
_RECENT = pl.Schema({"source": pl.String, "who": pl.String, "at": pl.Int64, "place": pl.String})
_STATE = b"filterwatch-company-2\n"

_HIT = (*_PLACE, "at", "who", "place", "inside", "row")
Place = tuple[object, ...]
"""Where a line is: :data:`_PLACE`."""

Key = tuple[str | None, str, str]
"""Source, who and site."""


class Company:
    """Leaves out hits that another site's page probably caused.

    Args:
        rules: Ids of the rules of which they are left out.
    """

    name = "company"

    def __init__(self, rules: Collection[str]) -> None:
        self._rules = frozenset(rules)
        self._recent = pl.DataFrame(schema=_RECENT)
        self._verdicts: dict[Key, tuple[int, int, bool]] = {}
        self._state: bytes | None = None

    def __call__(self, events: pl.DataFrame, *found: pl.DataFrame) -> tuple[pl.DataFrame, ...]:
        """Return *found* (detections, hits) less what came along.

        Args:
            events: Enriched events of the batch, in order.
            found: What rules hold for them.
        """
        if not self._rules or not len(events):
            return found
        ours = [self._ours(one) for one in found]
        places = {place for some in ours for place in some if place is not None}
        offsets = [offset for *_, offset in places]
        came = _small(events, offsets) if places else set()
        asked = _asked(events, offsets)
        if len(asked):
            came |= self._came(asked, places) if places else set()
            self._remember(asked)
        return tuple(_less(one, some, came) for one, some in zip(found, ours, strict=True)) if came else found

    def _ours(self, found: pl.DataFrame) -> list[Place | None]:
        """Return of each row where its line is; null for one of another rule."""
        rows = found.select("rule", *_PLACE).iter_rows()
        return [tuple(place) if rule in self._rules else None for rule, *place in rows]

    def _came(self, asked: pl.DataFrame, places: set[Place]) -> set[Place]:
        """Return those of *places* that came along."""
        before = self._recent.with_columns(row=pl.lit(None, pl.UInt32))
        # In the order of the log, so that it does not matter how it is cut into batches.
        rows = pl.concat([before, asked.select(before.columns)]).sort(*_KEYS, maintain_order=True)
        along = np.zeros(len(asked), np.bool_)
        new = rows["row"].is_not_null().to_numpy()
        along[rows["row"].drop_nulls().to_numpy()] = _along(rows)[new]
        came = set()
        for *place, at, who, site, inside, row in asked.filter("hit").select(_HIT).iter_rows():
            where = tuple(place)
            if where in places and self._verdict((place[1], who, site), at, bool(along[row]) and not inside):
                came.add(where)
        return came

    def _verdict(self, key: Key, at: int, along: bool) -> bool:  # noqa: FBT001 - what is judged
        """Return whether a hit came along, by what was said of the site's first."""
        first, last, said = self._verdicts.pop(key, (at, at, along))
        if abs(at - last) > SPAN // _STEP or abs(at - first) > LONGEST // _STEP:
            first, said = at, along
        self._verdicts[key] = first, at, said  # so that the last in order is the newest
        if len(self._verdicts) > MOST:
            del self._verdicts[next(iter(self._verdicts))]
        self._state = None
        return said

    def _remember(self, asked: pl.DataFrame) -> None:
        """Keep the requests of the last seconds of each source."""
        rows = pl.concat([self._recent, asked.filter("late").select(_RECENT.names())])
        self._recent = rows.filter(_lately(pl.col("at"), (QUIET + WITHIN) // _STEP)).tail(MOST)
        self._state = None

    def state(self) -> bytes:
        """Return the last requests and verdicts; the same bytes again as long as nothing was asked for."""
        if self._state is None:
            recent = io.BytesIO()
            self._recent.write_ipc_stream(recent, compression="zstd")
            verdicts = json.dumps([[*key, *said] for key, said in self._verdicts.items()], separators=(",", ":"))
            self._state = _STATE + verdicts.encode() + b"\n" + recent.getvalue()
        return self._state

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`.

        Raises:
            ValueError: It is that of another version.
        """
        verdicts, _, recent = behind(_STATE, state).partition(b"\n")
        self._verdicts = {tuple(one[:3]): tuple(one[3:]) for one in json.loads(verdicts)}
        self._recent = pl.read_ipc_stream(io.BytesIO(recent))
        self._state = None


def _small(events: pl.DataFrame, hits: Collection[object]) -> set[Place]:
    """Return where tunnels are, of those with *hits*, through which next to nothing came."""
    if not {"method", "bytes_in", "action"} <= set(events.columns):
        return set()
    tunnel = (pl.col("method") == "CONNECT") & (pl.col("action") == pl.lit("allowed", ACTION))
    near = pl.col("line_offset").is_in([*hits]) & tunnel & pl.col("bytes_in").is_between(1, SMALL)
    return set(events.lazy().filter(near).select(_PLACE).collect(engine="in-memory").iter_rows())


def _asked(events: pl.DataFrame, hits: Collection[object]) -> pl.DataFrame:
    """Return requests that say when they were made and were no furniture, of the devices that have *hits* (by their
    offsets), and of each source the last.

    Columns: :data:`_RECENT`, where they are in the log, ``row``, ``hit`` (may be one of the hits), ``late`` (is one of
    the last), ``inside`` (a page of the same site led there).
    """  # noqa: D205 - a long sentence
    types = EVENT_SCHEMA | {"embedded": pl.Boolean()}
    whole = events.lazy().select(column(events, name, types) for name in _NEEDED)
    dns, http = (pl.col("kind") == pl.lit(kind, KIND) for kind in ("dns", "http"))
    told = dns | (http & pl.col("method").ne_missing("CONNECT"))
    counts = pl.col("counted").fill_null(value=True) & ~pl.col("embedded").fill_null(value=False)
    hit = pl.col("line_offset").is_in([*hits])
    theirs = pl.col("who").is_in(pl.col("who").filter("hit").unique().implode())
    site = pl.coalesce("domain", "host", "query")
    led = pl.lit(".") + written_host(pl.col("referrer")).str.to_lowercase()
    where = pl.coalesce("client_ip", "device")
    who = pl.coalesce(pl.concat_str(where, "person", separator=" "), where, "person")
    return (
        whole.filter(told & counts & pl.col("time").is_not_null())
        .with_columns(who=who, hit=hit, late=_lately(pl.col("time"), QUIET + WITHIN))
        .filter(theirs | pl.col("late"))
        .select(
            *_PLACE, "who", "hit", "late",
            at=pl.col("time").dt.epoch("us"),
            place=site,
            inside=led.str.ends_with(pl.lit(".") + site).fill_null(value=False),
        )
        .drop_nulls(["who", "place"])
        .with_row_index("row")
        .collect(engine="in-memory")
    )  # fmt: skip


def _lately(at: pl.Expr, within: timedelta | int) -> pl.Expr:
    """Return which rows are no more than *within* from the last of their source."""
    return (at.last().over("source") - at).abs() <= within


def _along(rows: pl.DataFrame) -> NDArray[np.bool_]:
    """Return which of *rows*, together by device, lie just behind another site's request that began a burst."""
    at = rows["at"].to_numpy()
    who, place = (rows.select(pl.struct(of).hash(7)).to_series().to_numpy() for of in (_KEYS, ("place",)))
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (who[1:] != who[:-1]) | (np.abs(at[1:] - at[:-1]) > QUIET // _STEP)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))
    along: NDArray[np.bool_] = (place != place[first]) & (np.abs(at - at[first]) <= WITHIN // _STEP)
    return along


def _less(found: pl.DataFrame, places: list[Place | None], came: set[Place]) -> pl.DataFrame:
    """Return *found*, whose rows are at *places*, less what came along."""
    kept = [place not in came for place in places]
    return found if all(kept) else found.filter(pl.Series(kept))
