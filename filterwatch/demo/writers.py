"""The daemons of the demonstration: they write logs while the real filterwatch reads them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from filterwatch.demo import lines
from filterwatch.demo.lines import Client
from filterwatch.demo.stage import Stage

ZONE = ZoneInfo("Europe/London")


class Writers:
    """Writes lines as squid, dnsmasq, the kernel, the system and Pi-hole would.

    Args:
        stage: The school.
        rng: Chooses what ordinary people do.
    """

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self._stage = stage
        self._rng = rng
        self._serial = 100
        self.written = 0
        """Lines so far."""

    def ordinary(self, requests: int) -> None:
        """Write so many ordinary requests, each asked of dnsmasq first."""
        people = [client for client in self._stage.clients.values() if client.user != "-"]
        for _ in range(requests):
            client, site = self._rng.choice(people), self._rng.choice(self._stage.sites)
            self._dns(client, {"query": site})
            size, ms = self._rng.randrange(400, 90_000), self._rng.randrange(15, 400)
            connect = self._rng.random() < 0.7
            url = f"{site}:443" if connect else f"http://{site}/page/{self._rng.randrange(400)}"
            self._append("squid", lines.squid(datetime.now(UTC), client, url, size=size, ms=ms, connect=connect))

    def write(self, what: Mapping[str, Any]) -> None:
        """Write one line (or, for dnsmasq, its group of lines) as a scene says."""
        log, now = what["log"], datetime.now(UTC)
        client = self._stage.clients.get(what.get("who", ""), Client("-", "-"))
        if "raw" in what:
            self._append(log, what["raw"])
        elif log == "squid":
            url = what.get("connect") or what["url"]
            self._append(
                log,
                lines.squid(
                    now,
                    client,
                    url,
                    blocked=what.get("blocked", False),
                    size=what.get("size", 5000),
                    ms=what.get("ms", 80),
                    connect="connect" in what,
                ),
            )
        elif log == "dnsmasq":
            self._dns(client, what)
        elif log == "firewall":
            where = (what["dest"], what["port"])
            extra = {"protocol": what.get("protocol", "TCP"), "prefix": what.get("prefix", "FW BLOCK")}
            self._append(log, lines.firewall(now, ZONE, client, *where, **extra))
        elif log == "system":
            self._append(log, lines.system(now, ZONE, what["program"], what["text"]))
        else:
            self._append(log, lines.pihole(now, ZONE, what["text"]))

    def rotate(self, log: str) -> None:
        """Rename a log away and begin a new one, as logrotate does."""
        path = self._stage.log(log)
        path.rename(path.with_name(path.name + ".1"))
        path.touch()

    def _dns(self, client: Client, what: Mapping[str, Any]) -> None:
        self._serial += 1
        options = {name: what[name] for name in ("sink", "answer") if name in what}
        for line in lines.dnsmasq(datetime.now(UTC), ZONE, client, what["query"], serial=self._serial, **options):
            self._append("dnsmasq", line)

    def _append(self, log: str, line: str) -> None:
        self.written += 1
        with self._stage.log(log).open("a") as file:
            file.write(line + "\n")
