"""What runs and what came of it: ingest, deliver, the journal's counts, notifications nobody got."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl

from filterwatch.app.doctor.gateway import Finding, Gateway
from filterwatch.errors import FilterwatchError
from filterwatch.journal import JournalError, Reader
from filterwatch.records.opening import open_registers
from filterwatch.sources import refusals

SILENT = timedelta(days=4)
"""A source that is quiet over a long weekend is well."""

WAITING = timedelta(days=2)
"""Batches are sealed within a day; older ones mean that sealing fails."""

BEHIND = timedelta(minutes=30)
"""A notification that is due this long waits for a sender, not for its mailbox."""

MOST_QUARANTINED = 0.01
"""Share of all lines of a source."""


def processes(gateway: Gateway) -> Iterator[Finding]:
    """Yield halves of the daemon that do not run."""
    state = gateway.configuration.state
    parts = [
        ("ingest", "journal.db.lock", "No log is read. Nothing is lost while the logs are kept."),
        ("deliver", "deliver.lock", "Nobody is told of anything."),
    ]
    if any(source.listen for source in gateway.configuration.settings.sources):
        parts.append(("receive", "spool/receive.lock", "What appliances send is lost, unless they keep it themselves."))
    for name, lock, why in parts:
        if state.is_dir() and not _held(state / lock):
            yield Finding(
                f"`filterwatch {name}` does not run.",
                why,
                f"systemctl enable --now filterwatch-{name}\nWithout systemd: filterwatch run",
            )


def refused(gateway: Gateway) -> Iterator[Finding]:
    """Yield networks whose appliances send in vain."""
    if not any(source.listen for source in gateway.configuration.settings.sources):
        return
    try:
        found = refusals(str(gateway.configuration.spool))
    except (OSError, ValueError, TypeError) as error:
        yield Finding(
            f"What the receiver refused cannot be read: {error}.", "A wrong `allow` is not seen.", "Run doctor as root."
        )
        return
    for one in found:
        names = " or ".join(one.sources)
        yield Finding(
            f"Source {names}: {one.times:,} messages or connections from {one.network} were refused.",
            f"No `allow` names who sent them, so all is dropped. The last: {one.last:%d %b %Y, %H:%M} UTC.",
            "If your appliance is there, add its address to `allow` and restart filterwatch-receive; if not, find out "
            "who sends: tcpdump shows it.",
        )


def _held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def journal(gateway: Gateway) -> Iterator[Finding]:
    """Yield what the journal says of the sources."""
    path = gateway.configuration.state / "journal.db"
    if not path.exists():
        return  # `processes` tells
    try:
        with Reader.at(path) as reader:
            yield from _silent(gateway, reader)
            yield from _quarantined(reader)
            yield from _gaps(reader)
            yield from _unsealed(gateway, reader)
    except JournalError as error:
        remedy = "Restart filterwatch: it repairs what can be repaired. Run doctor as root or as its account."
        yield Finding(f"The journal cannot be read: {error}.", "Alerts and reports have nothing to go by.", remedy)


def _silent(gateway: Gateway, reader: Reader) -> Iterator[Finding]:
    spoke = reader.sources_last_spoke()
    for source in gateway.configuration.settings.sources:
        last = spoke.get(source.name)
        if last is None or gateway.now - last > SILENT:
            when = "was never read" if last is None else f"was last read on {last:%d %b %Y}"
            yield Finding(
                f"Source {source.name}: a line of it {when}.",
                "Either the service is off or bypassed, or it writes its log elsewhere.",
                f"Look whether {source.path[0]} grows; look at its service."
                if source.path
                else "Look whether its appliance sends, to which address, and whether `allow` names it.",
            )


def _quarantined(reader: Reader) -> Iterator[Finding]:
    for source, lines, rejected in reader.totals().select("source", "lines", "rejected").iter_rows():
        if rejected > MOST_QUARANTINED * lines:
            yield Finding(
                f"Source {source}: {rejected:,} of {lines:,} lines could not be read.",
                "They are kept aside and judged by no rule.",
                "Correct `format` or `options` of the source; `filterwatch decode` shows why. If it is the right\n"
                "format, report the lines: a service may have changed how it writes.",
            )


def _gaps(reader: Reader) -> Iterator[Finding]:
    gaps = reader.gaps(limit=100_000).filter(pl.col("source").is_not_null())
    for source, count, latest, why in (
        gaps.group_by("source", maintain_order=True).agg(pl.len(), pl.col("noticed").max(), pl.col("why").last()).rows()
    ):
        yield Finding(
            f"Source {source}: lines were lost (noticed: {count}), last on {latest:%d %b %Y}.",
            f"The record has holes. The last: {why}",
            "Keep rotated logs longer, without copytruncate; keep filterwatch running.",
        )


def _unsealed(gateway: Gateway, reader: Reader) -> Iterator[Finding]:
    batches, _, oldest = reader.waiting()
    if oldest is not None and gateway.now - oldest > WAITING:
        yield Finding(
            f"{batches:,} batches wait for the archive, the oldest since {oldest:%d %b %Y}.",
            "The journal grows, and reports read more slowly.",
            "Look at what ingest logs about the archive: journalctl -u filterwatch-ingest",
        )


def notifications(gateway: Gateway) -> Iterator[Finding]:
    """Yield notifications that nobody got."""
    said, state = gateway.configuration.settings.records, gateway.configuration.state
    if said.database is None and not ((state / "records.db").exists() and (state / "secret").exists()):
        return  # nothing was recorded yet, and a look must not make it
    try:
        open_registers(said, state, gateway.configuration.directory)
    except FilterwatchError as error:
        yield Finding(f"The registers cannot be opened: {error}.", "Nobody is told of anything.", "As it says.")
        return
    from filterwatch.records.models import Outbox  # noqa: PLC0415 - models need Django to be set up

    if dead := Outbox.objects.filter(state=Outbox.State.DEAD).count():
        channels = ", ".join(sorted(set(Outbox.objects.filter(state="dead").values_list("channel", flat=True))))
        yield Finding(
            f"Notifications that were given up: {dead} (channels: {channels}).",
            "Somebody was never told, unless by another channel.",
            "Correct the channel's URL; read the alerts with: filterwatch alert list",
        )
    waiting = [Outbox.State.NEW, Outbox.State.RETRY]
    late = Outbox.objects.filter(state__in=waiting, created_at__lt=gateway.now - BEHIND).count()
    if late:
        yield Finding(
            f"Notifications that wait for more than {BEHIND.seconds // 60} minutes: {late}.",
            "Somebody is not told.",
            "Look at the mail server, and at: journalctl -u filterwatch-deliver",
        )


LOOKS: Sequence[Callable[[Gateway], Iterator[Finding]]] = (processes, refused, journal, notifications)
