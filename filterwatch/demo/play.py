"""The demonstration from the first line to the last: about a minute."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.text import Text

from filterwatch.demo.mailbox import Mail, Mailbox
from filterwatch.demo.stage import RECIPIENTS, Stage, build, read_data
from filterwatch.demo.writers import ZONE, Writers
from filterwatch.text import printable

TICK = 0.25
ORDINARY = 10
"""Ordinary requests a tick: forty a second."""


def play(folder: Path, *, stay: bool, console: Console) -> int:
    """Run the demonstration in *folder*; return an exit code.

    Args:
        folder: A new folder.
        stay: Go on with ordinary traffic until interrupted, instead of ending by itself.
        console: Where it is told.
    """
    tell = _Teller(console)
    mailbox = Mailbox(tell.mail)
    stage = build(folder, {role: mailbox.url(f"{role}@school.test") for role in RECIPIENTS})
    tell.plain(f"A made-up school lies in {stage.folder}; the daemon starts.", "bold")
    try:
        with _daemon(stage) as running:
            writers = Writers(stage, random.Random(20261122))  # noqa: S311 - ordinary life
            _scenes(stage, writers, tell)
            if stay:
                tell.plain("It stays up: ordinary lessons go on. Ctrl-C ends it.", "bold")
                _lessons(writers, running)
            else:
                _settle(tell)
            alive = running.poll() is None
    finally:
        mailbox.close()
    if not alive:
        tell.plain(f"The daemon ended by itself: see {stage.folder / 'daemon.log'}.", "bold red")
        return 1
    _reports(stage, tell)
    return _verdict(stage, writers, mailbox, tell)


class _Teller:
    """Says what happens, as it happens, safely: mails and log texts are shown, never obeyed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self.last_mail = time.monotonic()

    def plain(self, text: str, style: str = "") -> None:
        with self._lock:
            self._console.print(Text(f"{datetime.now(ZONE):%H:%M:%S}  {printable(text)}", style=style))

    def mail(self, mail: Mail) -> None:
        self.last_mail = time.monotonic()
        to = ", ".join(address.partition("@")[0] for address in mail.to)
        self.plain(f"          mail to {to}: {mail.subject}", "green")

    def block(self, text: str) -> None:
        with self._lock:
            for line in text.splitlines():
                self._console.print(Text(f"          {printable(line)}"), soft_wrap=True)


@contextmanager
def _daemon(stage: Stage) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "filterwatch", "run", "--config", str(stage.config)]
    with (stage.folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)  # noqa: S603 - our own module
        try:
            _until((stage.folder / "state" / "records.db").exists, 20)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _scenes(stage: Stage, writers: Writers, tell: _Teller) -> None:
    """Play the story while ordinary traffic goes on."""
    scenes = cast(list[dict[str, Any]], read_data("story.yaml"))
    pending: list[tuple[float, Callable[[], None]]] = []
    began = time.monotonic()
    while scenes or pending:
        at = time.monotonic() - began
        if scenes and scenes[0]["at"] <= at:
            scene = scenes.pop(0)
            tell.plain(scene["say"])
            pending += [(at + wait, action) for wait, action in _actions(scene, stage, writers, tell)]
        due = [one for one in pending if one[0] <= at]
        pending = [one for one in pending if one[0] > at]
        for _, action in due:
            action()
        writers.ordinary(ORDINARY)
        time.sleep(TICK)


def _actions(
    scene: Mapping[str, Any], stage: Stage, writers: Writers, tell: _Teller
) -> Iterator[tuple[float, Callable[[], None]]]:
    """Yield what a scene does, with the wait before each."""
    for what in scene.get("write", []):
        for number in range(what.get("times", 1)):
            yield number * what.get("every", 0), lambda what=what: writers.write(what)  # type: ignore[misc]
    if "rotate" in scene:
        yield 0, lambda: writers.rotate(scene["rotate"])
    if scene.get("run") == "switch_off":
        yield 0, lambda: _agree_on_switch_off(stage, tell)


def _agree_on_switch_off(stage: Stage, tell: _Teller) -> None:
    now = datetime.now(ZONE)
    asked = _command(
        stage, "switch-off", "request", "--by", "Tom Evans", "--reason", "Update of the block lists",
        "--from", f"{now:%Y-%m-%d %H:%M}", "--to", f"{now + timedelta(minutes=10):%Y-%m-%d %H:%M}",
        "--supervision", "The technician stays at the console",
    )  # fmt: skip
    tell.block(asked)
    number = next((word.strip(".,:;") for word in asked.split() if word.startswith("SO-")), "")
    tell.block(_command(stage, "switch-off", "approve", number, "--by", RECIPIENTS["head"]))


def _settle(tell: _Teller) -> None:
    """Wait until no mail has come for a moment, at most ten seconds."""
    _until(lambda: time.monotonic() - tell.last_mail > 3, 10)


def _lessons(writers: Writers, running: subprocess.Popen[bytes]) -> None:
    try:
        while running.poll() is None:
            writers.ordinary(ORDINARY)
            time.sleep(TICK)
    except KeyboardInterrupt:
        return


def _reports(stage: Stage, tell: _Teller) -> None:
    now = datetime.now(ZONE)
    monday = now - timedelta(days=now.weekday())
    days = ("--from", f"{monday:%Y-%m-%d}", "--to", f"{monday + timedelta(days=6):%Y-%m-%d}")
    for name, why in (
        ("bandwidth", "Who used the link:"),
        ("bypass", "Who tried to get round the filter:"),
        ("weekly", "The week on one page:"),
        ("governors", "What governors see of it, counts and assurance only:"),
    ):
        tell.plain(why, "bold")
        tell.block(_command(stage, "report", name, *days))
    for name in ("weekly", "governors"):
        page = stage.folder / f"{name}.html"
        _command(stage, "report", name, *days, "--format", "html", "--output", str(page))
    tell.plain("What people do next, here at the terminal:", "bold")
    tell.block(_command(stage, "alert", "list"))
    tell.block(_command(stage, "switch-off", "list"))
    tell.block(_command(stage, "incident", "list"))


def _verdict(stage: Stage, writers: Writers, mailbox: Mailbox, tell: _Teller) -> int:
    """Say where everything lies, and whether every line was read."""
    from filterwatch.journal import Reader  # noqa: PLC0415 - heavy, and needed only here

    with Reader.at(stage.folder / "state" / "journal.db") as journal:
        totals = journal.totals()
    read = int(totals["lines"].sum())
    tell.plain(
        f"{writers.written} lines were written, {read} were read; {int(totals['rejected'].sum())} could not be decoded "
        f"and are kept aside; {len(mailbox.mails)} mails left.",
        "bold" if read == writers.written else "bold red",
    )
    for what, where in (
        ("configuration", stage.config),
        ("logs", stage.folder / "logs"),
        ("registers, journal, archive", stage.folder / "state"),
        ("pages", f"{stage.folder / 'weekly.html'}, {stage.folder / 'governors.html'}"),
        ("the daemon's own log", stage.folder / "daemon.log"),
    ):
        tell.block(f"{what}: {where}")
    return 0 if read == writers.written else 1


def _command(stage: Stage, *words: str) -> str:
    """Run one of our commands and return what it said."""
    command = [sys.executable, "-m", "filterwatch", *words, "--config", str(stage.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own module
    return done.stdout + done.stderr


def _until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not holds():
        time.sleep(0.1)
