"""Which detections are one case: the same person (or device), family and session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from filterwatch.alerts.desk import Desk
from filterwatch.alerts.families import Family, family_of
from filterwatch.alerts.settings import Route
from filterwatch.events import LEVELS
from filterwatch.records import numbers
from filterwatch.records.models import Alert, AlertDetection

Detection = Mapping[str, Any]
"""One row of DETECTION_SCHEMA as Python values."""

SURE = ("authenticated", "lease")
"""On an address alone only a device is known: nobody is named on it (NB13)."""


@dataclass(frozen=True, slots=True)
class Key:
    """What the detections of one case share.

    Attributes:
        site: Site.
        who: ``person:...``, ``device:...``, ``address:...`` or ``site:...``, the surest that is known.
        family: Category family.
        route: How it is told; what is only counted never hides in what is told at once.
        compartment: general, staff or illegal.
    """

    site: str
    who: str
    family: str
    route: Route
    compartment: str


@dataclass(slots=True)
class Session:
    """Detections of one case: of an alert that exists, or of a new one."""

    key: Key
    alert: Alert | None
    first: datetime
    last: datetime
    detections: list[Detection] = field(default_factory=list)

    def takes(self, when: datetime, within: timedelta, longest: timedelta) -> bool:
        """Whether a detection at *when* belongs here."""
        near = self.first - within <= when <= self.last + within
        return near and max(self.last, when) - min(self.first, when) <= longest

    def add(self, detection: Detection) -> None:
        """Take a detection in."""
        when = detection["time"]
        self.first, self.last = min(self.first, when), max(self.last, when)
        self.detections.append(detection)

    @property
    def level(self) -> str:
        """The highest level of its new detections."""
        return LEVELS[max(LEVELS.index(one["level"]) for one in self.detections)]


def who(detection: Detection) -> str:
    """Return the surest thing known about who it was."""
    if detection["identity"] in SURE and detection["person"]:
        return f"person:{detection['person']}"
    for kind, column in (("device", "device"), ("address", "client_ip")):
        if detection[column]:
            return f"{kind}:{detection[column]}"
    return f"site:{detection['site']}"


def key_of(detection: Detection, desk: Desk) -> tuple[Key, Family]:
    """Return what case a detection belongs to, and its family."""
    family = family_of(detection["rule"], detection["category"] or "", detection["outcome"] or "")
    staff = detection["group"] in {"staff", "governors"}
    compartment = Alert.Compartment.ILLEGAL if family.protocol else Alert.Compartment.STAFF if staff else "general"
    route: Route = "immediate" if family.protocol else desk.settings.route(detection["level"])
    return Key(detection["site"] or "", who(detection), family.name, route, str(compartment)), family


def unseen(detections: pl.DataFrame) -> pl.DataFrame:
    """Return the detections that no alert has yet: after a journal was restored they come again."""
    ids = detections["id"].unique().to_list()
    seen: set[str] = set()
    for start in range(0, len(ids), 500):  # SQLite takes so many values in one statement
        chunk = ids[start : start + 500]
        seen.update(AlertDetection.objects.filter(pk__in=chunk).values_list("pk", flat=True))
    return detections.unique("id", keep="first", maintain_order=True).filter(~pl.col("id").is_in(list(seen)))


def sessions(detections: Iterable[Detection], desk: Desk) -> list[Session]:
    """Return the cases that *detections* belong to, oldest first; what is routed nowhere is left out."""
    grouped: dict[Key, list[Detection]] = {}
    for detection in detections:
        key, _ = key_of(detection, desk)
        if key.route != "none":
            grouped.setdefault(key, []).append(detection)
    known = _known({key: min(row["time"] for row in rows) for key, rows in grouped.items()}, desk)
    found = [session for key, rows in grouped.items() for session in _split(key, rows, known.get(key), desk)]
    return sorted(found, key=lambda session: (session.first, session.key.who, session.key.family))


def _within(key: Key, desk: Desk) -> timedelta:
    grouping = desk.settings.grouping
    return grouping.weekly if key.route == "weekly" else grouping.within


def _split(key: Key, rows: list[Detection], known: Alert | None, desk: Desk) -> Iterator[Session]:
    within = _within(key, desk)
    longest = max(desk.settings.grouping.longest, within)
    current = Session(key, known, known.first_time, known.last_time) if known else None
    for row in sorted(rows, key=lambda row: (row["time"], row["id"])):
        if current is None or not current.takes(row["time"], within, longest):
            if current is not None and current.detections:
                yield current
            current = Session(key, None, row["time"], row["time"])
        current.add(row)
    if current is not None:
        yield current


def _known(keys: Mapping[Key, datetime], desk: Desk) -> dict[Key, Alert]:
    """Return the last open alert of each case, where it is near the case's first new detection; locked."""
    by_name: dict[tuple[str, str, str], Key] = {(subject(key, desk), key.family, key.route): key for key in keys}
    subjects = sorted({name[0] for name in by_name})
    since = min((when - _within(key, desk) for key, when in keys.items()), default=None)
    found: dict[Key, Alert] = {}
    for start in range(0, len(subjects), 500):  # SQLite takes so many values in one statement
        alerts = Alert.objects.select_for_update().filter(
            subject__in=subjects[start : start + 500],
            last_time__gte=since,
            state__in=[Alert.State.NEW, Alert.State.ACKNOWLEDGED],
        )
        for alert in alerts.order_by("last_time"):
            key = by_name.get((alert.subject, alert.family, alert.route))
            if key is not None and alert.last_time >= keys[key] - _within(key, desk):
                found[key] = alert
    return found


def subject(key: Key, desk: Desk) -> str:
    """Return the keyed digest under which a case's alerts are found again."""
    return numbers.digest(desk.secret, key.site, key.who, key.compartment)
