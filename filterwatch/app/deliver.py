"""The daemon's second half: detections become alerts, alerts reach people.

Django and Apprise's parent live here; the logs do not: this process never opens one.
"""

from __future__ import annotations

import fcntl
import logging
import os
import queue
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from filterwatch.alerts.desk import Desk
from filterwatch.app.daemon import Stop, notify
from filterwatch.app.schedule import Schedule
from filterwatch.app.settings import Configuration
from filterwatch.app.upkeep import make_state_directory
from filterwatch.clock import Clock
from filterwatch.delivery import ChannelProcess, Done, Settings
from filterwatch.errors import ConfigurationError, FilterwatchError, Mistake
from filterwatch.journal import JournalError, Reader
from filterwatch.metrics import Metrics
from filterwatch.records.opening import Registers, open_registers

if TYPE_CHECKING:  # models can be imported only once Django is set up
    from filterwatch.alerts.raising import Raised
    from filterwatch.delivery.outbox import Deliverer

log = logging.getLogger(__name__)

ROUND = 0.2
"""Seconds between two looks at the journal and the outbox."""

SAID_AFTER = 150
"""Rounds without a readable journal before that is said: half a minute."""

RETRY = 5.0
"""Seconds after which registers that cannot be written are tried again."""


def run(configuration: Configuration, stop: Stop, clock: Clock) -> None:
    """Raise alerts and send them until asked to end.

    Raises:
        FilterwatchError: Another deliverer runs, a channel's URL cannot be read, the registers cannot be opened.
    """
    make_state_directory(configuration.state)
    with _alone(configuration.state / "deliver.lock"):
        registers = open_registers(configuration.settings.records, configuration.state, configuration.directory)
        metrics = Metrics()
        served = configuration.settings.metrics
        if served.deliver_port:
            metrics.serve(served.listen, served.deliver_port)
        done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        channels = open_channels(configuration, done)
        desk = open_desk(configuration, registers)
        try:
            _rounds(configuration, desk, channels, done, metrics, stop, clock)
        finally:
            notify("STOPPING=1")
            for channel in channels.values():
                channel.close()


def open_desk(configuration: Configuration, registers: Registers) -> Desk:
    """Return what alerts need to know; the ledger's signed head goes out with each daily digest."""
    from filterwatch.records import ledger, signing  # noqa: PLC0415 - models need Django to be set up

    key = signing.load_key(registers.ledger_key)
    origin = f"filterwatch/{configuration.settings.site}"
    said = configuration.settings
    return Desk(said.alerts, said.timezone, registers.secret, lambda day: ledger.signed_head(origin, key, day))


def open_channels(configuration: Configuration, done: queue.SimpleQueue[Done]) -> dict[str, ChannelProcess]:
    """Start a sender for each channel.

    Raises:
        ConfigurationError: With every URL file that cannot be read or is empty.
    """
    channels = configuration.settings.delivery.channels
    return {
        name: ChannelProcess(name, url, channels[name].timeout.total_seconds(), done)
        for name, url in channel_urls(configuration).items()
    }


def channel_urls(configuration: Configuration) -> dict[str, str]:
    """Return the Apprise URL of each channel: a secret.

    Raises:
        ConfigurationError: With every URL file that cannot be read, is empty, or may be read by everybody.
    """
    urls: dict[str, str] = {}
    mistakes: list[Mistake] = []
    delivery: Settings = configuration.settings.delivery
    for name, channel in delivery.channels.items():
        try:
            urls[name] = _url(configuration, name)
        except FilterwatchError as error:
            at = ("delivery", "channels", name, "url_file" if channel.url_file else "url")
            mistakes.append(configuration.document.mistake(at, str(error)))
    if mistakes:
        raise ConfigurationError(mistakes)
    return urls


