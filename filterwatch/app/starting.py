"""A first configuration, with the logs that this gateway has."""

from __future__ import annotations

import os
import pwd
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from filterwatch.app.proposing import Proposal, chained, entries, proposed
from filterwatch.app.sampling import answers, sample
from filterwatch.app.surveying import EVENTS, survey
from filterwatch.decoders import format_of
from filterwatch.decoders.whole import local_zone
from filterwatch.errors import FilterwatchError
from filterwatch.text import printable

LONDON = "Europe/London"
TEMPLATE = Path(__file__).with_name("starting.yaml")

ACCOUNT = "filterwatch"
"""The account that the daemon runs under."""

UNSET = "example.invalid"
"""Stands in every address that somebody must still fill in; nothing can ever be delivered there (RFC 2606)."""

ROSTER = """\
# One row a person; `user` is the name that the proxy logs.  Groups: pupils, staff, governors, guests.
user,person,group,year
# y5.amina,Amina Example,pupils,5
# g.patel,Mrs Patel,staff,
"""
DEVICES = """\
# One row a device that is not its user's own.  Classes that the rules know: individual, phone, projector, server.
mac,name,class,group,year,person
# 02:00:00:00:05:21,hall-projector,projector,staff,,
"""

ROLES = ("coordinator", "head", "governor")


@dataclass(frozen=True, slots=True)
class Place:
    """Where logs of one kind lie.

    Attributes:
        name: Of the source.
        formats: What such a log may be in.
        usual: What it is in where that cannot be told; null to take it only when it holds such lines.
        paths: Where it may lie; the first that fits is taken.
    """

    name: str
    formats: tuple[str, ...]
    usual: str | None
    paths: tuple[str, ...]


PLACES = (
    Place("squid", ("squid", "squid_mimehdrs"), "squid", ("squid/access.log", "squid3/access.log")),
    Place(
        "dns",
        ("dnsmasq", "dnsmasq_extra"),
        None,
        ("pihole/pihole.log", "pihole.log", "dnsmasq.log", "daemon.log", "syslog", "messages"),
    ),
    Place("firewall", ("netfilter",), None, ("ufw.log", "iptables.log", "kern.log", "syslog", "messages")),
    Place("logins", ("filter_events",), "filter_events", ("auth.log", "secure")),
    Place("system", ("filter_events",), "filter_events", ("syslog", "messages", "daemon.log")),
    Place("squid-own", ("filter_events",), "filter_events", ("squid/cache.log",)),
    Place("pihole-own", ("filter_events",), "filter_events", ("pihole/FTL.log",)),
)
"""Where Debian, Red Hat, ufw and Pi-hole write; below /var/log."""

LEASES = ("/var/lib/misc/dnsmasq.leases", "/etc/pihole/dhcp.leases")


@dataclass(frozen=True, slots=True)
class Started:
    """What was written, and what was there already and stays as it is."""

    logs: Sequence[Proposal]
    written: Sequence[Path]
    kept: Sequence[Path]


def find_logs(root: Path = Path("/")) -> list[Proposal]:
    """Return the logs that can be followed on this gateway: the usual ones, and whatever else tells its format.

    Args:
        root: What to take for ``/``.
    """
    usual = [found for place in PLACES for found in [_first(place, root)] if found is not None]
    try:
        logs = list(survey([root / "var/log"], ZoneInfo(LONDON), root))
    except FilterwatchError:
        return usual  # no such folder, or one of another size than a gateway's
    seen = proposed(logs, root, [one.name for one in usual])
    sure = {one.path: one for one in reversed(seen) if one.note.startswith(("told", "logf", "access_log", "empty; "))}
    known = [
        replace(one, format=other.format, options=other.options, zone=other.zone, note=other.note)
        if (other := sure.get(one.path)) and one.format != EVENTS
        else one
        for one in usual
    ]
    taken = {(one.path, one.format) for one in known}
    return chained([*known, *(one for one in seen if (one.path, one.format) not in taken)])


