"""What a report is made from: the archive and the registers of a school, or log files alone."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from filterwatch import archive, policy
from filterwatch.app import replay as replaying
from filterwatch.app.places import DEFAULT
from filterwatch.app.schedule import occasion, weekly_due
from filterwatch.app.settings import Configuration, load
from filterwatch.clock import SystemClock
from filterwatch.detections import none
from filterwatch.detectors import Settings as Detectors
from filterwatch.errors import FilterwatchError
from filterwatch.events import DETECTION_SCHEMA
from filterwatch.journal import JournalError, Reader
from filterwatch.pipeline import Bench, Pass
from filterwatch.records.opening import open_registers
from filterwatch.reports.asked import Asked as Wanted
from filterwatch.reports.catalogue import REPORTS, rendered
from filterwatch.reports.material import Material
from filterwatch.reports.page import Page
from filterwatch.reports.period import Period, week_before
from filterwatch.reports.pseudonyms import Pseudonyms
from filterwatch.reports.spool import Spool


def page(asked: Wanted) -> Page:
    """Return the report that is asked for, made from the archive and the registers, or from log files alone.

    Raises:
        FilterwatchError: Neither is named, or something cannot be read.
    """
    now = SystemClock().now()
    if asked.files:
        return asked.report.page(from_files(asked, now))
    configuration = load(asked.config or DEFAULT)
    zone = configuration.settings.timezone
    period = asked.period(zone, now.astimezone(zone).date())
    with archive.explained(_archive(configuration)):
        return asked.report.page(from_school(configuration, period, now, named=asked.with_names))


def from_school(configuration: Configuration, period: Period, now: datetime, *, named: bool) -> Material:
    """Return what archive, journal and registers hold.

    Raises:
        FilterwatchError: One of them cannot be opened.
    """
    said = configuration.settings
    registers = open_registers(said.records, configuration.state, configuration.directory)
    from filterwatch.app import register_counts  # noqa: PLC0415 - models need Django to be set up

    journal = _journal(configuration.state / "journal.db")
    # Bandwidth spreads a transfer that began the day before.
    start = period.first - timedelta(days=1)
    events = archive.scan(_archive(configuration), journal, start=start, end=period.last)
    return Material(
        site=said.site,
        period=period,
        made=now,
        events=events.filter(pl.col("site") == said.site),
        names=Pseudonyms(None if named else registers.secret, said.site),
        detections=_detections(journal, period),
        registers=register_counts.gather(period, now, journal, [source.name for source in said.sources]),
        link=said.detectors.volume,
        signs=said.detectors.bypass,
    )


def from_files(asked: Wanted, now: datetime) -> Material:
    """Return what a pass over log files finds; without a configuration pseudonyms hold for this one report."""
    request = replaying.Asked(config=asked.config, files=asked.files, format=asked.log_format)
    school = request.school()
    inputs = request.inputs(school)
    bench = school.bench() if asked.report.reads_detections else Bench(policy.RuleSet((), {}))
    work = Pass({one.source: one.feed for one in inputs}, school.enrichment(), bench)
    spool = Spool()
    found = list(replaying.replay(work, inputs, seen=asked.seen, keep=spool.add))
    period = asked.period(school.zone, now.astimezone(school.zone).date(), spool.days)
    detections = pl.concat(found).select(DETECTION_SCHEMA.names()) if found else none()
    said = school.configuration.settings.detectors if school.configuration else Detectors()
    return Material(
        site=school.site,
        period=period,
        made=now,
        events=spool.events(),
        names=Pseudonyms(None if asked.with_names else secrets.token_hex(), school.site),
        detections=detections.filter(pl.col("time").is_between(period.start, period.end, closed="left")),
        link=said.volume,
        signs=said.bypass,
        is_from_files=True,
        holds=spool,
    )


def mail(asked: Wanted) -> None:
    """Put the weekly pages into the outbox, for those the configuration names."""
    mail_weekly(load(asked.config or DEFAULT), SystemClock().now())


def mail_weekly(configuration: Configuration, now: datetime) -> int:
    """Put the weekly pages into the outbox, for those the configuration names; return how many rows are new.

    The governors' page goes to governors alone, the coordinator's to the others; a repeat changes nothing.
    """
    from filterwatch.records.outbox import Message, Occasion, enqueue  # noqa: PLC0415 - models need Django to be set up

    weekly = configuration.settings.reports.weekly
    due = weekly_due(configuration, now)
    if weekly is None or due is None:
        raise FilterwatchError("reports.weekly is not configured; nobody would get the report")
    period = week_before(due.date(), configuration.settings.timezone)
    with archive.explained(_archive(configuration)):
        material = from_school(configuration, period, now, named=False)
        pages = {name: REPORTS[name].page(material) for name in ("weekly", "governors")}
    rows = 0
    for name, roles in (("weekly", weekly.to), ("governors", weekly.governors)):
        text, html = rendered(pages[name], "text"), rendered(pages[name], "html")
        message = Message(f"Filter and safeguarding: {period}", text, html=html)
        for role in roles:
            if recipient := configuration.settings.alerts.recipients.get(role):
                about = Occasion(occasion(due), "report", which=name)
                rows += enqueue(about, role, recipient.channels, message, now)
    return rows


def _archive(configuration: Configuration) -> Path:
    return configuration.state / "archive"


def _journal(path: Path) -> Reader | None:
    try:
        return Reader.at(path)
    except JournalError:
        return None


def _detections(journal: Reader | None, period: Period) -> pl.DataFrame:
    parts: list[pl.DataFrame] = []
    after = 0
    while journal is not None and len(part := journal.detections(after, 20_000)):
        parts.append(part.filter(pl.col("time").is_between(period.start, period.end, closed="left")))
        after = int(part["position"][-1])
    return pl.concat(parts).drop("position") if parts else none()
