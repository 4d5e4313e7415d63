"""The process that talks to the outside: one per channel, started with a pipe, killed when it hangs.

It reads one JSON job a line from standard input, ``{"url", "title", "body", "attach"}``, and answers one JSON line,
``{"result": "sent" | "failed" | "unusable", "why": "..."}``.  The URL comes through the pipe, so that no password ever
stands in an argument list or an environment.
"""

from __future__ import annotations

import json
import logging
import sys

import apprise

from filterwatch.delivery.job import Answer, Job
from filterwatch.delivery.redaction import redacted

_ASSET = apprise.AppriseAsset(
    app_id="filterwatch",
    app_desc="filterwatch",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    http_redirects=False,  # a redirect turns a POST into a GET to somebody else, and is then called a success
    secure_logging=True,
)


def send(job: Job) -> Answer:
    """Send one notification."""
    client = apprise.Apprise(asset=_ASSET)
    if not client.add(_plain(job["url"])):
        return {"result": "unusable", "why": "no service understands this channel's URL"}
    complaints = _Complaints()
    logging.getLogger("apprise").addHandler(complaints)
    try:
        result = client.notify(
            title=job["title"],
            body=job["body"],
            body_format=apprise.NotifyFormat.TEXT.value,  # HTML from a body would be live otherwise
            attach=job["attach"] or None,
        )
    finally:
        logging.getLogger("apprise").removeHandler(complaints)
    if result:
        return {"result": "sent", "why": ""}
    return {"result": "failed", "why": redacted(complaints.last, job["url"]) or "the service did not take it"}


def _plain(url: str) -> str:
    """Return *url* with mail sent as plain text, unless it says otherwise."""
    if not url.startswith(("mailto", "mailtos")) or "format=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}format=text"


class _Complaints(logging.Handler):
    """Keeps the last warning that Apprise wrote."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def main() -> None:
    """Answer jobs until standard input ends."""
    log = logging.getLogger("apprise")
    log.setLevel(logging.WARNING)  # at DEBUG it prints tokens, at TRACE passwords
    log.propagate = False
    for line in sys.stdin:
        sys.stdout.write(json.dumps(send(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
