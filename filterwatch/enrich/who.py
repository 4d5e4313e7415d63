"""Who: person, group and device of each event, by one answer for each different asker of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap

import numpy as np
import polars as pl

from filterwatch.enrich.columns import beside, told_apart
from filterwatch.enrich.identity import NOBODY, Asker, Identity, Known, Logged
from filterwatch.enrich.leases import Lease, Leases
from filterwatch.enrich.sessions import ACCEPTED, Login, Sessions
from filterwatch.events import EVENT_SCHEMA, column

_KEYS = ("user", "user_domain", "client_ip", "client_mac")
_SCHEMA = {name: EVENT_SCHEMA[name] for name in Known._fields}
_ACTION = EVENT_SCHEMA["action"]
_REFUSED = ("auth_required", "blocked", "error")
_AS_OF, _IN_ORDER = -1, -2
"""Places of rows without one answer for the whole batch: those whose address changes hands meanwhile, and those of
which the batch itself says who has the address."""

_NEVER = -(1 << 63)
_Step = tuple[int, int, int]
"""Number of an asker, microseconds since 1970, place of its answer from then on."""


class Who:
    """Adds the columns that say who.

    Args:
        identity: Tells who one asker is.
        leases: Which device had an address; lease events of the pass are taken into it.
        sessions: Which person had logged in there; auth events of the pass are taken into it.
    """

    def __init__(self, identity: Identity, leases: Leases, sessions: Sessions) -> None:
        self._identity = identity
        self._leases = leases
        self._sessions = sessions

    def add(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return *events* with ``person``, ``group``, ``year``, ``device``, ``device_class`` and ``identity``.

        ``group`` and ``identity`` are never null.  Events must come in the order of the pass.
        """
        keys = _keys(events)
        table: list[Known] = []
        places = self._places(events, keys, table)
        if (in_order := places == _IN_ORDER).any():
            rows = in_order.arg_true()
            places = places.scatter(rows, self._one_by_one(events, keys, rows, table))
        return beside(events, pl.DataFrame(table, schema=_SCHEMA, orient="row")[places])

    def _places(self, events: pl.DataFrame, keys: pl.DataFrame, table: list[Known]) -> pl.Series:
        """Return for each row the place of its answer in *table*, or :data:`_IN_ORDER`."""
        if not keys.columns:
            table.append(self._identity.of(Asker(None, None, None, None), None))
            return pl.Series([0], dtype=pl.Int64).new_from_index(0, len(events))
        touched, speakers = self._touched(events)
        heard = bool(self._leases.history) or bool(self._sessions.history)
        first, last = _span(events) if heard else (0, 0)
        unique, askers = told_apart(keys)
        places: list[int] = []
        steps: list[_Step] = []
        for number, asker in enumerate(_askers(unique)):
            if touched and not touched.isdisjoint(self._keys_of(asker, first, last)):
                places.append(_IN_ORDER)
                continue
            changes = self._changes(asker, first, last) if heard else None
            places.append(_AS_OF if changes else len(table))
            if changes:
                steps.append((number, _NEVER, len(table)))
                steps += ((number, at, len(table) + n) for n, at in enumerate((first, *changes), 1))
                table.append(self._identity.of(asker, None))
                table += (self._of(asker, at) for at in (first, *changes))
            else:
                table.append(self._of(asker, first) if heard else self._identity.of(asker, None))
        place = pl.Series("place", np.array(places, np.int64)[askers])
        if steps:
            place = _as_of(pl.Series("asker", askers, pl.UInt32), place, events, steps)
        return place.scatter(speakers, _IN_ORDER) if speakers else place

    def _changes(self, asker: Asker, first: int, last: int) -> list[int]:
        """Return the moments at which who *asker* is may change, in order."""
        edges = self._leases.history.edges(asker.ip, first, last) if asker.ip else set()
        if self._sessions.history and not asker.user:
            for key in self._keys_of(asker, first, last):
                edges |= self._sessions.history.edges(key, first, last)
        return sorted(edges) if edges else []

    def _keys_of(self, asker: Asker, first: int, last: int) -> set[str]:
        """Return the address and the hardware addresses by which *asker* may be known."""
        keys = {key for key in (asker.ip, asker.mac) if key}
        if asker.ip and not asker.mac:
            spans = self._leases.history.of(asker.ip)
            keys |= {span.holder.name for span in spans if span.holder.name and span.start <= last and first < span.end}
        return keys

    def _of(self, asker: Asker, at: int) -> Known:
        """Return who *asker* was at a time, by what has been heard."""
        lease = self._leases.at(asker.ip, at) if asker.ip else None
        return self._identity.of(asker, lease, self._logged(asker, lease, at))

    def _logged(self, asker: Asker, lease: Lease | None, at: int) -> Logged:
        sessions = self._sessions.history
        if asker.user or not sessions:
            return NOBODY
        mac = asker.mac or (lease.mac if lease else None)
        here = sessions.at(asker.ip, at) if asker.ip else None
        device = sessions.at(mac, at) if mac else None
        return Logged(here and here.holder, device and device.holder)

    def _touched(self, events: pl.DataFrame) -> tuple[set[str], list[int]]:
        """Return of which addresses and hardware addresses the batch itself says who has them, and in which rows."""
        if "kind" not in events.columns:
            return set(), []
        speak = (events["kind"] == "lease") | (events["kind"] == "auth")
        if not speak.any():
            return set(), []
        rows = speak.arg_true()
        touched: set[str] = set()
        speakers: list[int] = []
        for row, (kind, login) in zip(rows, _logins(events[rows]), strict=True):
            said = self._said(kind, login)
            touched |= said
            if said:
                speakers.append(row)
        return touched, speakers

    def _said(self, kind: str | None, login: Login) -> set[str]:
        if kind == "lease":
            return {login.ip} if login.ip else set()
        return self._sessions.touched(login) if kind == "auth" else set()

    def _one_by_one(self, events: pl.DataFrame, keys: pl.DataFrame, rows: pl.Series, table: list[Known]) -> pl.Series:
        """Answer *rows* in order, and take in the leases and logins among them."""
        some = events[rows]
        known: dict[Known, int] = {}
        places = []
        ats = some.select(_at(some)).to_series()
        names = some["host"] if "host" in some.columns else [None] * len(some)
        for asker, at, (kind, login), name in zip(_askers(keys[rows]), ats, _logins(some), names, strict=True):
            if kind == "lease" and login.ip:
                self._leases.heard(login.ip, login.time, login.mac, name, login.what)
            elif kind == "auth":
                self._sessions.heard(login)
            answer = self._of(asker, at) if at is not None else self._identity.of(asker, None)
            if answer not in known:
                known[answer] = len(table)
                table.append(answer)
            places.append(known[answer])
        return pl.Series(places, dtype=pl.Int64)


