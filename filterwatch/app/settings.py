"""``filterwatch.yaml``: the sections of all parts, and every mistake in them at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, model_validator

from filterwatch.alerts import Role
from filterwatch.alerts import Settings as Alerts
from filterwatch.app.places import shipped
from filterwatch.archive import Settings as Archive
from filterwatch.config import ClockTime, Days, Document, Duration, Part, Slug, read, validate
from filterwatch.delivery import Settings as Delivery
from filterwatch.detectors import Settings as Detectors
from filterwatch.enrich import Calendar, People
from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.journal import Settings as Journal
from filterwatch.lists import Settings as Lists
from filterwatch.records import Settings as Records
from filterwatch.sources import Endpoint, Listen, Network
from filterwatch.sources import Settings as Source


def _zone(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("name a time zone such as Europe/London") from None


Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]


class Metrics(Part):
    """The section ``metrics``: where Prometheus fetches them; each process has a port of its own."""

    listen: str = Field("127.0.0.1", description="address; anything but loopback shows the school's health to others")
    ingest_port: int | None = Field(None, ge=1, le=65535, description="port of `filterwatch ingest`; none: not served")
    deliver_port: int | None = Field(None, ge=1, le=65535, description="port of `filterwatch deliver`")
    receive_port: int | None = Field(None, ge=1, le=65535, description="port of `filterwatch receive`")


class Weekly(Part):
    """When the weekly report goes out, and to whom."""

    days: Days = Field(frozenset({1}), description="day on which it is made; it covers the seven days before")
    at: ClockTime = Field(time(7, 0), description="local time")
    to: tuple[Role, ...] = Field(("coordinator", "head"), description="roles that get the coordinator's page")
    governors: tuple[Role, ...] = Field(("governor",), description="roles that get the governors' page")


class Reports(Part):
    """What is made and mailed on a schedule."""

    weekly: Weekly | None = Field(Weekly(), description="the weekly report; null for none")


class Settings(Part):
    """Everything a school says."""

    site: Slug = Field(description="which school or building this gateway serves; stands in every event")
    timezone: Zone = Field(ZoneInfo("Europe/London"), description="the school's time zone")
    state: Path = Field(Path("/var/lib/filterwatch"), description="directory of journal, registers, archive")
    rules: Path | None = Field(None, description="directory of the rules; default: those that come with filterwatch")
    formats: Path | None = Field(
        None, description="folder of field maps for formats of your own; default: `formats` beside this file"
    )
    sources: tuple[Source, ...] = Field(description="the logs, one section each", min_length=1)
    poll: Duration = Field(timedelta(milliseconds=500), description="longest wait between two looks at the logs")
    lists: Lists = Field(Lists(), description="category lists")
    people: People = Field(People(), description="who is who")
    calendar: Calendar = Field(Calendar(), description="when school is")
    suffix_list: Path | None = Field(None, description="a newer Public Suffix List")
    logged_at_start: tuple[Slug, ...] = Field((), description="sources that log the start of a request, not its end")
    furniture: tuple[str, ...] = Field(
        (), description="further hosts that only other pages and programs load: no visit of a person"
    )
    detectors: Detectors = Field(Detectors(), description="what is found over time")
    journal: Journal = Field(Journal(), description="recent events")
    archive: Archive = Field(Archive(), description="sealed events")
    records: Records = Field(Records(), description="registers")
    alerts: Alerts = Field(description="who is told what")
    delivery: Delivery = Field(Delivery(), description="how it reaches them")
    reports: Reports = Field(Reports(), description="what is sent on a schedule")
    metrics: Metrics = Field(Metrics(), description="Prometheus")

    @model_validator(mode="after")
    def _names_fit(self) -> Settings:
        names = [source.name for source in self.sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sources are called '{twice[0]}'; a name is used once")
        return self


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration that holds together.

    Attributes:
        settings: What the file says.
        directory: Folder of the file: relative paths are relative to it.
        document: The file with its places, for messages.
    """

    settings: Settings
    directory: Path
    document: Document

    def at(self, path: Path) -> Path:
        """Return *path*, taken from the configuration's folder where it is relative."""
        return self.directory / path

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.at(self.settings.state)

    @property
    def spool(self) -> Path:
        """Where received lines wait; a folder for each source that listens."""
        return self.state / "spool"

    def formats(self) -> Path | None:
        """Return the folder of the school's own formats; null where there is none."""
        folder = self.at(self.settings.formats or Path("formats"))
        return folder if self.settings.formats or folder.is_dir() else None

    @property
    def rules(self) -> Path:
        """The directory of the rules."""
        return self.at(self.settings.rules) if self.settings.rules else shipped("rules")