def _url(configuration: Configuration, name: str) -> str:
    channel = configuration.settings.delivery.channels[name]
    if channel.url is not None:
        return channel.url.get_secret_value()
    path = configuration.at(channel.url_file or Path())
    try:
        mode, url = path.stat().st_mode, path.read_text().strip()
    except OSError as error:
        raise FilterwatchError(f"{path}: cannot be read: {error.strerror}") from None
    if mode & 0o007:
        raise FilterwatchError(f"{path}: everybody may read this secret; run chmod o= {path}")
    if not url:
        raise FilterwatchError(f"{path}: is empty; write the channel's Apprise URL into it")
    return url


def _rounds(
    configuration: Configuration,
    desk: Desk,
    channels: dict[str, ChannelProcess],
    done: queue.SimpleQueue[Done],
    metrics: Metrics,
    stop: Stop,
    clock: Clock,
) -> None:
    # Models can be imported only now that Django is set up.
    from filterwatch.delivery.outbox import Deliverer  # noqa: PLC0415

    deliverer = Deliverer(
        channels,
        done,
        configuration.settings.delivery,
        clock=clock,
        random=SystemRandom(),
        name=f"{socket.gethostname()}:{os.getpid()}",
        pages=configuration.state / "pages",
        metrics=metrics,
    )
    schedule = Schedule(configuration)
    notify("READY=1")
    log.info("Telling %d recipients by %d channels.", len(configuration.settings.alerts.recipients), len(channels))
    round_ = _Round(configuration.state / "journal.db", desk, clock)
    taken_back = False
    while not stop():
        notify("WATCHDOG=1")
        moved = 0
        with _waiting_for_registers(stop):
            raised = round_()
            moved += raised.notifications
            for level, count in raised.new.items():
                metrics.alerts.labels(level).inc(count)
        with _waiting_for_registers(stop):
            taken_back = taken_back or _take_back(deliverer)
            moved += deliverer.step()
            schedule.step(clock.now())
            deliverer.measure()
        if not moved:
            stop.wait(ROUND)


class _Round:
    """One round of alerts; while the journal cannot be read, what is known already is told all the same."""

    def __init__(self, path: Path, desk: Desk, clock: Clock) -> None:
        self._path, self._desk, self._clock = path, desk, clock
        self._journal: Reader | None = None
        self._unreadable = 0

    def __call__(self) -> Raised:
        from filterwatch.alerts.work import work  # noqa: PLC0415 - models need Django to be set up

        try:
            self._journal = self._journal or Reader.at(self._path)
            raised = work(self._journal, self._desk, self._clock)
        except JournalError as error:
            self._let_go(error)
            return work(None, self._desk, self._clock)
        self._unreadable = 0
        return raised

    def _let_go(self, error: JournalError) -> None:
        """Say it once it has lasted: at the first start the journal is made a moment later."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._unreadable == SAID_AFTER:
            log.error("No new alerts can be raised: %s. What is known already is told all the same.", error)
        self._unreadable += 1


def _take_back(deliverer: Deliverer) -> bool:
    if taken := deliverer.recover():
        log.warning("%d notifications may have been sent by an earlier run; each says so when it is sent again.", taken)
    return True


@contextmanager
def _waiting_for_registers(stop: Stop) -> Iterator[None]:
    """Say that the registers cannot be written, and wait; what failed is done again in the next round."""
    from django.db import DatabaseError, OperationalError, close_old_connections  # noqa: PLC0415 - heavy

    try:
        yield
    except DatabaseError as error:
        # Other errors, and an error's further lines, may quote what was to be written.
        why = str(error).partition("\n")[0] if isinstance(error, OperationalError) else type(error).__name__
        problem = "The registers cannot be written: %s; free disk space, or start their database. Tried again in %g s."
        log.error(problem, why, RETRY)  # noqa: TRY400 - the text says it all
        close_old_connections()  # of a server that was started again
        stop.wait(RETRY)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of the one deliverer.

    Raises:
        FilterwatchError: Another one holds it.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FilterwatchError(f"{path}: another `filterwatch deliver` runs; stop it first") from None
        yield
    finally:
        os.close(descriptor)
