"""A mail server on this machine that keeps what it is sent: for the demonstration and for tests."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that arrived.

    Attributes:
        to: Envelope recipients.
        subject: Decoded.
        text: The plain-text part, decoded.
        raw: Every byte of it.
    """

    to: tuple[str, ...]
    subject: str
    text: str
    raw: bytes


class Mailbox:
    """An SMTP server on loopback, in a thread of its own.

    Args:
        arrived: Called with each mail, from the server's thread.
        port: 0 takes a free one.
    """

    def __init__(self, arrived: Callable[[Mail], None] = lambda _mail: None, port: int = 0) -> None:
        self.mails: list[Mail] = []
        self.refusing = False
        """While true every mail is refused for now (451)."""
        self._arrived = arrived
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="mailbox", daemon=True)
        self._thread.start()

    def url(self, to: str, sender: str = "filterwatch@school.test") -> str:
        """Return the Apprise URL that reaches this mailbox."""
        return f"mailto://127.0.0.1:{self.port}?from={sender}&to={to}&mode=insecure"

    def close(self) -> None:
        """Stop the server."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keep one mail."""
        if self.refusing:
            return "451 not now"
        raw = cast(bytes, envelope.content)
        message = email.message_from_bytes(raw, policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        mail = Mail(
            tuple(envelope.rcpt_tos),
            str(message["Subject"] or ""),
            body.get_content().replace("\r\n", "\n") if body is not None else "",
            raw,
        )
        self.mails.append(mail)
        self._arrived(mail)
        return "250 kept"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: SMTP(self, loop=self._loop), sock=self._socket)
        )
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
