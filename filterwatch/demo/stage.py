"""The demonstration's scene: folders, configuration, roster, as a school would have them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import yaml

from filterwatch.config.document import parse
from filterwatch.demo.lines import Client

LOGS = {
    "squid": "access.log",
    "dnsmasq": "dnsmasq.log",
    "firewall": "kern.log",
    "system": "syslog",
    "pihole": "FTL.log",
}

RECIPIENTS = {
    "coordinator": "Ms Adeyemi",
    "deputy": "Mr Brook",
    "head": "Mrs Castle",
    "governor": "Dr Dutta",
    "technician": "Tom Evans",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A made-up school on disk.

    Attributes:
        folder: Where everything lies.
        clients: Who is on the network, by login or device name.
        sites: Ordinary sites.
    """

    folder: Path
    clients: Mapping[str, Client]
    sites: tuple[str, ...]

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.folder / "filterwatch.yaml"

    def log(self, name: str) -> Path:
        """Return a log's path."""
        return self.folder / "logs" / LOGS[name]


def read_data(name: str) -> Any:  # noqa: ANN401 - a YAML file of ours
    """Return one of the demonstration's YAML files."""
    return parse((files("filterwatch.demo") / name).read_text("utf-8"), name).data


def build(folder: Path, mail: Mapping[str, str]) -> Stage:
    """Make the school in *folder*.

    Args:
        folder: Is made.
        mail: Apprise URL of each role.
    """
    school = cast(dict[str, list[dict[str, str]]], read_data("school.yaml"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("logs", "state", "credentials"):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    for role, url in mail.items():
        secret = folder / "credentials" / role
        secret.touch(mode=0o600)
        secret.write_text(url + "\n")
    _write(folder / "roster.csv", ["user", "person", "group", "year"], school["people"])
    _write(folder / "devices.csv", ["mac", "device", "class", "group"], [_device(one) for one in school["devices"]])
    stage = Stage(
        folder,
        {
            **{one["user"]: Client(one["ip"], one["mac"], one["user"]) for one in school["people"]},
            **{one["name"]: Client(one["ip"], one["mac"]) for one in school["devices"]},
        },
        tuple(cast(list[str], school["ordinary_sites"])),
    )
    for name in LOGS:
        stage.log(name).touch()
    (folder / "state" / "leases").write_text(
        "".join(f"4102444800 {one['mac']} {one['ip']} {one['name']} *\n" for one in school["devices"])
    )
    stage.config.write_text(yaml.safe_dump(_configuration(), sort_keys=False, default_flow_style=None, width=110))
    return stage


def _configuration() -> dict[str, object]:
    formats = {"squid": "squid", "dnsmasq": "dnsmasq_extra", "firewall": "netfilter", "system": "filter_events"}
    formats |= {"pihole": "filter_events"}
    every_day = {"days": "mon-sun", "from": "00:00", "to": "23:59:59"}
    return {
        "site": "demonstration-primary",
        "timezone": "Europe/London",
        "state": "state",
        "poll": "200ms",
        "sources": [{"name": name, "format": form, "path": f"logs/{LOGS[name]}"} for name, form in formats.items()],
        "people": {
            "roster": "roster.csv",
            "devices": "devices.csv",
            "leases": ["state/leases"],
            "ranges": [
                {"net": "10.10.0.0/16", "group": "pupils"},
                {"net": "10.20.0.0/16", "group": "staff"},
            ],
        },
        "calendar": {"hours": [every_day], "bank_holidays": "none"},
        "detectors": {"filter_off": {"grace": "2s"}, "volume": {"link_mbit": 100}},
        "alerts": {
            "recipients": {role: {"name": name, "channels": [role]} for role, name in RECIPIENTS.items()},
        },
        "delivery": {"channels": {role: {"url_file": f"credentials/{role}"} for role in RECIPIENTS}},
        "reports": {"weekly": None},
    }


def _device(one: Mapping[str, str]) -> dict[str, str]:
    return {"mac": one["mac"], "device": one["name"], "class": one["class"], "group": one["group"]}


def _write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
