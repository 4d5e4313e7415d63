"""A store of lists, a server that gives one list, and what updates the one from the other."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from filterwatch.clock import ManualClock
from filterwatch.lists.catalogue import Listed
from filterwatch.lists.fetching import Fetcher
from filterwatch.lists.guard import Guard, Names
from filterwatch.lists.store import Store
from filterwatch.lists.updating import Dated, Updater

GUARD = Guard(
    Names(
        never=("google.com", "google.com/search", "gov.uk", "co.uk"),
        trusted=("nhs.uk", "gov.uk"),
        trusted_labels=("ac", "edu"),
        ordinary=("britannica.com",),
    ),
    ["st-pauls.manchester.sch.uk"],
)
NAMES = [f"bad{n}.example" for n in range(100)]


def text(*names: str) -> bytes:
    return ("\n".join(names) + "\n").encode()


GOOD = text(*NAMES)
PORTAL = b"<!DOCTYPE html><html><head><title>Log in</title></head></html>"


class Bench:
    """A store with one list."""

    def __init__(self, server, directory, **said):
        self.server = server
        self.clock = ManualClock(datetime(2026, 11, 2, 3, tzinfo=UTC))
        self.store = Store(directory / "lists")
        facts = {"title": "Bad sites", "address": server.url("/list"), "category": "gambling", "licence": "MIT",
                 "credit": "somebody", "homepage": "https://example.org", "at_least": 2} | said  # fmt: skip
        self.catalogue = {"bad": Listed(**facts)}

    def updater(self):
        fetcher = Fetcher(self.clock, chance=random.Random(1))
        return Updater(self.store, self.catalogue, GUARD, self.clock, fetcher)

    def update(self, answer=None, **said):
        if answer is not None:
            self.server.answers["/list"] = answer
        self.clock.move(timedelta(days=1))
        with self.store.locked():
            [outcome] = self.updater().update(["bad"], **said)
        return outcome

    @property
    def kept(self):
        return self.store.read()["bad"]

    def carry(self, one, **said):
        """Take in what was carried in a bundle."""
        return self.updater().take(one.id, one.path, of=Dated(one.at, one.newest), **said)

    def entries(self):
        return self.store.file(self.kept.current).read_text().split()
