"""One person's login in use at two places at once: somebody uses another's name.

Policy: "log in to the school's network using someone else's details"; "a username which they must not share".

Walking from one room to the next looks like A, then B; two people with one name look like A, B and A again within
minutes, on different devices.  Only what is authenticated counts: a lease names a device's owner, not who holds it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import polars as pl
from pydantic import ConfigDict, Field, TypeAdapter

from filterwatch import detections
from filterwatch.config import Duration, Part
from filterwatch.events import complete

MOST = 5_000
"""People that are remembered; beyond it the one not seen for longest is forgotten."""

PLACES = 8
"""Places of one person that are remembered, the latest ones."""

_NEEDED = ("person", "client_ip", "device", "identity", "kind", "time")
_MICROSECOND = timedelta(microseconds=1)


class Settings(Part):
    """When one login is taken to be in use at two places at once."""

    level: Literal["informational", "low", "medium", "high", "critical"] = "low"
    within: Duration = Field(timedelta(minutes=5), description="back at a place this soon, another one in between")
    again_after: Duration = Field(timedelta(hours=12), description="least time between two detections of one person")
    network_bits: int = Field(
        24, ge=8, le=32, description="addresses with these leading bits in common are one place; of IPv6 64"
    )


class SharedLogin:
    """Detects one authenticated person at two places in turns.

    What is found does not depend on how lines are cut into batches.

    Args:
        settings: Span, level and what one place is.
    """

    name = "shared_login"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._version = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]
        self._people: dict[str, _Whereabouts] = {}
        self._nothing = detections.none()

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return detections for what the batch completes; silence is never one."""
        if not len(events) or any(name not in events.columns for name in _NEEDED):
            return self._nothing
        rows = [complete(events[row]).with_columns(**self._words()) for row in self._found(_stays(events))]
        return detections.make(pl.concat(rows)) if rows else self._nothing

    def _found(self, stays: pl.DataFrame) -> Iterator[int]:
        """Yield the rows in which a person is back at a place while the login is in use at another."""
        within, rest = (span // _MICROSECOND for span in (self.settings.within, self.settings.again_after))
        for person, ip, device, first, last, row in stays.iter_rows():
            place = _place(ip, self.settings.network_bits)
            known = self._people.pop(person, None) or _Whereabouts({}, None, 0)
            self._people[person] = known
            before = known.seen.pop(place, None)
            back = known.at != place and before is not None and 0 <= first - before[0] <= within
            other = known.seen.get(known.at or "")
            told = known.told and abs(first - known.told) < rest
            if back and other is not None and other[1] != device and not told:
                known.told = first
                yield row
            known.seen[place] = (max(last, before[0]) if before else last, device)
            known.at = place
            while len(known.seen) > PLACES:
                del known.seen[next(iter(known.seen))]
            if len(self._people) > MOST:
                del self._people[next(iter(self._people))]

    def _words(self) -> dict[str, pl.Expr]:
        minutes = self.settings.within.total_seconds() / 60
        said = {
            "rule": self.name, "rule_version": self._version, "level": self.settings.level, "outcome": "advisory",
            "reason": f"one login in use at two places in turns within {minutes:g} minutes",
        }  # fmt: skip
        return {name: pl.lit(value, dtype=pl.String) for name, value in said.items()}

    def state(self) -> bytes:
        """Return what is remembered of each person, as JSON."""
        people = {person: [one.seen, one.at, one.told] for person, one in self._people.items()}
        return json.dumps(people, separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        self._people = {
            person: _Whereabouts(dict(seen), current, told)
            for person, (seen, current, told) in _STATE.validate_json(state).items()
        }


_STATE = TypeAdapter(
    dict[str, tuple[dict[str, tuple[int, str | None]], str | None, int]], config=ConfigDict(strict=True)
)


class _Whereabouts:
    """Where one person was lately: of each place when last (microseconds) and with which device, the latest last."""

    __slots__ = ("at", "seen", "told")

    def __init__(self, seen: dict[str, tuple[int, Any]], at: str | None, told: int) -> None:
        self.seen, self.at, self.told = seen, at, told


def _stays(events: pl.DataFrame) -> pl.DataFrame:
    """Return runs of one person at one address, in order: person, address, device, first and last time, first row."""
    using = (pl.col("identity") == "authenticated") & pl.col("kind").is_in(["http", "dns", "flow"])
    own = events.select(*_NEEDED).with_row_index("row").filter(using).drop_nulls(["person", "client_ip", "time"])
    stays = _summed(own, "person", "client_ip")
    moving = stays.filter(pl.col("person").is_duplicated())["person"].unique()
    if len(moving):  # the others stayed where they were, which is cheaper to see
        movers = own.filter(pl.col("person").is_in(moving.implode()))
        moved = pl.col("client_ip").ne_missing(pl.col("client_ip").shift().over("person"))
        runs = movers.with_columns(run=moved.cum_sum().over("person"))
        stays = pl.concat([
            stays.filter(~pl.col("person").is_in(moving.implode())),
            _summed(runs, "person", "client_ip", "run").drop("run"),
        ])  # fmt: skip
    return stays.sort("row").select("person", "client_ip", "device", "first", "last", "row")


def _summed(events: pl.DataFrame, *keys: str) -> pl.DataFrame:
    at = pl.col("time").to_physical()
    return events.group_by(*keys).agg(
        pl.col("device").first(), first=at.first(), last=at.max(), row=pl.col("row").first()
    )


@lru_cache(maxsize=16_384)
def _place(ip: str, bits: int) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    return str(ipaddress.ip_network((address, bits if address.version == 4 else 64), strict=False))
