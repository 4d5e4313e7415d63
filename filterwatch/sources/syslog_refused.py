"""Senders that no source allows: said once in our log, and kept for ``filterwatch doctor``; by their network alone.

A wrong ``allow`` loses all that an appliance sends, so it must be seen.  Whoever sends is not named: a network is
enough to know the appliance by, and our own log holds no address of a person's device.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from filterwatch.clock import Clock
from filterwatch.sources.syslog_settings import address_of

log = logging.getLogger(__name__)

FILE = "refused.json"
"""Its name in the spool's folder."""

_MOST_NETWORKS = 64
"""Networks that are told apart; UDP addresses can be forged."""

_OTHERS = "other networks"
_SAVE_SECONDS = 60.0
_BITS = {4: 24, 6: 64}


@dataclass(slots=True)
class Refusal:
    """What one network sent to one address of ours in vain.

    Attributes:
        sources: Names of the sources that listen there.
        network: Of the senders, in CIDR notation.
        times: Datagrams and connections.
        last: When the last of them came.
    """

    sources: tuple[str, ...]
    network: str
    times: int
    last: datetime


class Refused:
    """What is refused from now on; what an earlier receiver refused is forgotten: ``allow`` may have been mended.

    Args:
        folder: The spool's folder.
        clock: Says when.
    """

    def __init__(self, folder: str, clock: Clock) -> None:
        self._path = os.path.join(folder, FILE)
        self._clock = clock
        self._found: dict[tuple[tuple[str, ...], str], Refusal] = {}
        self._saved: float | None = None
        self._unsaved = True

    def note(self, sources: Sequence[str], host: str) -> None:
        """Count what came from address *host* to where *sources* listen."""
        names, network = tuple(sources), network_of(host)
        one = self._found.get((names, network))
        if one is None and len(self._found) >= _MOST_NETWORKS:
            network = _OTHERS
            one = self._found.get((names, network))
        if one is None:
            one = self._found[names, network] = Refusal(names, network, 0, self._clock.now())
            log.warning(
                "Dropped what came from %s for %s: no `allow` names them. Add them if an appliance of yours is there.",
                network,
                " or ".join(names),
            )
        one.times += 1
        one.last = self._clock.now()
        self._unsaved = True

    def save(self, *, at_once: bool = False) -> None:
        """Write the file if there is news, once a minute at most.

        Raises:
            OSError: It cannot be written; it is tried again.
        """
        now = self._clock.monotonic()
        if not self._unsaved or (not at_once and self._saved is not None and now - self._saved < _SAVE_SECONDS):
            return
        rows = [[one.sources, one.network, one.times, one.last.isoformat()] for one in tuple(self._found.values())]
        new = f"{self._path}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(rows, file)
        os.replace(new, self._path)
        self._saved, self._unsaved = now, False


def refusals(folder: str) -> list[Refusal]:
    """Return what the receiver refused since it started, the most first; nothing if it never ran.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as file:
            rows = json.load(file)
    except FileNotFoundError:
        return []
    found = [Refusal(tuple(names), network, times, datetime.fromisoformat(at)) for names, network, times, at in rows]
    return sorted(found, key=lambda one: -one.times)


def network_of(host: str) -> str:
    """Return the network of an address: 256 addresses of IPv4, one /64 of IPv6."""
    address = address_of(host)
    return str(ip_network((address, _BITS[address.version]), strict=False))
