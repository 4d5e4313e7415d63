"""What passes between the daemon and a sender process: one JSON line each way."""

from __future__ import annotations

from typing import TypedDict


class Job(TypedDict):
    """What the sender is asked to do.

    Attributes:
        url: Apprise URL of the one recipient.
        title: Subject; safe text.
        body: Plain text.
        attach: Paths of files that we made ourselves; never taken from a log.
    """

    url: str
    title: str
    body: str
    attach: list[str]


class Answer(TypedDict):
    """What came of it.

    Attributes:
        result: ``sent``; ``failed`` (worth another try); ``unusable`` (this URL can never work).
        why: The service's complaint without secrets or addresses; empty when sent.
    """

    result: str
    why: str
