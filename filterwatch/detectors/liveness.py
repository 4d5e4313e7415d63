"""A source that says nothing while it should: the filter may be dead, passed by, or switched off without a line.

Silence is an unexplained gap, never a quiet time: a killed daemon logs nothing (fault T29).  A source is watched once
it has told of traffic; it is silent when it told nothing for ``silent_after``, all of it school hours.

=================  ===============  =====================================================================
rule               level            when
=================  ===============  =====================================================================
``source_silent``  high             other sources told of traffic in that time
``source_silent``  medium           no source did: the network may be down, or the school shut
``source_speaks``  informational    a source that was told to be silent tells of traffic again
=================  ===============  =====================================================================

``matched`` is the source; the time of ``source_silent`` is that of its last event.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl
from pydantic import Field

from filterwatch import detections
from filterwatch.config import Duration, Part, Slug
from filterwatch.events import DETECTION_SCHEMA

SILENT, SPEAKS = "source_silent", "source_speaks"
TRAFFIC = ("http", "dns", "flow")
"""Kinds of events that a school day is full of; logs of changes or logins are quiet for hours."""

UNWATCHED = timedelta(minutes=2)
"""The daemon asks every second; when it did not for this long it was not running, and what was not watched is a gap of
ours, no silence of theirs."""

_LOOK = timedelta(minutes=1)
"""How finely school hours are looked at."""


class Settings(Part):
    """How long a source may say nothing."""

    silent_after: Duration = Field(
        timedelta(minutes=10), description="a source that says nothing for this long in school hours is silent"
    )
    sources: Mapping[Slug, Duration | Literal["never"]] = Field(
        default={}, description="the same for single sources by name; never: this one may be silent"
    )


@dataclass(slots=True)
class _Source:
    """What is known of one source.

    Attributes:
        spoke: When an event of it was last read; from then on silence counts.
        site: The site of its last event.
        told: Whether its silence was told.
    """

    spoke: datetime
    site: str | None
    told: bool = False


class Liveness:
    """Watches that sources keep speaking.

    Args:
        settings: How long each may be silent.
        in_school_hours: Says whether a moment lies in school hours.
        unwatched_after: A pause of the pass after which nothing that happened in it counts as silence; null in a
            replay, where time jumps.
    """

    name = "liveness"

    def __init__(
        self,
        settings: Settings,
        in_school_hours: Callable[[datetime], bool],
        *,
        unwatched_after: timedelta | None = UNWATCHED,
    ) -> None:
        self.settings = settings
        self._in_school_hours = in_school_hours
        self._unwatched_after = unwatched_after
        self._version = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]
        self._sources: dict[str, _Source] = {}
        self._asked: datetime | None = None

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return sources that fell silent and sources that speak again."""
        self._wake(now)
        told = self._spoken(events, now)
        told += [self._silence(name, source, now) for name, source in self._sources.items() if self._fell(name, now)]
        return _made(told, self._version)

    def _wake(self, now: datetime) -> None:
        """After a pause of ours, silence counts from now."""
        paused = (
            self._asked is not None and self._unwatched_after is not None and now - self._asked > self._unwatched_after
        )
        self._asked = now
        if paused:
            for source in self._sources.values():
                source.spoke = source.spoke if source.told else max(source.spoke, now)

    def _spoken(self, events: pl.DataFrame, now: datetime) -> list[dict[str, Any]]:
        """Note who spoke; return those that had been silent."""
        if not {"source", "kind"} <= set(events.columns):
            return []
        spoken = events.lazy().select("source", "kind").with_row_index("row").filter(pl.col("kind").is_in(TRAFFIC))
        first = spoken.drop_nulls("source").unique("source", keep="first", maintain_order=True).collect()
        told = []
        for row in events[first["row"]].iter_rows(named=True):
            name, source = row["source"], self._sources.get(row["source"])
            if source is not None and source.told:
                silence = f"a source speaks again after {_length(now - source.spoke)} of silence"
                told.append(_said(row, SPEAKS, "informational", silence) | {"time": row.get("time") or now})
            self._sources[name] = _Source(now, row.get("site"))
        return told

    def _fell(self, name: str, now: datetime) -> bool:
        """Return whether a source is silent since its time was up, and nobody was told."""
        source, allowed = self._sources[name], self._allowed(name)
        if allowed is None or source.told or now - source.spoke <= allowed:
            return False
        moments = [now - _LOOK * n for n in range(int(allowed / _LOOK) + 1)]
        return all(map(self._in_school_hours, [*moments, now - allowed]))

    def _silence(self, name: str, source: _Source, now: datetime) -> dict[str, Any]:
        allowed = self._allowed(name) or timedelta()
        others = any(now - other.spoke <= allowed for key, other in self._sources.items() if key != name)
        source.told = True
        beside = "while other sources spoke" if others else "and no other source spoke either"
        silence = f"a source said nothing for {_length(allowed)} of school hours, {beside}: an unexplained gap"
        row = {"time": source.spoke, "source": name, "site": source.site, "in_school_hours": True}
        return _said(row, SILENT, "high" if others else "medium", silence)

    def _allowed(self, name: str) -> timedelta | None:
        allowed = self.settings.sources.get(name, self.settings.silent_after)
        return allowed if isinstance(allowed, timedelta) else None

    @property
    def silent(self) -> tuple[str, ...]:
        """Sources whose silence was told and that have not spoken since."""
        return tuple(name for name, source in self._sources.items() if source.told)

    def state(self) -> bytes:
        """Return who spoke when, as JSON."""
        sources = [[name, s.spoke.isoformat(), s.site, s.told] for name, s in self._sources.items()]
        asked = self._asked.isoformat() if self._asked else None
        return json.dumps([asked, sources], separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`; the time until the next call does not count as silence if it is long."""
        asked, sources = json.loads(state)
        self._asked = datetime.fromisoformat(asked) if asked else None
        self._sources = {
            name: _Source(datetime.fromisoformat(spoke), site, told) for name, spoke, site, told in sources
        }


_KEPT = ("time", "site", "source", "stream", "line_offset", "line_length", "in_school_hours")


def _said(row: Mapping[str, Any], rule: str, level: str, reason: str) -> dict[str, Any]:
    kept = {name: row.get(name) for name in _KEPT}
    return kept | {"matched": row["source"], "rule": rule, "level": level, "reason": reason, "outcome": "technical"}


def _made(told: list[dict[str, Any]], version: str) -> pl.DataFrame:
    if not told:
        return detections.none()
    schema = {name: DETECTION_SCHEMA[name] for name in told[0]}
    made = detections.make(pl.DataFrame(told, schema).with_columns(rule_version=pl.lit(version)))
    # No line tells of silence: what makes it this silence and no other is the time since when.
    since = [f"{row['site']} {row['source']} {row['rule']} {row['time'].isoformat()}" for row in told]
    own = pl.Series([hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in since])
    return made.with_columns(id=pl.when(pl.col("rule") == SILENT).then(own).otherwise("id"))


def _length(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    if minutes >= 120:
        return f"{minutes // 60} hours"
    return f"{minutes} minute{'s' * (minutes > 1)}"
