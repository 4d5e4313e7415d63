"""The filter itself: switched off, on again, restarted, changed.

Several lines tell of one stop (sudo, systemd, the daemon's own log, often in several sources): lines of one service
within :data:`TOGETHER` are one.  A stop waits for ``grace``: when the service starts again by then, it was a restart.
What somebody disabled waits for nothing.

=====================  ================  ===============================================================
rule                   kind              when
=====================  ================  ===============================================================
``filter_off``         filter_stopped    it stopped and did not start again within ``grace``
``filter_off``         filter_disabled   it lets everything pass, or is kept from starting
``filter_off``         config_changed    its configuration was changed
``filter_off``         exemption_added   somebody or something is no longer filtered
``filter_restored``    filter_started    it was off and is on again
``filter_restored``    filter_enabled    the same
``filter_restored``    exemption_removed  an exemption ended
``filter_restarted``   filter_started    it stopped and started again, or started without a stop in the logs
=====================  ================  ===============================================================

``matched`` is the service.  A detection is made from the first line that told of it, with the name (``user``) that any
line of the same stop told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from pydantic import Field

from filterwatch import detections
from filterwatch.config import Duration, Part
from filterwatch.events import DETECTION_SCHEMA

TOGETHER = timedelta(minutes=2)
"""Lines of one service and meaning this close tell of one thing: squid takes half a minute to stop."""

OFF, RESTORED, RESTARTED = "filter_off", "filter_restored", "filter_restarted"
STOPPED, STARTED, DISABLED, ENABLED = "filter_stopped", "filter_started", "filter_disabled", "filter_enabled"
_LEVELS = {
    STOPPED: "high",
    DISABLED: "critical",
    "config_changed": "medium",
    "exemption_added": "medium",
}
_REASONS = {
    DISABLED: "a filter was disabled: what it should stop may pass",
    "config_changed": "the configuration of a filter was changed",
    "exemption_added": "an exemption from filtering was added",
    "exemption_removed": "an exemption from filtering was removed",
}
_KEPT = (
    "site", "source", "stream", "line_offset", "line_length", "user", "person", "group", "device", "identity",
    "client_ip", "host", "in_school_hours",
)  # fmt: skip
"""What a detection takes over from its line, besides the time."""

Row = dict[str, Any]


class Settings(Part):
    """What counts as a restart."""

    grace: Duration = Field(
        timedelta(seconds=60), description="a filter that starts again this soon after it stopped was restarted"
    )


@dataclass(slots=True)
class _Service:
    """What is known of one service.

    Attributes:
        off: The line that told that it went off; null while it is on.
        told: Whether that was told.
        count: Lines that told of it.
        seen: When the newest of them was read; the grace runs from there.
        last_off: Time of the newest line that told that it went off.
        last_on: Time of the newest line that told that it runs.
        restarted: Time of the last restart that was told.
    """

    off: Row | None = None
    told: bool = False
    count: int = 0
    seen: datetime | None = None
    last_off: datetime | None = None
    last_on: datetime | None = None
    restarted: datetime | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch in which a service is off and has not come back.

    Attributes:
        since: Time of the line that told it, UTC.
    """

    site: str | None
    service: str
    kind: str
    since: datetime


