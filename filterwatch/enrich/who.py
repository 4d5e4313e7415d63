"""Who: person, group and device of each event, by one answer for each different asker of a batch."""

from __future__ import annotations

import polars as pl

from filterwatch.enrich.columns import column
from filterwatch.enrich.identity import Asker, Identity, Known
from filterwatch.enrich.leases import Leases
from filterwatch.events import EVENT_SCHEMA, KIND

_KEYS = ("user", "user_domain", "client_ip", "client_mac")
_SCHEMA = {name: EVENT_SCHEMA[name] for name in Known._fields}
_CHANGES = -1


class Who:
    """Adds the columns that say who.

    Args:
        identity: Tells who one asker is.
        leases: Who had an address; lease events of the pass are taken into it.
    """

    def __init__(self, identity: Identity, leases: Leases) -> None:
        self._identity = identity
        self._leases = leases

    def add(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return *events* with ``person``, ``group``, ``year``, ``device``, ``device_class`` and ``identity``.

        ``group`` and ``identity`` are never null.  Events must come in the order of the pass.
        """
        keys = _keys(events)
        table: list[Known] = []
        places = self._places(events, keys, table)
        rows = (places == _CHANGES).arg_true()
        if len(rows):
            places = places.scatter(rows, self._one_by_one(events, keys, rows, table))
        answers = pl.DataFrame(table, schema=_SCHEMA, orient="row")
        return events.with_columns(answers.select(pl.all().gather(places)).get_columns())

    def _places(self, events: pl.DataFrame, keys: pl.DataFrame, table: list[Known]) -> pl.Series:
        """Return for each row the place of its answer in *table*, -1 where its address changes hands meanwhile."""
        if not keys.columns:
            table.append(self._identity.of(Asker(None, None, None, None), None))
            return pl.Series([0], dtype=pl.Int64).new_from_index(0, len(events))
        touched = _leased(events)
        first, last = _span(events) if self._leases else (0, 0)
        unique = keys.unique()
        places = []
        for asker in _askers(unique):
            steady, lease = self._leases.throughout(asker.ip, first, last) if asker.ip else (True, None)
            if steady and asker.ip not in touched:
                places.append(len(table))
                table.append(self._identity.of(asker, lease))
            else:
                places.append(_CHANGES)
        unique = unique.with_columns(pl.Series("place", places, dtype=pl.Int64))
        return keys.join(unique, on=keys.columns, how="left", nulls_equal=True, maintain_order="left")["place"]

    def _one_by_one(self, events: pl.DataFrame, keys: pl.DataFrame, rows: pl.Series, table: list[Known]) -> pl.Series:
        """Answer *rows*, whose addresses change hands, in order, and take in the leases among them."""
        some = events.select(
            _at(events),
            column(events, "time").to_physical(),
            (column(events, "kind") == pl.lit("lease", KIND)).fill_null(value=False),
            column(events, "host"),
            column(events, "filter_reason"),
        )[rows]
        known: dict[Known, int] = {}
        places = []
        for asker, (at, time, leased, name, what) in zip(_askers(keys[rows]), some.iter_rows(), strict=True):
            if leased and asker.ip and time is not None:
                self._leases.heard(asker.ip, time, asker.mac, name, what)
            lease = self._leases.at(asker.ip, at) if asker.ip and at is not None else None
            answer = self._identity.of(asker, lease)
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
    proven = column(events, "action").ne_missing(pl.lit("auth_required", EVENT_SCHEMA["action"]))
    return events.select(pl.when(proven).then(name) if name.startswith("user") else name for name in have)


def _askers(keys: pl.DataFrame) -> list[Asker]:
    columns = [keys[name].to_list() if name in keys.columns else [None] * len(keys) for name in _KEYS]
    return [Asker(*one) for one in zip(*columns, strict=True)]


def _leased(events: pl.DataFrame) -> set[str]:
    """Return the addresses that lease events of the batch speak of."""
    if "kind" not in events.columns or "client_ip" not in events.columns:
        return set()
    return set(events["client_ip"].filter(events["kind"] == "lease").unique().to_list())


def _at(events: pl.DataFrame) -> pl.Expr:
    return pl.coalesce(column(events, "started"), column(events, "time")).to_physical().alias("at")


def _span(events: pl.DataFrame) -> tuple[int, int]:
    """Return the first and last start of *events*, microseconds since 1970."""
    at = events.select(first=_at(events).min(), last=_at(events).max()).row(0)
    return at[0] or 0, at[1] or 0
