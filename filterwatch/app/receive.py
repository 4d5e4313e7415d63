"""The daemon's third part: take what appliances send, and have it on disk before anything else is done with it.

It is a process of its own, so that a slow pass never stops the receiving, and because what faces the network should
hold neither the journal nor the registers.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from filterwatch.app.daemon import Stop, notify
from filterwatch.app.settings import Configuration
from filterwatch.clock import Clock
from filterwatch.errors import ConfigurationError, FilterwatchError
from filterwatch.metrics import Metrics
from filterwatch.sources import HAPPENINGS, Inlet, Receiver, Refused, SpoolWriter, listeners

log = logging.getLogger(__name__)

LOCK = "receive.lock"
"""File in the spool that the receiver holds locked while it runs."""

NOBODY_LISTENS = (
    "sources: none has `listen`, so there is nothing to receive; give the appliance's source "
    "`listen: {udp: 0.0.0.0:5514, allow: [ITS ADDRESS]}` instead of `path`, or do not start `filterwatch receive`"
)


def run(configuration: Configuration, stop: Stop, clock: Clock) -> None:
    """Receive until asked to end.

    Raises:
        ConfigurationError: No source listens.
        FilterwatchError: An address or a certificate cannot be had, another receiver runs.
    """
    if all(source.listen is None for source in configuration.settings.sources):
        raise ConfigurationError([configuration.document.mistake(("sources",), NOBODY_LISTENS)])
    metrics = Metrics()
    with _locked(configuration):
        inlets = list(_inlets(configuration, clock))
        found = listeners(inlets, configuration.directory)
        served = configuration.settings.metrics
        if served.receive_port:
            metrics.serve(served.listen, served.receive_port)
        for inlet in inlets:
            for what in HAPPENINGS:
                metrics.received.labels(inlet.name, what)

        def count(source: str, what: str, times: int) -> None:
            metrics.received.labels(source, what).inc(times)

        refused = Refused(str(configuration.spool), clock)
        receiver = Receiver(inlets, found, clock, count, metrics.spool_failures.inc, refused)
        notify("READY=1")
        log.info("Receiving for %d sources on %d addresses.", len(inlets), len(found))
        try:
            asyncio.run(receiver.run(stop, lambda: notify("WATCHDOG=1")))
        finally:
            notify("STOPPING=1")


def _inlets(configuration: Configuration, clock: Clock) -> Iterator[Inlet]:
    for source in configuration.settings.sources:
        if source.listen is not None:
            directory = configuration.spool / source.name
            try:
                spool = SpoolWriter(str(directory), clock)
            except OSError as error:
                raise _unwritable(str(directory), error) from None
            yield Inlet(source.name, source.listen, source.max_line_bytes, spool)


@contextmanager
def _locked(configuration: Configuration) -> Iterator[None]:
    """Be the only receiver: two would close each other's segments."""
    path = configuration.spool / LOCK
    try:
        configuration.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration.spool.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(str(configuration.spool), error) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise FilterwatchError(f"{path}: another filterwatch receive runs; stop it first") from None
    finally:
        os.close(descriptor)


def _unwritable(directory: str, error: OSError) -> FilterwatchError:
    remedy = "free space on its disk" if error.errno == errno.ENOSPC else "let filterwatch's account own it"
    return FilterwatchError(f"{directory}: the spool cannot be written: {error.strerror}; {remedy}")