class FilterOff:
    """Watches control events.

    Args:
        settings: What counts as a restart.
    """

    name = "filter_off"

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._version = hashlib.sha256(self.settings.model_dump_json().encode()).hexdigest()[:12]
        self._services: dict[tuple[str | None, str], _Service] = {}
        self._changes: dict[tuple[str | None, str, str], datetime] = {}

    def __call__(self, events: pl.DataFrame, hits: pl.DataFrame, now: datetime) -> pl.DataFrame:  # noqa: ARG002 - the protocol
        """Return what control events tell, and what waited for its grace."""
        told: list[Row] = []
        for line in _lines(events, now):
            told += self._line(line, now)
        for service in self._services.values():
            if service.off is not None and not service.told and self._over(service, now):
                told.append(self._went_off(service))
        return _made(told, self._version)

    @property
    def off(self) -> tuple[Interval, ...]:
        """Services that are off, as far as the logs tell; those within their grace included."""
        return tuple(
            Interval(site, name, service.off["kind"], service.off["time"])
            for (site, name), service in self._services.items()
            if service.off is not None
        )

    @property
    def running(self) -> Mapping[str, bool]:
        """Whether each service that any log told of is on; one that may be restarting still is."""
        on: dict[str, bool] = {}
        for (_, name), service in self._services.items():
            on[name] = on.get(name, True) and not (service.off is not None and service.told)
        return on

    def _line(self, line: Row, now: datetime) -> Iterator[Row]:
        service = self._services.setdefault((line["site"], line["matched"]), _Service())
        if line["kind"] in (STOPPED, DISABLED):
            yield from self._goes_off(service, line, now)
        elif line["kind"] in (STARTED, ENABLED):
            yield from self._comes_on(service, line)
        else:
            yield from self._change(line)

    def _goes_off(self, service: _Service, line: Row, now: datetime) -> Iterator[Row]:
        at: datetime = line["time"]
        if service.off is None and self._is_over(service, at):
            return  # another source tells later of a stop that is over
        if service.off is not None and not self._same(service, line):
            if not service.told:
                yield self._went_off(service)
            service.off = None  # its start was not logged
        if service.off is None:
            service.off, service.told, service.count = line, False, 0
        elif line["kind"] == DISABLED and not service.told:
            service.off |= {"kind": DISABLED}
        for name in ("user", "person"):
            service.off[name] = service.off[name] or line[name]
        service.count += 1
        service.seen, service.last_off = now, max(at, service.last_off or at)
        if service.off["kind"] == DISABLED and not service.told:
            yield self._went_off(service)

    def _is_over(self, service: _Service, at: datetime) -> bool:
        """Return whether a line of this time tells of a stop that the service has come back from."""
        if service.last_on is None:
            return False
        # Logs that count whole seconds give the end of a restart the time of its beginning.
        return at < service.last_on or (at == service.last_on and _near(at, service.last_off))

    def _same(self, service: _Service, line: Row) -> bool:
        """Return whether *line* tells of the stop that is known; some filters repeat that they are disabled."""
        return line["kind"] == DISABLED or service.last_off is None or line["time"] - service.last_off <= TOGETHER

    def _comes_on(self, service: _Service, line: Row) -> Iterator[Row]:
        at: datetime = line["time"]
        if service.off is not None and at < service.off["time"]:
            return  # another source tells later of the start before this stop
        before, service.last_on = service.last_on, max(at, service.last_on or at)
        if service.off is None:
            if line["kind"] == STARTED and not _near(at, before) and not _near(at, service.restarted):
                service.restarted = at
                yield _said(line, RESTARTED, "informational", "a filter started; no line told that it had stopped")
            return
        off, last_off = service.off, service.last_off or at
        if service.told or at - last_off > self.settings.grace:
            if not service.told:
                yield self._went_off(service)
            yield _said(line, RESTORED, "informational", f"a filter is on again after {_length(at - off['time'])}")
        elif not _near(at, service.restarted):
            service.restarted = at
            yield _said(line, RESTARTED, "informational", f"a filter was restarted within {_length(at - off['time'])}")
        service.off, service.told = None, False

    def _change(self, line: Row) -> Iterator[Row]:
        key = (line["site"], line["matched"], line["kind"])
        before = self._changes.get(key)
        self._changes[key] = max(line["time"], before or line["time"])
        if _near(line["time"], before):
            return
        kind = line["kind"]
        yield _said(
            line, RESTORED if kind == "exemption_removed" else OFF, _LEVELS.get(kind, "informational"), _REASONS[kind]
        )

    def _over(self, service: _Service, now: datetime) -> bool:
        return service.seen is not None and now - service.seen >= self.settings.grace

    def _went_off(self, service: _Service) -> Row:
        service.told = True
        off = service.off or {}
        grace = f"a filter stopped and did not start again within {_length(self.settings.grace)}"
        return _said(off, OFF, _LEVELS[off["kind"]], _REASONS.get(off["kind"], grace)) | {"count": service.count}

    def state(self) -> bytes:
        """Return what is known of each service, as JSON."""
        services = [
            [*key, _packed(service.off), service.told, service.count, *map(_iso, _times(service))]
            for key, service in self._services.items()
        ]
        changes = [[*key, at.isoformat()] for key, at in self._changes.items()]
        return json.dumps([services, changes], separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`."""
        services, changes = json.loads(state)
        self._services = {
            (site, name): _Service(_unpacked(off), told, count, *map(_time, times))
            for site, name, off, told, count, *times in services
        }
        self._changes = {(site, name, kind): datetime.fromisoformat(at) for site, name, kind, at in changes}


def _lines(events: pl.DataFrame, now: datetime) -> Iterator[Row]:
    """Yield control events as rows of detections; of an unknown service the source stands for it."""
    if "control_event" not in events.columns or events["control_event"].null_count() == len(events):
        return
    rows = events.filter(pl.col("control_event").is_not_null())
    for event in rows.iter_rows(named=True):
        line = {name: event.get(name) for name in _KEPT}
        service = event.get("control_service") or event.get("source") or ""
        line |= {"time": event.get("time") or now, "kind": event["control_event"], "matched": service}
        yield line


def _said(line: Mapping[str, Any], rule: str, level: str, reason: str) -> Row:
    return {**line, "rule": rule, "level": level, "reason": reason, "outcome": "technical", "count": 1}


def _made(told: list[Row], version: str) -> pl.DataFrame:
    if not told:
        return detections.none()
    columns = ["time", "kind", "matched", "rule", "level", "reason", "outcome", "count", *_KEPT]
    schema = {name: DETECTION_SCHEMA[name] for name in columns}
    return detections.make(pl.DataFrame(told, schema).with_columns(rule_version=pl.lit(version)))


def _near(at: datetime, before: datetime | None) -> bool:
    return before is not None and abs(at - before) <= TOGETHER


def _length(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"


def _times(service: _Service) -> tuple[datetime | None, ...]:
    return service.seen, service.last_off, service.last_on, service.restarted


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _packed(off: Row | None) -> Row | None:
    return off | {"time": off["time"].isoformat()} if off else None


def _unpacked(off: Row | None) -> Row | None:
    return off | {"time": datetime.fromisoformat(off["time"])} if off else None
