"""Working through the outbox: lease, hand over, note what came of it, try again.

At least once, never silently twice: a row whose sender died or hung may have gone out, so its next try says
"possible repeat".  A row is taken by a conditional UPDATE, so that two deliverers never send the same one.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Protocol

from django.db.models import F, Q

from filterwatch.clock import Clock
from filterwatch.delivery.child import Done
from filterwatch.delivery.settings import Settings
from filterwatch.metrics import Metrics
from filterwatch.records.models import Attempt, Outbox

log = logging.getLogger(__name__)

LEASE_MARGIN = timedelta(seconds=30)
"""How long after a channel's time-out a lease is taken for abandoned."""

_LONGEST_WHY = 64
_WAITING = (Outbox.State.NEW, Outbox.State.RETRY)


class Sends(Protocol):
    """What the deliverer needs of a channel."""

    busy: bool
    timeout: float

    def send(self, row: str, title: str, body: str, attach: tuple[str, ...] = ()) -> None:
        """Begin to send; the outcome arrives in the queue of finished attempts."""
        ...


class Deliverer:
    """Sends what is due.

    Args:
        channels: By name; each sends one at a time and puts its outcome into *done*.
        done: Finished attempts.
        settings: Waits and limits.
        clock: Time.
        random: Jitter of the waits.
        name: Of this process, for the lease.
        pages: Directory for the pages of reports while they are attached.
        metrics: Where outcomes are counted.
    """

    def __init__(
        self,
        channels: Mapping[str, Sends],
        done: queue.SimpleQueue[Done],
        settings: Settings,
        *,
        clock: Clock,
        random: Random,
        name: str,
        pages: Path,
        metrics: Metrics,
    ) -> None:
        self._channels = channels
        self._done = done
        self._settings = settings
        self._clock = clock
        self._random = random
        self._name = name
        self._pages = pages
        self._metrics = metrics
        self._under_way: dict[str, tuple[str, int]] = {}

    def recover(self) -> int:
        """Take back every lease of an earlier run and return how many; only where no other deliverer runs."""
        return self._take_back(Q())

    def step(self) -> int:
        """Note what has finished, take back leases that ran out, send what is due.

        Returns:
            How many attempts finished or began: 0 means there was nothing to do.
        """
        now = self._clock.now()
        finished = self._collect(now)
        self._take_back(Q(lease_until__lt=now) & ~Q(id__in=list(self._under_way)))
        self._bury_strangers()
        return finished + sum(self._send_next(name, channel, now) for name, channel in self._channels.items())

    def measure(self) -> None:
        """Set the gauges of depth and age."""
        now = self._clock.now()
        for state in Outbox.State.values:
            self._metrics.outbox_depth.labels(state).set(Outbox.objects.filter(state=state).count())
        oldest = Outbox.objects.filter(state__in=[*_WAITING, Outbox.State.LEASED]).order_by("created_at").first()
        self._metrics.outbox_age.set((now - oldest.created_at).total_seconds() if oldest else 0)

    def _take_back(self, which: Q) -> int:
        """Return rows to the queue whose sender did not report back; they may have gone out."""
        return Outbox.objects.filter(which, state=Outbox.State.LEASED).update(
            state=Outbox.State.RETRY, possible_repeat=True, leased_by="", lease_until=None, last_error="sender ended"
        )

    def _bury_strangers(self) -> None:
        """A channel that is no longer configured can never take its rows: show them as undelivered."""
        rows = Outbox.objects.filter(state__in=_WAITING).exclude(channel__in=list(self._channels))
        if buried := rows.update(state=Outbox.State.DEAD, last_error="channel is not configured"):
            log.error("%d notifications are undelivered: their channel is not configured.", buried)

    def _send_next(self, name: str, channel: Sends, now: datetime) -> int:
        if channel.busy:
            return 0
        row = Outbox.objects.filter(state__in=_WAITING, channel=name, next_attempt_at__lte=now).first()
        if row is None:
            return 0
        taken = Outbox.objects.filter(pk=row.pk, state=row.state, attempts=row.attempts).update(
            state=Outbox.State.LEASED,
            attempts=F("attempts") + 1,
            leased_by=self._name,
            lease_until=now + timedelta(seconds=channel.timeout) + LEASE_MARGIN,
        )
        if taken != 1:
            return 0
        number = row.attempts + 1
        Attempt.objects.create(outbox_id=row.pk, number=number, began_at=now, sender=self._name)
        title = f"Possible repeat: {row.title}" if row.possible_repeat else row.title
        self._under_way[row.pk] = (name, number)
        channel.send(row.pk, title, row.body, self._attached(row))
        return 1

    def _attached(self, row: Outbox) -> tuple[str, ...]:
        """Return the paths to attach; a report's page is written out for as long as it takes to send."""
        paths = [str(one["path"]) for one in row.attachments]
        if row.html:
            page = self._pages / row.pk / "report.html"
            page.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            page.write_text(row.html)
            paths.append(str(page))
        return tuple(paths)

    def _collect(self, now: datetime) -> int:
        finished = 0
        while True:
            try:
                done = self._done.get_nowait()
            except queue.Empty:
                return finished
            finished += 1
            name, number = self._under_way.pop(done.row)
            self._channels[name].busy = False
            self._metrics.sent.labels(name, done.result).inc()
            Attempt.objects.filter(outbox_id=done.row, number=number).update(
                ended_at=now, result=(done.why or done.result)[:_LONGEST_WHY]
            )
            self._note(Outbox.objects.get(pk=done.row), done, now)
            self._remove_page(done.row)

    def _note(self, row: Outbox, done: Done, now: datetime) -> None:
        """Write down what came of an attempt, unless the row was acknowledged meanwhile."""
        change: dict[str, object] = {"leased_by": "", "lease_until": None, "last_error": done.why[:_LONGEST_WHY]}
        if done.result == "sent":
            change |= {"state": Outbox.State.SENT, "sent_at": now}
        elif done.result == "unusable" or now - row.created_at > self._settings.give_up_after:
            change |= {"state": Outbox.State.DEAD}
            log.error("A notification by channel %s is undelivered: %s.", row.channel, done.why)
        else:
            wait = self._wait(row.attempts)
            change |= {"state": Outbox.State.RETRY, "next_attempt_at": now + wait}
            change |= {"possible_repeat": True} if done.result == "killed" else {}
            log.warning(
                "Channel %s did not take a notification (try %d): %s. Next try in %d s.",
                row.channel, row.attempts, done.why, wait.total_seconds(),
            )  # fmt: skip
        Outbox.objects.filter(pk=row.pk, state=Outbox.State.LEASED).update(**change)

    def _wait(self, attempts: int) -> timedelta:
        """Return the wait before the next try: doubling, with full jitter above the first wait."""
        first, longest = self._settings.retry_first, self._settings.retry_longest
        ceiling: timedelta = min(longest, first * 2 ** min(attempts - 1, 20))
        jitter: timedelta = (ceiling - first) * self._random.random()
        return first + jitter

    def _remove_page(self, row: str) -> None:
        page = self._pages / row / "report.html"
        if page.exists():
            page.unlink()
            page.parent.rmdir()
