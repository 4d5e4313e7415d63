"""A sender process and the thread that waits for it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from filterwatch.delivery.job import Answer, Job

COMMAND = (sys.executable, "-m", "filterwatch.delivery.sender")


@dataclass(frozen=True, slots=True)
class Done:
    """One finished attempt.

    Attributes:
        row: Id of the outbox row.
        result: ``sent``, ``failed``, ``unusable`` or ``killed`` (it hung, so it may have gone out).
        why: Why not, without secrets.
        seconds: How long it took.
    """

    row: str
    result: str
    why: str
    seconds: float


class Channel:
    """One channel's sender process, behind a thread of its own, so that a hanging channel delays no other.

    Args:
        name: The channel's name in the configuration.
        url: Its Apprise URL.
        timeout: Seconds after which a send is killed.
        done: Where finished attempts go; shared by all channels.
        command: What to start; tests give another.
    """

    def __init__(
        self, name: str, url: str, timeout: float, done: queue.SimpleQueue[Done], command: Sequence[str] = COMMAND
    ) -> None:
        self.name = name
        self._url = url
        self.timeout = timeout
        self._done = done
        self._command = command
        self._jobs: queue.SimpleQueue[tuple[str, Job] | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = False
        self.busy = False
        """Whether a send is under way; set by :meth:`send`, cleared by whoever takes the :class:`Done`."""
        self._thread = threading.Thread(target=self._work, name=f"channel-{name}", daemon=True)
        self._thread.start()

    def send(self, row: str, title: str, body: str, attach: Sequence[str] = ()) -> None:
        """Begin to send; the outcome arrives in the queue of finished attempts."""
        self.busy = True
        self._jobs.put((row, {"url": self._url, "title": title, "body": body, "attach": list(attach)}))

    def close(self) -> None:
        """Kill what is under way and end; returns within a second even when the service hangs."""
        self._closing = True
        self._jobs.put(None)
        process = self._process
        if process is not None:
            process.kill()  # the thread sees the end of the stream, and ends
        self._thread.join(1)

    def _work(self) -> None:

        self._start()
        while (job := self._jobs.get()) is not None and not self._closing:
            began = time.monotonic()
            answer = self._exchange(job[1])
            self._done.put(Done(job[0], answer["result"], answer["why"], time.monotonic() - began))
        self._end()

    def _end(self) -> None:
        """Kill the sender process, if there is one, and close its pipes."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was still to be written has nowhere to go
                if pipe is not None:
                    pipe.close()

    def _start(self) -> subprocess.Popen[bytes]:
        """Return the sender process, started anew where it has ended."""
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no text from outside
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        return self._process

    def _exchange(self, job: Job) -> Answer:
        process = self._start()
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("pipes were asked for")
        try:
            stdin.write(json.dumps(job).encode() + b"\n")
            stdin.flush()
        except OSError:
            self._end()
            return {"result": "failed", "why": "the sender process ended before it was asked"}
        line = _line(stdout.fileno(), self.timeout)
        if line is None:
            self._end()
            return {"result": "killed", "why": f"no answer within {self.timeout:g} s"}
        if not line:
            return {"result": "killed", "why": "the sender process ended while sending"}
        return cast(Answer, json.loads(line))


def _line(descriptor: int, timeout: float) -> bytes | None:
    """Return the next line, ``b""`` at the end of the stream, None after *timeout* seconds."""
    deadline, data = time.monotonic() + timeout, b""
    while not data.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
        part = os.read(descriptor, 65_536)
        if not part:
            return b""
        data += part
    return data


def _environment() -> dict[str, str]:
    """Return what a sender may know: no secrets of ours, no proxy that the school's pupils could have set."""
    keep = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
    )
    return {name: os.environ[name] for name in keep if name in os.environ}
