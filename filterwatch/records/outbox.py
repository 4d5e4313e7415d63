"""Writing notifications into the outbox; sending them is delivery's part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from filterwatch.events import LEVELS
from filterwatch.records.models import Alert, Outbox


@dataclass(frozen=True, slots=True)
class Message:
    """What a notification says: plain text that is safe as it is.

    Attributes:
        title: Subject of a mail, headline of a push message.
        body: The text.
        html: A self-contained page, for reports.
        attachments: ``{"path": ..., "name": ..., "type": ...}`` each; paths inside the state directory.
        code: What acknowledges the alert; empty where nothing waits for it.
    """

    title: str
    body: str
    html: str = ""
    attachments: Sequence[dict[str, str]] = field(default=())
    code: str = ""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is told and why now: the part of a row's key that all its recipients share.

    Attributes:
        about: Id of the alert, report or digest.
        kind: One of :class:`Outbox.Kind`.
        which: Which repeat, step, level or date, where the same kind comes more than once.
        level: One of ``events.LEVELS``; decides who is sent first.
        alert: The alert, where there is one.
    """

    about: str
    kind: str
    which: str = ""
    level: str = "informational"
    alert: Alert | None = None


def row_id(about: str, recipient: str, channel: str, kind: str, which: str = "") -> str:
    """Return the id of a row: the same key always gives the same id."""
    key = f"{about}\x1f{recipient}\x1f{channel}\x1f{kind}\x1f{which}"
    return hashlib.blake2b(key.encode(), digest_size=16, person=b"outbox").hexdigest()


def enqueue(occasion: Occasion, recipient: str, channels: Sequence[str], message: Message, now: datetime) -> int:
    """Add one row for each channel; what was told before is not told again.

    Call it inside the transaction that decided to tell.

    Args:
        occasion: What is told and why now.
        recipient: Role of the recipient in the configuration.
        channels: Names of channels in the configuration.
        message: What to say.
        now: When it was decided, UTC.

    Returns:
        How many rows are new.
    """
    rows = [
        Outbox(
            id=row_id(occasion.about, recipient, channel, occasion.kind, occasion.which),
            about=occasion.about,
            alert=occasion.alert,
            kind=occasion.kind,
            occasion=occasion.which,
            recipient=recipient,
            channel=channel,
            level=occasion.level,
            priority=LEVELS.index(occasion.level),
            title=message.title,
            body=message.body,
            html=message.html,
            attachments=list(message.attachments),
            code=message.code,
            next_attempt_at=now,
            created_at=now,
        )
        for channel in channels
    ]
    known = set(Outbox.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    fresh = [row for row in rows if row.pk not in known]
    Outbox.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)