def load(path: Path) -> Configuration:
    """Return the configuration in *path*.

    Raises:
        ConfigurationError: With every mistake in it.
    """
    document = read(path)
    configuration = Configuration(validate(document, Settings), path.parent, document)
    if mistakes := list(_across(configuration)):
        raise ConfigurationError(mistakes)
    return configuration


def _across(configuration: Configuration) -> Iterator[Mistake]:
    """Yield mistakes that only show where two sections meet."""
    document, settings = configuration.document, configuration.settings
    channels = set(settings.delivery.channels)
    for role, recipient in settings.alerts.recipients.items():
        for channel in recipient.channels:
            if channel not in channels:
                known = ", ".join(sorted(channels)) or "none"
                problem = (
                    f"recipient '{role}' uses channel '{channel}', which is not in delivery.channels (known: {known})"
                )
                yield document.mistake(("alerts", "recipients", role, "channels"), f"{problem}; add it there")
    for name, channel_settings in settings.delivery.channels.items():
        if channel_settings.url_file and not configuration.at(channel_settings.url_file).is_file():
            problem = f"url_file {channel_settings.url_file} does not exist; write the channel's URL into it"
            yield document.mistake(("delivery", "channels", name, "url_file"), problem)
    yield from _in_each_others_way(configuration)
    for number, one in enumerate(settings.sources):
        if one.behind is not None and one.behind not in {other.name for other in settings.sources} - {one.name}:
            problem = f"sources.{number}.behind: no other source is called '{one.behind}'; name the log of the filter"
            yield document.mistake(("sources", number, "behind"), problem)
    for source in settings.logged_at_start:
        if source not in {one.name for one in settings.sources}:
            yield document.mistake(("logged_at_start",), f"no source is called '{source}'")


def _in_each_others_way(configuration: Configuration) -> Iterator[Mistake]:
    """Yield sources that listen where another takes everything away from them."""
    taken: dict[tuple[str, Endpoint], list[tuple[str, Listen]]] = {}
    for number, source in enumerate(configuration.settings.sources):
        listen = source.listen
        if listen is None:
            continue
        at = ("sources", number, "listen")
        for kind, endpoint in listen.endpoints():
            others = taken.setdefault(("udp" if kind == "udp" else "tcp", endpoint), [])
            for name, other in others:
                if (kind, endpoint) not in other.endpoints() or (kind == "tls" and other.tls != listen.tls):
                    problem = f"source '{source.name}' listens on {endpoint} in another way than '{name}'"
                    yield configuration.document.mistake(at, f"{problem}; give it a port of its own")
                elif all(any(_within(net, wide) for wide in other.allow) for net in listen.allow):
                    problem = f"source '{source.name}' gets no line: '{name}' allows the same senders on {endpoint}"
                    yield configuration.document.mistake((*at, "allow"), f"{problem}; name each sender once")
            others.append((source.name, listen))


def _within(net: Network, wide: Network) -> bool:
    if isinstance(net, IPv4Network):
        return isinstance(wide, IPv4Network) and net.subnet_of(wide)
    return isinstance(wide, IPv6Network) and net.subnet_of(wide)
