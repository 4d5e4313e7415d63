"""Furniture: requests that pages, programs and devices make by themselves are no visits of a person.

What is furniture stands in ``furniture.yaml``.  Two kinds of evidence count: the place (a host or path that only other
pages load) and the line (another site's page led to a piece of a page).  Where a log cannot tell, as in a tunnel to a
site's main name, it is a visit: one counted too many is a smaller mistake than one that nobody sees (decision 0161).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from filterwatch.config import Part, read, validate
from filterwatch.enrich.hosts import host_of
from filterwatch.events import ACTION, KIND, column
from filterwatch.lists.paths import resolved, unescaped, written_host

ALWAYS, BY_PATH = 1, 2
"""What :meth:`Furniture.of` says of a host: it is furniture; some of its paths are."""

REMEMBERED = 65_536
"""Referring hosts whose site is kept: far more than a school's pages name in a day."""

_FILE = Path(__file__).with_name("furniture.yaml")
_Place = Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[^\s]+$")]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9.-]+\.[a-z0-9-]+$")]


class _Known(Part):
    """The data file; what each key means stands at its head."""

    hosts: tuple[_Name, ...] = Field(min_length=1)
    widgets: tuple[_Place, ...] = Field(min_length=1)
    players: tuple[_Place, ...] = Field(min_length=1)
    programs: tuple[str, ...] = Field(min_length=1)
    unless: tuple[_Name, ...]
    background: tuple[str, ...] = Field(min_length=1)
    pieces: tuple[str, ...] = Field(min_length=1)
    endings: tuple[str, ...] = Field(min_length=1)
    handshake: int = Field(ge=0)


class Site(NamedTuple):
    """Where a page is.

    Attributes:
        domain: Its registrable domain, or the host where it has none.
        finds: Whether it is a search engine: a picture opened from there was chosen by a person.
    """

    domain: str
    finds: bool