def _keys(events: pl.DataFrame) -> pl.DataFrame:
    """Return what events say of who asked; columns that are null throughout left out.

    The name in a refused authentication was tried by somebody: it is nobody's (framing, fault S2).
    """
    have = [name for name in _KEYS if name in events.columns and events[name].null_count() < len(events)]
    refused = column(events, "action").eq_missing(pl.lit("auth_required", _ACTION))
    if "kind" in events.columns and (events["kind"] == "auth").any():
        refused |= (pl.col("kind") == "auth") & column(events, "action").is_in(_REFUSED)
    return events.select(pl.when(~refused).then(name) if name.startswith("user") else name for name in have)


def _askers(keys: pl.DataFrame) -> Iterator[Asker]:
    columns = [keys[name].to_list() if name in keys.columns else [None] * len(keys) for name in _KEYS]
    return starmap(Asker, zip(*columns, strict=True))


def _logins(events: pl.DataFrame) -> Iterator[tuple[str | None, Login]]:
    """Yield kind, and what lease and auth events say of whom; a refused login and a line without a time say nothing."""
    names = ("kind", "time", "user", "user_domain", "client_ip", "client_mac", "filter_reason", "action")
    heard = events.select(column(events, name) for name in names).with_columns(pl.col("time").to_physical())
    for kind, time, user, domain, ip, mac, what, action in heard.iter_rows():
        says = time is not None and not (kind == "auth" and action in _REFUSED)
        if what is None and mac and action == "allowed":
            what = ACCEPTED  # noqa: PLW2901 - only RADIUS says which device logged in
        yield kind if says else None, Login(time or 0, user, domain, ip, mac, what)


def _as_of(askers: pl.Series, place: pl.Series, events: pl.DataFrame, steps: list[_Step]) -> pl.Series:
    """Return *place*, as of each event's time where it is :data:`_AS_OF`.

    *steps* says which place holds for which of *askers* from which moment on.
    """
    rows = (place == _AS_OF).arg_true()
    asked = events[rows].select(_at(events).fill_null(_NEVER)).with_columns(askers[rows], row=rows)
    table = pl.DataFrame(steps, schema={"asker": pl.UInt32, "at": pl.Int64, "place": pl.Int64}, orient="row")
    answers = asked.sort("at").join_asof(table.sort("at"), on="at", by="asker", check_sortedness=False)
    return place.scatter(answers["row"], answers["place"])


def _at(events: pl.DataFrame) -> pl.Expr:
    return pl.coalesce(column(events, "started"), column(events, "time")).to_physical().alias("at")


def _span(events: pl.DataFrame) -> tuple[int, int]:
    """Return the first and last start of *events*, microseconds since 1970."""
    at = events.select(first=_at(events).min(), last=_at(events).max()).row(0)
    return at[0] or 0, at[1] or 0