def start(directory: Path, root: Path = Path("/"), account: str = ACCOUNT) -> Started:
    """Write a configuration that passes ``filterwatch check``; what exists is never touched.

    Args:
        directory: Where to write it.
        root: What to take for ``/`` when looking for logs.
        account: Who must be able to read it; where it does not exist, or we are not root, only we can.

    Raises:
        FilterwatchError: There is a configuration already, or the directory cannot be written.
    """
    config = directory / "filterwatch.yaml"
    if config.exists():
        raise FilterwatchError(f"{config}: exists already and is never overwritten; name another directory")
    logs = find_logs(root)
    written: list[Path] = []
    kept: list[Path] = []
    try:
        for folder, mode in ((directory, 0o750), (directory / "credentials", 0o700)):
            if not folder.is_dir():
                folder.mkdir(parents=True)
                folder.chmod(mode)
                _hand_over(folder, account)
        for path, text, mode in _files(config, logs, root):
            fresh = _write(path, text, mode)
            (written if fresh else kept).append(path)
            if fresh:
                _hand_over(path, account)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}; run as root, or name another directory"
        raise FilterwatchError(f"{error.filename or directory}: {problem}") from None
    return Started(logs, written, kept)


def _files(config: Path, logs: Sequence[Proposal], root: Path) -> Iterator[tuple[Path, str, int]]:
    for role in ROLES:
        url = f"mailtos://user:password@mail.{UNSET}?to={role}@{UNSET}\n"
        yield config.parent / "credentials" / f"{role}.url", url, 0o600
    yield config.parent / "roster.csv", ROSTER, 0o640
    yield config.parent / "devices.csv", DEVICES, 0o640
    # Last: while it is not there, a start that failed half-way can be done again.
    yield config, _text(config, logs, root), 0o640


def _text(config: Path, logs: Sequence[Proposal], root: Path) -> str:
    zone = local_zone().key
    leases = [path for path in LEASES if (root / path.lstrip("/")).is_file()]
    nothing = Proposal("squid", "squid", "/var/log/squid/access.log", "no log was found: correct this")
    return string.Template(TEMPLATE.read_text("utf-8")).substitute(
        config=printable(str(config)),
        timezone=zone if "/" in zone and not zone.startswith("Etc/") else LONDON,
        sources=entries(logs or [nothing]),
        leases=f"  leases: [{', '.join(leases)}]" if leases else f"  # leases: [{LEASES[0]}]",
    )


def _write(path: Path, text: str, mode: int) -> bool:
    """Write a new file; return False where there is one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def _hand_over(path: Path, account: str) -> None:
    """Let the daemon's account read what we wrote: secrets become its own, the rest that of its group."""
    if os.geteuid() != 0:
        return
    try:
        daemon = pwd.getpwnam(account)
    except KeyError:
        return
    secret = "credentials" in (path.name, path.parent.name)
    os.chown(path, daemon.pw_uid if secret else -1, daemon.pw_gid)


def _first(place: Place, root: Path) -> Proposal | None:
    for name in place.paths:
        if found := _log(place, root / "var/log" / name, f"/var/log/{name}"):
            return found
    return None


def _log(place: Place, path: Path, shown: str) -> Proposal | None:
    try:
        batch = sample(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Proposal(place.name, place.usual, shown, f"cannot be read: {error.strerror}") if place.usual else None
    told = format_of(batch) if len(batch) else None
    if told in place.formats:
        return Proposal(place.name, told, shown, "format found in its lines")
    if place.usual is not None:
        return Proposal(place.name, place.usual, shown, "format assumed" if len(batch) else "empty: format assumed")
    counts = [(answers(batch, one, ZoneInfo(LONDON)).events, one) for one in place.formats]
    events, best = max(counts, default=(0, ""))
    return Proposal(place.name, best, shown, f"{events} such lines among others") if events else None