class Furniture:
    """Tells furniture from visits.  Safe to use from several threads: what it remembers is only added to.

    Args:
        site_of: Says where a host (in its one form) is.
        file: Another data file than the shipped one.
        more: Further hosts, the school's own.

    Raises:
        ConfigurationError: *file* has mistakes.
    """

    def __init__(self, site_of: Callable[[str], Site], file: Path = _FILE, more: Sequence[str] = ()) -> None:
        known = validate(read(file), _Known)
        self._hosts = {*known.hosts, *more}
        self._by_path = {place.partition("/")[0] for place in (*known.widgets, *known.players)}
        self._widgets, self._players = _places(known.widgets), _places(known.players)
        self._by_line = {
            "mime_type": pl.col("mime_type").is_in(list(known.background)),
            "method": pl.col("method") == "OPTIONS",  # a script asks before it speaks to another site
        }
        self._programs, self._unless = list(known.programs), list(known.unless)
        self._pieces = f"^(?i:{'|'.join(map(re.escape, known.pieces))})"
        self._handshake = known.handshake
        self._endings = rf"^[^?#]*\.(?i:{'|'.join(map(re.escape, known.endings))})(?:[?#]|$)"
        self._site_of = site_of
        self._sites: dict[str, Site | None] = {}

    def of(self, host: str) -> int:
        """Return what *host*, in its one form, is by its name: :data:`ALWAYS`, :data:`BY_PATH` or 0."""
        found, name = 0, host
        while name:
            if name in self._hosts:
                return ALWAYS
            if name in self._by_path:
                found = BY_PATH
            name = name.partition(".")[2]
        return found

    def embedded(self, events: pl.DataFrame) -> pl.Series | None:
        """Return which events are no visits (``embedded``, never null); null where none is.

        Args:
            events: With ``_name``, ``domain`` and ``_furniture`` (:meth:`of`) besides the event columns.
        """
        out = (events["_furniture"] == ALWAYS).fill_null(value=False).to_numpy(writable=True)
        for name, test in self._by_line.items():
            if _has(events, name):
                out |= events.select(test.fill_null(value=False)).to_series().to_numpy()
        if _has(events, "user_agent"):
            out |= self._by_program(events)
        if _has(events, "bytes_in") and _has(events, "method"):
            out |= self._opened_only(events)
        if _has(events, "url"):
            self._by_url(events, out)
        if out.any() and _has(events, "kind"):
            goes = events["kind"].is_in(pl.Series(["http", "dns", "flow"], dtype=KIND).implode())
            out &= goes.fill_null(value=True).to_numpy()
        return pl.Series("embedded", out) if out.any() else None

    def led(self, events: pl.DataFrame, searches: pl.Series) -> pl.Series | None:
        """Return which *searches* another site's page led to, a search engine's aside (``led``); null where none was.

        Args:
            events: With ``_name`` and ``domain`` besides the event columns.
            searches: What each event searches for.
        """
        if not _has(events, "referrer"):
            return None
        rows = np.flatnonzero((searches.is_not_null() & events["referrer"].is_not_null()).to_numpy())
        if not len(rows):
            return None
        other, finds = self._from_elsewhere(events.select("_name", "domain", "referrer")[rows])
        out = np.zeros(len(events), np.bool_)
        out[rows] = other & ~finds
        return pl.Series("led", out) if out.any() else None

    def _by_program(self, events: pl.DataFrame) -> NDArray[np.bool_]:
        """Return what programs asked for that nobody looks at.

        A browser may call itself one of them; it is found out by what they never ask for: scripts, styles, films, and
        anything that another page led to.
        """
        rows = np.flatnonzero(events["user_agent"].str.contains_any(self._programs).fill_null(value=False).to_numpy())
        out = np.zeros(len(events), np.bool_)
        if len(rows):
            led, kind = column(events, "referrer"), column(events, "mime_type")
            piece = kind.str.contains(self._pieces) & ~kind.str.contains("^(?i:image)/")
            browser = piece.fill_null(value=False) | led.is_not_null() | pl.col("domain").is_in(self._unless)
            out[rows] = events[rows].select(~browser.fill_null(value=False)).to_series().to_numpy()
        return out

    def _opened_only(self, events: pl.DataFrame) -> NDArray[np.bool_]:
        """Return which tunnels were opened beforehand: no more than a handshake came through."""
        tunnel = (pl.col("method") == "CONNECT") & pl.col("bytes_in").is_between(1, self._handshake)
        if _has(events, "action"):
            tunnel &= pl.col("action").eq_missing(pl.lit("allowed", ACTION))
        return events.select(tunnel.fill_null(value=False)).to_series().to_numpy()

    def _by_url(self, events: pl.DataFrame, out: NDArray[np.bool_]) -> None:
        """Mark in *out* what the path says, and what the page says that led there."""
        rows = np.flatnonzero((events["_furniture"] == BY_PATH).fill_null(value=False).to_numpy() & ~out)
        if len(rows):
            urls = resolved(unescaped(events["url"][rows]))
            out[rows] = urls.str.contains(self._widgets).fill_null(value=False).to_numpy()
        if not _has(events, "referrer"):
            return
        rows = np.flatnonzero(events["referrer"].is_not_null().to_numpy() & ~out)
        names = ("_name", "domain", "_furniture", "url", "referrer", "method", "mime_type", "action")
        led = events.select(name for name in names if name in events.columns)[rows]
        piece, picture = self._pieces_of(led)
        player = self._at_player(led, "url")
        posted = (led["method"] == "POST").fill_null(value=False).to_numpy() if _has(led, "method") else False
        by_player = self._at_player(led, "referrer") & (piece | posted)
        some = np.flatnonzero(piece | player)
        if len(some):
            other, finds = self._from_elsewhere(led[some])
            chosen = picture[some] & finds & ~player[some]
            out[rows[some]] = other & ~chosen
        out[rows] |= by_player

    def _at_player(self, led: pl.DataFrame, name: str) -> NDArray[np.bool_]:
        """Return where column *name* is the address of a player."""
        found = (led["_furniture"] == BY_PATH) & led[name].str.contains(self._players)
        return found.fill_null(value=False).to_numpy()

    def _pieces_of(self, led: pl.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which requests are for pieces of a page, and which of these for pictures or films."""
        no = pl.lit(value=False)
        kind = pl.col("mime_type") if _has(led, "mime_type") else pl.lit(None, dtype=pl.String)
        blocked = pl.col("action").eq_missing(pl.lit("blocked", ACTION)) if _has(led, "action") else no
        by_path = (kind.is_null() | blocked) & pl.col("url").str.contains(self._endings)
        piece = (kind.str.contains(self._pieces) & ~blocked).fill_null(value=False) | by_path.fill_null(value=False)
        films = kind.str.contains(r"^(?i:image|audio|video)/") | by_path
        made = led.select(piece.alias("piece"), films.fill_null(value=False).alias("film"))
        return made["piece"].to_numpy(), made["film"].to_numpy()

    def _from_elsewhere(self, led: pl.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which requests another site's page led to, and which a search engine's."""
        hosts = led.select(written_host(pl.col("referrer"))).to_series()
        sites = {host: self._site(host) for host in hosts.unique().drop_nulls()}
        here = led.select(pl.coalesce("domain", "_name")).to_series().to_list()
        found = [sites.get(host) if host is not None else None for host in hosts.to_list()]
        pairs = zip(found, here, strict=True)
        other = [site is not None and at is not None and site.domain != at for site, at in pairs]
        return np.array(other, np.bool_), np.array([site is not None and site.finds for site in found], np.bool_)

    def _site(self, host: str) -> Site | None:
        if host in self._sites:
            return self._sites[host]
        if len(self._sites) >= REMEMBERED:
            self._sites = {}
        name = host_of(host)
        site = self._sites[host] = self._site_of(name) if name else None
        return site


def _has(events: pl.DataFrame, name: str) -> bool:
    return name in events.columns and events[name].null_count() < len(events)


def _places(places: Sequence[str]) -> str:
    """Return a pattern for URLs at any of *places*: a host and all below it, and how the path begins."""
    made = []
    for place in places:
        host, _, path = place.partition("/")
        path = re.escape(path).replace(r"\*", "[^/?#]*")
        made.append(rf"(?:[^/?#@\\]*\.)?{re.escape(host)}(?::[0-9]+)?/{path}")
    return rf"^(?i:(?:https?://)?(?:[^/?#@\\]*@)?(?:{'|'.join(made)}))"
